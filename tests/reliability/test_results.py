"""F5, F6: results that are no plain data, and exceptions of every kind: one run fails of each, and no worker dies of it."""

import json
from collections import Counter

import pytest

HEAD = """
import atexit, ctypes, os, sys, threading
from pathlib import Path

def right(n):
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}

class Exits:
    def __reduce__(self):
        os._exit(9)

class Segfaults:
    def __reduce__(self):
        ctypes.string_at(0)

class Slotted(Exception):
    def __init__(self, code, lock):
        super().__init__(f"code {code}")
        self.lock = lock

class Unbuildable(Exception):
    def __reduce__(self):
        raise RuntimeError("no")

class Mute(Exception):
    def __str__(self):
        os.fspath(None)

LOG = os.open(Path(__file__).with_name("pids"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
SEEN = set()

def seen():
    if os.getpid() not in SEEN:
        SEEN.add(os.getpid())
        os.write(LOG, f"{os.getpid()}\\n".encode())
"""
RESULTS = f"""{HEAD}
def step(n):
    seen()
    if n % 150 != 70:
        return right(n)
    loop = []
    loop.append(loop)
    return {{"value": [lambda: 1, (i for i in []), threading.Lock(), open(__file__), Exits(), Segfaults(), loop][n // 150]}}
"""
RAISING = f"""{HEAD}
def step(n):
    seen()
    if n % 11 == 5 and n < 990:
        match n // 11 % 9:
            case 0: sys.exit(3)
            case 1: raise KeyboardInterrupt
            case 2: raise Slotted(7, threading.Lock())
            case 3: raise ValueError("x" * 10_000_000)
            case 4: raise ExceptionGroup("group", [ValueError("one"), TypeError("two")])
            case 5: raise Unbuildable
            case 6: raise Mute
            case 7: raise GeneratorExit
            case 8: return step(n)
    return right(n)
"""
KINDS = [
    "SystemExit", "KeyboardInterrupt", "work.Slotted", "ValueError", "ExceptionGroup", "work.Unbuildable", "work.Mute",
    "GeneratorExit", "RecursionError",
]  # fmt: skip


EXECUTORS = {"local": {"workers": 2}, "serial": {"name": "serial"}}


def workers(project):
    """Processes that have executed runs."""
    return set((project.root / "pids").read_text().split())


def failures(project):
    """n -> why."""
    found = project.query("SELECT json_extract(params, '$.n'), failure FROM run WHERE status = 'FAILED'")
    return {int(n): json.loads(failure) for n, failure in found}


@pytest.mark.parametrize("executor", list(EXECUTORS))
def test_results_that_are_no_plain_data_fail_their_own_runs_and_name_the_field(project, executor):
    """F5: a lambda, a generator, a lock, an open file, objects that end the process when pickled, a list that holds itself."""
    project.module(RESULTS)
    project.experiment(
        "bad", '{n: "range(0,1000)"}', executor={"name": executor, "workers": 2} if executor == "local" else {"name": "serial"}
    )
    code, _, err = project.run("+experiment=bad")
    assert code == 1, err
    assert Counter(status for _, status, _ in project.assert_ok().values()) == {"COMPLETED": 993, "FAILED": 7}
    found = failures(project)
    assert sorted(found) == [n for n in range(1000) if n % 150 == 70]
    assert {why["kind"] for why in found.values()} == {"UnserialisableError"}
    assert all(why["message"].startswith("fields.value") for why in found.values()), found
    assert len(workers(project)) <= 2


@pytest.mark.parametrize("executor", list(EXECUTORS))
def test_exceptions_of_nine_kinds_fail_their_own_runs_and_end_no_worker(project, executor):
    """F6: 10 of each among 1,000 runs."""
    project.module(RAISING)
    project.experiment(
        "bad", '{n: "range(0,1000)"}', executor={"name": executor, "workers": 2} if executor == "local" else {"name": "serial"}
    )
    code, _, err = project.run("+experiment=bad")
    assert code == 1, err
    assert Counter(status for _, status, _ in project.assert_ok().values()) == {"COMPLETED": 910, "FAILED": 90}
    found = failures(project)
    assert {n: why["kind"] for n, why in found.items()} == {n: KINDS[n // 11 % 9] for n in range(5, 990, 11)}
    assert all(len(why["message"]) <= 16_500 and len(why["traceback"]) < 1_100_000 for why in found.values())
    assert len(workers(project)) <= 2
    assert len(err.splitlines()) < 60, "a summary, not ninety tracebacks"
