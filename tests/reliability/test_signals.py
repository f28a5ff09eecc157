"""Ctrl-C and the other ways to ask xrun to stop."""

import os
import signal
import subprocess
import time

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
def test_one_signal_lets_runs_finish_keeps_them_and_says_how_to_go_on(project, number, code):
    sweep(project)
    returned, err, seconds, seen = interrupt(project, number)
    assert returned == code
    assert seconds < 2.5
    rows = project.assert_ok(seen)
    project.assert_tidy()
    assert {status for _, status, _ in rows.values()} == {"COMPLETED"}
    assert len(err.splitlines()) <= 5
    assert "xrun +experiment=sweep" in err
    assert "Traceback" not in err


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
    assert len(err.splitlines()) <= 5, err
    os.environ["QUICK"] = "1"
    try:
        assert project.run("+experiment=sweep")[0] == 0
    finally:
        del os.environ["QUICK"]
    assert {status for _, status, _ in project.assert_ok().values()} == {"COMPLETED"}


@pytest.mark.parametrize("pause", [0.05, 0.3])  # two signals within a moment are one, says the kernel
def test_a_second_signal_ends_everything_within_a_second(project, pause):
    sweep(project, wait=5, runs=20)
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


def test_after_an_interrupt_a_rerun_completes_the_sweep(project):
    sweep(project, wait=0.002, runs=1500)
    _, _, _, seen = interrupt(project, signal.SIGINT)
    rows = project.assert_ok(seen)
    assert len(rows) < 1500
    assert project.run("+experiment=sweep")[0] == 0
    assert len(project.assert_ok(rows)) == 1500
