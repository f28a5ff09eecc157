"""One harness for every executor: a project in tmp_path, the executor, and all outcomes of some runs of it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner import codec, executors
from runner.executors.base import Executor
from runner.executors.plugin import Plugin
from runner.logged import Entry, Output
from runner.record import Live, Outcome
from runner.spec import Axis, ExecutorSpec, Experiment, Grid, Step, Variant
from runner.worker import Item, Job

KINDS: dict[str, Callable[[], Executor]] = {
    "serial": lambda: executors.EXECUTORS["serial"](ExecutorSpec(name="serial")),
    "local": lambda: executors.EXECUTORS["local"](ExecutorSpec(name="local", workers=2)),
    "local-spawn": lambda: executors.EXECUTORS["local"](ExecutorSpec(name="local", workers=2, start="spawn")),
    "plugin": lambda: Plugin(lambda share, count: [share(number) for number in range(count)]),
}
"""Every executor; a new one gets an entry here."""


@dataclass
class Bench:
    """An executor with a module of steps; `run` gives it parameter sets and returns what came back."""

    executor: Executor
    root: Path
    module: str
    opened: bool = False
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    logged: dict[int, list[tuple[str, Entry]]] = field(default_factory=dict)
    """What each run has logged, live and at its end."""

    def printed(self, index: int, stream: str) -> str:
        """What a run has printed."""
        return "".join(entry.text for _, entry in self.logged[index] if isinstance(entry, Output) and entry.stream == stream)

    def experiment(self, steps: Sequence[Step], kwargs: dict[str, Any] | None = None, names: Sequence[str] = ("n",)) -> Experiment:
        grid = Grid(factors=tuple(Axis(name=name, values=(1,)) for name in names))
        return Experiment(
            name="bench", steps=tuple(steps), variants=(Variant(kwargs=kwargs or {}, grids=(grid,)),), root=self.root, yaml=""
        )

    def step(self, function: str, **options: Any) -> Step:
        return Step(call=f"{self.module}.{function}", name=function, **options)

    def open(self, *steps: Step, kwargs: dict[str, Any] | None = None, names: Sequence[str] = ("n",)) -> "Bench":
        inspection = self.executor.inspect(self.experiment(steps, kwargs, names))
        assert inspection.problems == ()
        self.executor.start(Job(experiment="bench", root=self.root, steps=steps, scopes=(kwargs or {},), folders=self.root / "artifacts"))
        return self

    def items(self, points: Sequence[dict[str, Any]]) -> list[Item]:
        return [(n, f"id-{n}", point, 1000 + n, 0, None, 1, None) for n, point in enumerate(points)]

    def submit(self, points: Sequence[dict[str, Any]]) -> "Bench":
        self.executor.submit(self.items(points))
        return self

    def collect(self, seconds: float = 30.0) -> dict[int, Outcome]:
        """All outcomes that are still to come; each run's comes once."""
        deadline = time.monotonic() + seconds
        while self.executor.busy():
            assert time.monotonic() < deadline, f"runs did not come back; have {len(self.outcomes)}"
            for outcome in self.executor.events(0.2):
                self.logged.setdefault(outcome.index, []).extend(outcome.logged)
                if isinstance(outcome, Live):
                    continue
                assert outcome.index not in self.outcomes, "an outcome came twice"
                self.outcomes[outcome.index] = outcome
        return self.outcomes

    def run(self, *steps: Step, points: Sequence[dict[str, Any]], kwargs: dict[str, Any] | None = None) -> list[Outcome]:
        """Outcomes in the order of the points."""
        self.open(*steps, kwargs=kwargs, names=list(points[0])).submit(points)
        found = self.collect()
        assert sorted(found) == list(range(len(points)))
        return [found[n] for n in range(len(points))]


def fields(outcome: Outcome) -> dict[str, Any]:
    """What the run wrote."""
    return codec.loads(outcome.fields)


Make = Callable[..., Bench]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """make(kind or ExecutorSpec, source) -> Bench; closed at the end."""
    made: list[Bench] = []

    def build(kind: str | ExecutorSpec, source: str) -> Bench:
        module = f"steps_{os.urandom(4).hex()}"
        (tmp_path / f"{module}.py").write_text(source)
        executor = KINDS[kind]() if isinstance(kind, str) else executors.EXECUTORS[kind.name](kind)
        bench = Bench(executor, tmp_path, module)
        made.append(bench)
        return bench

    yield build
    for bench in made:
        bench.executor.close()


@pytest.fixture(params=list(KINDS))
def bench(request: pytest.FixtureRequest, make: Make) -> Callable[[str], Bench]:
    """bench(source) -> Bench, once for every executor."""
    return lambda source: make(request.param, source)


@pytest.fixture
def local(make: Make) -> Callable[..., Bench]:
    """local(source, workers=2, start="forkserver") -> Bench of the executor `local`."""
    return lambda source, workers=2, start="forkserver": make(ExecutorSpec(name="local", workers=workers, start=start), source)


@pytest.fixture
def read() -> Callable[[Outcome], dict[str, Any]]:
    """The fields of an outcome."""
    return fields


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Whether a process has ended (a zombie has)."""

    def check(pid: int, seconds: float = 3.0) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
            if not found or found.startswith("Z"):
                return True
            time.sleep(0.05)
        return False

    return check
