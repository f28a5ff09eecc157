"""Times and sizes as people write them: `90`, `1h30m`, `10 MB`."""

import re
from typing import Any

from runner.config.reader import Reader, shown

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_BYTES_LOWER = {name.lower(): factor for name, factor in _BYTES.items()}
_NUMBER = r"\d+(?:\.\d+)?"
_TIME = re.compile(rf"(?:\s*{_NUMBER}\s*(?:ms|s|min|m|h|d))+\s*")
_TIME_PART = re.compile(rf"({_NUMBER})\s*(ms|s|min|m|h|d)")
_SIZE = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]+)\s*")
MAX_SECONDS = 1e9
"""About 30 years; what is longer is no limit."""
MIN_MEMORY = 1_000_000


def seconds(reader: Reader, value: Any, key: str) -> float:
    """A time above 0 in seconds: a number, or text with units (ms, s, m, h, d)."""
    found = value
    if isinstance(value, str) and _TIME.fullmatch(value):
        found = sum(float(number) * _SECONDS[unit] for number, unit in _TIME_PART.findall(value))
    if type(found) not in (int, float) or not 0 < found <= MAX_SECONDS:
        raise reader.refuse(key, f"{shown(value)} is not a number of seconds above 0", "write 90, 90s, 10m, 1h30m or 2d")
    return float(found)


def memory(reader: Reader, value: Any, key: str) -> int:
    """A number of bytes that a process can do with: at least 1 MB, which says that no unit was forgotten."""
    found = size(reader, value, key)
    if found < MIN_MEMORY:
        raise reader.refuse(key, f"{shown(value)} is less than any process needs", "write 500 MB, 2 GB")
    return found


def size(reader: Reader, value: Any, key: str) -> int:
    """A number of bytes: a whole number, or text with a unit (kB, MB, GB in thousands; KiB, MiB, GiB in 1,024s)."""
    found = value
    if isinstance(value, str) and (parts := _SIZE.fullmatch(value)) and parts[2].lower() in _BYTES_LOWER:
        found = int(float(parts[1]) * _BYTES_LOWER[parts[2].lower()])
    if type(found) is not int or not 0 <= found <= 1 << 50:
        raise reader.refuse(key, f"{shown(value)} is not a number of bytes", f"write 500000, 500 kB, 10 MB; units: {', '.join(_BYTES)}")
    return found
