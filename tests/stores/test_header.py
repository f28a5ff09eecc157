"""F15: each of the first 100 bytes of a store, changed: who opens it works or names `xrun doctor --repair`, which saves all rows."""

import shutil
import sqlite3
import warnings

import pytest

from runner import stores
from runner.errors import StoreError
from runner.stores import damage, header, salvage
from runner.stores.damage import DamageWarning


@pytest.fixture(scope="module")
def whole(tmp_path_factory, filled):
    path = tmp_path_factory.mktemp("whole") / "xrun.db"
    epoch = filled.fill(path)
    return path, records(path), epoch, filled


def records(path, experiment="e"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        reader = stores.read(path)
        try:
            return list(reader.records(experiment))
        finally:
            reader.close()


def changed(path, target, place, mask):
    data = bytearray(path.read_bytes())
    data[place] ^= mask
    target.write_bytes(data)
    return bytes(data)


def told_or_right(act, oracle):
    """Works, and then rightly, or is refused in a sentence that names the repair."""
    try:
        found = act()
    except StoreError as error:
        told = str(error)
    else:
        assert found is None or found == oracle
        return True
    assert "xrun doctor --repair" in told
    assert "\n" not in told
    return False


def write(path, filled):
    store = stores.open(path)
    try:
        store.append([filled.a_record("e", 1)])
    finally:
        store.close()


@pytest.mark.parametrize("mask", [0xFF, pytest.param(0x01), pytest.param(0x02), pytest.param(0x10, marks=pytest.mark.soak)])
@pytest.mark.parametrize("small", [True, False])
def test_any_changed_byte_of_the_header_is_harmless_or_told_with_what_mends_it(whole, tmp_path, monkeypatch, mask, small):
    path, oracle, _, filled = whole
    if not small:
        monkeypatch.setattr(damage, "SMALL_BYTES", 0)  # as in a store too large to be checked when it is opened
    target, refused = tmp_path / "xrun.db", []
    for place in range(100):
        changed(path, target, place, mask)
        if not told_or_right(lambda: records(target), oracle):
            refused.append(place)
        if told_or_right(lambda: write(target, filled), None):  # noqa: B023 - called at once
            assert {r.id_run for r in oracle} <= {r.id_run for r in records(target)}, place
    assert {*range(16), 21, 22, 23, *range(68, 72)} <= {*refused}


@pytest.mark.parametrize("mask", [0xFF, 0x02, pytest.param(0x01, marks=pytest.mark.soak)])
def test_whatever_byte_of_the_header_changed_every_row_is_saved(whole, tmp_path, mask):
    path, oracle, *_ = whole
    for place in range(100):
        changed(path, tmp_path / "xrun.db", place, mask)
        new = tmp_path / f"new-{place}"
        assert salvage.save(tmp_path / "xrun.db", new) == 0, place
        assert records(new) == oracle, place
        new.unlink()


def test_a_header_of_zeros_or_noise_costs_no_row(whole, tmp_path):
    path, oracle, *_ = whole
    for number, head in enumerate((bytes(100), b"\xff" * 100, b"no database".ljust(100))):
        (tmp_path / "xrun.db").write_bytes(head + path.read_bytes()[100:])
        assert salvage.save(tmp_path / "xrun.db", tmp_path / f"new-{number}") == 0
        assert records(tmp_path / f"new-{number}") == oracle


@pytest.mark.parametrize("size", [512, 1024, 8192, 65536])
def test_the_page_size_is_found_out_from_the_file(whole, tmp_path, size):
    path, oracle, *_ = whole
    shutil.copy(path, tmp_path / "xrun.db")
    db = sqlite3.connect(tmp_path / "xrun.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=DELETE")
    db.execute(f"PRAGMA page_size={size}")
    db.execute("VACUUM")
    db.close()
    (tmp_path / "xrun.db").write_bytes(bytes(100) + (tmp_path / "xrun.db").read_bytes()[100:])
    assert salvage.save(tmp_path / "xrun.db", tmp_path / "new") == 0
    assert records(tmp_path / "new") == oracle


def test_what_stands_in_the_wal_is_saved_under_a_damaged_header(whole, tmp_path):
    path, oracle, _, filled = whole
    shutil.copy(path, tmp_path / "live.db")
    store = stores.open(tmp_path / "live.db")
    store.append([filled.a_record("ffffffff-0000-8000-8000-000000000000", 1)])
    for place in (0, 16, 18, 20, 59, 63, 71):
        shutil.copy(tmp_path / "live.db-wal", tmp_path / "xrun.db-wal")
        changed(tmp_path / "live.db", tmp_path / "xrun.db", place, 0xFF)
        new = tmp_path / f"new-{place}"
        assert salvage.save(tmp_path / "xrun.db", new) == 0
        assert len(records(new)) == len(oracle) + 1
    store.close()


def test_a_store_that_was_just_made_is_no_damaged_one(tmp_path, filled):
    store = stores.open(tmp_path / "xrun.db")
    assert records(tmp_path / "xrun.db") == []
    store.close()
    again = stores.open(tmp_path / "xrun.db")
    again.append([filled.a_record("ffffffff-0000-8000-8000-000000000000", 1)])
    again.close()
    assert len(records(tmp_path / "xrun.db", None)) == 1


def test_a_store_that_is_in_its_wal_alone_is_saved(tmp_path, filled):
    store = stores.open(tmp_path / "live.db")
    store.append([filled.a_record("ffffffff-0000-8000-8000-000000000000", 1)])
    shutil.copy(tmp_path / "live.db-wal", tmp_path / "xrun.db-wal")
    changed(tmp_path / "live.db", tmp_path / "xrun.db", 0, 0xFF)
    store.close()
    assert (tmp_path / "xrun.db").stat().st_size <= 4096
    assert header.looks_like_one(tmp_path / "xrun.db")
    assert salvage.save(tmp_path / "xrun.db", tmp_path / "new") == 0
    assert len(records(tmp_path / "new", None)) == 1


def test_a_newer_format_and_somebody_elses_database_are_told_as_that(whole, tmp_path):
    shutil.copy(whole[0], tmp_path / "newer.db")
    db = sqlite3.connect(tmp_path / "newer.db")
    db.execute("ALTER TABLE run ADD COLUMN extra TEXT")
    db.execute("PRAGMA user_version=3")
    db.commit()
    db.close()
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE run (a)")
    other.commit()
    other.close()
    for name, words in (("newer.db", "written by a newer xrun"), ("other.db", "is not a store of xrun")):
        for act in (stores.read, stores.open):
            with pytest.raises(StoreError, match=words):
                act(tmp_path / name)


def test_what_holds_no_tables_of_ours_has_nothing_to_save(tmp_path):
    (tmp_path / "xrun.db").write_bytes(b"no database" * 1000)
    assert not header.looks_like_one(tmp_path / "xrun.db")
    with pytest.raises(StoreError):
        salvage.save(tmp_path / "xrun.db", tmp_path / "new")
