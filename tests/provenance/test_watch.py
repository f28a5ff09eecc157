"""Whether declared data stays what it was, and what of it identifies a run."""

import hashlib
import os
import time

import pytest

from runner.provenance import data, hashing
from runner.record import DataStatus


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def old(monkeypatch):
    """The clock is ten seconds ahead, so that what is written now is settled."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10**10)


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "sub/b"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(name)
    (tmp_path / "one.csv").write_text("x\n")
    return tmp_path


ENTRIES = ("data", "one.csv")


def watched(root):
    watch = data.Watch(root, ENTRIES)
    return watch, data.states(root, ENTRIES)


def test_what_is_left_alone_has_not_changed(folder, old):
    watch, states = watched(folder)
    before = watch.until
    assert watch.changed(states) == ()
    assert watch.until > before
    assert watch.seen == data.look(folder, ENTRIES)


CHANGES = {
    "an edit": lambda root: (root / "one.csv").write_text("y\n"),
    "an edit in a folder": lambda root: (root / "data/sub/b").write_text("b"),
    "another file": lambda root: (root / "data/new").write_text(""),
    "one less": lambda root: (root / "data/a").unlink(),
    "another name": lambda root: (root / "data/a").rename(root / "data/c"),
    "nothing left": lambda root: (root / "one.csv").unlink(),
    "another file in its place": lambda root: ((root / "n").write_text("z\n"), (root / "n").replace(root / "one.csv")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changes_are_seen(what, folder, old):
    watch, states = watched(folder)
    before = watch.until
    CHANGES[what](folder)
    assert watch.changed(states) == (("one.csv",) if what in ("an edit", "nothing left", "another file in its place") else ("data",))
    assert watch.until == before


def test_an_edit_of_the_same_length_with_its_time_put_back_is_seen_every_time(folder, old):
    file = folder / "one.csv"
    for n in range(20):
        watch, states = watched(folder)
        info = file.stat()
        file.write_text(f"{'xy'[n % 2 == 0]}\n")
        os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
        assert watch.changed(states) == ("one.csv",), n


def test_an_edit_that_stat_cannot_tell_is_seen_where_the_file_was_young(folder, monkeypatch):
    watch, states = watched(folder)
    monkeypatch.setattr(hashing, "look", lambda *_: watch._looks["one.csv"][:2])  # as a coarse clock would
    (folder / "one.csv").write_text("y\n")
    assert "one.csv" in watch.changed(states)


def test_a_touch_is_no_change(folder, old):
    watch, states = watched(folder)
    os.utime(folder / "one.csv")
    os.utime(folder / "data/a")
    assert watch.changed(states) == ()
    assert watch.seen != data.look(folder, ENTRIES), "but what is seen is not what it was"


def test_line_ends_count_for_identity_whatever_dvc_2_made_of_them(tmp_path):
    """DVC before 3.0 hashes text as if its line ends were `\\n`; a step may well read the difference."""
    (tmp_path / "d.csv.dvc").write_text(f"outs:\n- md5: {md5(b'a' + bytes([10]) + b'b')}\n  path: d.csv\n")
    (tmp_path / "d.csv").write_bytes(b"a\nb")
    (unix,) = data.states(tmp_path, ("d.csv",))
    (tmp_path / "d.csv").write_bytes(b"a\r\nb")
    (dos,) = data.states(tmp_path, ("d.csv",))
    assert (unix.status, dos.status) == (DataStatus.CLEAN, DataStatus.CLEAN), "as DVC 2 says"
    assert (unix.actual, dos.actual) == (md5(b"a\nb"), md5(b"a\r\nb"))
    assert unix.actual == unix.recorded
