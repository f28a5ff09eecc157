"""F15, F16: a byte that a disk has changed, a file that was cut: never shown as a result, no traceback, never what others hide behind."""

import random
import shutil
import sqlite3
import warnings
from pathlib import Path

import pytest

from runner import stores
from runner.errors import StoreError, XrunError
from runner.stores import damage
from runner.stores.damage import DamageWarning


class Problems(list):
    kinds = (XrunError,)

    def __call__(self, error):
        self.append(str(error))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, filled):
    """A store, its epoch, and all that a reader shows of it."""
    path = tmp_path_factory.mktemp("whole") / "xrun.db"
    epoch = filled.fill(path)
    return path, epoch, look(path, epoch, filled)[0], filled


def look(path, epoch, filled):
    """What a reader shows, and what it complains of."""
    problems = Problems()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            reader = stores.read(path)
        except XrunError as error:
            return {}, [str(error)]
        try:
            found = filled.shown(reader, epoch, problems)
        finally:
            reader.close()
    assert {warning.category for warning in caught} <= {DamageWarning}
    return found, [*problems, *(str(warning.message) for warning in caught)]


def check(path, whole, *, complete):
    """Nothing is shown that was not written; what is missing is reported."""
    _, epoch, oracle, filled = whole
    found, problems = look(path, epoch, filled)
    for key, value in found.items():
        partly = key[0] in ("tables", "output", "lookup", "points") and value in ([], {}, "[]")
        if repr(value) != repr(oracle.get(key)) and not partly:
            whole_of_run = key[0] in ("summary", "artifacts") and all(part in oracle[key] for part in value)
            assert whole_of_run or (key == ("provenance",) and value is None), f"{key}: {value!r}"
            assert problems, key
    if complete and (missing := [key for key in oracle if repr(found.get(key)) != repr(oracle[key])]):
        assert problems, missing
    return len(problems)


def flip(source, target, position, bit):
    data = bytearray(source.read_bytes())
    data[position] ^= 1 << bit
    target.write_bytes(data)


def flips(whole, tmp_path, dice, count, *, complete=True):
    path, _, _, filled = whole
    size, reported = path.stat().st_size, 0
    for number in range(count):
        position, bit = dice.randrange(size), dice.randrange(8)
        flip(path, tmp_path / "xrun.db", position, bit)
        try:
            reported += bool(check(tmp_path / "xrun.db", whole, complete=complete))
            writable(tmp_path / "xrun.db", filled)
        except BaseException:
            print(f"flip {number}: bit {bit} of byte {position}, page {position // 4096 + 1}")
            raise
    return reported


def writable(path, filled):
    """A writer refuses it with a sentence, or works."""
    try:
        store = stores.open(path)
    except XrunError:
        return
    try:
        store.append([filled.a_record("e", 1)])
    except XrunError:
        pass
    finally:
        store.close()


@pytest.mark.forms(count=(200, 3_000))
def test_a_flipped_byte_is_never_shown_as_a_result(whole, tmp_path, count):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    reported = flips(whole, tmp_path, random.Random(seed), count)
    assert reported > count / 5


@pytest.mark.forms(count=(200, 3_000))
def test_what_a_flipped_byte_changes_is_found_out_by_the_checksums_alone(whole, tmp_path, monkeypatch, count):
    monkeypatch.setattr(damage, "SMALL_BYTES", 0)  # as in a store too large to be checked when it is opened
    assert flips(whole, tmp_path, random.Random(1), count, complete=False) > count / 10


@pytest.mark.parametrize("step", [pytest.param(512, marks=pytest.mark.soak), 2560])
def test_a_file_that_was_cut_is_never_shown_as_whole(whole, tmp_path, step):
    path, epoch, oracle, filled = whole
    data = path.read_bytes()
    for length in range(0, len(data), step):
        (tmp_path / "xrun.db").write_bytes(data[:length])
        found, problems = look(tmp_path / "xrun.db", epoch, filled)
        assert problems, length
        assert all(repr(value) == repr(oracle[key]) for key, value in found.items() if value), length
        writable(tmp_path / "xrun.db", filled)


TEXTS = ["id_run", "experiment", "status", "params", "fields", "tags", "logged", "failure", "name"]


def spoil(path, statement):
    """Change a row behind the back of its checksum."""
    db = sqlite3.connect(path)
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    assert db.execute(statement).rowcount > 0
    for _, sql in triggers:
        db.execute(sql)
    db.commit()
    db.close()


@pytest.mark.parametrize(
    "column", [*TEXTS, "parent", "seed", "attempt", "started", "seconds", "epoch", "cpu_seconds", "troubles", "kwargs", "crc"]
)
def test_a_change_of_any_column_is_a_damaged_run_which_hides_no_other(whole, tmp_path, column):
    path, _, _, filled = whole
    shutil.copy(path, tmp_path / "xrun.db")
    value = "x'41ff42'" if column in TEXTS else 4
    spoil(tmp_path / "xrun.db", f"UPDATE run SET {column} = {value} WHERE seq = 11")
    reader = stores.read(tmp_path / "xrun.db")
    damaged = f"{10:08x}-0000-8000-8000-000000000000"
    with pytest.warns(DamageWarning, match="xrun doctor --repair"):
        records = list(reader.records("e" if column != "experiment" else None))
    assert len(records) == filled.RUNS - 1
    assert damaged not in {record.id_run for record in records}
    if column != "id_run":
        with pytest.warns(DamageWarning, match=damaged):
            assert reader.find([damaged]) == {}
        with pytest.warns(DamageWarning, match=damaged):
            assert reader.results([damaged]) == {}
        with pytest.raises(StoreError, match=f"run {damaged}; `xrun doctor --repair`"):
            reader.lookup(damaged)
    reader.close()


def test_a_damaged_run_that_is_executed_again_is_whole_again(whole, tmp_path):
    path, _, _, filled = whole
    shutil.copy(path, tmp_path / "xrun.db")
    spoil(tmp_path / "xrun.db", "UPDATE run SET fields = '{}' WHERE seq = 11")
    store = stores.open(tmp_path / "xrun.db")
    damaged = f"{10:08x}-0000-8000-8000-000000000000"
    with pytest.warns(DamageWarning):
        assert store.find([damaged]) == {}
    again = filled.a_record(damaged, 10, epoch=2)
    store.append([again])
    assert store.find([damaged]) == {damaged: again}
    store.close()


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("UPDATE points SET vals = zeroblob(160) WHERE id = 1", lambda r, i: list(r.points(i, "loss"))),
        ("UPDATE points SET series = 1 WHERE series = 3", lambda r, i: list(r.points(i, "loss"))),
        ("UPDATE part SET columns = '{}'", lambda r, i: r.tables(i)),
        ("UPDATE output SET text = 'x'", lambda r, i: list(r.output(i, "stdout"))),
    ],
)
def test_damage_of_what_one_run_logged_is_told_with_its_id(whole, tmp_path, statement, call):
    path = whole[0]
    shutil.copy(path, tmp_path / "xrun.db")
    spoil(tmp_path / "xrun.db", statement)
    reader = stores.read(tmp_path / "xrun.db")
    with pytest.raises(StoreError, match="of run 00000000-0000-8000-8000-000000000000; `xrun doctor --repair`"):
        call(reader, "00000000-0000-8000-8000-000000000000")
    reader.close()


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("UPDATE series SET max = 2 WHERE id = 1", lambda r, ids: r.summaries(ids)),
        ("UPDATE artifact SET sha256 = 'x' WHERE attempt = 1", lambda r, ids: r.artifacts(ids)),
    ],
)
def test_damaged_metrics_and_files_hide_no_others(whole, tmp_path, statement, call):
    path = whole[0]
    shutil.copy(path, tmp_path / "xrun.db")
    spoil(tmp_path / "xrun.db", statement)
    ids = [f"{n:08x}-0000-8000-8000-000000000000" for n in range(3)]
    reader = stores.read(tmp_path / "xrun.db")
    with pytest.warns(DamageWarning, match=ids[0]):
        found = call(reader, ids)
    assert set(ids[1:]) <= set(found)
    reader.close()


def test_a_large_store_is_checked_before_it_is_written_when_its_writer_was_killed(whole, tmp_path, monkeypatch):
    path = whole[0]
    monkeypatch.setattr(damage, "SMALL_BYTES", 0)
    target = tmp_path / "xrun.db"
    data = bytearray(path.read_bytes())
    pages = [n for n in range(1, len(data) // 4096) if data[n * 4096] == 13]  # leaves of tables
    data[pages[0] * 4096 + 3] = 0  # the page says that it holds nothing
    data[pages[0] * 4096 + 4] = 0
    target.write_bytes(data)
    stores.open(target).close()
    Path(f"{target}-wal").write_bytes(b"left behind")
    with pytest.raises(StoreError, match=r"is damaged .*xrun doctor --repair"):
        stores.open(target)
