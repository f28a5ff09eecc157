"""F34: stores of every format that there has been open, keep a copy of what they were, and survive many who open them at once."""

import gzip
import math
import sqlite3
import struct
from pathlib import Path

import pytest

from runner import stores
from runner.errors import StoreError
from runner.record import Failure, Provenance, Status
from runner.stores import salvage
from runner.stores.schema import MIGRATIONS, VERSION

GOLDEN = Path(__file__).parent / "golden"
FORMATS = range(1, VERSION + 1)


@pytest.fixture
def golden(tmp_path):
    def unpack(version):
        path = tmp_path / "xrun.db"
        path.write_bytes(gzip.decompress((GOLDEN / f"v{version}.db.gz").read_bytes()))
        return path

    return unpack


def check(reader):
    """The 30 runs of every golden store."""
    records = {record.id_run: record for record in reader.records()}
    assert len(records) == 30
    for n, (id_run, record) in enumerate(records.items()):
        assert id_run == f"{n:08x}-0000-8000-8000-000000000000"
        assert record.status is (Status.FAILED if n % 7 == 3 else Status.COMPLETED)
        assert (record.params, record.tags, record.attempt) == ({"N": n}, {"a": "b"}, 1 + n % 2)
        assert (record.started, record.seconds, record.seed) == (1700000000.25 + n, n / 3, n * 143_165_576 % 2**32)
        fields = record.fields
        assert (fields["error"], fields["text"], fields["odd"][2]) == (n / 7, "\u20ac", 2**70)
        assert math.isnan(fields["odd"][0])
        assert struct.pack(">d", fields["odd"][1]).hex() == "8000000000000000"
        assert record.failure == (Failure(kind="ValueError", message="no", where="a.py:1", step="toss") if n % 7 == 3 else None)
    assert reader.provenance(1) == Provenance(python="3.11", argv=("xrun",))
    return records


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("opener", [stores.open, stores.read])
def test_a_golden_store_of_every_format_opens(golden, version, opener):
    path = golden(version)
    store = opener(path)
    check(store)
    store.close()
    store = stores.open(path)
    assert store.begin("coins", 5.0) > 1
    store.close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


@pytest.mark.parametrize("version", FORMATS)
def test_a_golden_store_whose_header_is_gone_is_saved_whole(golden, tmp_path, version):
    path = golden(version)
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    with pytest.raises(StoreError, match="xrun doctor --repair"):
        stores.read(path)
    assert salvage.save(path, tmp_path / "new.db") == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.db", "xrun.db"]
    reader = stores.read(tmp_path / "new.db")
    check(reader)
    reader.close()


def test_format_1_knows_which_runs_are_shared_and_nothing_of_metrics(golden):
    reader = stores.read(golden(1))
    records = check(reader)
    assert len(list(reader.records("other"))) == 6
    assert {record.kwargs_json for record in records.values()} == {"{}"}
    assert reader.summaries(list(records)) == {}
    assert [(name, sum(counts.values())) for name, counts, _ in reader.experiments()] == [("other", 6), ("coins", 25)]
    reader.close()


def test_format_2_keeps_what_runs_logged(golden):
    reader = stores.read(golden(2))
    records = check(reader)
    ids = list(records)
    assert records[ids[11]].kwargs == {"P": 0.8, "K": 1}
    assert records[ids[11]].logged == {"lr": 0.1}
    loss = reader.summaries(ids)[ids[11]]["loss"]
    assert (loss.count, loss.min, loss.last_step) == (10, 1.1, 9)
    ((steps, values, _),) = reader.points(ids[11], "acc")
    assert (list(steps), struct.pack(">d", values[1]).hex()) == ([3, 1], "8000000000000000")
    assert reader.tables(ids[11]) == {"t": [{"a": [11, None]}]}
    assert reader.artifacts(ids)[ids[11]][0].size == 11
    assert [text for _, text in reader.output(ids[11], "stdout")] == ["line 11 \u20ac\n"]
    assert [child.name for child in reader.children(ids[10])] == ["part"]
    reader.close()


def test_a_copy_of_the_old_store_is_kept(golden, tmp_path):
    path = golden(1)
    before = sqlite3.connect(path)
    rows = before.execute("SELECT * FROM run ORDER BY seq").fetchall()
    before.close()
    stores.open(path).close()
    copy = sqlite3.connect(tmp_path / "xrun.db.v1.bak")
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert copy.execute("SELECT * FROM run ORDER BY seq").fetchall() == rows
    copy.close()
    stores.open(path).close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["xrun.db", "xrun.db.v1.bak"]


def test_what_a_killed_writer_of_the_old_format_committed_is_migrated_and_copied(golden, tmp_path):
    path = golden(1)
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("PRAGMA journal_mode=WAL")
    old.execute("PRAGMA wal_autocheckpoint=0")
    old.execute("UPDATE run SET fields = '{\"x\":1}' WHERE seq = 1")
    (tmp_path / "killed").mkdir()
    for name in ("xrun.db", "xrun.db-wal"):
        (tmp_path / "killed" / name).write_bytes((tmp_path / name).read_bytes())
    old.close()
    store = stores.open(tmp_path / "killed" / "xrun.db")
    assert next(store.records()).fields == {"x": 1}
    store.close()
    copy = sqlite3.connect(tmp_path / "killed" / "xrun.db.v1.bak")
    assert copy.execute("SELECT fields FROM run WHERE seq = 1").fetchone() == ('{"x":1}',)
    copy.close()


def test_no_room_for_the_copy_leaves_the_old_store_as_it_is(golden, tmp_path, monkeypatch):
    path = golden(1)
    before = path.read_bytes()
    (tmp_path / "xrun.db.v1.bak").mkdir()  # in the way of the copy
    with pytest.raises(StoreError, match="no copy of it can be written to"):
        stores.open(path)
    (tmp_path / "xrun.db.v1.bak").rmdir()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()
    assert len(before) == path.stat().st_size
    stores.open(path).close()


def test_a_migration_that_fails_changes_nothing(golden, tmp_path, monkeypatch):
    path = golden(1)
    broken = (MIGRATIONS[0], (*MIGRATIONS[1], "ALTER TABLE nowhere ADD COLUMN x"))
    monkeypatch.setattr("runner.stores.migrate.MIGRATIONS", broken)
    with pytest.raises(StoreError, match="nowhere"):
        stores.open(path)
    monkeypatch.undo()
    store = stores.open(path)
    check(store)
    store.close()


OPENING = """
from pathlib import Path
from runner import stores
path = Path({path!r})
store = stores.open(path)
store.begin("coins", 1.0)
assert sum(1 for _ in store.records()) == 30
store.close()
reader = stores.read(path)
assert sum(1 for _ in reader.records()) == 30
reader.close()
"""


@pytest.mark.parametrize("version", [0, 1])
def test_of_thirty_that_open_it_at_once_one_migrates_and_thirty_work(golden, tmp_path, together, version):
    path = tmp_path / "xrun.db"
    code = OPENING.format(path=str(path))
    if version:
        golden(version)
    else:
        code = code.replace("== 30", "== 0")
    assert together(30, code) == [0] * 30
    store = stores.open(path)
    assert store.begin("coins", 1.0) == 31 + 2 * version
    store.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["xrun.db", "xrun.db.v1.bak"][: 1 + version]
