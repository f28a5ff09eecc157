"""What the store makes of what runs log: of whole attempts, of attempts that came to nothing, of older stores."""

import math
import sqlite3
import struct
from array import array
from dataclasses import replace

import pytest

from runner import codec, stores
from runner.errors import IncompleteError
from runner.logged import Artifact, Output, Points, Restart, Rows, Summary
from runner.record import Failure, Record, Status, Trail
from runner.stores import salvage
from runner.stores.schema import APPLICATION_ID, MIGRATIONS, VERSION


@pytest.fixture
def store(tmp_path):
    made = stores.open(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def other(store, tmp_path):
    """Another coordinator at the same store."""
    made = stores.open(tmp_path / "store")
    yield made
    made.close()


def record(id_run="id", **changes):
    return replace(Record(id_run=id_run, experiment="e", status=Status.COMPLETED, epoch=1), **changes)


def points(values, start=0, name="loss"):
    values = array("d", values)
    return Points.of(name, array("q", range(start, start + len(values))), values, 10.0, 20.0)


def trail(*entries, id_run="id", epoch=1, attempt=1, experiment="e"):
    return Trail(id_run=id_run, experiment=experiment, epoch=epoch, attempt=attempt, entries=tuple(("", entry) for entry in entries))


def values(store, id_run="id", name="loss"):
    return [value for _, part, _ in store.points(id_run, name) for value in part]


def everything(store, id_run="id"):
    """What a reader sees of a run."""
    output = "".join(text for _, text in store.output(id_run, "stdout"))
    return values(store, id_run), store.summaries([id_run]), store.artifacts([id_run]), store.tables(id_run), output


NOTHING = ([], {}, {}, {}, "")


def full(tag, **key):
    """A trail with one of each."""
    return trail(
        points([tag, tag + 0.5]),
        Artifact(f"f{tag}", 1, "ab"),
        Rows("t", 1, codec.dumps({"a": [tag]})),
        Output("stdout", f"out {tag}"),
        **key,
    )


def seen(tag):
    summary = Summary.of([0, 1], [tag, tag + 0.5])
    return [tag, tag + 0.5], {"id": {"loss": summary}}, {"id": [Artifact(f"f{tag}", 1, "ab")]}, {"t": [{"a": [tag]}]}, f"out {tag}"


def test_points_come_back_bit_exact_in_the_order_of_the_calls(store):
    raw = ["7ff8000000000123", "fff0000000000000", "8000000000000000", "0000000000000001"]
    steps = array("q", [2**63 - 1, -(2**63), 5, 5])
    sent = array("d", (struct.unpack(">d", bytes.fromhex(text))[0] for text in raw))
    store.append([], [trail(Points.of("loss", steps, sent, 1.0, 4.0), points([1, 2], start=7))])
    store.append([record()], [trail(points([3]))])
    parts = list(store.points("id", "loss"))
    assert [struct.pack(">d", value).hex() for value in parts[0][1]] == raw
    assert [list(where) for where, _, _ in parts] == [list(steps), [7, 8], [0]]
    assert [list(when) for _, _, when in parts] == [[1.0, 2.0, 3.0, 4.0], [10.0, 20.0], [10.0]]


def signs(summary):
    return [str(value) for value in (summary.first, summary.last, summary.min, summary.max)]


def test_minus_zero_keeps_its_sign_in_summaries_at_the_end_after_a_growth_and_in_a_repaired_store(store, tmp_path):
    store.append([], [trail(points([-0.0]), points([-0.0, 1.0], name="up"))])
    store.append([record()], [trail(points([-0.0], start=1), points([-1.0, 2.0, 0.0], start=2, name="up"))])
    assert signs(store.summaries(["id"])["id"]["loss"]) == ["-0.0"] * 4
    assert signs(store.summaries(["id"])["id"]["up"]) == ["-0.0", "0.0", "-1.0", "2.0"]
    store.close()
    target = tmp_path / "repaired"
    assert salvage.save(tmp_path / "store", target) == 0
    reader = stores.read(target)
    assert signs(reader.summaries(["id"])["id"]["loss"]) == ["-0.0"] * 4
    reader.close()


def test_summaries_grow_with_each_part_and_tell_what_is_not_finite(store):
    parts = [[3.0, math.nan], [-1.0, math.inf], [9.0]]
    for n, part in enumerate(parts):
        store.append([], [trail(points(part, start=2 * n))])
    store.append([record()], [trail(points([math.nan], name="never"))])
    found = store.summaries(["id", "absent"])
    assert set(found) == {"id"}
    expected = Summary.of(range(5), [value for part in parts for value in part])
    assert found["id"]["loss"] == expected
    never = found["id"]["never"]
    assert math.isnan(never.first)
    assert math.isnan(never.last)
    assert (never.min, never.mean, never.n_nan) == (None, None, 1)


def test_a_sum_beyond_all_floats_can_be_read(store):
    store.append([], [trail(points([1.5e308, 1.5e308]))])
    store.append([record()], [trail(points([-1.5e308, -1.5e308], start=2))])
    summary = store.summaries(["id"])["id"]["loss"]
    assert (summary.count, summary.min, summary.max) == (4, -1.5e308, 1.5e308)
    assert summary.mean is not None


def test_the_last_part_of_a_path_is_the_artifact_and_tables_keep_their_parts(store):
    store.append([], [trail(Artifact("f", 1, "ab"), Rows("t", 2, codec.dumps({"a": [1, 2]})))])
    store.append([record()], [trail(Artifact("f", 2, "cd", "image", 3), Rows("t", 1, codec.dumps({"b": [math.nan]})))])
    assert store.artifacts(["id"]) == {"id": [Artifact("f", 2, "cd", "image", 3)]}
    first, second = store.tables("id")["t"]
    assert first == {"a": [1, 2]}
    assert math.isnan(second["b"][0])


def test_of_a_run_that_was_tried_again_only_the_last_attempt_counts(store):
    store.append([], [full(1, attempt=1)])
    store.append([], [full(2, attempt=2)])
    store.append([record(attempt=3)], [full(3, attempt=3)])
    assert everything(store) == seen(3)


def test_a_last_attempt_that_logged_nothing_leaves_nothing(store):
    store.append([], [full(1, attempt=1)])
    store.append([record(attempt=2)])
    assert everything(store) == NOTHING


def test_a_failed_run_that_is_executed_again_keeps_nothing_of_before(store):
    store.append([record(status=Status.FAILED)], [full(1)])
    assert everything(store) == seen(1)
    store.append([record(epoch=2)], [full(2, epoch=2)])
    assert everything(store) == seen(2)
    store.append([record(epoch=3)])
    assert everything(store) == NOTHING


def test_while_it_executes_for_the_first_time_a_run_shows_what_it_has_logged(store):
    store.append([], [full(1)])
    assert everything(store) == seen(1)
    assert store.executing("i") == ["id"]
    store.append([record()])
    assert everything(store) == seen(1)
    assert store.executing() == []


def test_what_a_new_execution_logs_is_not_the_finished_runs_before_it_ends(store):
    store.append([record(fields_json='{"x":1}')], [full(1)])
    store.append([], [full(2, epoch=2)])
    *shown, output = everything(store)
    assert tuple(shown) == seen(1)[:-1]
    assert output == "out 2"  # `xrun logs -f` follows what executes
    store.append([record(epoch=2)])
    assert everything(store) == seen(2)


def test_a_finished_run_without_metrics_shows_none_of_a_new_execution(store):
    store.append([record()])
    store.append([], [full(2, epoch=2)])
    assert everything(store)[:-1] == NOTHING[:-1]


def test_what_a_killed_coordinator_left_is_gone_at_the_next_begin_and_is_nobodys(store, tmp_path):
    epoch = store.begin("e", 1.0)
    store.append([record("done", epoch=epoch)], [full(1, id_run="done", epoch=epoch)])
    again = store.begin("e", 2.0)
    store.append(
        [],
        [full(2, id_run="done", epoch=again), full(3, id_run="new", epoch=again), full(4, id_run="foreign", experiment="f", epoch=again)],
    )
    reader = stores.read(tmp_path / "store")
    assert values(reader, "done") == [1, 1.5]
    reader.close()
    store.close()
    after = stores.open(tmp_path / "store")
    after.begin("e", 3.0)
    assert after.executing() == ["foreign"]  # another experiment may execute now
    assert (values(after, "done"), values(after, "new")) == ([1, 1.5], [])
    assert "".join(text for _, text in after.output("done", "stdout")) == "out 1"
    assert after._db.execute("SELECT count(*) FROM attempt").fetchone() == (2,)
    after.close()


def test_force_replaces_what_there_was_once_it_has_ended(store):
    store.append([record(epoch=1)], [full(1, epoch=1)])
    store.append([record(epoch=2)], [full(2, epoch=2)])
    assert everything(store) == seen(2)
    assert store._db.execute("SELECT count(*) FROM points").fetchone() == (1,)


def test_a_cancelled_execution_of_a_completed_run_leaves_the_old_series(store):
    store.append([record(epoch=1, fields_json='{"x":1}')], [full(1, epoch=1)])
    store.append([record(epoch=2, status=Status.CANCELLED)], [full(2, epoch=2)])
    assert everything(store) == seen(1)
    assert store.find(["id"])["id"].epoch == 1


def test_child_runs_of_an_attempt_that_was_tried_again_are_gone_with_it(store):
    def of_child(id_run, attempt, parent="id"):
        return replace(trail(points([attempt]), id_run=id_run, attempt=attempt), parent=parent, name=id_run)

    store.append([], [full(1), of_child("a", 1), of_child("deep", 1, parent="a"), of_child("b", 1), of_child("else", 1, parent="other")])
    again = [record("b", parent="id", name="b", attempt=2), record(attempt=2)]
    store.append(again, [full(2, attempt=2), of_child("b", 2)])
    assert everything(store) == seen(2)
    assert [values(store, name) for name in ("a", "deep", "b")] == [[], [], [2]]
    assert sorted(store.executing()) == ["else"]
    assert store._db.execute("SELECT count(*) FROM attempt").fetchone() == (3,)


def test_a_cancelled_execution_of_a_completed_run_leaves_the_old_child_runs(store):
    def child(name, epoch, parent="id", **changes):
        return record(f"child-{name}", parent=parent, name=name, epoch=epoch, **changes)

    old = [child("a", 1, fields_json='{"x":1}'), child("b", 1), child("c", 1, parent="child-a"), record(epoch=1)]
    store.append(old, [full(1, id_run=f"child-{name}") for name in "abc"])
    again = [child("a", 2), child("new", 2), child("c", 2, parent="child-a"), child("b", 2, status=Status.CANCELLED)]
    ended = [record(epoch=2, status=Status.CANCELLED), record("failed", epoch=2, status=Status.FAILED)]
    store.append([*again, *ended], [full(2, id_run=f"child-{name}", epoch=2) for name in ("a", "b", "c", "new")])
    assert {r.id_run: r for r in store.records(children=True) if r.id_run != "failed"} == {r.id_run: r for r in old}
    assert store.find(["failed"])
    assert [values(store, f"child-{name}") for name in ("a", "b", "c", "new")] == [[1, 1.5]] * 3 + [[]]
    assert store._db.execute("SELECT count(*) FROM attempt").fetchone() == (3,)


def test_a_cancelled_execution_of_a_run_that_had_failed_replaces_its_child_runs(store):
    def child(epoch, **changes):
        return record("child", parent="id", name="part", epoch=epoch, **changes)

    store.append([child(1), record(epoch=1, status=Status.FAILED)], [full(1, id_run="child")])
    store.append([child(2, status=Status.CANCELLED), record(epoch=2, status=Status.CANCELLED)], [full(2, id_run="child", epoch=2)])
    assert [(r.status.value, r.epoch) for r in store.children("id")] == [("CANCELLED", 2)]
    assert values(store, "child") == [2, 2.5]


def test_child_runs_are_replaced_with_their_parent(store):
    def child(name, epoch):
        return record(f"child-{name}", parent="id", name=name, epoch=epoch)

    store.append(
        [child("a", 1), child("b", 1), record(epoch=1)],
        [full(1), trail(points([1]), id_run="child-a"), trail(points([2]), id_run="child-b")],
    )
    assert [r.name for r in store.children("id")] == ["a", "b"]
    store.append([child("b", 2), child("c", 2), record(epoch=2)], [trail(points([3]), id_run="child-b", epoch=2)])
    assert {r.name for r in store.children("id")} == {"b", "c"}
    assert [values(store, f"child-{name}") for name in "abc"] == [[], [3], []]
    assert [r.id_run for r in store.records("e")] == ["id"]
    assert store._db.execute("SELECT count(*) FROM attempt").fetchone() == (1,)


def test_an_execution_that_begins_anew_takes_back_what_it_has_logged(store):
    store.append([], [full(1)])
    store.append([], [full(1), trail(points([1], start=2))])
    store.append([], [trail(Output("stdout", "lost"), Restart(), Output("stdout", "out 2"))])
    store.append([record()], [trail(points([2, 2.5]), Artifact("f2", 1, "ab"), Rows("t", 1, codec.dumps({"a": [2]})))])
    assert everything(store) == seen(2)


def test_two_experiments_may_execute_one_run_at_once(store, other):
    first, second = store.begin("e", 1.0), other.begin("f", 1.0)
    store.append([], [full(1, epoch=first), trail(points([1], name="only"), epoch=first)])
    other.append([], [full(2, epoch=second, experiment="f")])
    store.append([record(epoch=first)])
    assert (values(other), set(other.summaries(["id"])["id"])) == ([1, 1.5], {"loss", "only"})
    other.append([], [trail(points([2.75], start=2), epoch=second, experiment="f")])
    other.append([], [trail(points([7], name="late"), epoch=second, experiment="f")])
    other.append([record(epoch=second, experiment="f")])
    assert values(store) == [2, 2.5, 2.75]
    assert set(store.summaries(["id"])["id"]) == {"loss", "late"}


@pytest.mark.parametrize("children", [False, True])
def test_a_result_that_is_replaced_takes_nothing_from_another_xrun_that_executes_the_run_as_well(store, other, children):
    def part(epoch, experiment="e"):
        return [record("child", parent="id", name="part", epoch=epoch, experiment=experiment)] if children else []

    def logged(tag, epoch, experiment="e"):
        whose = [full(tag, epoch=epoch, experiment=experiment)]
        of_child = replace(full(tag, id_run="child", epoch=epoch, experiment=experiment), parent="id", name="part")
        return [*whose, of_child] if children else whose

    old = store.begin("e", 1.0)
    store.append([*part(old), record(epoch=old)], logged(1, old))
    first, second = store.begin("e", 2.0), other.begin("f", 2.0)
    other.append([], logged(3, second, "f"))
    store.append([record(epoch=first)], [full(2, epoch=first)])  # it has made no child run this time
    assert everything(store) == seen(2)
    other.append([*part(second, "f"), record(epoch=second, experiment="f")])
    assert everything(store) == seen(3)
    assert [values(store, child.id_run) for child in store.children("id")] == ([[3, 3.5]] if children else [])


def test_an_attempt_whose_rows_another_coordinator_has_removed_begins_anew(store, other):
    store.append([], [full(1, epoch=1)])
    other.begin("e", 2.0)  # somebody took the lock of a stopped coordinator, say
    other.append([record("else", epoch=2)], [full(5, id_run="else", epoch=2)])
    store.append([], [trail(points([9]), epoch=1)])
    store.append([record(epoch=1)])
    assert values(store) == [9]
    assert values(store, "else") == [5, 5.5]


def test_after_a_commit_that_failed_the_next_one_is_right(store):
    store.append([], [trail(points([1]))])

    def broken():
        yield trail(points([2], start=1), points([3], name="new"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.append([], broken())
    store.append([record()], [trail(points([4], start=1), points([5], name="new"))])
    assert (values(store), values(store, name="new")) == ([1, 4], [5])
    found = store.summaries(["id"])["id"]
    assert found == {"loss": Summary.of([0, 1], [1.0, 4.0]), "new": Summary.of([0], [5.0])}


def test_no_row_is_left_of_runs_that_are_gone(store):
    for epoch in range(1, 30):
        store.append([], [full(epoch, epoch=epoch, attempt=1)])
        store.append([record(epoch=epoch, attempt=2)], [full(epoch, epoch=epoch, attempt=2)])
    counts = {
        name: store._db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("attempt", "series", "points", "part", "output")
    }
    assert counts == dict.fromkeys(counts, 1)
    assert store._db.execute("SELECT count(*) FROM artifact").fetchone() == (1,)


def test_many_runs_and_metrics_are_found_at_once(store):
    ids = [f"id-{n}" for n in range(1200)]
    store.append([record(i) for i in ids], [trail(points([n]), Artifact("f", n, "ab"), id_run=i) for n, i in enumerate(ids)])
    assert {i: s["loss"].last for i, s in store.summaries(ids).items()} == {i: n for n, i in enumerate(ids)}
    assert {i: a[0].size for i, a in store.artifacts(ids).items()} == {i: n for n, i in enumerate(ids)}
    store.append([record("wide")], [trail(*(points([n], name=f"m{n}") for n in range(2000)), id_run="wide")])
    assert len(store.summaries(["wide"])["wide"]) == 2000


# -- older stores -------------------------------------------------------------------------------------------------------

FAILURE = '{"kind": "E", "message": "m", "traceback": "t", "where": "f.py:1", "step": "s"}'


@pytest.fixture
def version_1(tmp_path):
    """A store as the first release wrote it."""
    path = tmp_path / "old"
    db = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        db.execute(statement)
    db.execute("INSERT INTO epoch VALUES (1, 'e', 5.0, NULL)")
    columns = "id_run, experiment, status, params, fields, tags, failure, seed, attempt, started, seconds, epoch"
    rows = [
        ("id-1", "e", "COMPLETED", '{"n":1}', '{"x":{"$f":"nan"}}', '{"a":null}', None, 7, 1, 2.0, 3.0, 1),
        ("id-2", "e", "FAILED", '{"n":2}', "{}", "{}", FAILURE, 8, 2, 2.5, 3.5, 1),
    ]
    db.executemany(f"INSERT INTO run ({columns}) VALUES ({','.join('?' * 12)})", rows)
    db.execute("INSERT INTO shared VALUES ('f', 'id-1')")
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    return path


@pytest.mark.parametrize("opener", [stores.open, stores.read])
def test_a_store_of_version_1_is_brought_up_to_date_and_reads_the_same(version_1, opener):
    store = opener(version_1)
    assert list(store.records("e")) == [
        Record(
            id_run="id-1", experiment="e", status=Status.COMPLETED, params_json='{"n":1}', fields_json='{"x":{"$f":"nan"}}',
            tags_json='{"a":null}', seed=7, started=2.0, seconds=3.0, epoch=1,
        ),
        Record(
            id_run="id-2", experiment="e", status=Status.FAILED, params_json='{"n":2}', seed=8, attempt=2, started=2.5,
            seconds=3.5, epoch=1,
            failure=Failure(kind="E", message="m", traceback="t", where="f.py:1", step="s"),
        ),
    ]  # fmt: skip
    assert [r.id_run for r in store.records("f")] == ["id-1"]
    assert (everything(store, "id-1"), store.children("id-1"), store.executing()) == (NOTHING, [], [])
    store.close()
    db = sqlite3.connect(version_1)
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_store_of_version_1_takes_what_runs_log_now(version_1):
    store = stores.open(version_1)
    epoch = store.begin("e", 6.0)
    store.append(
        [record("id-2", epoch=epoch, kwargs_json='{"k":1}', logged_json='{"p":2}', troubles=3)], [full(1, id_run="id-2", epoch=epoch)]
    )
    found = store.find(["id-2"])["id-2"]
    assert (found.kwargs, found.logged, found.troubles, values(store, "id-2")) == ({"k": 1}, {"p": 2}, 3, [1, 1.5])
    store.close()


def test_a_store_that_is_being_made_has_no_results_yet(tmp_path):
    (tmp_path / "store").touch()
    with pytest.raises(IncompleteError, match="no results yet"):
        stores.read(tmp_path / "store")
