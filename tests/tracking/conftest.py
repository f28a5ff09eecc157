"""A run in this very process whose entries are looked at, and the harness of the executors for the same through worker processes."""

import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner import codec
from runner.flow import Flow
from runner.journal import Journal
from runner.logged import Entries, Entry, Params, Points, Rows, Trouble
from runner.run import Run
from runner.views import Kwargs, View


def _harness() -> Any:
    path = Path(__file__).parents[1] / "executors" / "conftest.py"
    spec = importlib.util.spec_from_file_location("executors_harness", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_executors = _harness()
make, bench, local = _executors.make, _executors.bench, _executors.local


@dataclass
class Sheet:
    """A run and everything that has come out of it."""

    run: Run
    entries: list[tuple[str, Entry]] = field(default_factory=list)

    def end(self) -> "Sheet":
        self.entries += self.run.finish()
        return self

    def of(self, kind: type, child: str = "") -> list[Any]:
        return [entry for whose, entry in self.entries if isinstance(entry, kind) and whose == child]

    def points(self, name: str, child: str = "") -> list[tuple[int, float]]:
        return points_of(self.of(Points, child), name)

    @property
    def params(self) -> dict[str, Any]:
        return {name: value for entry in self.of(Params) for name, value in codec.loads(entry.content).items()}

    def rows(self, table: str) -> list[dict[str, Any]]:
        return rows_of(self.of(Rows), table)


def points_of(entries: Iterable[Entry], name: str) -> list[tuple[int, float]]:
    return [pair for e in entries if isinstance(e, Points) and e.name == name for pair in zip(*e.unpacked(), strict=True)]


def rows_of(entries: Iterable[Entry], table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry, Rows) and entry.table == table:
            columns = codec.loads(entry.columns)
            found += [{name: values[n] for name, values in columns.items()} for n in range(entry.count)]
    return found


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Sheet]:
    """begin(kwargs=, params=, strict=, journal=) -> Sheet of a new run."""

    def build(
        kwargs: dict[str, Any] | None = None, params: dict[str, Any] | None = None, *, strict: bool = False, journal: Journal | None = None
    ) -> Sheet:
        entries: list[tuple[str, Entry]] = []

        def sink(some: Entries) -> None:
            entries.extend(some)

        view = View(params or {})
        run = Run(
            id_run="id-0", kwargs=Kwargs(kwargs or {}, view), params=view, seed=1, meta=View({"experiment": "e"}),
            folders=tmp_path / "artifacts", flow=lambda: Flow(sink, journal, strict=strict),
        )  # fmt: skip
        return Sheet(run, entries)

    return build


@pytest.fixture
def sheet(begin: Callable[..., Sheet]) -> Sheet:
    """A run without parameters."""
    return begin()


@pytest.fixture
def run(sheet: Sheet) -> Run:
    """Its Run."""
    return sheet.run


@pytest.fixture
def journal() -> Journal:
    """In memory of its own."""
    return Journal(memoryview(bytearray(160 << 10)))


@pytest.fixture
def read_points() -> Callable[[Iterable[tuple[str, Entry]], str], list[tuple[int, float]]]:
    """Steps and values of a metric among the entries of an executor."""
    return lambda entries, name: points_of((entry for child, entry in entries if not child), name)


@pytest.fixture
def troubles() -> Callable[[Iterable[tuple[str, Entry]]], int]:
    """How many calls are said to be lost."""
    return lambda entries: sum(entry.count for _, entry in entries if isinstance(entry, Trouble))


@pytest.fixture
def kinds() -> dict[str, Any]:
    """Every executor."""
    return _executors.KINDS
