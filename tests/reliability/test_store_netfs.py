"""The same promises where the store does without WAL, as on a network file system."""

import os
import signal
import time

import pytest


@pytest.fixture(autouse=True)
def remote(monkeypatch):
    monkeypatch.setenv("XRUN_FORCE_NETFS", "1")


def test_one_line_warns_and_kills_lose_nothing(project, dice):
    project.experiment("sweep", '{n: "range(0,1200)"}', kwargs={"wait": 0.0005})
    acked = {}
    for _ in range(3):
        process = project.start("+experiment=sweep")
        time.sleep(dice.uniform(0.5, 1.3))
        acked.update(project.rows())
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        project.assert_ok(acked)
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    assert len(project.assert_ok(acked)) == 1200
    assert len([line for line in err.splitlines() if "network file system" in line]) == 1


def test_of_four_on_one_experiment_one_runs_and_two_experiments_share_the_store(project):
    project.experiment("one", '{n: "range(0,600)"}', kwargs={"wait": 0.015})
    project.experiment("two", '{n: "range(0,300)"}', seed=2)
    started = [project.start(f"+experiment={name}") for name in ("one", "two", "one", "one", "one")]
    outcomes = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert sorted(code for _, code in outcomes) == [0, 0, 73, 73, 73], outcomes
    assert len(project.assert_ok()) == 900
