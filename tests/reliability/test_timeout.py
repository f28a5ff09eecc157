"""F4: steps that hang, in every way in which a process can."""

from collections import Counter

import pytest

HANGS = """
import ctypes, os, re, signal, subprocess, sys, time
from pathlib import Path
def grandchild():
    child = subprocess.Popen(["sh", "-c", "sleep 999 & sleep 999"])
    child.wait()
def step(n):
    match n:
        case 100: time.sleep(999)
        case 200:
            while True: pass
        case 300: re.match(r"(a+)+$", "a" * 60 + "b")
        case 400:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(999)
        case 500: grandchild()
        case 600:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            time.sleep(999)
        case 700: os.kill(os.getpid(), signal.SIGSTOP)
        case 800: ctypes.PyDLL(None).sleep(999)  # in C, and with the interpreter's lock
        case 900: os.waitpid(subprocess.Popen(["sleep", "999"]).pid, 0)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""
LIMIT = 1.0


@pytest.mark.parametrize("start", ["forkserver", pytest.param("spawn", marks=pytest.mark.soak)])
def test_a_step_that_hangs_is_ended_when_its_time_is_up_with_all_that_it_started_and_nobody_else_suffers(project, start):
    """Nine hangs among 1,000 runs; each ended at most a second after its limit."""
    project.module(HANGS)
    project.experiment(
        "hang", '{n: "range(0,1000)"}', steps=f"[{{call: work.step, timeout: {LIMIT}}}]", executor={"workers": 2, "start": start}
    )
    code, _, err = project.run("+experiment=hang")
    assert code == 1, err
    rows = project.assert_ok()  # no process is left, grandchildren neither
    project.assert_tidy()
    assert Counter(status for _, status, _ in rows.values()) == {"COMPLETED": 991, "TIMED_OUT": 9}
    assert {n for n, status, _ in rows.values() if status == "TIMED_OUT"} == set(range(100, 1000, 100))
    took = [seconds for (seconds,) in project.query("SELECT seconds FROM run WHERE status = 'TIMED_OUT'")]
    print(took)
    assert min(took) >= LIMIT
    assert sorted(took)[len(took) // 2] < LIMIT + 1, "the median: the machine may be busy"
