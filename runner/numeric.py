"""What is a number among the values of runs."""

import math
from typing import Any


def is_number(value: Any) -> bool:
    """Whether it is an integer or a float, NaN included; a boolean, which Python takes for an integer, is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_nan(value: Any) -> bool:
    """Whether it is the float NaN. `math.isnan` takes no integer beyond all floats, and nothing that is no number."""
    return isinstance(value, float) and math.isnan(value)
