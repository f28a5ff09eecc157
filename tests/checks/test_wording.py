"""What checks and verdicts are called, and what is said of a check that is misspelt."""

from xml.etree import ElementTree as ET

import pytest

from runner import report
from runner.checks import Sample, read
from runner.errors import ConfigError
from runner.report import Report
from tests.checks.conftest import row, verdicts


def names(*declared):
    return [check.name for check in read(declared)]


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("acc.mean <= 0.5", "acc.mean <= 0.5"),
        ({"metric": "acc", "direction": "max", "agg": "median"}, "acc.median >= baseline"),
        ({"metric": "acc", "direction": "min"}, "acc <= baseline"),
        ({"metric": "acc", "rtol": "1%"}, "acc == baseline"),
        ({"check": "acc <= 0.5", "agg": "median"}, "acc.median <= 0.5"),
        ({"check": "`val acc`.max <= 0.5", "name": "mine"}, "mine"),
    ],
)
def test_a_check_is_called_by_metric_aggregation_and_relation_unless_it_has_a_name(declared, name):
    assert names(declared) == [name]


def test_checks_that_would_be_called_the_same_say_in_what_they_differ():
    one = {"metric": "acc", "direction": "max", "rtol": "1%"}
    assert names(one, one | {"rtol": 0, "n_sigma": 3, "where": "x > 1", "group_by": []}) == [
        "acc >= baseline (rtol 0.01)",
        "acc >= baseline (n_sigma 3, by nothing, where x > 1)",
    ]


def test_every_case_in_junit_has_a_name_of_its_own():
    sample = Sample.of([row({"m": m}, {"acc": 1.0}) for m in ("a", "b")], "here")
    asked = ["acc >= 0", "acc >= 0", {"check": "acc >= 0", "agg": "median"}]
    found = tuple(verdict for check in asked for verdict in verdicts(check, sample))
    cases = ET.fromstring(report.junit(Report(experiment="e", verdicts=found)).partition("?>")[2]).iter("testcase")
    assert [case.get("name") for case in cases] == [
        "acc >= 0 [m=a]",
        "acc >= 0 [m=b]",
        "acc >= 0 [m=a] #2",
        "acc >= 0 [m=b] #2",
        "acc.median >= 0",
    ]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"metric": "acc", "direction": "maximize"}, r"direction: 'maximize' is none of: min, max\n  did you mean `max`"),
        ({"metric": "acc", "direction": "up"}, r"direction: 'up' is none of: min, max\n  it is one of: min, max"),
        ({"check": ""}, r"`check` is empty\n  write error.mean <= 0.1"),
        ({"metric": " "}, r"`metric` is empty\n  write error"),
        ({"check": 1}, "1 is not a text"),
    ],
)
def test_what_is_wrong_with_a_check_is_said_with_what_would_be_right(declared, said):
    with pytest.raises(ConfigError, match=said):
        read([declared])


def test_a_misspelt_aggregation_is_told_from_a_name():
    (verdict,) = verdicts("acc.meen <= 1", Sample.of([row({}, {"acc": 1})], "here"))
    assert verdict.text == "here: there is no `acc.meen`; did you mean `acc.mean`?"
    (verdict,) = verdicts("loss.meen <= 1", Sample.of([row({}, {}, {"loss": [1.0]})], "here"))
    assert "did you mean `loss.mean`?" in verdict.text


def test_one_point_is_no_points():
    now = Sample.of([row({"m": "a"}, {"acc": 1.0})], "now")
    then = Sample.of([row({"m": m}, {"acc": 1.0}) for m in ("a", "b")], "then")
    made = Report(experiment="e", verdicts=tuple(verdicts("acc.mean >= baseline", now, then)))
    assert made.notes == ["acc.mean >= baseline: the runs of 1 point are compared with those of 2"]
