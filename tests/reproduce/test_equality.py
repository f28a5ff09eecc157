"""Two tables, point by point."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks import Group
from runner.reproducing.equality import STATUS, Side, Tolerance, Verdict, compare, judge, point

NUMBERS = st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=True, allow_infinity=True))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.text(max_size=3), NUMBERS), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
EXACT = Tolerance()


@given(VALUES, st.floats(0, 1), st.floats(0, 1))
def test_every_value_is_the_same_as_itself_at_any_tolerance(value, rtol, atol):
    assert judge(value, value, Tolerance(rtol=rtol, atol=atol)) is Verdict.SAME


@given(VALUES, VALUES, st.floats(0, 1), st.floats(0, 1))
def test_a_tolerance_makes_nothing_more_different(old, new, rtol, atol):
    assert judge(old, new, Tolerance(rtol=rtol, atol=atol)) <= judge(old, new, EXACT)


@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3), st.floats(0, 1), st.floats(0, 100))
def test_numbers_are_held_against_the_recorded_one(old, delta, rtol, atol):
    new = old + delta

    within = abs(new - old) <= atol + rtol * abs(old)
    assert (judge(old, new, Tolerance(rtol=rtol, atol=atol)) is not Verdict.DIFFERENT) == (within or old == new)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (1, 1.0, Verdict.CLOSE),
        (0.0, -0.0, Verdict.CLOSE),
        (math.nan, math.nan, Verdict.SAME),
        (math.inf, math.inf, Verdict.SAME),
        (math.inf, -math.inf, Verdict.DIFFERENT),
        (1.0, math.nan, Verdict.DIFFERENT),
        (1.0, math.inf, Verdict.DIFFERENT),
        (True, 1, Verdict.DIFFERENT),
        ("1", 1, Verdict.DIFFERENT),
        (None, 0, Verdict.DIFFERENT),
        ([1, 2.0], [1, 2], Verdict.CLOSE),
        ([1, 2], [1], Verdict.DIFFERENT),
        ([1, ["a"]], [1, ["b"]], Verdict.DIFFERENT),
    ],
)
def test_what_two_values_are_to_each_other(old, new, verdict):
    assert judge(old, new, EXACT) is verdict


def side(rows, statuses=()):
    return Side({point({"x": x}): row for x, row in rows.items()}, {point({"x": x}): status for x, status in statuses})


def test_runs_are_matched_by_point_and_columns_by_name():
    recorded = side({1: {"y": 1.0, "gone": 1}, 2: {"y": 2.0}}, [(3, "FAILED"), (4, "FAILED")])
    reproduced = side({2: {"y": 2.5}, 1: {"y": 1.0, "new": 2}, 4: {"y": 0}}, [(3, "CRASHED")])

    found = compare(recorded, reproduced, EXACT)

    assert [(str(c.point), c.column, c.recorded, c.reproduced, c.delta) for c in found.cells] == [
        ("x=1", "gone", 1, None, None),
        ("x=1", "new", None, 2, None),
        ("x=2", "y", 2.0, 2.5, 0.5),
        ("x=3", STATUS, "FAILED", "CRASHED", None),
        ("x=4", STATUS, "FAILED", "COMPLETED", None),
    ]
    assert (found.runs, found.failed, found.unrecorded, found.verdict) == (4, 0, 0, Verdict.DIFFERENT)


def test_runs_without_a_recorded_end_are_counted_and_not_compared():
    recorded = side({1: {"y": 1}}, [(2, "CANCELLED")])
    reproduced = side({1: {"y": 1}, 2: {"y": 2}, 3: {"y": 3}})

    found = compare(recorded, reproduced, EXACT)

    assert (found.runs, found.unrecorded, found.verdict, found.cells) == (1, 2, Verdict.SAME, ())


def test_differences_come_in_plan_order_whether_runs_completed_or_not():
    order = tuple(point({"x": x}) for x in (1, 2, 3))
    recorded = replace(side({1: {"y": 1}, 3: {"y": 3}}, [(2, "FAILED")]), points=order)

    found = compare(recorded, side({3: {"y": 4}, 2: {"y": 2}, 1: {"y": 2}}), EXACT)

    assert [str(cell.point) for cell in found.cells] == ["x=1", "x=2", "x=3"]


def test_run_that_is_not_there_any_more_is_a_difference():
    found = compare(side({1: {"y": 1}}), side({}), EXACT)

    assert [(c.column, c.recorded, c.reproduced) for c in found.cells] == [(STATUS, "COMPLETED", "NOT_EXECUTED")]


def test_one_run_can_be_looked_at_alone():
    whole = side({1: {"y": 1}, 2: {"y": 2}}, [(3, "FAILED")])

    assert whole.only(Group.of({"x": 2})) == side({2: {"y": 2}})
    assert whole.only(Group.of({"x": 3})) == side({}, [(3, "FAILED")])
