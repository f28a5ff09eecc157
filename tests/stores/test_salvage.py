"""F15: what is intact in a damaged store comes over into a new one, exactly; the rest is left out."""

import random
import sqlite3
import warnings

import pytest

from runner import stores
from runner.errors import StoreError, XrunError
from runner.stores import salvage, scanning
from runner.stores.damage import DamageWarning


class Problems(list):
    kinds = (XrunError,)
    __call__ = list.append


@pytest.fixture(scope="module")
def whole(tmp_path_factory, filled):
    path = tmp_path_factory.mktemp("whole") / "xrun.db"
    return path, filled.fill(path), filled


def shown(path, epoch, filled):
    reader = stores.read(path)
    try:
        return {key: repr(value) for key, value in filled.shown(reader, epoch, Problems()).items()}
    finally:
        reader.close()


def test_of_a_whole_store_everything_comes_over(whole, tmp_path):
    path, epoch, filled = whole
    assert salvage.save(path, tmp_path / "new") == 0
    assert shown(tmp_path / "new", epoch, filled) == shown(path, epoch, filled)


def test_no_table_is_forgotten(whole):
    db = sqlite3.connect(whole[0])
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables - {"seal"} == set(scanning.TABLES)
    without = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID'")}
    assert without == set(scanning.WITHOUT_ROWID)
    db.close()


def rounds(whole, tmp_path, dice, count):
    """Spoil up to 64 bytes at a random place, and save; how many runs were saved each time."""
    path, epoch, filled = whole
    oracle, saved = shown(path, epoch, filled), []
    for number in range(count):
        data = bytearray(path.read_bytes())
        place, length = dice.randrange(4096, len(data)), dice.randrange(1, 64)
        data[place : place + length] = dice.randbytes(len(data[place : place + length]))
        (tmp_path / "xrun.db").write_bytes(data)
        new = tmp_path / f"new-{number}"
        try:
            lost = salvage.save(tmp_path / "xrun.db", new)
        except XrunError:  # the schema: nothing can be read
            continue
        db = sqlite3.connect(new)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), f"{length} bytes at {place}"
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.close()
        with warnings.catch_warnings():
            warnings.simplefilter("error", DamageWarning)
            found = shown(new, epoch, filled)
        empty = (repr("[]"), "[]", "{}", "None")
        wrong = [
            key
            for key, text in found.items()
            if text != oracle.get(key) and text not in empty and key[0] not in ("summary", "artifacts", "last")
        ]
        assert not wrong, f"{length} bytes at {place}: {wrong}"
        whole_runs = [key[1] for key in found if key[0] == "record"]
        torn = [i for i in whole_runs if found.get(("summary", i)) != oracle[("summary", i)] and found["points", i, "loss"] in empty]
        assert lost or not torn, f"{length} bytes at {place}: {torn}"
        records = sum(key[0] == "record" for key in found)
        assert lost or records == filled.RUNS or place > 0
        saved.append(records)
    return saved


@pytest.mark.forms(count=(60, 500))
def test_only_what_is_intact_comes_over_and_most_does(whole, tmp_path, count):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    saved = rounds(whole, tmp_path, random.Random(seed), count)
    assert len(saved) >= 0.8 * count
    assert sum(saved) > 0.9 * len(saved) * 40


@pytest.mark.parametrize("change", [("id_run TEXT", "id_rtn TEXT"), ("id INTEGER PRIMARY", "id IFTEGER PRIMARY"), ("BEGIN\n", "BEGAN\n")])
def test_a_damaged_definition_is_mended(whole, tmp_path, change):
    path, epoch, filled = whole
    data = path.read_bytes()
    assert change[0].encode() in data
    (tmp_path / "xrun.db").write_bytes(data.replace(*(text.encode() for text in change)))
    with pytest.raises(StoreError, match="xrun doctor --repair"):
        stores.open(tmp_path / "xrun.db")
    assert salvage.save(tmp_path / "xrun.db", tmp_path / "new") == 0
    assert shown(tmp_path / "new", epoch, filled) == shown(path, epoch, filled)


def test_numbers_of_invocations_are_never_given_twice(whole, tmp_path):
    path, epoch, _ = whole
    (tmp_path / "xrun.db").write_bytes(path.read_bytes())
    db = sqlite3.connect(tmp_path / "xrun.db")
    db.execute("UPDATE epoch SET started = 7")
    db.commit()
    db.close()
    assert salvage.save(tmp_path / "xrun.db", tmp_path / "new") == 1
    store = stores.open(tmp_path / "new")
    assert store.provenance(epoch) is None
    assert [name for name, _, _ in store.experiments()] == ["e"]
    assert store.begin("e", 9.0) == epoch + 1
    store.close()


def test_what_a_killed_attempt_left_does_not_come_over(whole, tmp_path):
    path, _, filled = whole
    (tmp_path / "xrun.db").write_bytes(path.read_bytes())
    db = sqlite3.connect(tmp_path / "xrun.db")
    db.execute("UPDATE attempt SET live = 1, id_run = 'nobody' WHERE id = 1")
    db.commit()
    db.close()
    salvage.save(tmp_path / "xrun.db", tmp_path / "new")
    db = sqlite3.connect(tmp_path / "new")
    assert db.execute("SELECT count(*) FROM attempt").fetchone() == (filled.RUNS - 1,)
    db.close()
