"""A run that two experiments want executes once, also when both execute at the same time."""

import os
import signal
import subprocess
import sys
import time

import pytest

LOGGING = """
import os, time
from pathlib import Path
LOG = os.open(Path(__file__).with_name("log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def step(n, wait=0.0):
    os.write(LOG, f"{n}\\n".encode())
    time.sleep(wait)
    while Path(__file__).with_name("hang").exists():
        time.sleep(0.01)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""


def both(project, wait, runs, **more):
    project.module(LOGGING)
    project.experiment("one", f'{{n: "range(0,{runs})"}}', kwargs={"wait": wait}, **more)
    project.experiment("two", f'{{n: "range({runs // 4},{runs + runs // 4})"}}', kwargs={"wait": wait}, **more)


def executed(project):
    return [int(word) for word in (project.root / "log").read_text().split()]


def finish(processes):
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err


@pytest.mark.parametrize(
    ("wait", "runs", "executor"), [(0.0, 4000, "local"), (0.005, 800, "local"), (0.3, 16, "local"), (0.2, 8, "serial")]
)
@pytest.mark.parametrize("head_start", [0.0, 0.7])
def test_two_terminals_execute_each_run_once(project, wait, runs, executor, head_start):
    both(project, wait, runs, executor={"name": executor})
    first = project.start("+experiment=one")
    time.sleep(head_start)
    finish([first, project.start("+experiment=two")])
    assert sorted(executed(project)) == list(range(runs + runs // 4))
    project.assert_ok()
    for name in ("one", "two"):
        assert len(project.table(name).splitlines()) == runs + 1


def test_what_the_other_one_gave_up_is_executed_here(project):
    both(project, 0.0, 8)
    (project.root / "hang").touch()
    first = project.start("+experiment=two")
    deadline = time.monotonic() + 20
    while not (project.root / "log").exists() or len(executed(project)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    taken = executed(project)
    second = project.start("+experiment=one")
    while 0 not in executed(project):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    (project.root / "hang").unlink()
    finish([second])
    assert taken
    assert all(executed(project).count(n) == 2 for n in taken)
    assert len(project.table("one").splitlines()) == 9


def test_a_claim_goes_with_its_process_and_newcomers_are_noticed(tmp_path):
    code = f"""
import pathlib, sys
from runner.claims import Claims
claims = Claims(pathlib.Path({str(tmp_path)!r}))
a, b = "0" * 31 + "a", "0" * 31 + "b"
print(claims.company, claims.claim(a), claims.claim(a), claims.claim(b), flush=True)
for line in sys.stdin:
    print(claims.has_come(), claims.company, claims.claim(a), claims.claim(b), flush=True)
    claims.release([b])
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline().split() == ["False", "True", "True", "True"]
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout.readline().split() == ["True", "False", "False", "False"]
            first.stdin.write("\n")
            first.stdin.flush()
            assert first.stdout.readline().split() == ["True", "True", "True", "True"]
            time.sleep(0.1)
            second.stdin.write("\n")
            second.stdin.flush()
            assert second.stdout.readline().split() == ["False", "True", "False", "True"]
            first.kill()
            first.wait()
            second.stdin.write("\n")
            second.stdin.flush()
            assert second.stdout.readline().split() == ["False", "True", "True", "True"]
            second.stdin.close()
