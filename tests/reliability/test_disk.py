"""Disks that are full, folders that cannot be written, stores that are none."""

import shutil
import sqlite3
import subprocess
import sys

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


ACKED = """
import sys
from pathlib import Path
from runner import executors, plan, stores
from runner.errors import StoreError
from runner.execute import execute
from runner.spec import Axis, ExecutorSpec, Experiment, Grid, Step, Variant
from runner.worker import Job
root = Path.cwd()
steps = (Step(call="work.step", name="step"),)
grids = (Grid(factors=(Axis(name="n", values=tuple(range(400))),)),)
experiment = Experiment(name="e", steps=steps, variants=(Variant(kwargs={"wait": 0.001}, grids=grids),), root=root, yaml="")
executor = executors.EXECUTORS["local"](ExecutorSpec(workers=2))
planned = plan.expand(experiment, executor.inspect(experiment).code)
executor.start(Job(experiment="e", root=root, steps=steps, scopes=planned.scopes, folders=root))
store = stores.open(Path(sys.argv[1]))
try:
    for record in execute(planned, executor, store, wait_if_full=False):
        print(record.id_run, flush=True)
except StoreError as error:
    sys.exit(74)
finally:
    store.close()
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(
    "fault",
    ["pwrite64:error=ENOSPC:when=20+", "pwrite64:error=ENOSPC:when=31", "fdatasync:error=EIO:when=5+", "fdatasync:error=EIO:when=5"],
)
def test_what_is_acknowledged_is_what_is_stored_however_writing_fails(project, fault):
    path = project.root / "store"
    stores.open(path).close()  # so that it is the records which meet the fault
    (project.root / "drive.py").write_text(ACKED)
    call = fault.partition(":")[0]
    done = subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}", sys.executable, "drive.py", str(path)],
        cwd=project.root, env=project.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 74, done.stderr
    acked = done.stdout.split()
    db = sqlite3.connect(path)
    stored = [row[0] for row in db.execute("SELECT id_run FROM run ORDER BY seq")]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert acked == stored[: len(acked)]
    if call == "pwrite64":
        assert acked == stored  # after a failed fsync more may be there than the kernel said
    project.assert_none_alive()


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
