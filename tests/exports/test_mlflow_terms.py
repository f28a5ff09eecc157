"""MLflow's rules, held against MLflow's own checks."""

import json
import os
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.exports import mlflow_terms as terms
from runner.exports.base import ExportWarning

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils import validation

pytestmark = pytest.mark.filterwarnings("ignore::runner.exports.base.ExportWarning")
TEXTS = st.one_of(st.text(max_size=300), st.from_regex(r"[./a:\\ -]{0,260}", fullmatch=True))
PAIRS = st.lists(st.tuples(st.text(min_size=1, max_size=250), st.text(max_size=6000)), max_size=20)


@given(st.lists(TEXTS, max_size=8))
def test_every_name_becomes_one_that_mlflow_takes_and_distinct_ones_stay_distinct(names):
    keys = terms.Keys()
    made = [keys(name) for name in names]
    for key in made:
        validation._validate_metric(key, 1.0, 0, 0)
        validation._validate_param(key, "x")
        validation._validate_tag(key, "x")
    assert len(set(made)) == len(set(names))


@given(st.from_regex(r"[A-Za-z][\w\- :]{0,20}(/[A-Za-z][\w\- :]{0,20})?", fullmatch=True))
def test_names_that_mlflow_takes_stay_as_they_are(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert terms.Keys()(name) == name


def test_a_changed_name_is_told_once():
    keys = terms.Keys()
    with pytest.warns(ExportWarning, match="becomes 'a_b'"):
        keys("a*b")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert keys("a*b") == "a_b"


@given(PAIRS, PAIRS, st.integers(0, 2500))
def test_batches_keep_everything_in_order_and_mlflow_takes_each(params, tags, count):
    points = [("m" * 250, float(n), 1_700_000_000_000, n) for n in range(count)]
    made = list(terms.batches(params * 11, tags * 11, points))
    assert [pair for batch in made for pair in batch.params] == params * 11
    assert [pair for batch in made for pair in batch.tags] == tags * 11
    assert [point for batch in made for point in batch.metrics] == points
    for batch in made:
        metrics = [Metric(*point) for point in batch.metrics]
        validation._validate_batch_log_limits(metrics, [Param(*p) for p in batch.params], [RunTag(*t) for t in batch.tags])
        sent = {
            "run_id": "0" * 32,
            "metrics": [{"key": key, "value": value, "timestamp": time, "step": step} for key, value, time, step in batch.metrics],
            "params": [{"key": key, "value": value} for key, value in batch.params],
            "tags": [{"key": key, "value": value} for key, value in batch.tags],
        }
        assert len(json.dumps(sent)) <= validation.MAX_BATCH_LOG_REQUEST_SIZE


def test_long_texts_are_spread_over_requests_by_their_bytes():
    made = list(terms.batches([(f"p{n}", "é" * 6000) for n in range(100)], [], []))  # 6 bytes a character, as JSON is sent
    assert sum(len(batch.params) for batch in made) == 100
    assert all(len(json.dumps(batch.params)) <= 1_000_000 for batch in made)
    assert len(made) == 5


def test_what_is_small_goes_in_one_request():
    assert len(list(terms.batches([("a", "1")], [("t", "x")], [("m", 1.0, 0, 0)]))) == 1
    assert len(list(terms.batches([], [], []))) == 1


def test_every_status_has_one_of_mlflows():
    from mlflow.entities import RunStatus

    from runner.record import Status

    assert set(terms.STATUS) == set(Status)
    assert set(terms.STATUS.values()) <= {RunStatus.to_string(status) for status in RunStatus.all_status()}
