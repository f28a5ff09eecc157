"""F24: declared data that is changed while a sweep reads it: what came after the change is no cached result."""

import os
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.waiting import until

RUN = "+experiment=squares"

STEPS = """
    import time
    from pathlib import Path


    def square(x: int, gate: str, scale: float = 1.0) -> dict:
        text = Path("data.csv").read_text()
        Path(gate, f"began{x}").touch()
        while not Path(gate, "go").exists():
            time.sleep(0.01)
        return {"text": text}
    """


@pytest.fixture
def gate(tmp_path_factory):
    return tmp_path_factory.mktemp("gate")


@pytest.fixture
def sweep(project, gate):
    """sweep(change): a sweep during whose first run `change` happens; what it printed."""
    project.write("steps.py", STEPS)
    project.write("data.csv", "old\n")
    project.edit("conf/experiment/squares.yaml", "{scale: 1.0}", f"{{scale: 1.0, gate: {gate}}}\ndata: [data.csv]")
    past = time.time() - 60
    os.utime(project.root / "data.csv", (past, past))

    def run(change):
        process = project.start(RUN, "executor.workers=1")
        until(lambda: any(gate.glob("began*")) or process.poll() is not None)
        change(process)
        (gate / "go").touch()
        out, err = process.communicate(timeout=60)
        for file in gate.iterdir():
            file.unlink()
        return err + out

    return run


def test_a_change_is_told_and_its_results_do_not_count(project, sweep):
    told = sweep(lambda _: project.write("data.csv", "new\n"))
    assert "warning: data.csv changed while the runs executed" in told
    project.write("data.csv", "old\n")
    assert project.plan() == [("changed", "data: data.csv changed while it ran")] * 3
    told = sweep(lambda _: None)
    assert "cached" not in told.splitlines()[-2]
    assert {run["fields"]["text"] for run in project.runs()} == {"old\n"}
    assert project.plan() == [("cached", "")] * 3


def test_a_change_of_the_same_length_with_its_time_put_back_is_seen(project, sweep):
    file = project.root / "data.csv"
    before = file.stat()

    def change(_):
        file.write_text("new\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "data.csv changed while the runs executed" in sweep(change)


def test_a_touch_is_no_change(project, sweep):
    told = sweep(lambda _: (project.root / "data.csv").touch())
    assert "changed while" not in told
    assert project.plan() == [("cached", "")] * 3


def test_what_a_killed_sweep_has_finished_counts_as_long_as_the_data_is_not_touched(project, sweep, gate):
    project.edit("steps.py", "while not", "while (x == 2 and not")
    project.edit("steps.py", '"go").exists()', '"go").exists()) or x == 3')

    def kill(process):
        until(lambda: completed(project) == 1)  # and the data is looked at
        (gate / "go").touch()
        until(lambda: completed(project) == 2)
        os.kill(process.pid, signal.SIGKILL)

    sweep(kill)
    assert [state for state, _ in project.plan()] == ["cached", "cached", "new"]
    with closing(sqlite3.connect(project.root / ".xrun" / "xrun.db")) as db:
        (seen,) = db.execute("SELECT until FROM held").fetchone()
    if seen >= max(run["started"] + run["seconds"] for run in project.runs()):
        pytest.skip("the machine was so busy that the data was looked at once more before the kill")
    project.write("data.csv", "new\n")
    project.write("data.csv", "old\n")
    assert [state for state, _ in project.plan()] == ["cached", "changed", "new"], "nobody can say when it was changed"


def completed(project):
    try:
        with closing(sqlite3.connect(f"{(project.root / '.xrun' / 'xrun.db').as_uri()}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM run WHERE status = 'COMPLETED'").fetchone()[0]
    except sqlite3.OperationalError:  # it is being made
        return 0
