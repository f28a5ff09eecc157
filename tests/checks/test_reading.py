"""Checks as text and as mappings -> values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks import read
from runner.checks.grammar import Limit, parse
from runner.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    ("text", "metric", "sign", "limit"),
    [
        ("error.mean <= 0.1", "error.mean", "<=", Limit(0.1)),
        ("val/acc.max >= 0.90", "val/acc.max", ">=", Limit(0.9)),
        ("x<-1e-3", "x", "<", Limit(-1e-3)),
        ("x > .5", "x", ">", Limit(0.5)),
        ("x == 1_000", "x", "==", Limit(1000.0)),
        ("loss.min <= 1.05 * baseline", "loss.min", "<=", Limit(0.0, 1.05)),
        ("loss.min <= 1.05*baseline+0.1", "loss.min", "<=", Limit(0.1, 1.05)),
        ("acc >= baseline - 0.01", "acc", ">=", Limit(-0.01, 1.0)),
        ("acc >= baseline", "acc", ">=", Limit(0.0, 1.0)),
        ("x <= -2 * baseline", "x", "<=", Limit(0.0, -2.0)),
        ("`val loss`.min <= 2", "`val loss`.min", "<=", Limit(2.0)),
        ("  params.N.count == 4 ", "params.N.count", "==", Limit(4.0)),
    ],
)
def test_a_text_is_a_metric_a_sign_and_a_limit(text, metric, sign, limit):
    assert parse(text) == (metric, sign, limit)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected the name"),
        ("<= 3", "expected the name"),
        ("error", "expected one of"),
        ("error =< 3", "expected one of"),
        ("error != 3", "expected one of"),
        ("error <=", "expected a number"),
        ("error <= basline", "did you mean `baseline`?"),
        ("error <= 3 * baseline *", "expected a number"),
        ("error <= baseline * 3", "expected a number"),
        ("error <= 5%", "expected a number"),
        ("error <= 1 2", "expected a number"),
        ("error <= 1e999", "beyond all floats"),
        ("0.1 >= error", "expected a number"),
        ("a..b <= 1 and c", "expected a number"),
    ],
)
def test_what_is_no_check_is_pointed_at(text, problem):
    with pytest.raises(UsageError, match="the check cannot be read") as caught:
        parse(text)
    assert problem in str(caught.value)
    assert str(caught.value).endswith("^")


@given(st.text(max_size=40))
def test_any_text_is_a_check_or_a_usage_error(text):
    try:
        metric, sign, limit = parse(text)
    except UsageError:
        return
    assert metric.strip()
    assert sign in ("<", "<=", "==", ">=", ">")
    assert math.isfinite(limit.offset)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False, min_value=0))
def test_numbers_come_through_exactly(factor, offset):
    _, _, limit = parse(f"x <= {factor!r} * baseline - {offset!r}")
    assert limit == Limit(-offset, factor)


def test_a_mapping_has_every_key():
    (check,) = read(
        [
            {
                "metric": "val/acc.max",
                "direction": "max",
                "rtol": "1%",
                "atol": 0.5,
                "agg": "median",
                "group_by": ["params.model"],
                "where": "N > 1",
                "n_sigma": 2,
                "severity": "warn",
                "name": "accuracy",
            }
        ]
    )
    assert (check.name, check.sign, check.rtol, check.atol, check.agg) == ("accuracy", ">=", 0.01, 0.5, "median")
    assert (check.group_by, check.where, check.n_sigma, check.severity, check.relative) == (("params.model",), "N > 1", 2.0, "warn", True)
    assert check.key == "val/acc.max median by params.model where N > 1"


@pytest.mark.parametrize(
    ("declared", "key", "problem"),
    [
        ({"metric": "a", "rtoll": 1}, "checks[0].rtoll", "did you mean `rtol`?"),
        ({}, "checks[0]", "either `check` or `metric`"),
        ({"metric": "a", "check": "a<1"}, "checks[0]", "either `check` or `metric`"),
        ({"metric": 3}, "checks[0].metric", "3 is not a text"),
        ({"metric": "a b"}, "checks[0]", "not a selector"),
        ({"metric": "a", "direction": "down"}, "checks[0].direction", "none of: min, max"),
        ({"metric": "a", "agg": "avg"}, "checks[0].agg", "none of: mean, min"),
        ({"metric": "a", "severity": "error"}, "checks[0].severity", "none of: fail, warn"),
        ({"metric": "a", "rtol": -1}, "checks[0].rtol", "at least 0"),
        ({"metric": "a", "rtol": "ten"}, "checks[0].rtol", "rtol: 1%"),
        ({"metric": "a", "atol": "1%"}, "checks[0].atol", "at least 0"),
        ({"metric": "a", "atol": math.nan}, "checks[0].atol", "at least 0"),
        ({"metric": "a", "n_sigma": True}, "checks[0].n_sigma", "at least 0"),
        ({"metric": "a", "agg": "max", "n_sigma": 2}, "checks[0].n_sigma", "standard error of `max`"),
        ({"metric": "a", "group_by": {"a": 1}}, "checks[0].group_by", "not a list"),
        ({"metric": "a", "where": "N >"}, "checks[0]", "the condition cannot be read"),
        ({"check": "a < 1", "direction": "min"}, "checks[0].direction", "the sign in `check`"),
    ],
)
def test_a_mapping_that_is_wrong_is_told_with_its_key(declared, key, problem):
    with pytest.raises(ConfigError) as caught:
        read([declared])
    assert caught.value.key == key
    assert problem in str(caught.value)
