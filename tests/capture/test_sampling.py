"""Long runs are looked at from outside; short ones cost nothing."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.executors import sampling
from runner.executors.sampling import Sampler

BURN = "import time\nprint(flush=True)\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
HOLD = "import time\nheld = b'x' * {}\nprint(flush=True)\ntime.sleep(60)"
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])", sys.argv[1]])
time.sleep(60)
"""
SHORT_CHILDREN = """
import subprocess, sys
print(flush=True)
while True: subprocess.run([sys.executable, "-S", "-E", "-c", "for _ in range(10**6): pass"])
"""


@pytest.fixture
def started():
    """Starts Python programs, and waits for their first line."""
    processes = []

    def start(code, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
        )
        processes.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()


def looked_at_twice(pid, seconds=0.5):
    sampler = Sampler(every=seconds, after=1.0)
    since = time.monotonic() - 1.0
    (first,) = sampler.sample(time.monotonic(), [(7, pid, since)])
    time.sleep(seconds)
    (second,) = sampler.sample(time.monotonic(), [(7, pid, since)])
    return first, second


def cpus_used(pid, seconds=1.0):
    """What the kernel gave it, for machines that are busy with something else: at most 100 % of one CPU, maybe much less."""
    return looked_at_twice(pid, seconds)[1].values["system/cpu_percent"]


def test_a_process_that_computes_shows_it(started):
    process = started(BURN)

    def ticks():
        return sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))

    before, begun = ticks(), time.monotonic()
    first, second = looked_at_twice(process.pid, 1.0)
    expected = 100 * (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)
    assert first.number == 0
    assert "system/cpu_percent" not in first.values
    assert second.number == 1
    assert second.values["system/cpu_percent"] == pytest.approx(expected, abs=10)
    assert expected > 15


def test_a_process_that_sleeps_shows_its_memory_and_no_cpu(started):
    small = looked_at_twice(started(HOLD.format(0)).pid, 0.3)[1].values
    large = looked_at_twice(started(HOLD.format(200_000_000)).pid, 0.3)[1].values
    assert large["system/memory_rss_mb"] - small["system/memory_rss_mb"] == pytest.approx(200, abs=5)
    assert large["system/cpu_percent"] < 10


def test_descendants_count(started):
    code = HOLD.format(150_000_000) + "\n"
    process = started(FAMILY, code)
    deadline = time.monotonic() + 20
    memory = 0.0
    while memory < 150 and time.monotonic() < deadline:
        memory = looked_at_twice(process.pid, 0.1)[1].values["system/memory_rss_mb"]
    assert memory > 150


def test_children_that_end_between_two_looks_count(started):
    assert cpus_used(started(SHORT_CHILDREN).pid) > 15


def test_a_run_is_looked_at_when_it_is_due_and_not_before(started):
    pid = started(HOLD.format(0)).pid
    sampler = Sampler(every=10.0, after=10.0)
    looks = [(now, s.number) for now in range(60) for s in sampler.sample(float(now), [(7, pid, 3.0)])]
    assert looks == [(13, 0), (23, 1), (33, 2), (43, 3), (53, 4)]


def test_each_run_has_its_own_numbers_even_in_one_process(started):
    pid = started(HOLD.format(0)).pid
    sampler = Sampler(every=10.0, after=10.0)
    assert [s.number for s in sampler.sample(20.0, [(1, pid, 0.0)])] == [0]
    assert [s.number for s in sampler.sample(30.0, [(1, pid, 0.0)])] == [1]
    assert sampler.sample(31.0, [(2, pid, 30.5)]) == []
    assert [(s.key, s.number) for s in sampler.sample(41.0, [(2, pid, 30.5)])] == [(2, 0)]
    assert [s.number for s in sampler.sample(50.0, [(1, pid, 0.0), (2, pid, 30.5)])] == [0]


def test_a_run_of_many_short_steps_is_a_long_run(started):
    pid = started(HOLD.format(0)).pid
    sampler = Sampler(every=10.0, after=10.0)
    looks = [(now, s.number) for now in range(40) for s in sampler.sample(float(now), [(7, pid, now // 3 * 3.0)])]
    assert looks == [(10, 0), (20, 1), (30, 2)]


def test_a_run_that_is_tried_again_elsewhere_begins_again(started):
    first, second = started(HOLD.format(0)).pid, started(HOLD.format(0)).pid
    sampler = Sampler()
    assert [sampler.sample(now, [(7, first, 0.0)])[0].number for now in (10.0, 20.0)] == [0, 1]
    (sample,) = sampler.sample(30.0, [(7, second, 0.0)])
    assert (sample.number, list(sample.values)) == (0, ["system/memory_rss_mb"])


def test_a_process_that_is_gone_gives_nothing(started):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    alive = started(HOLD.format(0))
    running = [(key, process.pid, 0.0) for key, process in enumerate([gone, zombie, alive])]
    sampler = Sampler()
    assert [s.key for s in sampler.sample(100.0, running)] == [2]
    alive.kill()
    alive.wait()
    assert sampler.sample(200.0, running) == []
    zombie.wait()


def test_short_runs_do_not_even_import_psutil():
    code = """
import sys
from runner.executors.sampling import Sampler
sampler = Sampler()
samples = [sampler.sample(float(now), [(now // 9, 1, float(now // 9 * 9))]) for now in range(1000)]
print(sum(map(len, samples)), sorted({"psutil", "pynvml", "ctypes"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"


NVML = """
from types import SimpleNamespace
def nvmlInit(): pass
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(number): return number
def nvmlDeviceGetUtilizationRates(gpu): return SimpleNamespace(gpu=30 + gpu)
def nvmlDeviceGetMemoryInfo(gpu):
    if gpu == 1: raise RuntimeError("not supported")
    return SimpleNamespace(used=2_500_000_000)
"""


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (NVML, {"system/gpu_0_util": 30.0, "system/gpu_0_memory_mb": 2500.0, "system/gpu_1_util": 31.0}),
        ("def nvmlInit(): raise RuntimeError('no driver')", {}),
        ("import warnings\nwarnings.warn('deprecated', FutureWarning)\nraise ImportError", {}),
    ],
)
def test_gpus_count_where_their_library_works(tmp_path, monkeypatch, module, expected):
    (tmp_path / "pynvml.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    sampling._gpu_readers.cache_clear()
    try:
        (sample,) = Sampler().sample(100.0, [(7, os.getpid(), 0.0)])
    finally:
        sampling._gpu_readers.cache_clear()
        sys.modules.pop("pynvml", None)
    assert {name: value for name, value in sample.values.items() if "gpu" in name} == expected
