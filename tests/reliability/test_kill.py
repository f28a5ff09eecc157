"""SIGKILL of xrun itself: nothing that was recorded is lost, nothing is doubled, nothing goes on alone, and a rerun is all it takes."""

import os
import signal
import time

import pytest

RUNS = 2000


def rounds_of_kills(project, dice, rounds, expected):
    project.experiment("sweep", f'{{n: "range(0,{RUNS})"}}', kwargs={"wait": 0.0005})
    acked = {}
    for number in range(rounds):
        process = project.start("+experiment=sweep")
        time.sleep(dice.uniform(0.2, 1.6))
        seen = project.rows()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        rows = project.assert_ok({**acked, **seen})
        print(f"round {number}: {len(rows)} of {RUNS}")
        acked = rows
        if len(rows) == RUNS:
            project.store.unlink()
            acked = {}
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    rows = project.assert_ok(acked)
    assert sorted(n for n, _, _ in rows.values()) == list(range(RUNS))
    table = project.table("sweep")
    project.store.unlink()
    assert project.run("+experiment=sweep")[0] == 0
    assert project.table("sweep") == table


def test_a_sweep_survives_kills_at_any_time(project, dice, expected):
    rounds_of_kills(project, dice, 5, expected)


@pytest.mark.soak
def test_a_sweep_survives_many_kills_at_any_time(project, dice, expected):
    rounds_of_kills(project, dice, 50, expected)


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
