"""Launchers and sweepers of other people's Hydra plugins keep working: real plugins, real processes."""

import csv
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

XRUN = Path(sys.executable).with_name("xrun")

SWEEPER = '''
"""A sweeper that walks downhill: each batch depends on the values of the one before."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


@dataclass
class DownhillConf:
    _target_: str = "hydra_plugins.downhill.Downhill"
    start: int = 9


ConfigStore.instance().store(group="hydra/sweeper", name="downhill", node=DownhillConf, provider="downhill")


class Downhill(Sweeper):
    def __init__(self, start):
        self.start = start

    def setup(self, *, hydra_context, task_function, config):
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments):
        fixed = [a for a in arguments if "interval(" not in a]
        key = next(a for a in arguments if "interval(" in a).split("=")[0]
        x, best = self.start, None
        while True:
            value = self.launcher.launch([[*fixed, f"{key}={x}"]], initial_job_idx=0)[0].return_value
            if best is not None and value >= best:
                return
            x, best = x - 1, value
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "steps.py").write_text("def parabola(x: int, c: float = 0) -> dict:\n    return {'y': (x - 5) ** 2 + c}\n")
    folder = tmp_path / "conf/experiment"
    folder.mkdir(parents=True)
    (folder / "parabola.yaml").write_text("# @package _global_\nkwargs: {c: 1}\nparams: {x: [1, 2]}\nsteps: [steps.parabola]\n")
    plugin = tmp_path / "plugins/hydra_plugins/downhill"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text(textwrap.dedent(SWEEPER))
    return tmp_path


def xrun(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")} | {"PYTHONPATH": str(project / "plugins")}
    return subprocess.run(
        [XRUN, "+experiment=parabola", *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def rows(project: Path) -> list[tuple[int, float]]:
    with (project / "results/parabola/table.csv").open(newline="") as file:
        return [(int(row["x"]), float(row["y"])) for row in csv.DictReader(file)]


def test_the_joblib_launcher_performs_the_runs_and_we_keep_plan_cache_and_table(project: Path) -> None:
    done = xrun(project, "x=1,2,3", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert done.returncode == 0, done.stderr
    assert rows(project) == [(1, 17.0), (2, 10.0), (3, 5.0)]
    assert "(3 cached)" in xrun(project, "x=1,2,3").stderr
    assert not (project / "multirun").exists()


def test_a_failure_under_a_launcher_is_that_run_alone(project: Path) -> None:
    (project / "steps.py").write_text("def parabola(x: int, c: float = 0) -> dict:\n    return {'y': 1 / (x - 2)}\n")
    done = xrun(project, "x=1,2,3", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert done.returncode == 1
    assert "ZeroDivisionError at steps.py:2" in done.stderr
    assert [x for x, _ in rows(project)] == [1, 3]


def test_a_sweeper_chooses_the_points_by_the_results_and_the_table_has_all_of_them(project: Path) -> None:
    done = xrun(project, "hydra/sweeper=downhill", "x=interval(0,9)", "c=2")
    assert done.returncode == 0, done.stderr
    assert rows(project) == [(9, 18.0), (8, 11.0), (7, 6.0), (6, 3.0), (5, 2.0), (4, 3.0)]
    manifest = json.loads((project / "results/parabola/manifest.json").read_text())
    assert manifest["counts"] == {"COMPLETED": 6}


def test_what_a_sweeper_found_runs_again_from_its_file(project: Path) -> None:
    xrun(project, "hydra/sweeper=downhill", "hydra.sweeper.start=7", "x=interval(0,9)")
    before = rows(project)
    done = subprocess.run([XRUN, "results/parabola/experiment.yaml"], cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert "4 runs, 4 completed (4 cached)" in done.stderr
    assert rows(project) == before


def test_a_plugin_that_is_not_installed_is_one_sentence(project: Path) -> None:
    done = xrun(project, "hydra/sweeper=nowhere", "x=1,2")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "nowhere" in done.stderr


def test_a_sweeper_and_a_launcher_together_are_refused(project: Path) -> None:
    done = xrun(project, "hydra/sweeper=downhill", "hydra/launcher=joblib", "x=interval(0,9)")
    assert done.returncode == 2
    assert "do not go together" in done.stderr


TOLERANT = """
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Tolerant(Sweeper):
    def __init__(self, **given):
        pass

    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(config=config, hydra_context=hydra_context, task_function=task_function)

    def sweep(self, arguments):
        base = [argument for argument in arguments if "x=" not in argument]
        for number, value in enumerate(["1", "0.5", "2", "3"]):
            for job in self.launcher.launch([(*base, f"++params.x=[{value}]")], initial_job_idx=number):
                try:
                    print("job", value, job.return_value)
                except Exception as error:
                    print("job", value, "failed")
"""


def test_a_plugin_in_the_project_root_is_found_and_one_that_tolerates_a_failed_job_gets_the_answers_of_the_others(project: Path) -> None:
    (project / "hydra_plugins").mkdir()
    (project / "hydra_plugins" / "tolerant.py").write_text(TOLERANT)
    (project / "conf/hydra/sweeper").mkdir(parents=True)
    (project / "conf/hydra/sweeper/tolerant.yaml").write_text("_target_: hydra_plugins.tolerant.Tolerant\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XRUN_", "PYTHONPATH"))}
    command = [XRUN, "+experiment=parabola", "hydra/sweeper=tolerant", "x=interval(0,9)"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=100, check=False)
    jobs = [line for line in done.stderr.splitlines() if line.startswith("job")]
    assert jobs == ["job 1 17.0", "job 0.5 failed", "job 2 10.0", "job 3 5.0"], done.stderr
    assert "Traceback" not in done.stderr
    assert rows(project) == [(1, 17.0), (2, 10.0), (3, 5.0)]
    assert done.returncode == 0
    assert "warning: the sweeper goes on without a job that could not be run: " in done.stderr
