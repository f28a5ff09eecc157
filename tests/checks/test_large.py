"""Integers of any size: compared as they are where nothing has to be averaged or scaled, else told as such; never the end of xrun."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import comparing
from runner.baseline_files import parse, text
from runner.checks import Sample, absolute, measure, read
from runner.comparing import tables
from runner.errors import UsageError
from runner.report import Report, annotations, cells, junit, markdown, told
from runner.reproducing import equality
from tests.checks.conftest import row, verdicts

HUGE = 10**400
NUMBERS = st.one_of(
    st.sampled_from([HUGE, -HUGE, HUGE + 1, 10**5000, 2**1024, 2**63, 0, 1.5, 1.7e308, float("inf"), float("nan")]),
    st.integers(),
    st.floats(),
)
CHECKS = st.sampled_from(
    [
        "v <= 5",
        "v > 5",
        "v == 5",
        "v <= baseline",
        "v >= 1.05 * baseline - 1",
        "v == baseline",
        "v.mean <= 5",
        "v.std <= 5",
        "v.median >= baseline",
        "v.sum <= baseline",
        "v.max < 1e308",
        "v.count >= 1",
        {"metric": "v", "direction": "min", "rtol": 0.1, "n_sigma": 2, "group_by": []},
        {"metric": "v", "rtol": 0.1, "atol": 1e308},
        {"metric": "v", "agg": "median", "direction": "max", "n_sigma": 3},
    ]
)


def sample(values):
    return Sample.of([row({"x": n // 2, "replicate": n % 2}, {"v": value}) for n, value in enumerate(values)], "the sample")


def outcomes(check, values, baseline=None):
    known = None if baseline is None else sample(baseline)
    return [(v.outcome.value, v.reason and v.reason.value) for v in verdicts(check, sample(values), known)]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("v <= 5", ("FAIL", "breach")),
        ("v >= 5", ("pass", None)),
        ("v == 5", ("FAIL", "breach")),
        ("v == baseline", ("pass", None)),
        ("v < baseline", ("FAIL", "breach")),
        ("v.max > 5", ("pass", None)),
        ("v <= 1.05 * baseline", ("FAIL", "beyond float64")),
        ({"metric": "v", "rtol": 0.01}, ("FAIL", "beyond float64")),
    ],
)
def test_an_integer_that_no_float_holds_is_compared_as_it_is_or_told(check, expected):
    assert outcomes(check, [HUGE], [HUGE]) == [expected]


def test_one_more_than_the_baseline_is_more():
    assert outcomes("v <= baseline", [HUGE + 1], [HUGE]) == [("FAIL", "breach")]
    assert outcomes("v == baseline", [HUGE + 1], [HUGE]) == [("FAIL", "breach")]
    assert outcomes("v >= baseline", [HUGE + 1], [HUGE]) == [("pass", None)]


def test_a_mean_of_them_is_told_for_its_group_alone():
    found = outcomes({"check": "v.mean <= 5", "group_by": ["params.x"]}, [HUGE, 1.5, 1, 2])
    assert found == [("FAIL", "beyond float64"), ("pass", None)]


def test_checks_at_the_end_of_a_run_are_judged():
    rows = sample([HUGE, HUGE, 1, 2]).rows
    assert [v.outcome.value for v in absolute([{"check": "v.max <= 5"}, {"check": "v.mean <= 5"}, {"check": "v.min <= 5"}], rows)] == [
        "FAIL",
        "FAIL",
        "pass",
    ]


@given(CHECKS, st.lists(NUMBERS, min_size=1, max_size=4), st.lists(NUMBERS, min_size=1, max_size=4))
def test_every_check_of_every_number_has_a_verdict_that_can_be_told(check, values, baseline):
    made = tuple(verdicts(check, sample(values), sample(baseline)))
    report = Report(experiment="x", verdicts=made)
    assert made
    assert cells(made)
    assert told(report)["verdicts"]
    assert markdown(report)
    assert junit(report)
    list(annotations(report))


def test_a_baseline_file_keeps_them():
    (check,) = read(["v <= baseline"])
    measured = {check.key: measure(check, sample([HUGE]))}
    assert parse(text("x", measured), "x.json").checks[check.key].groups == measured[check.key].groups
    with pytest.raises(UsageError, match="beyond float64"):
        text("x", {check.key: measure(check, sample([HUGE, HUGE]))})


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.lists(NUMBERS, min_size=1, max_size=4))
def test_tables_of_any_numbers_are_compared(olds, news):
    for column in tables(sample(olds), sample(news)).columns:
        assert column.differing <= column.n
        assert isinstance(column.delta, float | int | None)


def test_differences_of_integers_are_exact():
    (column,) = tables(sample([HUGE]), sample([HUGE + 1])).columns
    assert (column.differing, column.most, column.delta) == (1, 1, None)
    (column,) = tables(sample([HUGE]), sample([1.5])).columns
    assert (column.differing, column.most) == (1, -float("inf"))
    assert comparing.tables(sample([HUGE]), sample([HUGE])).same


@given(NUMBERS, NUMBERS)
def test_any_two_numbers_are_the_same_close_or_different(one, other):
    verdict = equality.judge(one, other, equality.Tolerance(rtol=0.1, atol=1.0))
    if isinstance(one, int) and isinstance(other, int) and max(abs(one), abs(other)) < 2**1000:
        near = abs(Fraction(one) - Fraction(other)) <= 1 + Fraction(0.1) * abs(one) * Fraction(101, 100)
        assert near or verdict is equality.Verdict.DIFFERENT
    equality.Cell(point=equality.point({}), column="v", recorded=one, reproduced=other, verdict=verdict).delta  # noqa: B018 - raises nothing
