"""Noise is forgiven, a true drop is not: `n_sigma` at the level of the functions."""

import math
import random

import pytest
from scipy import stats

from runner.checks import Sample
from runner.checks.aggregating import difference, estimate
from runner.checks.student import quantile, tail
from tests.checks.conftest import replicated, row, verdicts

N_SIGMA = {"metric": "loss", "direction": "min", "n_sigma": 3}
REPETITIONS = 100
MODELS = ("cnn", "svm", "tree", "mlp")


def noisy(seed: int, n: int, drop: float = 0.0, sd: float = 0.02) -> Sample:
    """Four models of different quality; the first is worse by `drop` standard deviations of a run."""
    rng = random.Random(seed)
    means = {model: 0.2 * (number + 1) + (drop * sd if number == 0 else 0.0) for number, model in enumerate(MODELS)}
    return replicated({model: [rng.gauss(mean, sd) for _ in range(n)] for model, mean in means.items()})


def failing(check, now: Sample, then: Sample) -> set[str]:
    return {str(v.group) for v in verdicts(check, now, then) if v.outcome == "FAIL"}


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_other_seeds_alone_pass_in_99_of_100_repetitions(n):
    passed = sum(not failing(N_SIGMA, noisy(2 * k, n), noisy(2 * k + 1, n)) for k in range(REPETITIONS))
    assert passed >= 99


@pytest.mark.parametrize("n", [6, 10, 30])
def test_a_true_drop_of_5_sigma_is_caught_in_99_of_100_repetitions(n):
    caught = sum("model=cnn" in failing(N_SIGMA, noisy(2 * k, n, drop=5), noisy(2 * k + 1, n)) for k in range(REPETITIONS))
    assert caught >= 99


@pytest.mark.parametrize("agg", ["mean", "median"])
def test_both_hold_for_all_runs_together_though_the_models_differ_by_far_more_than_the_noise(agg):
    check = {"metric": "loss", "agg": agg, "direction": "min", "n_sigma": 3}
    assert sum(not failing(check, noisy(2 * k, 5), noisy(2 * k + 1, 5)) for k in range(REPETITIONS)) >= 99


def test_the_mean_of_all_runs_is_as_certain_as_the_scatter_within_the_points_lets_it_be():
    (verdict,) = verdicts({"metric": "loss", "agg": "mean", "n_sigma": 3}, noisy(0, 10), noisy(1, 10))
    assert verdict.current.se("mean") == pytest.approx(0.02 / math.sqrt(40), rel=0.3)
    assert verdict.current.df == 36


def test_without_n_sigma_the_same_noise_fails():
    assert sum(bool(failing({"metric": "loss", "direction": "min"}, noisy(2 * k, 5), noisy(2 * k + 1, 5))) for k in range(20)) > 10


def test_a_worsening_must_exceed_the_tolerance_and_the_noise():
    then = replicated({"a": [1.0, 1.001, 0.999]})
    now = replicated({"a": [1.1, 1.101, 1.099]})
    assert failing({**N_SIGMA, "rtol": 0.05}, now, then)
    assert not failing({**N_SIGMA, "rtol": 0.2}, now, then)


def test_an_absolute_limit_is_exceeded_by_more_than_the_noise_or_not_at_all():
    check = {"check": "loss <= 1", "n_sigma": 3}
    assert not failing(check, replicated({"a": [1.0, 1.05, 0.99, 1.02]}), None)
    assert failing(check, replicated({"a": [1.5, 1.52, 1.49, 1.51]}), None)


def test_where_nothing_tells_the_scatter_nothing_is_forgiven():
    assert failing(N_SIGMA, replicated({"a": [1.001]}), replicated({"a": [1.0]}))
    rows = [row({"N": n}, {"loss": n}) for n in range(4)]
    worse = [row({"N": n}, {"loss": n + 0.001}) for n in range(4)]
    check = {"metric": "loss", "agg": "mean", "direction": "min", "n_sigma": 3}
    assert failing(check, Sample.of(worse, "now"), Sample.of(rows, "then"))
    assert not failing({**check, "group_by": []}, Sample.of(worse, "now"), Sample.of(rows, "then"))


def test_one_run_is_held_against_the_scatter_of_the_other_side():
    then = replicated({"a": [1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02, 0.98]})
    assert not failing(N_SIGMA, replicated({"a": [1.1]}), then)
    assert failing(N_SIGMA, replicated({"a": [2.0]}), then)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 58, 2000])
@pytest.mark.parametrize("n_sigma", [0.5, 1, 2, 3, 5, 8])
def test_the_quantile_is_students(n_sigma, df):
    assert quantile(n_sigma, df) == pytest.approx(stats.t.isf(stats.norm.sf(n_sigma), df), rel=1e-6)


@pytest.mark.parametrize("df", [1, 2, 5, 30, 9999])
@pytest.mark.parametrize("t", [0, 0.1, 1, 3, 50])
def test_the_tail_is_students(t, df):
    assert tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-9, abs=1e-300)


def test_with_very_many_runs_a_sigma_is_a_sigma():
    assert quantile(3, 10**6) == 3
    assert quantile(3, 9999) == pytest.approx(3, rel=1e-3)
    assert quantile(0, 5) == pytest.approx(0, abs=1e-6)


def test_the_standard_error_of_a_difference_is_the_pooled_one():
    rng = random.Random(1)
    one, other = [rng.gauss(0, 1) for _ in range(7)], [rng.gauss(1, 1) for _ in range(5)]
    error, df = difference("mean", estimate("mean", [one]), estimate("mean", [other]))
    t = stats.ttest_ind(one, other)
    assert df == 10
    assert (sum(one) / 7 - sum(other) / 5) / error == pytest.approx(t.statistic)
