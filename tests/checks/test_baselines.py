"""Baseline files: what is written comes back, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import baseline_files as baselines
from runner.checks import Estimate, Group, Measured
from runner.errors import UsageError

NUMBERS = st.floats(allow_nan=False)
GROUPS = st.builds(
    Group.of, st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), NUMBERS))
)
ESTIMATES = st.one_of(
    st.builds(Estimate, value=NUMBERS, n=st.integers(1, 10), points=st.integers(1, 5)),
    st.builds(Estimate, value=NUMBERS, n=st.integers(2, 10), sd=st.floats(0, 1e9), df=st.integers(1, 9), points=st.integers(1, 5)),
)
MEASURED = st.builds(Measured, st.sampled_from(["mean", "max"]), st.dictionaries(GROUPS, ESTIMATES, max_size=4))


@given(st.dictionaries(st.text(max_size=8), MEASURED, max_size=4))
def test_what_is_written_comes_back_exactly(measured):
    text = baselines.text("x", measured)
    kept = baselines.parse(text, "x.json")
    assert kept.checks == measured
    assert baselines.text("x", kept.checks) == text
    assert baselines.text("x", dict(reversed(measured.items()))) == text


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 1, "checks": {"a": {"agg": "mean", "groups": [{"group": {}}]}}}',
        '{"format": 1, "checks": {"a": {"agg": "mean", "groups": [{"group": {}, "n": "x", "value": 1}]}}}',
        "<<<<<<< HEAD\n{}",
    ],
)
def test_what_is_no_baseline_file_is_an_error_that_names_it(content):
    with pytest.raises(UsageError, match=r"baselines/x\.json is not a baseline file"):
        baselines.parse(content, "baselines/x.json")


def test_a_file_of_another_version_is_told_apart():
    with pytest.raises(UsageError, match="another version of xrun"):
        baselines.parse('{"format": 99, "checks": {}}', "x.json")
