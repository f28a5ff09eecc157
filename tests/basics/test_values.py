"""A few of many in a sentence, and what is a number."""

import math

import numpy as np
import pytest

from runner.listing import few
from runner.numeric import is_nan, is_number


@pytest.mark.parametrize(
    ("items", "text"),
    [((), ""), (("a",), "a"), (("a", 2), "a, 2"), (("a", 2, None), "a, 2 and 1 more"), (tuple(range(1002)), "0, 1 and 1000 more")],
)
def test_the_first_ones_are_told_and_how_many_there_are_besides(items, text):
    assert few(items, 2) == text


@pytest.mark.parametrize(
    ("value", "number", "nan"),
    [
        (0, True, False), (10**400, True, False), (-0.5, True, False), (math.inf, True, False), (math.nan, True, True),
        (np.float64("nan"), True, True), (True, False, False), (False, False, False), ("nan", False, False), (None, False, False),
        ([1], False, False), (1j, False, False),
    ],
)  # fmt: skip
def test_integers_and_floats_are_numbers_and_nothing_else_is(value, number, nan):
    assert (is_number(value), is_nan(value)) == (number, nan)
