"""Runs that crash, hang or return what cannot be kept, among many that do not."""

import sqlite3
import time
from collections import Counter

STEP = """
import ctypes, os, signal

class Unbuildable(Exception):
    def __init__(self, a, b):
        super().__init__(a)
    def __reduce__(self):
        raise RuntimeError

def step(n):
    if n % 50 == 17:
        match n // 50 % 8:
            case 0: os._exit(0)
            case 1: os._exit(3)
            case 2: os.kill(os.getpid(), signal.SIGKILL)
            case 3: ctypes.string_at(0)
            case 4: os.abort()
            case 5:
                while True: pass
            case 6: return {"value": lambda: 1}
            case 7: raise Unbuildable(1, 2)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""
EXPECTED = ["exit 0", "exit 3", "SIGKILL", "SIGSEGV", "SIGABRT", "Timeout", "UnserialisableError", "work.Unbuildable"]


def test_200_of_10000_runs_that_end_badly_in_eight_ways_are_exactly_those_that_are_recorded_so(project):
    project.module(STEP)
    project.experiment("crash", '{n: "range(0,10000)"}', steps="[{call: work.step, timeout: 1.0}]")
    begun = time.monotonic()
    code, _, err = project.run("+experiment=crash")
    seconds = time.monotonic() - begun
    print(f"{seconds:.1f} s")
    assert code == 1, err
    rows = project.assert_ok()
    project.assert_tidy()
    bad = {n: status for n, status, _ in rows.values() if status != "COMPLETED"}
    assert sorted(bad) == [n for n in range(10_000) if n % 50 == 17]
    ways = ["CRASHED"] * 5 + ["TIMED_OUT"] + ["FAILED"] * 2
    assert {n: ways[n // 50 % 8] for n in bad} == bad
    assert Counter(status for _, status, _ in rows.values()) == {"COMPLETED": 9800, "CRASHED": 125, "TIMED_OUT": 25, "FAILED": 50}
    db = sqlite3.connect(project.store)
    kinds = dict(db.execute("SELECT json_extract(failure, '$.kind'), count(*) FROM run WHERE failure IS NOT NULL GROUP BY 1"))
    db.close()
    assert kinds == dict.fromkeys(EXPECTED, 25)
    assert len(project.table("crash").splitlines()) == 9801
    assert seconds < 45
