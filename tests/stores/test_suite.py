"""What every store keeps; run over all of them."""

import math
import sqlite3
import struct
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from runner import codec, stores
from runner.errors import IncompleteError, StoreError
from runner.logged import Prefix
from runner.record import Failure, Provenance, Record, Status, Trail


@pytest.fixture(params=list(stores.STORES))
def store(request, tmp_path):
    made = stores.STORES[request.param](tmp_path / "store")
    yield made
    made.close()


def record(n, **changes):
    made = Record(id_run=f"id-{n}", experiment="e", status=Status.COMPLETED, params_json=f'{{"n":{n}}}', fields_json='{"x":1}', epoch=1)
    return replace(made, **changes)


def test_records_come_back_as_they_were_in_the_order_of_their_commit(store):
    failure = Failure(kind="E", message="m\0\u20ac", traceback="t", where="f.py:1", step="s")
    records = [
        record(3, failure=failure, status=Status.FAILED, seed=2**32 - 1, attempt=4, started=1.5, seconds=0.1, tags_json='{"a":"b"}'),
        record(1),
        record(2, experiment="other"),
    ]
    store.append(records[:2])
    store.append(records[2:])
    assert list(store.records()) == records
    assert list(store.records("e")) == records[:2]
    assert store.find(["id-1", "id-9", "id-3"]) == {"id-1": records[1], "id-3": records[0]}
    assert len(store.find([f"id-{n}" for n in range(5000)])) == 3


@pytest.mark.parametrize(
    "bits",
    [
        "7ff8000000000000",
        "7ff8000000000123",
        "fff8000000000000",
        "7ff0000000000000",
        "fff0000000000000",
        "8000000000000000",
        "0000000000000001",
        "3fb999999999999a",
    ],
)
def test_floats_are_bit_exact(store, bits):
    value = struct.unpack(">d", bytes.fromhex(bits))[0]
    store.append([record(1, fields_json=codec.dumps({"x": value, "deep": [value]}))])
    found = store.find(["id-1"])["id-1"].fields
    assert [struct.pack(">d", found["x"]).hex(), struct.pack(">d", found["deep"][0]).hex()] == [bits, bits]


@pytest.mark.parametrize(
    "value", [2**63 - 1, -(2**63), 2**64, 2**100, -(2**100), 10**5000, 0], ids=lambda value: f"{value.bit_length()} bits"
)
def test_integers_of_any_size_are_exact(store, value):
    store.append([record(1, fields_json=codec.dumps({"x": value}))])
    assert store.find(["id-1"])["id-1"].fields == {"x": value}


def test_a_later_record_replaces_an_earlier_one_but_a_cancelled_one_no_result(store):
    store.append([record(1, status=Status.FAILED), record(2)])
    store.append([record(1, epoch=2), record(2, epoch=2, fields_json='{"x":2}')])
    store.append([record(1, status=Status.CANCELLED, epoch=3), record(3, status=Status.CANCELLED)])
    assert [(r.id_run, r.status.value, r.epoch) for r in store.records()] == [
        ("id-1", "COMPLETED", 2), ("id-2", "COMPLETED", 2), ("id-3", "CANCELLED", 1),
    ]  # fmt: skip


def test_append_is_atomic(store):
    def records():
        yield record(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.append(records())
    assert list(store.records()) == []
    store.append([record(2)])
    assert [r.id_run for r in store.records()] == ["id-2"]


def test_runs_of_another_experiment_can_be_shared(store):
    store.append([record(1), record(2, experiment="other")])
    store.share("e", ["id-2"])
    store.share("e", ["id-2"])
    assert [r.id_run for r in store.records("e")] == ["id-1", "id-2"]


def test_a_run_that_two_experiments_execute_in_turn_stays_the_other_ones_as_well(store):
    for n in range(6):
        store.append([record(1, experiment="ef"[n % 2], epoch=n + 1)])
        for name in "ef"[: n + 1]:
            assert [r.epoch for r in store.records(name)] == [n + 1]


def test_epochs_count_and_have_their_provenance(store):
    first, second = store.begin("e", 1.0), store.begin("f", 2.0)
    assert second > first > 0
    store.describe(first, Provenance(python="3", argv=("xrun", "x"), packages={"a": "1"}))
    assert store.provenance(first) == Provenance(python="3", argv=("xrun", "x"), packages={"a": "1"})
    assert store.provenance(second) is None


def test_readers_see_whole_commits_while_a_writer_writes(store, tmp_path):
    store.append([record(0)])
    counts, problems, over = [], [], threading.Event()

    def look():
        try:
            while not over.is_set():
                reader = stores.read(tmp_path / "store")
                counts.append(sum(1 for _ in reader.records()))
                reader.close()
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for part in range(60):
        store.append([record(1 + part * 50 + k) for k in range(50)])
    over.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert {count % 50 for count in counts} == {1}
    assert len(list(store.records())) == 3001


def test_a_reader_that_holds_a_cursor_does_not_stop_the_writer(store, tmp_path):
    store.append([record(n) for n in range(100)])
    reader = stores.read(tmp_path / "store")
    cursor = reader.records()
    next(cursor)
    for n in range(50):
        store.append([record(1000 + n)])
    assert sum(1 for _ in cursor) == 99
    reader.close()
    assert len(list(store.records())) == 150


def test_close_is_idempotent_and_leaves_one_file(store, tmp_path):
    store.append([record(1)])
    store.close()
    store.close()
    assert [p.name for p in tmp_path.iterdir()] == ["store"]
    reader = stores.read(tmp_path / "store")
    assert [r.id_run for r in reader.records()] == ["id-1"]
    reader.close()
    reader.close()


def test_reading_what_is_not_there_says_so(tmp_path):
    with pytest.raises(IncompleteError, match="no results yet"):
        stores.read(tmp_path / "none")


def test_a_store_of_a_newer_version_is_refused_untouched(tmp_path):
    path = tmp_path / "store"
    stores.open(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    before = path.read_bytes()
    for opener in (stores.open, stores.read):
        with pytest.raises(StoreError, match="newer xrun"):
            opener(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1, 7])
def test_a_database_of_something_else_is_refused_untouched(tmp_path, version):
    path = tmp_path / "store"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE precious (x)")
    db.execute(f"PRAGMA user_version={version}")
    db.commit()
    db.close()
    before = path.read_bytes()
    for opener in (stores.open, stores.read):
        with pytest.raises(StoreError, match="not a store of xrun"):
            opener(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path):
    path = tmp_path / "store"
    path.write_text("hello " * 1000)
    for opener in (stores.open, stores.read):
        with pytest.raises(StoreError, match="not a database"):
            opener(path)
    assert path.read_text() == "hello " * 1000


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StoreError, match="unable to open"):
        stores.open(tmp_path / "no" / "store")


def test_many_processes_may_make_the_same_store_at_once(tmp_path, together):
    opening = f"from pathlib import Path\nfrom runner import stores\nstore = stores.open(Path({str(tmp_path / 'store')!r}))\n"
    codes = together(8, opening + "store.begin('e', 1.0)\nstore.close()\n")
    assert codes == [0] * 8
    store = stores.open(tmp_path / "store")
    assert store.begin("e", 1.0) == 9
    store.close()


def test_nan_is_not_null(store):
    store.append([record(1, fields_json=codec.dumps({"x": math.nan, "y": None}))])
    found = store.find(["id-1"])["id-1"].fields
    assert math.isnan(found["x"])
    assert found["y"] is None


def test_a_runs_files_are_those_of_its_record_or_of_where_it_can_go_on(store):
    """Whose a folder is that was put aside."""
    first, second = store.begin("e", 1.0), store.begin("e", 2.0)
    store.append([record(1, epoch=first), record(2, epoch=first)])
    store.append([record(1, epoch=second, status=Status.CANCELLED), record(2, epoch=second, status=Status.FAILED)])
    for epoch, run, steps in ((first, "id-3", 2), (second, "id-3", 1), (second, "id-1", 2), (second, "id-4", 0)):
        prefix = Prefix(steps, "{}", "{}", '{"params":{}}', f"{run} {epoch}")
        store.append([], [Trail(id_run=run, experiment="e", epoch=epoch, attempt=1, entries=(("", prefix),))])
    assert store.owners([f"id-{n}" for n in range(1, 6)]) == {"id-1": first, "id-2": second, "id-3": first}


def test_an_invocation_is_over_when_another_one_executes_its_experiment_or_its_process_is_gone(store, tmp_path):
    first, other = store.begin("e", 1.0), store.begin("f", 1.0)
    second = store.begin("e", 2.0)
    assert store.over([first, second, other, 99]) == {first, 99}
    source = "import sys; from pathlib import Path; from runner import stores; print(stores.open(Path(sys.argv[1])).begin('f', 3.0))"
    done = subprocess.run([sys.executable, "-c", source, str(tmp_path / "store")], capture_output=True, text=True, check=True)
    assert store.over([second, other, int(done.stdout)]) == {other, int(done.stdout)}
