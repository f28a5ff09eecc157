"""Checksums of what the store keeps, so that a byte that a disk has changed is never taken for a result.

A row carries the CRC-32 of its content and of whose it is: a damaged index that leads to somebody else's row is found out as well. The
functions here are part of the format: a change of one makes every store unreadable.
"""

import math
import struct
from typing import Any
from zlib import crc32

NONE = crc32(b"{}")
"""Sum of no kwargs."""
_NUMBERS = struct.Struct("<qqddqdqqI").pack
_FLOAT = struct.Struct("<d").pack


def of(*values: Any) -> int:
    """The sum of texts, bytes, numbers and None. NaN and -0.0, which SQLite does not keep, count as the None and 0.0 that they become."""
    total = 0
    for value in values:
        total = crc32(_bytes(value), crc32(b"\0", total))
    return total


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        return b"%d" % value
    return b"-" if value is None or math.isnan(value) else _FLOAT(value + 0.0)


def of_record(texts: bytes, numbers: tuple[int, int, float, float, int, float, int, int], kwargs: int) -> int:
    """The sum of a record: of its texts, joined by NUL, its numbers, in the order of `rows.NUMBERS`, and the sum of its kwargs.

    Raises struct.error for what are no such numbers.
    """
    return crc32(texts + _NUMBERS(*numbers, kwargs))
