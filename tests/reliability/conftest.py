"""The common harness: a project whose results are a function of the parameters, `xrun` on it as a real process, what must hold after.

`start` is xrun in a session of its own; `run` a call to its end, forked from a process that has the imports (tests/calling.py), and `real`
one that is not; `drive` is its one loop in a program that tells on stdout what was acknowledged; `assert_ok` holds the store against the
oracle, which knows every result. The catalogue of what may happen is docs/reliability.md; module and test docstrings name its rows (F1 to
F36).
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner import codec
from runner.files import is_draft
from tests import calling
from tests.calling import XRUN

WORK = """
import time

def value(n):
    return (n * 2654435761 % 1000003) / 7

def step(n, wait=0.0):
    time.sleep(wait)
    return {"value": value(n), "text": f"run {n}"}
"""


DRIVER = """
import sys
from contextlib import closing
from pathlib import Path
from runner import executors, plan, stores
from runner.errors import StoreError
from runner.execute import execute
from runner.record import Record
from runner.spec import Axis, ExecutorSpec, Experiment, Grid, Step, Variant
from runner.worker import Job
path, runs, wait, root = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path.cwd()
steps = (Step(call="work.step", name="step"),)
grids = (Grid(factors=(Axis(name="n", values=tuple(range(runs))),)),)
kwargs = {"wait": wait} if wait else {}
experiment = Experiment(name="e", steps=steps, variants=(Variant(kwargs=kwargs, grids=grids),), root=root, yaml="")
executor = executors.EXECUTORS["local"](ExecutorSpec(workers=2))
planned = plan.expand(experiment, executor.inspect(experiment).code)
executor.start(Job(experiment="e", root=root, steps=steps, scopes=planned.scopes, folders=root / "artifacts"))
try:
    with closing(stores.open(path)) as store:
        for record in execute(planned, executor, store, wait_if_full=False):
            if isinstance(record, Record):
                sys.stdout.write(f"{record.id_run}\\n")  # in one write, which is one acknowledgement
                sys.stdout.flush()
except StoreError as error:
    print(error, file=sys.stderr)
    sys.exit(74)
finally:
    executor.close()
(peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak) // 1024, file=sys.stderr)  # its own: ru_maxrss begins with that of the process that started it
"""
"""`driver.py STORE RUNS WAIT`: execute work.step over n, and print the id of every run once it is committed;
at the end its peak of memory in MB to stderr."""


@dataclass
class Warm:
    """xrun in the project, whatever has happened to its files."""

    root: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Code, stdout, stderr. Never a traceback."""
        done = calling.run([XRUN, *arguments], cwd=self.root, env=self.environment, errors="replace")
        assert "Traceback" not in done.stderr, f"{arguments}: {done.stderr}"
        assert done.returncode in (0, 1, 2, 3, 66, 74), f"{arguments}: exit {done.returncode}: {done.stderr}"
        return done.returncode, done.stdout, done.stderr


def oracle(n: int) -> dict[str, Any]:
    """What the step makes of n."""
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}


def alive(mark: str) -> dict[int, str]:
    """Processes whose environment names this project; zombies are not alive."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes() and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
    return found


@dataclass
class Project:
    """A project folder with one workspace; starts xrun on it."""

    root: Path
    mark: str = field(default_factory=lambda: f"mark-{os.urandom(8).hex()}")
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def experiment(self, name: str, params: str, *, steps: str = "[work.step]", **more: Any) -> None:
        folder = self.root / "conf" / "experiment"
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["# @package _global_", f"name: {name}", f"params: {params}", f"steps: {steps}"]
        lines += [f"{key}: {json.dumps(value)}" for key, value in {"executor": {"workers": 2}, **more}.items()]
        (folder / f"{name}.yaml").write_text("\n".join(lines) + "\n")

    def module(self, source: str, name: str = "work") -> None:
        (self.root / f"{name}.py").write_text(source)

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
        }  # it writes and exits in its own ways
        return {**ours, "XRUN_WORKSPACE": str(self.root / "space"), "XRUN_TEST_MARK": self.mark, "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "runner.cli", *arguments]

    def start(self, *arguments: str, prefix: tuple[str, ...] = (), environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """xrun in a session of its own; `environment` is what it has besides ours."""
        process = subprocess.Popen(
            [*prefix, *self.command(*arguments)],
            cwd=self.root, env={**self.environment, **(environment or {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def run(self, *arguments: str, timeout: float = 60, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """xrun to its end: code, stdout, stderr. `alive` sees of it what it has started, and not itself."""
        done = calling.run([XRUN, *arguments], cwd=self.root, env={**self.environment, **(environment or {})}, timeout=timeout)
        return done.returncode, done.stdout, done.stderr

    def real(self, *arguments: str, timeout: float = 60) -> tuple[int, str, str]:
        """The same, in a process that is really started: where it counts how long that takes."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return process.returncode, out, err

    def drive(
        self, store: Path, runs: int, wait: float = 0.0, *, prefix: tuple[str, ...] = (), timeout: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """The loop, over so many runs in so many seconds each; its stdout holds the ids that were acknowledged, in order."""
        (self.root / "driver.py").write_text(DRIVER)
        command = [*prefix, sys.executable, "driver.py", str(store), str(runs), str(wait)]
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )  # fmt: skip

    @property
    def store(self) -> Path:
        return self.root / "space" / ".xrun" / "xrun.db"

    def rows(self) -> dict[str, tuple[int, str, dict[str, Any]]]:
        """id -> n, status, fields: what a reader sees now."""
        if not self.store.exists():
            return {}
        db = sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            found = db.execute("SELECT id_run, params, status, fields FROM run").fetchall()
        except sqlite3.OperationalError:
            return {}  # killed before it had tables
        finally:
            db.close()
        assert len({row[0] for row in found}) == len(found)
        return {i: (codec.loads(params).get("n", -1), status, codec.loads(fields)) for i, params, status, fields in found}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store answers."""
        db = sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def wait_for_rows(self, count: int, seconds: float = 20) -> dict[str, tuple[int, str, dict[str, Any]]]:
        deadline = time.monotonic() + seconds
        while len(rows := self.rows()) < count:
            assert time.monotonic() < deadline, f"{len(rows)} rows after {seconds} s"
            time.sleep(0.02)
        return rows

    def wait_for(self, path: Path, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not path.exists() or not path.read_text():
            assert time.monotonic() < deadline, f"{path} did not appear"
            time.sleep(0.01)

    def wait_until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)

    def assert_none_alive(self, seconds: float = 2.0) -> None:
        deadline = time.monotonic() + seconds
        while left := alive(self.mark):
            assert time.monotonic() < deadline, f"still alive: {left}"
            time.sleep(0.02)

    def assert_ok(self, acked: dict[str, Any] | None = None) -> dict[str, tuple[int, str, dict[str, Any]]]:
        """Nobody left, integrity, one row an id, nothing acknowledged lost or changed, every result right."""
        self.assert_none_alive()
        if not self.store.exists():
            assert not acked
            return {}
        db = sqlite3.connect(self.store)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        rows = self.rows()
        for id_run, row in (acked or {}).items():
            assert rows[id_run] == row
        for n, status, fields in rows.values():
            if status == "COMPLETED":
                assert fields == oracle(n)
        return rows

    def assert_tidy(self) -> None:
        """After an xrun that came to its end: no temporary file, nothing among the results that is none, no attempt without an end."""
        space = self.root / "space"
        assert [path for path in space.rglob(".*") if is_draft(path.name)] == []
        assert self.query("SELECT count(*) FROM attempt WHERE live") == [(0,)]
        results = space / "results"
        known = {"table.csv", "table.parquet", "manifest.json", "experiment.yaml", "changes.patch"}
        assert [p for p in results.rglob("*") if p.is_file() and p.name not in known] == []

    def table(self, name: str) -> str:
        return (self.root / "space" / "results" / name / "table.csv").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    made.module(WORK)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    for pid in alive(made.mark):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def warm(project: Project) -> Warm:
    """xrun in the project, for tests that spoil its files."""
    return Warm(project.root, project.environment)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers; the seed is printed, and $XRUN_TEST_SEED sets it."""
    seed = int(os.environ.get("XRUN_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"XRUN_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def expected() -> Callable[[int], dict[str, Any]]:
    """The oracle."""
    return oracle
