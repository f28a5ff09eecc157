"""-0.0, which SQLite keeps as 0.0: in columns of numbers that must not lose the sign, eight bytes stand for it."""

import math
import struct
from collections.abc import Iterable
from typing import Any, Final

_PACKED: Final = struct.pack("<d", -0.0)


def packed(values: Iterable[Any]) -> list[Any]:
    """The values as they are kept; of what is read, the sum is that of these."""
    return [_PACKED if value == 0 and type(value) is float and math.copysign(1.0, value) < 0 else value for value in values]


def unpacked(values: Iterable[Any]) -> list[Any]:
    """The values that were kept as these."""
    return [-0.0 if value == _PACKED else value for value in values]
