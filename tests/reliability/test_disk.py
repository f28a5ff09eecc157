"""Disks that are full (F10), that fail (F11), folders that cannot be written, stores that are none."""

import shutil
import sqlite3

import pytest

from runner import stores


def small(project, runs=600, **more):
    project.experiment("sweep", f'{{n: "range(0,{runs})"}}', **more)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("when", [3, 14, 40])
def test_a_full_disk_ends_it_with_a_sentence_and_keeps_what_was_committed(project, when):
    small(project, kwargs={"wait": 0.002})
    assert project.run("+experiment=sweep", "params.n=0")[0] == 0
    prefix = ("strace", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", f"inject=pwrite64:error=ENOSPC:when={when}+")
    process = project.start("+experiment=sweep", "--on-disk-full=exit", "--workspace", str(project.root / "space"), prefix=prefix)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 74, err
    assert "full" in err
    assert "Traceback" not in err
    rows = project.assert_ok()
    assert all(status == "COMPLETED" for _, status, _ in rows.values())
    assert project.run("+experiment=sweep")[0] == 0
    assert len(project.assert_ok(rows)) == 600


FAULTS = [
    ("pwrite64:error=ENOSPC:when=20+", "short"),
    ("pwrite64:error=ENOSPC:when=31", "short"),
    ("fdatasync:error=EIO:when=5+", "short"),
    ("fdatasync:error=EIO:when=5", "short"),
    *((f"pwrite64:error=ENOSPC:when={when}+", "long") for when in range(4, 64, 3)),  # F10: 20 values
    *((f"fdatasync:error=EIO:when={when}", "long") for when in range(3, 13)),  # F11: 10 values, the failure of one fsync
    *((f"pwrite64:error=EIO:when={when}", "long") for when in range(4, 44, 4)),
]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("fault", [pytest.param(fault, marks=[pytest.mark.soak] if form == "long" else []) for fault, form in FAULTS])
def test_what_is_acknowledged_is_what_is_stored_however_writing_fails(project, fault):
    """F10, F11: a write or an fsync that fails is the end of this invocation, and nothing is said to be there that is not."""
    path = project.root / "store"
    stores.open(path).close()  # so that it is the records which meet the fault
    call = fault.partition(":")[0]
    prefix = ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}")
    done = project.drive(path, 900, 0.002, prefix=prefix)
    acked = done.stdout.split()
    assert done.returncode == 74 or len(acked) == 900, done.stderr  # the fault may have met the last checkpoint, which loses nothing
    db = sqlite3.connect(path)
    stored = [row[0] for row in db.execute("SELECT id_run FROM run ORDER BY seq")]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert acked == stored[: len(acked)]
    if "ENOSPC" in fault:
        assert acked == stored  # after a failed fsync more may be there than the kernel said
    project.assert_none_alive()
    assert project.drive(path, 900).returncode == 0


def spoil_with_a_file(project):
    (project.root / "space").mkdir()
    (project.root / "space" / ".xrun").write_text("in the way")


def spoil_with_no_database(project):
    (project.root / "space" / ".xrun").mkdir(parents=True)
    project.store.write_text("no database " * 1000)


def spoil_with_a_newer_one(project):
    (project.root / "space" / ".xrun").mkdir(parents=True)
    db = sqlite3.connect(project.store)
    db.executescript("CREATE TABLE t (x); PRAGMA application_id=2020767086; PRAGMA user_version=99;")
    db.close()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(spoil_with_a_file, "--workspace"), (spoil_with_no_database, "not a database"), (spoil_with_a_newer_one, "newer xrun")],
)
def test_a_store_that_cannot_be_used_is_told_in_a_sentence(project, spoil, word):
    small(project)
    spoil(project)
    code, _, err = project.run("+experiment=sweep")
    assert code == 74
    assert word in err
    assert len(err.strip().splitlines()) == 1
    project.assert_none_alive()
