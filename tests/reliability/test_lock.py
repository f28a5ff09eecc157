"""F12, F13: two xrun at once, and locks whose holder is dead."""

import json
import os
import signal
import time

import pytest


def slow(project, name="sweep", wait=0.02, runs=1000, **more):
    project.experiment(name, f'{{n: "range(0,{runs})"}}', kwargs={"wait": wait}, **more)


def test_a_second_xrun_on_the_same_experiment_is_refused_at_once_and_told_by_whom(project):
    slow(project, wait=0.2)  # for longer than all calls take on a busy machine
    first = project.start("+experiment=sweep")
    project.wait_for_rows(1)
    took, usual = [], []
    for _ in range(3):  # the fastest counts, and what anything takes: the machine may be busy
        begun = time.monotonic()
        assert project.real("plan", "+experiment=sweep")[0] == 0
        usual.append(time.monotonic() - begun)
        begun = time.monotonic()
        code, _, err = project.real("+experiment=sweep")
        took.append(time.monotonic() - begun)
        assert code == 73
    print(took, usual)
    assert min(took) < max(1.0, 2 * min(usual))
    assert f"process {first.pid} " in err
    assert len(err.splitlines()) == 1
    os.kill(first.pid, signal.SIGINT)
    assert first.wait(10) == 130
    project.assert_ok()


def test_of_eight_that_start_together_exactly_one_runs(project):
    slow(project, runs=2000)
    together = [project.start("+experiment=sweep") for _ in range(8)]
    deadline = time.monotonic() + 30
    while len(running := [process for process in together if process.poll() is None]) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (winner,) = running
    project.wait_for_rows(10)
    os.kill(winner.pid, signal.SIGINT)
    errors = [process.communicate(timeout=10)[1] for process in together]
    assert sorted(process.returncode for process in together) == [73] * 7 + [130], errors
    project.assert_ok()


@pytest.mark.forms(rounds=(3, 50))
def test_after_a_kill_nobody_is_refused(project, rounds):
    """F13: there is no command to unlock anything, and no need of one."""
    slow(project, runs=100_000)
    for _ in range(rounds):
        process = project.start("+experiment=sweep")
        before = len(project.rows())
        project.wait_for_rows(before + 1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    project.assert_ok()


def test_two_experiments_share_a_store(project):
    slow(project, "one", wait=0.001, runs=800)
    slow(project, "two", wait=0.001, runs=800, seed=2)
    both = [project.start(f"+experiment={name}") for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert len(project.assert_ok()) == 1600
    assert len(project.table("one").splitlines()) == len(project.table("two").splitlines()) == 801


def test_a_lock_file_that_names_a_living_process_stops_nobody_who_does_not_hold_it(project):
    """F13: the number of a dead holder may be somebody else's by now. The file is for people."""
    slow(project, runs=20, wait=0.0)
    assert project.run("+experiment=sweep", "params.n=0")[0] == 0
    file = project.store.parent / "locks" / "sweep.lock"
    file.write_text(json.dumps({"host": "here", "pid": os.getpid(), "user": "me", "since": "2026-01-01 00:00:00"}))
    assert project.run("+experiment=sweep")[0] == 0
    assert len(project.assert_ok()) == 20


ESCAPES = """
import os, time
from pathlib import Path
def step(n, wait=0.0):
    if os.fork() == 0:  # a daemon, as libraries start them: in a session of its own, with all descriptors that it was born with
        os.setsid()
        Path(__file__).with_name("orphan").write_text(str(os.getpid()))
        time.sleep(999)
    while Path(__file__).with_name("hang").exists():
        time.sleep(0.01)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_a_process_that_escaped_from_a_killed_xrun_keeps_no_lock(project, start):
    """F13: a lock that children inherit (flock) would be held until the orphan ends."""
    project.module(ESCAPES)
    slow(project, runs=2, executor={"workers": 1, "start": start})
    (project.root / "hang").touch()
    process = project.start("+experiment=sweep")
    project.wait_for(project.root / "orphan")
    orphan = int((project.root / "orphan").read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (project.root / "hang").unlink()
    os.kill(orphan, 0)
    project.module(ESCAPES.replace("os.fork() == 0", "False"))
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    os.kill(orphan, signal.SIGKILL)
    assert len(project.assert_ok()) == 2
