"""A project, programs in it as users start them, and what the store holds afterwards."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runner import codec, current, stores
from runner.compat import around
from runner.flow import Flow
from runner.logged import Params, Points
from runner.run import Run
from runner.views import Kwargs, View
from tests import calling
from tests.calling import XRUN

DOCUMENTS = Path(__file__).parent / "documents"


@pytest.fixture
def blocks():
    """blocks(document): its code blocks, fenced or indented."""

    def read(document):
        text = (DOCUMENTS / document).read_text()
        fenced = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        return fenced or [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n(?:^\s*\n)*)+", text, re.MULTILINE)]

    return read


class Kept:
    """What the store of a project holds."""

    def __init__(self, root):
        self._reader = stores.read(root / ".xrun/xrun.db")

    def runs(self, experiment=None):
        return list(self._reader.records(experiment))

    def run(self, experiment):
        (record,) = self.runs(experiment)
        return record

    def points(self, id_run, name):
        parts = list(self._reader.points(id_run, name))
        return [pair for steps, values, _ in parts for pair in zip(steps, values, strict=True)]

    def metrics(self, id_run):
        return {name: [value for _, value in self.points(id_run, name)] for name in self._reader.summaries([id_run]).get(id_run, {})}

    def files(self, id_run):
        return sorted(artifact.path for artifact in self._reader.artifacts([id_run]).get(id_run, []))

    def __getattr__(self, name):
        return getattr(self._reader, name)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, which is the working directory."""
    for name in ("XRUN_WORKSPACE", "XRUN_CONF", "XRUN_RUN", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    around.say_once.cache_clear()
    (tmp_path / "conf/experiment").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kept(project):
    """kept(): what the store holds now."""
    opened = []

    def read():
        opened.append(Kept(project))
        return opened[-1]

    yield read
    for reader in opened:
        reader.close()


@pytest.fixture
def start(project):
    """start(source, *arguments): run a program in the project."""

    def run(source, *arguments, code=0, name="program.py"):
        (project / name).write_text(source)
        environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": "error"}
        words = [sys.executable, name, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=project, env=environment, timeout=120)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture
def xrun(project):
    """xrun(yaml): run an experiment of that content."""

    def run(content, code=0):
        (project / "conf/experiment/e.yaml").write_text(f"# @package _global_\nname: e\n{content}")
        done = calling.run([XRUN, "+experiment=e"], cwd=project)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return run


class Step(Run):
    """The run of a step; what it logs is at hand."""

    __slots__ = ("sent",)

    @property
    def points(self):
        self._flow.flush()
        found = [(child, entry) for child, entry in self.sent if isinstance(entry, Points)]
        return [(child, entry.name, *pair) for child, entry in found for pair in zip(*entry.unpacked(), strict=True)]

    @property
    def logged(self):
        return {
            k: v for child, entry in self.sent if isinstance(entry, Params) and not child for k, v in codec.loads(entry.content).items()
        }


@pytest.fixture
def step(project):
    """The run of a step that executes now."""
    sent, params = [], View({"lr": 0.1})
    run = Step(
        id_run="6b1d0000-0000-8000-8000-000000000000",
        kwargs=Kwargs({}, params),
        params=params,
        seed=1,
        meta=View({"experiment": "steps"}),
        folders=project / "folders",
        flow=lambda: Flow(sent.extend),
    )
    run.sent = sent
    current.enter(run)
    yield run
    current.leave(run)
