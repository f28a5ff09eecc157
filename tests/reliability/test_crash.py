"""F3: workers that die in every way that there is, among many that do not."""

import time
from collections import Counter

import pytest

DEATHS = """
import ctypes, os, signal, sys

def overflow():
    sys.setrecursionlimit(10**9)
    nested = []
    for _ in range(200_000):
        nested = [nested]
    repr(nested)  # in C, a frame for each level

def step(n):
    if n % 125 == 17:
        match n // 125 % 8:
            case 0: os._exit(0)
            case 1: os._exit(3)
            case 2: os.kill(os.getpid(), signal.SIGKILL)
            case 3: ctypes.string_at(0)
            case 4: os.abort()
            case 5: overflow()
            case 6: os.kill(os.getpid(), signal.SIGTERM)
            case 7: os.killpg(0, signal.SIGKILL)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""
KINDS = ["exit 0", "exit 3", "SIGKILL", "SIGSEGV", "SIGABRT", "SIGSEGV", "SIGTERM", "SIGKILL"]


def kinds(project):
    """n -> kind of failure, of runs that did not complete."""
    return {int(n): kind for n, kind in project.query(
        "SELECT json_extract(params, '$.n'), json_extract(failure, '$.kind') FROM run WHERE failure IS NOT NULL"
    )}  # fmt: skip


def test_80_of_10000_runs_that_die_in_eight_ways_are_exactly_those_that_are_recorded_so(project):
    """Nobody is blamed wrongly, nothing hangs, and the table holds all others."""
    project.module(DEATHS)
    project.experiment("crash", '{n: "range(0,10000)"}', seed=1)
    begun = time.monotonic()
    code, _, err = project.run("+experiment=crash")
    print(f"{time.monotonic() - begun:.1f} s")
    assert code == 1, err
    rows = project.assert_ok()
    project.assert_tidy()
    assert Counter(status for _, status, _ in rows.values()) == {"COMPLETED": 9920, "CRASHED": 80}
    assert kinds(project) == {n: KINDS[n // 125 % 8] for n in range(10_000) if n % 125 == 17}
    assert len(project.table("crash").splitlines()) == 9921


@pytest.mark.forms(runs=(400, 5_000))
def test_one_death_after_the_other_is_as_good_as_the_first(project, runs):
    """Every single run kills its worker; the one run that does not is executed as well, and so is everything on a rerun."""
    project.module(
        'import os, signal\ndef step(n):\n    if n != 7 and not os.environ.get("CALM"): os.kill(os.getpid(), signal.SIGKILL)\n'
        '    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}\n'
    )
    project.experiment("kills", f'{{n: "range(0,{runs})"}}')
    begun = time.monotonic()
    code, _, err = project.run("+experiment=kills", timeout=600)
    print(f"{(time.monotonic() - begun) / runs * 1000:.1f} ms a death")
    assert code == 1, err
    rows = project.assert_ok()
    assert Counter(status for _, status, _ in rows.values()) == {"COMPLETED": 1, "CRASHED": runs - 1}
    assert kinds(project) == {n: "SIGKILL" for n in range(runs) if n != 7}
    assert project.run("+experiment=kills", environment={"CALM": "1"})[0] == 0
    assert len(project.assert_ok()) == runs
    project.assert_tidy()
