"""Three-valued tests of a run: True, False, None (unknown)."""

import datetime as dt
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from runner.numeric import is_nan, is_number
from runner.selectors import MISSING, Row

Test: TypeAlias = Callable[[Row], bool | None]
Get: TypeAlias = Callable[[Row], Any]

ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def scalar(value: Any) -> Any:
    """A value of a run as one that can be compared: what JSON has no type for, as text; a duration in seconds."""
    if value is None or value is MISSING or isinstance(value, bool | int | float | str | list | dict):
        return value
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def truth(get: Get) -> Test:
    """Whether the value is true; unknown where it is no boolean."""

    def test(row: Row) -> bool | None:
        value = get(row)
        return value if isinstance(value, bool) else None

    return test


def ordered(holds: Callable[[Any, Any], bool], left: Get, right: Get) -> Test:
    """A comparison of two numbers or two texts; of anything else it is unknown."""

    def test(row: Row) -> bool | None:
        a, b = left(row), right(row)
        if (is_number(a) and is_number(b)) or (isinstance(a, str) and isinstance(b, str)):
            return holds(a, b)
        return None

    return test


def equal(left: Get, right: Get, *, same_nan: bool) -> Test:
    """Whether the values are equal, unknown where one is missing; `same_nan`: NaN equals NaN, which IEEE denies."""

    def test(row: Row) -> bool | None:
        a, b = left(row), right(row)
        if a is MISSING or b is MISSING:
            return None
        if isinstance(a, bool) is not isinstance(b, bool):
            return False
        return bool(a == b) or (same_nan and is_nan(a) and is_nan(b))

    return test


def match(get: Get, pattern: str) -> Test:
    """Whether the pattern is found in the value; unknown where that is no text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = re.compile(pattern).search

    def test(row: Row) -> bool | None:
        value = get(row)
        return search(value) is not None if isinstance(value, str) else None

    return test


def negation(inner: Test) -> Test:
    """Not; unknown stays unknown."""

    def test(row: Row) -> bool | None:
        held = inner(row)
        return None if held is None else not held

    return test


def every(tests: list[Test]) -> Test:
    """And."""
    return _combined(tests, decisive=False)


def some(tests: list[Test]) -> Test:
    """Or; of nothing, False."""
    return _combined(tests, decisive=True)


def _combined(tests: list[Test], *, decisive: bool) -> Test:
    """True or False as soon as one of the tests is decisive; else unknown when any is."""

    def test(row: Row) -> bool | None:
        unknown = False
        for inner in tests:
            held = inner(row)
            if held is decisive:
                return decisive
            unknown = unknown or held is None
        return None if unknown else not decisive

    return test
