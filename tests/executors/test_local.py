"""F3, F4, F18: what the executor `local` promises beyond the suite: crashes, hangs, grandchildren, huge results, replaced workers."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from runner.errors import WorkerStartError
from runner.record import Status
from runner.spec import ExecutorSpec

CRASHES = """
import ctypes, faulthandler, os, signal, sys
def step(n):
    if n == 1: os._exit(0)
    if n == 2: os._exit(3)
    if n == 3: os.kill(os.getpid(), signal.SIGKILL)
    if n == 4: ctypes.string_at(0)
    if n == 5: os.abort()
    if n == 6: os.kill(os.getpid(), signal.SIGTERM)
    return {"n": n}
"""
ENDS = {1: "exit 0", 2: "exit 3", 3: "SIGKILL", 4: "SIGSEGV", 5: "SIGABRT", 6: "SIGTERM"}


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_a_death_is_the_guilty_runs_alone(local, read, start):
    b = local(CRASHES, start=start)
    points = [{"n": n % 50} for n in range(200 if start == "forkserver" else 60)]
    for point, outcome in zip(points, b.run(b.step("step"), points=points), strict=True):
        if end := ENDS.get(point["n"]):
            assert (outcome.status, outcome.failure.kind) == (Status.CRASHED, end)
            assert outcome.seconds < 10
        else:
            assert read(outcome) == {"n": point["n"]}


def test_a_segfault_has_a_traceback_and_a_sigkill_a_hint(local):
    b = local(CRASHES)
    segfault, kill = b.run(b.step("step"), points=[{"n": 4}, {"n": 3}])
    assert "Segmentation fault" in segfault.failure.traceback
    assert f"{b.module}.py" in segfault.failure.traceback
    assert "memory ran out" in kill.failure.message


HANGS = """
import os, re, signal, subprocess, time
def step(n):
    if n == 1:
        while True: pass
    if n == 2: re.match(r"(a+)+$", "a" * 40 + "b")
    if n == 3:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(999)
    if n == 4:
        child = subprocess.Popen(["sleep", "999"])
        with open(os.path.join(os.path.dirname(__file__), "pid"), "w") as file: file.write(str(child.pid))
        child.wait()
    return {"n": n}
"""


def test_a_step_that_takes_too_long_is_ended_from_outside_with_all_that_it_started(local, read, gone):
    b = local(HANGS)
    begun = time.monotonic()
    outcomes = b.run(b.step("step", timeout=0.4), points=[{"n": n} for n in range(500)])
    assert time.monotonic() - begun < 4 * 1.4
    late = [o for o in outcomes if o.status is not Status.COMPLETED]
    assert [(o.index, o.status) for o in late] == [(n, Status.TIMED_OUT) for n in (1, 2, 3, 4)]
    assert all("0.4 s" in o.failure.message and 0.4 <= o.seconds < 1.4 for o in late)
    assert gone(int((b.root / "pid").read_text()))


def test_a_limit_counts_for_its_step_alone(local, read):
    b = local("import time\ndef slow(n):\n    time.sleep(0.3)\n    return {'slow': n}\ndef quick(n):\n    time.sleep(n)\n")
    outcomes = b.run(b.step("slow"), b.step("quick", timeout=0.25), points=[{"n": 0.1}, {"n": 5.0}])
    assert [(o.status, o.step) for o in outcomes] == [(Status.COMPLETED, 1), (Status.TIMED_OUT, 1)]


def test_runs_that_end_as_their_limit_strikes_never_cost_another_run(local, read):
    b = local("import time\ndef step(n):\n    time.sleep(0.1 + n % 7 * 0.001 if n % 5 == 0 else 0)\n    return {'n': n}\n")
    outcomes = b.run(b.step("step", timeout=0.103), points=[{"n": n} for n in range(200)])
    for n, outcome in enumerate(outcomes):
        if n % 5:
            assert (outcome.status, read(outcome)) == (Status.COMPLETED, {"n": n})
        else:
            assert outcome.status in (Status.COMPLETED, Status.TIMED_OUT)


def test_what_a_step_started_is_gone_after_it_crashed(local, gone):
    b = local(
        """
import os, subprocess
def step(n):
    with open(os.path.join(os.path.dirname(__file__), "pid"), "w") as file:
        file.write(str(subprocess.Popen(["sleep", "999"]).pid))
    if n: os._exit(1)
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    assert outcome.status is Status.CRASHED
    assert gone(int((b.root / "pid").read_text()))


def test_what_a_step_started_is_gone_after_close(local, gone):
    b = local("import subprocess\ndef step(n):\n    return {'pid': subprocess.Popen(['sleep', '999']).pid}\n")
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    b.executor.close()
    assert gone(int(outcome.fields.split(":")[1].strip("}")))


def test_a_step_that_closes_all_descriptors_is_the_only_one_that_is_blamed(local, read):
    b = local("import os\ndef step(n):\n    if n % 40 == 7:\n        os.closerange(0, 500)\n    return {'n': n}\n")
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(200)])
    for n, outcome in enumerate(outcomes):
        if n % 40 == 7:
            assert (outcome.status, outcome.failure.kind) == (Status.CRASHED, "Disconnected")
        else:
            assert read(outcome) == {"n": n}


def test_a_step_that_writes_into_every_socket_harms_nobody_else(local, read):
    b = local(
        """
import os
def step(n):
    for name in os.listdir("/proc/self/fd") if n == 5 else ():
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket"): os.write(int(name), b"x" * 64)
        except OSError: pass
    return {"n": n}
"""
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(20)])
    assert {n: o.failure.kind for n, o in enumerate(outcomes) if o.status is not Status.COMPLETED} in ({5: "Garbled"}, {5: "SIGKILL"}, {})


def test_an_object_that_kills_the_process_when_it_is_freed_is_its_own_runs_crash(local, read):
    b = local(
        """
import os
class Mine:
    def __del__(self): os._exit(4)
def step(run):
    if run.params.n == 3: run.vars.mine = Mine()
    run.fields.n = run.params.n
"""
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(10)])
    assert [(n, o.failure.kind) for n, o in enumerate(outcomes) if o.failure] == [(3, "exit 4")]


def test_a_huge_result_arrives_whole(local, read):
    b = local("def step(n):\n    return {'text': chr(97 + n) * 50_000_000}\n")
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(2)])
    assert [(o.fields[9:12], len(o.fields)) for o in outcomes] == [(c * 3, 50_000_000 + 11) for c in "ab"]


def test_threads_of_numeric_libraries_are_bounded(local, read, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    b = local("import os\ndef step(n):\n    return {k[:3]: os.environ[k] for k in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')}\n", workers=256)
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    assert read(outcome) == {"OMP": "1", "MKL": "7"}


def test_workers_ignore_an_interrupt_but_programs_that_steps_start_do_not_inherit_that(local, read):
    b = local(
        """
import os, signal, subprocess
def step(n):
    os.kill(os.getpid(), signal.SIGINT)
    child = subprocess.Popen(["sleep", "9"])
    child.send_signal(signal.SIGINT)
    return {"code": child.wait()}
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    assert read(outcome) == {"code": -signal.SIGINT}


def test_a_worker_killed_between_runs_is_replaced_and_nobody_is_blamed(local, read):
    b = local("import os\ndef step(n):\n    return {'pid': os.getpid()}\n", workers=1)
    (first,) = b.run(b.step("step"), points=[{"n": 1}])
    os.kill(read(first)["pid"], signal.SIGKILL)
    b.executor.submit([(k, f"id-{k}", {"n": 2}, 5, 0, None, 1, None) for k in range(1, 20)])
    found = b.collect()
    assert {o.status for o in found.values()} == {Status.COMPLETED}
    assert read(found[19])["pid"] != read(first)["pid"]


def test_workers_killed_at_any_time_cost_at_most_the_run_that_they_were_in(local, read):
    b = local("import os, time\ndef step(n):\n    time.sleep(0.0005)\n    return {'n': n, 'pid': os.getpid()}\n")
    b.open(b.step("step")).submit([{"n": n} for n in range(2000)])
    killed = 0
    while b.executor.busy():
        outcomes = b.executor.events(0.1)
        for outcome in outcomes:
            assert outcome.index not in b.outcomes
            b.outcomes[outcome.index] = outcome
        alive = [read(o)["pid"] for o in outcomes if o.status is Status.COMPLETED]
        if alive and killed < 12:
            killed += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(alive[-1], signal.SIGKILL)
    assert len(b.outcomes) == 2000
    crashed = [o for o in b.outcomes.values() if o.status is not Status.COMPLETED]
    assert len(crashed) <= killed
    assert {o.failure.kind for o in crashed} <= {"SIGKILL"}
    assert all(read(o)["n"] == n for n, o in b.outcomes.items() if o.status is Status.COMPLETED)


def test_drain_while_workers_crash_and_time_out_still_ends(local):
    b = local("import os, time\ndef step(n):\n    time.sleep(0.02)\n    if n % 3 == 0: os._exit(1)\n    if n % 3 == 1: time.sleep(99)\n")
    b.open(b.step("step", timeout=0.3)).submit([{"n": n} for n in range(60)])
    b.executor.events(5.0)
    b.executor.drain()
    begun = time.monotonic()
    b.collect(5)
    assert time.monotonic() - begun < 2
    assert b.executor.close() == []


def test_runs_that_turn_out_slow_are_shared_among_the_workers(local, read):
    b = local("import os, time\ndef step(n):\n    time.sleep(0 if n < 400 else 0.1)\n    return {'pid': os.getpid()}\n")
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(420)])
    pids = [read(o)["pid"] for o in outcomes[400:]]
    assert min(pids.count(pid) for pid in set(pids)) >= 5


def test_three_deaths_before_any_run_end_the_sweep_with_a_reason(local):
    b = local("import os, sys\nif 'spawned' in str(sys.orig_argv): os._exit(5)\ndef step(n):\n    return {}\n", start="spawn")
    b.open(b.step("step")).submit([{"n": n} for n in range(10)])
    with pytest.raises(WorkerStartError, match=r"3 workers in a row died before they ran anything \(exit 5\)"):
        b.collect()


@pytest.mark.parametrize(("line", "how"), [("os._exit(3)", "exit 3"), ("os.kill(os.getpid(), 9)", "SIGKILL"), ("os.abort()", "SIGABRT")])
def test_a_module_that_kills_the_process_on_import_is_named(local, line, how):
    b = local(f"import os\n{line}\ndef step(n):\n    return {{}}\n")
    with pytest.raises(WorkerStartError, match=rf"importing the steps ended the process \({how}\): {b.module}.step"):
        b.executor.inspect(b.experiment([b.step("step")]))


def test_a_module_that_closes_all_descriptors_on_import_is_named(local):
    b = local("import os\nos.closerange(3, 200)\nimport time\ntime.sleep(5)\ndef step(n):\n    return {}\n")
    with pytest.raises(WorkerStartError, match="importing the steps ended the process"):
        b.executor.inspect(b.experiment([b.step("step")]))


def test_a_module_that_forks_on_import_leaves_one_zygote(local, read):
    b = local("import os\nos.fork()\ndef step(n):\n    return {'n': n}\n")
    assert read(b.run(b.step("step"), points=[{"n": 4}])[0]) == {"n": 4}


def test_a_module_that_takes_the_signals_on_import_still_works(local):
    b = local("import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nsignal.set_wakeup_fd(-1)\ndef step(n):\n    os._exit(n)\n")
    assert [o.failure.kind for o in b.run(b.step("step"), points=[{"n": n} for n in (1, 2)])] == ["exit 1", "exit 2"]


def test_a_module_that_starts_a_thread_on_import_works_in_fresh_workers(local, read):
    b = local(
        """
import sys, threading, time
threading.Thread(target=time.sleep, args=(999,), daemon=True).start()
def step(n):
    return {"threads": threading.active_count(), "fresh": "spawned" in str(sys.orig_argv)}
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    assert read(outcome) == {"threads": 2, "fresh": True}


def test_the_death_of_the_zygote_is_told_and_leaves_nothing_behind(local, read, gone):
    b = local(
        """
import os, subprocess
def step(n):
    return {"zygote": os.getppid(), "pid": os.getpid(), "child": subprocess.Popen(["sleep", "999"]).pid}
"""
    )
    b.open(b.step("step")).submit([{"n": 1}])
    found = read(b.collect()[0])
    os.kill(found["zygote"], signal.SIGKILL)
    assert gone(found["pid"])
    b.executor.submit([(1, "id", {"n": 1}, 5, 0, None, 1, None)] * 1)
    with pytest.raises(WorkerStartError, match="the process that starts the workers is gone"):
        b.collect(5)
    b.executor.close()
    assert gone(found["child"])


def test_it_works_in_a_thread_that_hands_over_to_another(local, read):
    b = local("def step(n):\n    return {'n': n}\n")
    opening = threading.Thread(target=lambda: b.open(b.step("step")))
    opening.start()
    opening.join()
    time.sleep(0.1)
    b.submit([{"n": n} for n in range(50)])
    assert [read(o) for _, o in sorted(b.collect().items())] == [{"n": n} for n in range(50)]


def test_no_descriptor_is_left_open(make, local):
    b = local("import os\ndef step(n):\n    if n % 10 == 3: os._exit(1)\n    return {}\n")
    b.run(b.step("step"), points=[{"n": 1}])
    b.executor.close()
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for workers in (1, 3):
        b = make(ExecutorSpec(name="local", workers=workers), "import os\ndef step(n):\n    if n % 10 == 3: os._exit(1)\n    return {}\n")
        b.run(b.step("step"), points=[{"n": n} for n in range(50)])
        b.executor.close()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_a_module_that_blocks_all_signals_hides_no_death(local, read):
    b = local(
        "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "def step(n):\n    if n == 3: os._exit(4)\n    return {'n': n}\n"
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(8)])
    assert [(n, o.failure.kind) for n, o in enumerate(outcomes) if o.failure] == [(3, "exit 4")]


def test_a_step_that_leaves_its_process_group_does_not_escape_its_timeout(local, read):
    b = local(
        "import os, time\ndef step(n):\n    if n == 1:\n        os.setpgid(0, os.getpgid(os.getppid()))\n"
        "        time.sleep(60)\n    return {'n': n}\n"
    )
    outcomes = b.run(b.step("step", timeout=0.5), points=[{"n": n} for n in range(4)])
    assert [o.status for o in outcomes] == [Status.COMPLETED, Status.TIMED_OUT, Status.COMPLETED, Status.COMPLETED]


def test_a_step_that_replaces_clocks_or_json_harms_neither_its_own_record_nor_the_next_run(local, read):
    b = local(
        "import json, time\n\ndef step(n):\n    if n == 1:\n        json.dumps = json.loads = None\n"
        "        time.time = time.perf_counter = time.monotonic = lambda: 0.0\n    return {'n': n}\n"
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(20)])
    assert [o.status for o in outcomes] == [Status.COMPLETED] * 20
    assert all(0 <= o.seconds < 60 and o.started > 1e9 for o in outcomes)


def test_a_module_that_stops_the_clock_causes_no_timeout(local, read):
    b = local("import time\ntime.monotonic = lambda: 0.0\ndef step(n):\n    time.sleep(0.05)\n    return {'n': n}\n")
    outcomes = b.run(b.step("step", timeout=2.0), points=[{"n": n} for n in range(4)])
    assert [o.status for o in outcomes] == [Status.COMPLETED] * 4
