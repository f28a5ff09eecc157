"""F33: the same promises where the store does without WAL, as on a network file system."""

import os
import signal
import sqlite3
import subprocess
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


ELSEWHERE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Where nobody can say of a process of the store whether it is alive, as on another machine."""


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setenv("XRUN_LEASE_SECONDS", "3")
    if subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a namespace of processes")
    return ELSEWHERE


def lose_locks(project):
    """As on a mount whose locks exclude nobody."""
    for file in (project.store.parent / "locks").iterdir():
        file.unlink()


def turn(project):
    db = sqlite3.connect(f"{project.store.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        return db.execute("SELECT epoch, beat, seconds FROM turn").fetchone()
    finally:
        db.close()


WAITING = """
import os, time
from pathlib import Path
def step(n):
    Path(__file__).with_name("begun").write_text("x")
    while not Path(__file__).with_name("go").exists():
        time.sleep(0.01)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""


@pytest.mark.parametrize("executor", ["local", "serial"])
def test_what_another_machine_runs_is_refused_though_locks_do_not_work_and_its_run_is_long(project, elsewhere, executor):
    project.module(WAITING)
    project.experiment("sweep", "{n: [1, 2]}", executor={"name": executor})
    first = project.start("+experiment=sweep")
    project.wait_for(project.root / "begun")
    epoch, beat, seconds = turn(project)
    assert seconds == 3
    lose_locks(project)
    second = project.start("+experiment=sweep", prefix=elsewhere)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 73, err
    assert f"sweep is being run by process {first.pid} of " in err
    assert turn(project)[0] == epoch
    assert turn(project)[1] > beat
    (project.root / "go").touch()
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    assert len(project.assert_ok()) == 2


def test_who_stands_still_longer_than_its_lease_is_succeeded_and_writes_nothing_more(project, elsewhere):
    """F14 and F33: stop A, let its lease run out, take over with B on another machine, let A go on."""
    project.experiment("sweep", '{n: "range(0,120)"}', kwargs={"wait": 0.05})
    first = project.start("+experiment=sweep")
    project.wait_for_rows(20)
    os.kill(first.pid, signal.SIGSTOP)
    lose_locks(project)
    second = project.start("+experiment=sweep", prefix=elsewhere)
    _, err = second.communicate(timeout=90)
    assert second.returncode == 0, err
    assert f"sweep was last run by process {first.pid} of " in err
    rows = project.rows()
    os.kill(first.pid, signal.SIGCONT)
    _, err = first.communicate(timeout=30)
    assert first.returncode == 73, err
    assert "has been taken over by another xrun" in err
    assert project.assert_ok(rows) == rows
    assert len(rows) == 120


def test_after_a_kill_on_this_machine_and_after_an_end_on_another_one_nobody_waits(project, elsewhere):
    project.experiment("sweep", '{n: "range(0,60)"}', kwargs={"wait": 0.05})
    first = project.start("+experiment=sweep")
    project.wait_for_rows(5)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    for prefix in ((), elsewhere, ()):
        process = project.start("+experiment=sweep", prefix=prefix)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "was last run by" not in err
    assert turn(project)[2] == 0
    assert len(project.assert_ok()) == 60


def test_the_workspace_is_left_alone_while_another_machine_runs_and_not_for_ever(project, elsewhere):
    project.module(WAITING)
    project.experiment("sweep", "{n: [1]}")
    first = project.start("+experiment=sweep", prefix=elsewhere)
    project.wait_for(project.root / "begun")
    lose_locks(project)
    code, _, err = project.run("gc")
    assert code == 73, err
    assert "sweep is being run by process" in err
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    project.assert_none_alive()
    code, out, err = project.run("gc")
    assert code == 0, err
    assert "nothing to remove" in out


@pytest.mark.parametrize("text", ["soon", "0.5", "nan", "1e9"])
def test_a_lease_that_is_no_time_is_refused(project, monkeypatch, text):
    monkeypatch.setenv("XRUN_LEASE_SECONDS", text)
    project.experiment("sweep", "{n: [1]}")
    code, _, err = project.run("+experiment=sweep")
    assert code == 2
    assert f"$XRUN_LEASE_SECONDS is {text!r}; it must be a number of seconds from 1 to 3600" in err
    assert "Traceback" not in err
