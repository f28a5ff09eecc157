"""A plan, an executor and a store, all real, for the one loop."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import executors, plan, stores
from runner.errors import StoreError
from runner.spec import Axis, ExecutorSpec, Experiment, Grid, OnError, Step, Variant
from runner.worker import Job

SOURCE = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent
def step(n, wait=0.0, bad=(), die=(), once=(), slow=0.0, secret=0):
    with open(HERE / "log", "a") as file:
        file.write(f"{n} ")
    time.sleep(slow if (HERE / "slow").exists() else wait)
    if n in bad: raise ValueError(f"bad {n}")
    if n in die: os._exit(3)
    if n in once and not (HERE / f"tried-{n}").exists():
        (HERE / f"tried-{n}").touch()
        raise ValueError("only the first time")
    return {"n": n}
"""


class World:
    """One project; `begin` opens what `execute` needs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.module = f"work_{os.urandom(4).hex()}"  # `serial` imports it into this very process
        (root / f"{self.module}.py").write_text(SOURCE)
        self.open: list[Any] = []

    def begin(
        self,
        count: int,
        *,
        kind: str = "local",
        kwargs: Any = None,
        secrets: tuple[int, ...] = (0,),
        on_error: str = "continue",
        **step: Any,
    ) -> Any:
        steps = (Step(call=f"{self.module}.step", name="step", **step),)
        grids = (Grid(factors=(Axis(name="n", values=tuple(range(count))),)),)
        variants = tuple(Variant(kwargs={**(kwargs or {}), "secret": secret}, grids=grids) for secret in secrets)
        experiment = Experiment(
            name="e", steps=steps, variants=variants, root=self.root, yaml="", ignore=frozenset(("secret",)), on_error=OnError(on_error)
        )
        executor = executors.EXECUTORS[kind](ExecutorSpec(name=kind, workers=2))
        planned = plan.expand(experiment, executor.inspect(experiment).code)
        executor.start(Job(experiment="e", root=self.root, steps=steps, scopes=planned.scopes, folders=self.root))
        store = stores.open(self.root / "store")
        self.open += [executor, store]
        return planned, executor, store

    def log(self) -> list[int]:
        """The runs that were begun, in order, with repetitions."""
        path = self.root / "log"
        return [int(word) for word in path.read_text().split()] if path.exists() else []


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = World(tmp_path)
    yield made
    for thing in made.open:
        thing.close()


@pytest.fixture
def counting() -> Callable[[Any], Any]:
    """A store that notes the size of every commit, and can fail at one."""

    class Counting:
        def __init__(self, store: Any, fail_at: int = 0) -> None:
            self.store, self.fail_at, self.sizes = store, fail_at, []

        def append(self, records: Any, trails: Any = ()) -> None:
            if len(self.sizes) + 1 == self.fail_at:
                raise StoreError("the disk is full")
            self.sizes.append(len(records))
            self.store.append(records, trails)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.store, name)

    return Counting
