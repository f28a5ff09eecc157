"""What the views compute that SQL cannot: packed points and tagged JSON as JSON that SQLite's json_each takes.

SQLite's JSON has infinities, as 9e999; NaN is null.
"""

import json
import math
import struct
from typing import Any

from runner import codec
from runner.logged import unpack_points
from runner.selectors import flat
from runner.where.logic import scalar

_INT64 = range(-(2**63), 2**63)


def flattened(text: str) -> str:
    """An object in the store's terms (`runner.codec`) as one under dotted names, without tags."""
    if text.count("{") == 1 and '{"$' not in text:
        return text  # as it is
    return f"{{{','.join(f'{json.dumps(name)}:{_json(value)}' for name, value in flat(codec.loads(text)).items())}}}"


def untagged(text: str) -> str:
    """An object in the store's terms as JSON without tags: NaN is null, times and the like are texts."""
    return text if '{"$' not in text else _json(codec.loads(text))


def _json(value: Any) -> str:
    value = scalar(value)
    if isinstance(value, float) or (type(value) is int and value not in _INT64):
        return _number(value)
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{_json(item)}' for name, item in value.items())}}}"
    return json.dumps(value)


def _number(value: float) -> str:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    return "null" if math.isnan(number) else repr(number) if math.isfinite(number) else "9e999" if number > 0 else "-9e999"


def values(data: bytes) -> str:
    """Packed float64 as an array."""
    numbers = unpack_points(0, 0, b"", data)[1]
    return json.dumps(numbers.tolist()) if math.isfinite(sum(numbers)) else f"[{','.join(map(_number, numbers))}]"


def step(steps: bytes, position: int) -> int:
    """One of packed int64."""
    return int(struct.unpack_from("<q", steps, 8 * position)[0])
