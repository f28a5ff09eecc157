"""F7, F8, F9, F14: Ctrl-C and the other ways to ask xrun to stop, and to let it stand still."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest

SLOW = """
import time
def step(n, wait=0.0):
    time.sleep(wait)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""


def sweep(project, wait=0.05, runs=2000, **more):
    project.experiment("sweep", f'{{n: "range(0,{runs})"}}', kwargs={"wait": wait}, **more)


def interrupt(project, *signals, arguments=(), pause=0.0):
    """Start, wait for some rows, send the signals; code, stderr, seconds since the last signal, rows that were there before."""
    process = project.start("+experiment=sweep", *arguments)
    seen = project.wait_for_rows(10)
    for number in signals:
        os.kill(process.pid, number)
        begun = time.monotonic()
        time.sleep(pause)
    _, err = process.communicate(timeout=30)
    return process.returncode, err, time.monotonic() - begun, seen


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.forms(rounds=(1, 20))
def test_one_signal_lets_runs_finish_keeps_them_and_says_how_to_go_on(project, number, code, rounds, dice):
    """F7, F9: whenever it comes; and a rerun completes what is left."""
    for n in range(rounds):
        sweep(project, runs=100, seed=n)
        before = len(project.rows())
        process = project.start("+experiment=sweep")
        seen = project.wait_for_rows(before + 10)
        time.sleep(dice.uniform(0.0, 0.3))
        os.kill(process.pid, number)
        begun = time.monotonic()
        _, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        assert time.monotonic() - begun < 5 + 1  # the grace and a second
        rows = project.assert_ok(seen)
        project.assert_tidy()
        assert {status for _, status, _ in rows.values()} == {"COMPLETED"}
        assert len(err.splitlines()) <= 5
        assert "xrun +experiment=sweep" in err
        assert "Traceback" not in err
        assert project.run("+experiment=sweep")[0] == 0
        assert len(project.assert_ok(rows)) == 100 * (n + 1)


def test_a_run_that_does_not_finish_within_the_grace_is_cancelled_and_executed_next_time(project):
    sweep(project, wait=0.01, runs=200)
    project.module(SLOW.replace("time.sleep(wait)", "time.sleep(60 if n == 90 and not __import__('os').environ.get('QUICK') else wait)"))
    process = project.start("+experiment=sweep", "--grace", "0.5")
    seen = project.wait_for_rows(150)
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert 0.4 < time.monotonic() - begun < 2.0
    rows = project.assert_ok(seen)
    assert [n for n, status, _ in rows.values() if status == "CANCELLED"] == [90]
    assert len([*filter(None, err.splitlines())]) <= 5, err
    os.environ["QUICK"] = "1"
    try:
        assert project.run("+experiment=sweep")[0] == 0
    finally:
        del os.environ["QUICK"]
    assert {status for _, status, _ in project.assert_ok().values()} == {"COMPLETED"}


def test_the_first_signal_is_answered_at_once_in_one_line(project):
    """F7: what is waited for, how long at most, and how to end it at once."""
    sweep(project, runs=200)
    project.module(SLOW.replace("time.sleep(wait)", "open(f'{__file__}-{n}', 'x').close(), time.sleep(99)"))
    process = project.start("+experiment=sweep", "--grace", "60", "executor.workers=2")
    project.wait_until(lambda: len([*project.root.glob("*.py-*")]) == 2)  # both workers are in a run that does not end
    os.kill(process.pid, signal.SIGINT)
    line = process.stderr.readline()
    assert line == "xrun: stopping: 2 runs may finish within 60 s; a second Ctrl-C ends them at once\n"
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "stopping" not in err
    assert process.returncode == 130


def test_what_is_cut_off_tells_how_long_it_had_executed(project):
    sweep(project, runs=20, wait=30)
    project.module(SLOW.replace("time.sleep(wait)", "time.sleep(0 if n < 10 else wait)"))
    process = project.start("+experiment=sweep", "--grace", "1.5")
    project.wait_for_rows(10)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    with sqlite3.connect(project.store) as db:
        found = db.execute("SELECT seconds, started FROM run WHERE status = 'CANCELLED'").fetchall()
    assert found
    assert all(0.5 < seconds < 10 and abs(time.time() - started) < 60 for seconds, started in found)


@pytest.mark.parametrize("pause", [0.05, 0.3])  # two signals within a moment are one, says the kernel
def test_a_second_signal_ends_everything_within_a_second(project, pause):
    sweep(project, wait=60, runs=20)
    project.module(SLOW.replace("time.sleep(wait)", "time.sleep(wait if n > 9 else 0)"))
    code, err, seconds, seen = interrupt(project, signal.SIGINT, signal.SIGINT, pause=pause)
    assert code == 130
    assert seconds - pause < 1.3
    rows = project.assert_ok(seen)
    assert {status for n, status, _ in rows.values() if n > 9} <= {"CANCELLED"}
    assert "Traceback" not in err


def test_many_signals_do_no_more_harm(project):
    sweep(project, wait=0.001, runs=20000)
    code, err, _, seen = interrupt(project, *[signal.SIGINT] * 12, pause=0.01)
    assert code in (130, -signal.SIGINT)  # the last ones may come when Python itself is leaving
    assert "Traceback" not in err
    project.assert_ok(seen)


def test_an_interrupt_while_the_steps_are_imported_ends_it_at_once(project):
    project.module(
        'import time\nfrom pathlib import Path\nPath(__file__).with_name("ready").write_text("x")\ntime.sleep(99)\ndef step(n): pass\n'
    )
    sweep(project)
    process = project.start("+experiment=sweep")
    project.wait_for(project.root / "ready")
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=3)
    assert process.returncode == 130
    assert "Traceback" not in err
    project.assert_none_alive()


def test_an_interrupt_that_a_finalizer_swallows_is_not_lost(project):
    """Python drops what is raised in `__del__` and in callbacks of weak references, of which imports have many."""
    project.module(
        """
import time
from pathlib import Path
class Deaf:
    def __del__(self):
        Path(__file__).with_name("ready").write_text("x")
        time.sleep(99)
Deaf()
time.sleep(99)
def step(n): pass
"""
    )
    sweep(project, executor={"name": "serial"})
    process = project.start("+experiment=sweep")
    project.wait_for(project.root / "ready")
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Exception ignored in: <function Deaf.__del__" in err
    project.assert_none_alive()


def test_it_can_be_stopped_where_a_script_started_it_with_interrupts_ignored(project):
    sweep(project)
    command = " ".join(project.command("+experiment=sweep"))
    shell = subprocess.Popen(
        ["sh", "-c", f"{command} & echo $!; wait"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    project.started.append(shell)
    pid = int(shell.stdout.readline())
    seen = project.wait_for_rows(10)
    for number in (signal.SIGINT, signal.SIGINT):
        os.kill(pid, number)
    begun = time.monotonic()
    shell.communicate(timeout=20)
    assert time.monotonic() - begun < 2
    project.assert_ok(seen)


@pytest.mark.parametrize("count", [1, 2])
def test_a_serial_sweep_stops_after_its_run_and_at_the_second_signal_within_it(project, count):
    sweep(project, wait=30, runs=20, executor={"name": "serial"})
    project.module(SLOW.replace("time.sleep(wait)", f"time.sleep(0 if n < 10 else {30 if count == 2 else 0.4})"))
    code, _, seconds, seen = interrupt(project, *[signal.SIGINT] * count, pause=0.1)
    assert code == 130
    assert seconds < 2
    statuses = [status for n, status, _ in project.assert_ok(seen).values() if n >= 10]
    assert statuses == ["CANCELLED"] if count == 2 else set(statuses) <= {"COMPLETED"}


HOLDS = {
    "sleeps": "time.sleep(60)",
    "is in C code": "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
    "swallows what is raised": """
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            time.sleep(60)
        except BaseException:
            pass""",
}


def in_a_step(project, holds, *arguments):
    """A serial sweep of which one run has ended, from when the second one is in its step for a minute."""
    project.module(
        f"import hashlib, time\nfrom pathlib import Path\ndef step(n):\n    if n == 0:\n        return {{'value': 0.0, 'text': 'run 0'}}\n"
        f"    Path(__file__).with_name('ready').write_text('x')\n    {HOLDS[holds].lstrip()}\n    return {{}}\n"
    )
    project.experiment("sweep", "{n: [0, 1, 2]}", executor={"name": "serial"})
    process = project.start("+experiment=sweep", *arguments)
    project.wait_for(project.root / "ready")
    return process


@pytest.mark.parametrize("holds", HOLDS)
def test_while_a_serial_run_holds_the_thread_the_first_signal_is_answered_and_the_second_ends_it(project, holds):
    process = in_a_step(project, holds)
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr.readline() == "xrun: stopping: what executes may finish; a second Ctrl-C ends it at once\n"
    assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    begun = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5  # 1 s on a quiet machine
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("xrun: stopped by SIGINT")
    assert err.splitlines()[-1].endswith("finished runs are kept, to go on: xrun +experiment=sweep")
    assert [n for n, status, _ in project.rows().values() if status == "COMPLETED"] == [0]
    project.assert_none_alive()


def test_a_serial_run_that_is_cut_off_by_a_cluster_is_one_to_be_started_again(project):
    process = in_a_step(project, "is in C code", "--requeueable", "-q")
    os.kill(process.pid, signal.SIGTERM)
    time.sleep(0.2)  # two in one moment are one
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 75
    (line,) = err.splitlines()
    assert line.startswith("xrun: stopped by SIGTERM within a step, which did not end by itself and was cut off; finished runs are kept")


def test_processes_that_a_serial_step_forks_and_ends_are_no_wish_to_stop(project):
    project.module(
        "import multiprocessing\ndef value(n):\n    return {'value': (n * 2654435761 % 1000003) / 7, 'text': f'run {n}'}\n"
        "def step(n):\n    with multiprocessing.get_context('fork').Pool(2) as pool:\n        return pool.map(value, [n])[0]\n"
    )  # the end of the block sends them SIGTERM
    project.experiment("sweep", "{n: [0, 1]}", executor={"name": "serial"})
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    assert "stopping" not in err
    assert len(project.assert_ok({})) == 2


def test_after_an_interrupt_a_rerun_completes_the_sweep(project):
    sweep(project, wait=0.002, runs=1500)
    _, _, _, seen = interrupt(project, signal.SIGINT)
    rows = project.assert_ok(seen)
    assert len(rows) < 1500
    assert project.run("+experiment=sweep")[0] == 0
    assert len(project.assert_ok(rows)) == 1500


@pytest.mark.parametrize(
    ("number", "arguments", "code"),
    [
        (signal.SIGTERM, ("--requeueable",), 75),
        (signal.SIGUSR2, ("--requeueable",), 75),
        (signal.SIGINT, ("--requeueable",), 130),
        (signal.SIGUSR2, (), -signal.SIGUSR2),
    ],
)
def test_a_cluster_is_told_to_start_it_again_if_that_was_asked_for(project, number, arguments, code):
    sweep(project, wait=0.3, runs=40)
    process = project.start("+experiment=sweep", *arguments)
    seen = project.wait_for_rows(2)
    os.kill(process.pid, number)
    begun = time.monotonic()
    _, err = process.communicate(timeout=10)
    assert process.returncode == code, err
    assert time.monotonic() - begun < 3
    rows = project.assert_ok(seen)
    assert {status for _, status, _ in rows.values()} == {"COMPLETED"}
    assert len(rows) < 40
    if code == 75:
        assert "to go on: xrun +experiment=sweep --requeueable" in err


def test_before_anything_runs_as_well(project):
    project.module('import time\nfrom pathlib import Path\nPath(__file__).with_name("ready").write_text("x")\ntime.sleep(99)\n')
    sweep(project)
    process = project.start("+experiment=sweep", "--requeueable")
    project.wait_for(project.root / "ready")
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 75, err
    assert "Traceback" not in err
    project.assert_none_alive()


def test_no_run_is_blamed_for_a_signal_that_a_cluster_sends_to_every_process(project):
    sweep(project, wait=0.4, runs=20)
    process = project.start("+experiment=sweep", "--requeueable")
    seen = project.wait_for_rows(2)
    everyone = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    assert len(everyone) >= 3
    for pid in (process.pid, *everyone):
        os.kill(pid, signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 75, err
    rows = project.assert_ok(seen)
    assert {status for _, status, _ in rows.values()} <= {"COMPLETED", "CANCELLED"}
    assert project.run("+experiment=sweep")[0] == 0
    assert len(project.assert_ok(seen)) == 20


@pytest.mark.forms(rounds=(3, 20))
def test_twice_means_out_within_a_second_whenever_the_second_one_comes(project, rounds, dice):
    """F8: and nobody is left, and what was committed is there."""
    project.module(SLOW.replace("time.sleep(wait)", "time.sleep(wait if n > 9 else 0)"))
    took = []
    for n in range(rounds):
        sweep(project, wait=5, runs=20, seed=n)
        before = len(project.rows())
        process = project.start("+experiment=sweep")
        seen = project.wait_for_rows(before + 10)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(dice.uniform(0.01, 0.3))
        os.kill(process.pid, signal.SIGINT)
        begun = time.monotonic()
        _, err = process.communicate(timeout=10)
        assert process.returncode == 130, err
        took.append(time.monotonic() - begun)
        project.assert_ok(seen)
    print(took)
    assert sorted(took)[rounds // 2] < 1.0, "the median: the machine may be busy"
    assert max(took) < 3.0


@pytest.mark.forms(rounds=(1, 20))
def test_one_that_stood_still_while_another_took_over_writes_nothing(project, rounds):
    """F14: stop A, take over by force with B, let A go on."""
    for n in range(rounds):
        sweep(project, wait=0.05, runs=160, seed=n)
        first = project.start("+experiment=sweep")
        project.wait_for_rows(160 * n + 20)
        stop_between_commits(project, first.pid)
        (project.store.parent / "locks" / "sweep.lock").unlink()
        code, _, err = project.run("+experiment=sweep")
        assert code == 0, err
        before, shown = contents(project), manifest(project)
        os.kill(first.pid, signal.SIGCONT)
        _, err = first.communicate(timeout=10)
        assert first.returncode == 73, err
        assert "has been taken over by another xrun" in err
        assert "Traceback" not in err
        assert (contents(project), manifest(project)) == (before, shown)
        assert len(project.assert_ok()) == 160 * (n + 1)


def stop_between_commits(project, pid):
    """In the middle of one it would hold the lock of the database: nobody else can write then."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        db = sqlite3.connect(project.store, timeout=0, isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.01)
        finally:
            db.close()


def contents(project):
    """Every row of the store."""
    db = sqlite3.connect(f"{project.store.as_uri()}?mode=ro", uri=True)
    try:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}"))) for name in names}
    finally:
        db.close()


def manifest(project):
    return (project.root / "space" / "results" / "sweep" / "manifest.json").read_bytes()


def test_results_are_as_their_manifest_says_also_after_a_forced_rerun_was_interrupted(project):
    """The rows are those of the executions before, and so are the counts."""
    project.module(
        "from pathlib import Path\nimport os, time\n"
        "def step(n):\n    Path(__file__).with_name('ready').write_text('x')\n    time.sleep(float(os.environ.get('SLOW', '0')))\n"
        "    return {'value': (n * 2654435761 % 1000003) / 7, 'text': f'run {n}'}\n"
    )
    project.experiment("sweep", '{n: "range(0,6)"}')
    assert project.run("+experiment=sweep", "-q")[0] == 0
    (project.root / "ready").unlink()
    process = project.start("+experiment=sweep", "-q", "--force", environment={"SLOW": "60"})
    project.wait_for(project.root / "ready")
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.1)
    process.communicate(timeout=30)
    assert process.returncode == 130
    manifest = json.loads((project.root / "space" / "results" / "sweep" / "manifest.json").read_text())
    assert (manifest["counts"], manifest["unsuccessful"]) == ({"COMPLETED": 6}, [])
    code, out, err = project.run("verify", "sweep")
    assert code == 0, out + err
    project.assert_ok()
