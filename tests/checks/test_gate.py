"""Checks without a baseline, at the end of a run."""

from runner.checks import absolute
from tests.checks.conftest import row

ROWS = [row({"N": n}, {"error": n}) for n in (1, 2)]


def told(*declared):
    return [(v.check.name, v.outcome.value, v.reason and v.reason.value) for v in absolute(declared, ROWS)]


def test_those_that_need_a_baseline_are_left_to_xrun_check():
    assert told({"check": "error.max <= 1"}, {"check": "error <= baseline"}, {"metric": "error"}) == [("error.max <= 1", "FAIL", "breach")]


def test_what_cannot_be_understood_now_fails_alone():
    assert told({"check": "error.max <= 5", "where": "M > 1"}, {"check": "error.max <= 5"}) == [
        ("error.max <= 5 (where M > 1)", "FAIL", "missing metric"),
        ("error.max <= 5", "pass", None),
    ]


def test_where_nothing_is_completed_there_is_nothing_to_say():
    assert absolute([{"check": "error.max <= 1"}], []) == ()
