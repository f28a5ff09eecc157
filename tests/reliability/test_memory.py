"""F35: the coordinator's memory follows what is in flight, not how many runs there are."""

import subprocess
import sys
import time

import pytest

NOTHING = "def step(n, a):\n    return {'value': n}\n"
LOOP = """
import os, sys
from pathlib import Path
from runner import executors, plan, stores
from runner.execute import execute
from runner.spec import Axis, ExecutorSpec, Experiment, Grid, Step, Variant
from runner.worker import Job
count, root = int(sys.argv[1]), Path.cwd()
steps = (Step(call="work.step", name="step"),)
grids = (Grid(factors=(Axis(name="a", values=tuple(range(count // 100))), Axis(name="n", values=tuple(range(100))))),)
experiment = Experiment(name="e", steps=steps, variants=(Variant(grids=grids),), root=root, yaml="")
executor = executors.EXECUTORS["local"](ExecutorSpec(workers=2))
planned = plan.expand(experiment, executor.inspect(experiment).code)
executor.start(Job(experiment="e", root=root, steps=steps, scopes=planned.scopes, folders=root))
store = stores.open(root / f"store-{count}")
files = []
for number, record in enumerate(execute(planned, executor, store)):
    if number % 5000 == 4999:
        files.append(len(os.listdir("/proc/self/fd")))
assert number == count - 1
store.close()
(peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak) / 1024, min(files), max(files))  # its own: ru_maxrss begins with that of the process that started it
"""
WHOLE = """
import sys
from pathlib import Path
from runner.cli import main
try:
    main(sys.argv[1:])
finally:
    (peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print("peak", int(peak) // 1024, file=sys.stderr)  # its own: ru_maxrss begins with that of the process that started it
"""


def call(project, code, *arguments, **environment):
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=project.root, env={**project.environment, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(arguments, f"{time.monotonic() - begun:.1f} s", done.stdout[-80:], done.stderr[-80:])
    return done


@pytest.mark.forms(runs=(100_000, 1_000_000))
def test_memory_and_open_files_do_not_grow_with_the_number_of_runs(project, runs):
    project.module(NOTHING)
    few, many = (list(map(float, call(project, LOOP, str(count)).stdout.split())) for count in (20_000, runs))
    assert many[0] < few[0] + 4
    assert many[2] - many[1] <= 2


@pytest.mark.forms(thousands=(20, 1_000))
def test_a_million_runs_take_less_than_500_mb_and_leave_nothing_but_their_results(project, thousands):
    """The whole line of the data, plan and table included. No run makes a file, in the workspace or among the temporary ones."""
    project.module(NOTHING)
    project.experiment("many", f'{{a: "range(0,{thousands * 10})", n: "range(0,100)"}}')
    temporary = project.root / "tmp"
    temporary.mkdir()
    assert int(call(project, WHOLE, "+experiment=many", "-q", TMPDIR=str(temporary)).stderr.split()[-1]) < 500
    assert project.query("SELECT status, count(*) FROM run GROUP BY status") == [("COMPLETED", thousands * 1000)]
    project.assert_tidy()
    project.assert_none_alive()
    assert list(temporary.iterdir()) == []
    assert not list((project.store.parent / "artifacts").glob("*"))
