"""What the store keeps about why, and which results stand no more."""

import hashlib
import sqlite3

import pytest

from runner import stores
from runner.record import Record, Status

SOURCE = b"def f(): pass\n"
DIGEST = hashlib.sha256(SOURCE).hexdigest()


@pytest.fixture
def store(tmp_path):
    made = stores.open(tmp_path / "xrun.db")
    yield made
    made.close()


def record(name, epoch, **changes):
    values = {"experiment": "x", "status": Status.COMPLETED, "epoch": epoch, "started": 100.0, "seconds": 5.0, **changes}
    return Record(id_run=name, **values)


def test_evidence_comes_with_the_first_records(store):
    epoch = store.begin("x", 0.0)
    store.explain(epoch, '{"a":1}', {DIGEST: SOURCE}, held=7.0)
    assert (store.evidence(epoch), store.source(DIGEST), store.doubts()) == (None, None, {})
    assert store.lacking([DIGEST, "other"]) == {DIGEST, "other"}
    store.append([record("a", epoch)])
    assert store.evidence(epoch) == '{"a":1}'
    assert store.source(DIGEST) == SOURCE
    assert store.lacking([DIGEST, "other"]) == {"other"}
    assert store.doubts()[epoch].held == 7.0
    assert store.evidence(99) is None
    assert store.source("other") is None


def test_an_append_that_fails_takes_nothing_of_it_along(store):
    epoch = store.begin("x", 0.0)
    store.explain(epoch, "{}", {DIGEST: SOURCE})
    with pytest.raises(AttributeError):
        store.append([None])
    assert store.evidence(epoch) is None
    store.append([record("a", epoch)])
    assert store.evidence(epoch) == "{}"
    assert store.source(DIGEST) == SOURCE


def test_data_is_held_until_a_moment_or_to_the_end(store):
    epoch = store.begin("x", 0.0)
    store.explain(epoch, "{}", {}, held=7.0)
    store.append([record("a", epoch)])
    store.hold(epoch, 9.0)
    assert store.doubts()[epoch].held == 9.0
    store.hold(epoch, None)
    assert store.doubts() == {}


def test_results_that_stand_no_more_count_as_not_there(store):
    one, other = store.begin("x", 0.0), store.begin("x", 0.0)
    early, late = record("early", one, started=90.0), record("late", one)
    failed = record("failed", one, status=Status.FAILED)
    store.append([early, late, failed, record("other", other)])
    ids = ["early", "late", "failed", "other"]
    store.void({one: 100.0})
    assert set(store.find(ids)) == {"early", "failed", "other"}
    assert set(store.results(ids)) == {"early", "other"}
    assert [r.id_run for r in store.records("x")] == ids, "people may still look at them"
    store.void({one: float("-inf")})
    assert set(store.find(ids)) == {"failed", "other"}
    store.void({})
    assert set(store.find(ids)) == set(ids)


def test_another_reader_sees_it_as_well(store, tmp_path):
    epoch = store.begin("x", 0.0)
    store.append([record("a", epoch)])
    store.void({epoch: 0.0})
    reader = stores.read(tmp_path / "xrun.db")
    try:
        assert reader.results(["a"]) == {}
    finally:
        reader.close()


def test_what_another_project_has_to_judge_stays_for_its_readers_as_that_has_said(store, tmp_path):
    mine, theirs, fallen = (store.begin("x", 0.0) for _ in range(3))
    store.append([record("a", mine), record("b", theirs), record("c", fallen)])
    store.void({fallen: 0.0})
    store.void({mine: 0.0, theirs: 0.0}, others={theirs, fallen})
    assert set(store.find(["a", "b", "c"])) == {"c"}, "here it is as this project says"
    reader = stores.read(tmp_path / "xrun.db")
    try:
        assert set(reader.find(["a", "b", "c"])) == {"b"}
    finally:
        reader.close()


def test_earlier_runs_are_told_in_order(store):
    epoch = store.begin("x", 0.0)
    store.append([record("b", epoch, params_json='{"N":1}', kwargs_json='{"K":2}'), record("a", epoch, status=Status.FAILED)])
    store.append([record("c", epoch, experiment="y")])
    told = [(e.id_run, e.params, e.kwargs, e.completed) for e in store.earlier("x")]
    assert told == [("b", '{"N":1}', '{"K":2}', True), ("a", "{}", "{}", False)]


@pytest.mark.parametrize("damage", ["x'00'", "substr(content, 1, length(content) - 1)", "'text'"])
def test_a_damaged_source_is_not_there(store, tmp_path, damage):
    epoch = store.begin("x", 0.0)
    store.explain(epoch, "{}", {DIGEST: SOURCE})
    store.append([record("a", epoch)])
    with sqlite3.connect(tmp_path / "xrun.db") as db:
        db.execute(f"UPDATE source SET content = {damage}")
    db.close()
    assert store.source(DIGEST) is None
