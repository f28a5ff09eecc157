"""F21: code that is edited while a sweep runs: no result of the new code under the identity of the old one."""

import os
import signal

import pytest

STEP = """
import os, time
from pathlib import Path
import helper
LOG = os.open(Path(__file__).with_name("pids"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def step(n):
    os.write(LOG, f"{os.getpid()}\\n".encode())
    time.sleep(0.002)
    return {"value": helper.FACTOR * n}
"""


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
@pytest.mark.forms(runs=(600, 2_000))
def test_after_an_edit_halfway_new_workers_store_nothing_of_the_new_code_under_the_old_identity(project, start, runs):
    """A worker that is forked has the old code and goes on with it; one that is started afresh has the new one, and its runs fail."""
    project.module(STEP)
    project.module("FACTOR = 2\n", "helper")
    project.experiment("edit", f'{{n: "range(0,{runs})"}}', executor={"workers": 2, "start": start})
    process = project.start("+experiment=edit")
    project.wait_for_rows(runs // 2, 60)
    project.module("FACTOR = 3\n", "helper")
    project.wait_for_rows(runs // 2 + 30, 60)
    os.kill(int((project.root / "pids").read_text().split()[-1]), signal.SIGKILL)  # so that a worker starts after the edit
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err  # the run that was killed, and what the new code would have been
    old = {id_run: (n, status, fields) for id_run, (n, status, fields) in project.rows().items()}
    assert all(fields == {"value": 2 * n} for n, status, fields in old.values() if status == "COMPLETED")
    kinds = {kind for (kind,) in project.query("SELECT DISTINCT json_extract(failure, '$.kind') FROM run WHERE failure IS NOT NULL")}
    assert kinds == ({"SIGKILL"} if start == "forkserver" else {"SIGKILL", "CodeChanged"}) or kinds <= {"SIGKILL", "CodeChanged"}
    code, _, err = project.run("+experiment=edit")
    assert code == 0, err
    new = {id_run: row for id_run, row in project.rows().items() if id_run not in old}
    assert len(new) == runs, "the new code has identities of its own"
    assert all(fields == {"value": 3 * n} and status == "COMPLETED" for n, status, fields in new.values())
