"""Limits on the memory of runs, and kills by the kernel for want of it (F3b)."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import oom
from runner.executors import memory
from runner.executors.workers import end_of_process
from runner.record import Status

LIMIT = 300_000_000


def outcomes_of(b, step, points):
    return b.run(b.step(step, max_memory=LIMIT), points=[{"n": n} for n in points])


def test_a_run_that_uses_more_than_its_step_may_is_ended_and_no_other(local, read):
    b = local(
        """
import time
def step(n):
    if n % 10 == 3:
        hog = b"x" * 500_000_000
        time.sleep(60)
    return {"n": n}
"""
    )
    for n, outcome in enumerate(outcomes_of(b, "step", range(40))):
        if n % 10 == 3:
            assert (outcome.status, outcome.failure.kind) == (Status.CRASHED, "oom")
            assert outcome.failure.message.endswith("of memory, of at most 300 MB (`max_memory`)")
            assert outcome.max_rss > LIMIT
            assert outcome.seconds < 30
        else:
            assert read(outcome) == {"n": n}


def test_programs_that_a_step_starts_count_together(local, gone):
    b = local(
        """
import os, subprocess, sys, time
CODE = "import time; hog = b'x' * 120_000_000; time.sleep(60)"
def step(n):
    started = [subprocess.Popen([sys.executable, "-c", CODE]) for _ in range(4)]
    with open(os.path.join(os.path.dirname(__file__), "pids"), "w") as file:
        file.write(" ".join(str(child.pid) for child in started))
    time.sleep(60)
"""
    )
    (outcome,) = outcomes_of(b, "step", [1])
    assert (outcome.status, outcome.failure.kind) == (Status.CRASHED, "oom")
    assert all(gone(int(pid)) for pid in (b.root / "pids").read_text().split())


def test_what_earlier_runs_have_left_behind_is_no_later_runs_fault(local, read):
    b = local(
        """
import os, time
KEPT = []
def step(n):
    if n == 0:
        KEPT.append(b"x" * 200_000_000)  # a library's cache, say
    mine = b"x" * 150_000_000
    time.sleep(1)
    return {"pid": os.getpid(), "kept": len(KEPT)}
""",
        workers=1,
    )
    outcomes = outcomes_of(b, "step", [5, 5, 5])
    assert [outcome.status for outcome in outcomes] == [Status.COMPLETED] * 3
    b = local(
        """
import os, time
KEPT = []
def step(n):
    if n == 0:
        KEPT.append(b"x" * 200_000_000)
        return {"pid": os.getpid()}
    mine = b"x" * 150_000_000
    time.sleep(1)
    return {"pid": os.getpid()}
""",
        workers=1,
    )
    first, second, third = outcomes_of(b, "step", [0, 1, 2])
    assert [o.status for o in (first, second, third)] == [Status.COMPLETED] * 3, second.failure
    assert read(first)["pid"] != read(second)["pid"] == read(third)["pid"]


def test_a_run_within_its_limit_is_left_alone(local, read):
    b = local("import time\ndef step(n):\n    mine = b'x' * 100_000_000\n    time.sleep(0.4)\n    return {'n': n}\n")
    assert [read(o) for o in outcomes_of(b, "step", range(6))] == [{"n": n} for n in range(6)]


def test_a_limit_counts_for_its_step_alone(local):
    b = local("import time\ndef big(n):\n    mine = b'x' * 500_000_000\n    time.sleep(0.5)\ndef small(n):\n    time.sleep(0.3)\n")
    (outcome,) = b.run(b.step("big"), b.step("small", max_memory=LIMIT), points=[{"n": 1}])
    assert outcome.status is Status.COMPLETED


def test_what_a_process_group_uses_is_what_its_processes_do():
    code = "import sys; hog = b'x' * 100_000_000; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0) as child:
        assert child.stdout.readline() == "ready\n"
        used = memory.resident([child.pid, 1 << 30])
        child.stdin.close()
    assert 100_000_000 < used[child.pid] < 150_000_000
    assert used[1 << 30] == 0


@given(st.integers(0, 10**15))
def test_sizes_are_shown_with_three_figures_at_least(size):
    number, unit = memory.shown(size).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert abs(float(number) * factor - size) <= 0.006 * size
    assert len(number) <= 5


V2 = "low 0\nhigh 12\nmax 40\noom 5\noom_kill 3\noom_group_kill 0\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"
VMSTAT = "nr_free_pages 1\noom_kill 9\nzone_reclaim_failed 0\n"
GROUP = "sys/fs/cgroup/memory/a/memory.oom_control"
SYSTEMS = {
    "version 2": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.events": V2, "proc/vmstat": VMSTAT}, 3),
    "version 2 in a namespace": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": V2, "proc/vmstat": VMSTAT}, 3),
    "version 1": (
        {"proc/self/cgroup": "9:cpu:/x\n4:cpuset,memory:/a\n0::/\n", GROUP: V1, "proc/vmstat": VMSTAT},
        4,
    ),
    "version 1 in a container": ({"proc/self/cgroup": "4:memory:/docker/x\n", "sys/fs/cgroup/memory/memory.oom_control": V1}, 4),
    "an old kernel": ({"proc/self/cgroup": "4:memory:/a\n", GROUP: V1[:34], "proc/vmstat": VMSTAT}, 9),
    "no control groups": ({"proc/vmstat": VMSTAT}, 9),
    "nonsense": ({"proc/self/cgroup": "::\n", "proc/vmstat": "oom_kill many\n"}, None),
    "nothing": ({}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_kernel_tells_how_often_it_has_killed(tmp_path, name):
    files, expected = SYSTEMS[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    path = oom.counter(tmp_path)
    assert (None if path is None else oom.count(path)) == expected


def test_a_kill_counts_for_deaths_up_to_the_look_after_the_next(tmp_path):
    path = tmp_path / "memory.events"
    path.write_text("oom_kill 7\n")
    watch = oom.Watch(path)
    assert not watch.has_killed()
    path.write_text("oom_kill 8\n")
    assert watch.has_killed()
    watch.look()
    assert watch.has_killed()
    watch.look()
    assert not watch.has_killed()
    path.unlink()
    assert not watch.has_killed()


def test_only_a_sigkill_is_the_kernels():
    assert end_of_process(-signal.SIGKILL, oom=True)[0] == "oom"
    assert end_of_process(-signal.SIGSEGV, oom=True)[0] == "SIGSEGV"
    assert end_of_process(-signal.SIGKILL)[0] == "SIGKILL"


def test_a_worker_that_is_killed_while_the_kernel_counts_a_kill_ran_out_of_memory(local, tmp_path):
    """The kernel's part is played by the step, which counts the kill of its own process before it happens."""
    count = tmp_path / "memory.events"
    count.write_text("oom_kill 0\n")
    b = local(
        f"""
import os, signal
def step(n):
    if n == 3: open({str(count)!r}, "w").write("oom_kill 1\\n")
    if n in (3, 4): os.kill(os.getpid(), signal.SIGKILL if n == 3 else signal.SIGTERM)
    return {{"n": n}}
"""
    )
    b.open(b.step("step"))
    b.executor._oom = oom.Watch(count)
    b.submit([{"n": n} for n in range(8)])
    assert {n: outcome.failure.kind for n, outcome in b.collect().items() if outcome.failure} == {3: "oom", 4: "SIGTERM"}


def test_this_machine_has_a_counter():
    if not Path("/proc/vmstat").exists():
        pytest.skip("not Linux")
    assert oom.count(oom.counter()) >= 0


def test_workers_are_taken_before_the_coordinator(local, read):
    if not Path("/proc/self/oom_score_adj").exists():
        pytest.skip("not Linux")
    before = Path("/proc/self/oom_score_adj").read_text()
    b = local("def step(n):\n    return {'score': int(open('/proc/self/oom_score_adj').read())}\n")
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    assert read(outcome) == {"score": 500}
    assert Path(f"/proc/{os.getpid()}/oom_score_adj").read_text() == before
