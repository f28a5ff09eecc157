"""F1: SIGKILL of xrun itself: nothing that was recorded is lost, nothing is doubled, nothing goes on alone, and a rerun is all it takes."""

import os
import signal
import time

import pytest

COUNTING = """
import os, time
from pathlib import Path
LOG = os.open(Path(__file__).with_name("log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def step(n, wait=0.0):
    os.write(LOG, b"x")
    time.sleep(wait)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""
WAIT = 0.0005
WORKERS = 2


@pytest.mark.forms(rounds=(5, 50), runs=(3_000, 20_000))
def test_a_sweep_survives_kills_at_any_time(project, dice, rounds, runs):
    """After each of them all that anybody has seen is there, and in the end the table is that of a sweep that nobody disturbed."""
    project.module(COUNTING)
    project.experiment("sweep", f'{{n: "range(0,{runs})"}}', kwargs={"wait": WAIT})
    log, acked, kills = project.root / "log", {}, 0
    for number in range(rounds):
        process = project.start("+experiment=sweep")
        if dice.random() < 0.8:  # the others are killed while they get ready
            before = log.stat().st_size if log.exists() else 0
            begun = lambda size=before, it=process: it.poll() is not None or (log.exists() and log.stat().st_size > size)  # noqa: E731
            project.wait_until(begun)
        time.sleep(dice.uniform(0.0, 0.8))
        seen = project.rows()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
        rows = project.assert_ok({**acked, **seen})
        print(f"round {number}: {len(rows)} of {runs}")
        acked = rows
        if len(rows) == runs:
            check_executions(log, runs, kills)
            project.store.unlink()
            acked, kills = {}, 0
            log.unlink()
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    rows = project.assert_ok(acked)
    project.assert_tidy()
    assert sorted(n for n, _, _ in rows.values()) == list(range(runs))
    check_executions(log, runs, kills)
    table = project.table("sweep")
    project.store.unlink()
    assert project.run("+experiment=sweep")[0] == 0
    assert project.table("sweep") == table


def check_executions(log, runs, kills):
    """Executed more than once is what a kill finds under way: 50 ms of every worker's work that it has not reported, and what is not
    committed, which is 50 ms of reports, or on a slow disk ten commits long.
    """
    again = log.stat().st_size - runs
    print(f"{again} executed again after {kills} kills")
    assert 0 <= again <= kills * WORKERS * (0.05 + 0.2) / WAIT


def test_after_a_kill_the_rest_begins_within_two_seconds(project):
    project.module(COUNTING)
    project.experiment("sweep", '{n: "range(0,100000)"}', kwargs={"wait": WAIT})
    log, took = project.root / "log", []
    for _ in range(4):  # the fastest counts: the machine may be busy
        before, begun = log.stat().st_size if log.exists() else 0, time.monotonic()
        process = project.start("+experiment=sweep")
        project.wait_until(lambda before=before: log.exists() and log.stat().st_size > before)
        took.append(time.monotonic() - begun)
        project.wait_for_rows(len(project.rows()) + 100)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    print(took)
    assert min(took[1:]) < max(2.0, 1.5 * took[0])  # the first one found nothing, and knows how busy the machine is
    project.assert_ok()


DEEP = """
import os, re, subprocess
from pathlib import Path
HERE = Path(__file__).parent
def step(n):
    child = subprocess.Popen(["sh", "-c", "sleep 999 & sleep 998"])
    (HERE / f"ready-{n}").write_text(str(child.pid))
    re.match(r"(a+)+$", "a" * 60 + "b")
"""


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_no_process_outlives_a_killed_xrun_also_not_from_c_code_or_as_a_grandchild(project, start):
    project.module(DEEP)
    project.experiment("deep", "{n: [0, 1]}", executor={"workers": 2, "start": start})
    process = project.start("+experiment=deep")
    for n in (0, 1):
        project.wait_for(project.root / f"ready-{n}")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    project.assert_none_alive(2.0)


def test_no_process_outlives_an_xrun_that_is_killed_while_the_steps_are_imported(project):
    project.module(
        'import re\nfrom pathlib import Path\nPath(__file__).with_name("ready").write_text("x")\nre.match(r"(a+)+$", "a" * 60 + "b")\n'
    )
    project.experiment("slow", "{n: [0, 1]}")
    process = project.start("+experiment=slow")
    project.wait_for(project.root / "ready")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    project.assert_none_alive(2.0)


def test_no_process_outlives_an_xrun_whose_zygote_is_killed(project):
    project.module(
        """
import os, time
from pathlib import Path
def step(n):
    Path(__file__).with_name("ready").write_text(str(os.getppid()))
    time.sleep(99)
"""
    )
    project.experiment("deep", "{n: [0, 1]}")
    process = project.start("+experiment=deep")
    project.wait_for(project.root / "ready")
    os.kill(int((project.root / "ready").read_text()), signal.SIGKILL)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 74
    assert "the process that starts the workers is gone" in err
    project.assert_none_alive(2.0)
