"""Runs and limits -> verdicts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks import Group, Sample, read
from runner.errors import UsageError
from tests.checks.conftest import replicated, row, verdicts

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)


def sample(*values: float) -> Sample:
    return Sample.of([row({"N": n}, {"error": value}) for n, value in enumerate(values)], "the sample")


class TestWhichRuns:
    def test_an_aggregation_is_over_all_runs(self, told):
        assert told("error.mean <= 2", sample(1, 2, 3)) == [("all runs", "pass", "")]
        assert told("error.max < 3", sample(1, 2, 3)) == [("all runs", "FAIL", "breach")]
        assert told("params.N.sum == 3", sample(1, 2, 3)) == [("all runs", "pass", "")]

    @pytest.mark.parametrize(
        ("agg", "value"),
        [("mean", 3.0), ("min", 1.0), ("max", 7.0), ("median", 2.0), ("std", 2.70801280154532), ("count", 4.0), ("sum", 12.0)],
    )
    def test_every_aggregation_has_its_value(self, agg, value):
        (verdict,) = verdicts(f"error.{agg} == {value}", sample(1, 2, 2, 7))
        assert verdict.outcome == "pass"
        assert verdict.current.value == pytest.approx(value)

    def test_without_one_every_point_is_on_its_own_and_replicates_are_averaged(self, told):
        runs = replicated({"cnn": [0, 2], "svm": [3, 5]})
        assert told("loss <= 1", runs) == [("model=cnn", "pass", ""), ("model=svm", "FAIL", "breach")]

    def test_group_by_and_where_choose(self, told):
        rows = [row({"N": n, "model": m}, {"error": n}, kwargs={"P": 1}) for n in (1, 2) for m in ("a", "b")]
        runs = Sample.of(rows, "x")
        check = {"check": "error <= 1.5", "group_by": ["params.model", "P"]}
        assert told(check, runs) == [("P=1, params.model=a", "pass", ""), ("P=1, params.model=b", "pass", "")]
        assert told({**check, "where": "N == 2", "group_by": []}, runs) == [("all runs", "FAIL", "breach")]

    def test_parts_of_metrics_come_before_aggregations(self):
        rows = [row({"N": n}, {"x": 1}, {"loss": [5.0, n, 3.0]}) for n in (0, 2)]
        runs = Sample.of(rows, "x")
        assert [v.current.value for v in verdicts("loss.min <= 9", runs)] == [0.0, 2.0]
        assert [v.current.value for v in verdicts("loss.min.mean <= 9", runs)] == [1.0]
        assert [v.current.value for v in verdicts("loss.median <= 9", runs)] == [3.0]
        assert [v.current.value for v in verdicts("metrics.loss.min.max <= 9", runs)] == [2.0]

    def test_a_field_that_is_called_like_an_aggregation_is_the_field(self):
        runs = Sample.of([row({"N": n}, {"error": {"mean": n}}) for n in (1, 2)], "x")
        assert [v.current.value for v in verdicts("error.mean <= 9", runs)] == [1.0, 2.0]

    def test_a_name_in_where_or_group_by_that_nothing_has_is_an_error(self):
        for extra in ({"where": "M > 1"}, {"group_by": ["M"]}):
            with pytest.raises(UsageError, match="no `M`"):
                verdicts({"check": "error < 1", **extra}, sample(1))

    def test_booleans_count_as_0_and_1(self, told):
        runs = Sample.of([row({"N": n}, {"converged": n > 0}) for n in range(4)], "x")
        assert told("converged.mean >= 0.75", runs) == [("all runs", "pass", "")]

    def test_a_table_s_columns_are_found_under_the_names_of_metrics(self):
        table = Sample.of([row({}, {"loss.min": 3.0, "kwargs.P": 2})], "git:main", table=True)
        assert [v.current.value for v in verdicts("loss.min <= 9", table)] == [3.0]
        assert [v.current.value for v in verdicts("metrics.loss.min <= 9", table)] == [3.0]
        assert [v.current.value for v in verdicts("kwargs.P <= 9", table)] == [2.0]


class TestReasons:
    def test_nothing_has_the_metric(self):
        (verdict,) = verdicts("eror.mean <= 1", sample(1))
        assert (verdict.outcome, verdict.reason) == ("FAIL", "missing metric")
        assert "did you mean `error`?" in verdict.text

    def test_some_runs_lack_it(self, told):
        runs = Sample.of([row({"N": 1}, {"error": 1}), row({"N": 2}, {"x": 1})], "x")
        assert told("error.mean <= 1", runs) == [("all runs", "FAIL", "missing metric")]
        assert told("error <= 1", runs) == [("N=1", "pass", ""), ("N=2", "FAIL", "missing metric")]
        assert told("error.mean <= 1", runs, lenient=True) == [("all runs", "pass", "")]
        assert told("error.count == 1", runs) == [("all runs", "pass", "")]

    @pytest.mark.parametrize("sign", ["<=", ">=", "<", ">", "=="])
    def test_nan_fails_whatever_the_sign(self, told, sign):
        assert told(f"error.mean {sign} 1", sample(1, math.nan)) == [("all runs", "FAIL", "NaN")]
        assert told(f"error.max {sign} baseline", sample(math.nan, 1), sample(1, 1)) == [("all runs", "FAIL", "NaN")]
        assert told(f"error.mean {sign} baseline", sample(1, 1), sample(1, math.nan)) == [("all runs", "FAIL", "NaN")]

    def test_infinities_are_compared(self, told):
        assert told("error.max <= 1", sample(1, math.inf)) == [("all runs", "FAIL", "breach")]
        assert told("error.min <= 1", sample(1, -math.inf)) == [("all runs", "pass", "")]
        assert told("error.mean <= 1", sample(math.inf, -math.inf)) == [("all runs", "FAIL", "NaN")]

    def test_a_text_is_no_number(self, told):
        runs = Sample.of([row({}, {"error": "low"})], "x")
        assert told("error <= 1", runs) == [("all runs", "FAIL", "not a number")]

    def test_a_group_that_one_side_lacks(self, told):
        now, then = replicated({"cnn": [1], "new": [1]}), replicated({"cnn": [1], "old": [1]})
        check = {"metric": "loss", "direction": "min"}
        assert told(check, now, then) == [
            ("model=cnn", "pass", ""),
            ("model=new", "FAIL", "extra group"),
            ("model=old", "FAIL", "missing group"),
        ]
        assert [outcome for _, outcome, _ in told(check, now, then, lenient=True)] == ["pass", "note", "note"]

    def test_a_metric_that_the_baseline_lacks(self, told):
        assert told("error <= baseline", sample(1), replicated({"a": [1]})) == [("all runs", "FAIL", "not in the baseline")]
        assert told("error <= baseline", sample(1)) == [("all runs", "FAIL", "not in the baseline")]
        assert told("error <= baseline", sample(1), lenient=True) == [("all runs", "note", "not in the baseline")]

    def test_no_run_is_chosen(self, told):
        assert told({"check": "error <= 1", "where": "N > 100"}, sample(1)) == [("all runs", "FAIL", "no runs")]

    def test_a_warning_is_no_failure(self, told):
        assert told({"check": "error <= 1", "severity": "warn"}, sample(2)) == [("N=0", "WARN", "breach")]


class TestTolerances:
    @pytest.mark.parametrize(
        ("check", "good", "bad"),
        [
            ({"metric": "loss", "direction": "min", "rtol": 0.1}, 11.0, 11.1),
            ({"metric": "loss", "direction": "min", "rtol": "10%"}, -50, 11.1),
            ({"metric": "loss", "direction": "min", "atol": 0.5, "rtol": 0.1}, 11.5, 11.6),
            ({"metric": "loss", "direction": "max", "atol": 1}, 9.0, 8.9),
            ({"metric": "loss", "direction": "max"}, 10.0, 9.999),
            ({"metric": "loss", "atol": 1}, 9.0, 8.9),
            ({"metric": "loss", "atol": 1}, 11.0, 11.1),
            ({"metric": "loss"}, 10 * (1 + 1e-12), 10.001),
            ("loss <= 1.1 * baseline", 11.0, 11.1),
            ("loss <= 0.9 * baseline", 9.0, 9.1),
            ("loss >= baseline - 2", 8.0, 7.9),
            ("loss < baseline", 9.99, 10.0),
            ("loss > baseline", 10.01, 10.0),
            ("loss == baseline", 10.0, 9.99),
            ({"check": "loss <= 10", "atol": 1}, 11.0, 11.1),
        ],
    )
    def test_what_is_allowed_is_allowed_and_no_more(self, told, check, good, bad):
        then = replicated({"a": [10.0]})
        assert told(check, replicated({"a": [good]}), then) == [("model=a", "pass", "")]
        assert told(check, replicated({"a": [bad]}), then) == [("model=a", "FAIL", "breach")]

    def test_rounding_is_no_difference(self, told):
        assert told({"metric": "loss", "direction": "min", "atol": 0.1}, replicated({"a": [0.3]}), replicated({"a": [0.2]}))[0][1] == "pass"

    @given(NUMBERS, st.sampled_from(["min", "max", None]))
    def test_equal_values_hold_under_every_relative_check(self, value, direction):
        same = replicated({"a": [value, value]})
        (verdict,) = verdicts({"metric": "loss", "direction": direction}, same, same)
        assert verdict.outcome == "pass"
        assert verdict.delta == 0

    @given(NUMBERS, NUMBERS, st.floats(0, 1), st.floats(0, 1e3))
    def test_the_edge_decides(self, now, then, rtol, atol):
        (verdict,) = verdicts(
            {"metric": "loss", "direction": "min", "rtol": rtol, "atol": atol}, replicated({"a": [now]}), replicated({"a": [then]})
        )
        assert verdict.edge == pytest.approx(then + atol + rtol * abs(then))
        if verdict.outcome == "FAIL":
            assert now > verdict.edge
        else:
            assert now - verdict.edge <= 2e-12 * max(abs(now), abs(then), abs(verdict.edge))

    @given(st.lists(NUMBERS, min_size=1, max_size=6), st.lists(NUMBERS, min_size=1, max_size=6))
    def test_what_is_better_never_fails(self, one, other):
        low, high = sorted([one, other], key=lambda values: math.fsum(values) / len(values))
        for n_sigma in (None, 3):
            check = {"metric": "loss", "direction": "min", "n_sigma": n_sigma}
            (verdict,) = verdicts(check, replicated({"a": low}), replicated({"a": high}))
            assert verdict.outcome == "pass"


def test_groups_are_the_same_by_value_and_not_by_type_of_number():
    assert Group.of({"N": 1, "lr": 0.1}) == Group.of({"lr": 0.1, "N": 1.0})
    assert Group.of({"N": 1}) != Group.of({"N": "1"})
    assert Group.of({"N": 1}) != Group.of({"N": True})
    assert str(Group.of({"N": 1, "model": "cnn"})) == "N=1, model=cnn"


def test_the_key_of_a_check_is_what_it_measures():
    one, other, third = read(["loss.mean <= 1", {"check": "loss.mean >= baseline", "rtol": 1}, {"metric": "loss", "agg": "mean"}])
    assert one.key == other.key
    assert one.key != third.key
