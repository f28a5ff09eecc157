"""The coordinator's memory follows what is in flight, not how many runs there are."""

import pytest

PEAK = """
import resource, sys
from runner.cli import main
try:
    main(sys.argv[1:])
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, len(__import__("os").listdir("/proc/self/fd")), file=sys.stderr)
"""
NOTHING = "def step(n, a):\n    return {'value': n}\n"


def peak(project, runs):
    """Peak memory in MB and open files of a sweep."""
    import subprocess
    import sys
    import time

    project.module(NOTHING)
    project.experiment(f"many{runs}", f'{{a: "range(0,{runs // 100})", n: "range(0,100)"}}')
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", PEAK, f"+experiment=many{runs}", "-q"], cwd=project.root, env=project.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, memory, files = done.stderr.split()[-3:]
    print(f"{runs} runs: {memory} MB, {files} files, {time.monotonic() - begun:.1f} s")
    return int(memory), int(files)


def test_memory_is_flat(project):
    few, files = peak(project, 20_000)
    many, more_files = peak(project, 100_000)
    assert many < few * 1.25 + 10
    assert abs(files - more_files) <= 2


@pytest.mark.soak
def test_a_million_runs_take_less_than_500_mb(project):
    many, _ = peak(project, 1_000_000)
    assert many < 500
