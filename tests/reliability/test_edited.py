"""F21: code that is edited while a sweep runs: no result of the new code under the identity of the old one."""

import os
import signal

import pytest

STEP = """
import os, time
from pathlib import Path
import helper
LOG = os.open(Path(__file__).with_name("pids"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
GATE = Path(__file__).with_name("gate")
def step(n):
    os.write(LOG, f"{os.getpid()}\\n".encode())
    while n >= HALF and not GATE.exists():
        time.sleep(0.01)
    return {"value": helper.FACTOR * n}
"""


def kinds(project):
    """Of failures."""
    return {kind for (kind,) in project.query("SELECT DISTINCT json_extract(failure, '$.kind') FROM run WHERE failure IS NOT NULL")}


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
@pytest.mark.forms(runs=(600, 2_000))
def test_after_an_edit_halfway_new_workers_store_nothing_of_the_new_code_under_the_old_identity(project, start, runs):
    """A worker that is forked has the old code and goes on with it; one that is started afresh has the new one, and its runs fail."""
    project.module(STEP.replace("HALF", str(runs // 2)))
    project.module("FACTOR = 2\n", "helper")
    project.experiment("edit", f'{{n: "range(0,{runs})"}}', executor={"workers": 2, "start": start})
    process = project.start("+experiment=edit")
    project.wait_for_rows(runs // 4, 60)  # what is behind the gate keeps the rest of its batch
    project.module("FACTOR = 3\n", "helper")
    os.kill(int((project.root / "pids").read_text().split()[-1]), signal.SIGKILL)  # so that a worker starts after the edit
    project.wait_until(lambda: len(set((project.root / "pids").read_text().split())) == 3 or "CodeChanged" in kinds(project), 60)
    (project.root / "gate").touch()
    _, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1), err
    old = {id_run: (n, status, fields) for id_run, (n, status, fields) in project.rows().items()}
    assert all(fields == {"value": 2 * n} for n, status, fields in old.values() if status == "COMPLETED")
    blamed = kinds(project) - {"SIGKILL"}  # of a worker that was killed between two runs none is blamed
    assert blamed == (set() if start == "forkserver" else {"CodeChanged"})
    code, _, err = project.run("+experiment=edit")
    assert code == 0, err
    new = {id_run: row for id_run, row in project.rows().items() if id_run not in old}
    assert len(new) == runs, "the new code has identities of its own"
    assert all(fields == {"value": 3 * n} and status == "COMPLETED" for n, status, fields in new.values())
