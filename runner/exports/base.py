"""The exporter seam, and what every exporter starts from: rows, labels, numbers.

An exporter reads a `Source` and writes somewhere else; it yields what it has done, and whoever called it counts or shows that.
Exporting again brings the target up to date; it never makes a second copy.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runner import codec, reading
from runner.logged import Artifact
from runner.record import Provenance, Record
from runner.replaced import Places
from runner.selectors import Row
from runner.stores.base import Reader


class ExportWarning(UserWarning):
    """Something could not be exported as it is; the text says what became of it."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that an exporter has dealt with."""

    what: str
    """`new`, `replaced`, `unchanged` or `written`."""
    name: str
    """A run's id or the path of a file."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The runs to export, and where to read what they logged."""

    experiment: str
    reader: Reader
    folder: Path
    """The workspace's artifacts: a folder per run."""
    results: Path
    """The folder of the experiment's published results; it may not be there."""
    rows: Callable[[], Iterator[Row]]
    """The selected runs, without child runs; every call reads anew."""
    seed: int | None = None
    """The experiment's, where it is known."""

    def children(self, record: Record) -> list[Row]:
        """The child runs of a run, with its params besides their own."""
        return list(reading.summarised(self.reader, self.reader.children(record.id_run)))

    def families(self) -> Iterator[Row]:
        """The selected runs, each with its child runs and theirs behind it."""
        for row in self.rows():
            yield from self._family(row)

    def _family(self, row: Row) -> Iterator[Row]:
        yield row
        for child in self.children(row.record):
            yield from self._family(child)

    def artifacts(self, record: Record) -> list[tuple[Artifact, Path]]:
        """What the run keeps, and where it lies; the file may have been deleted since."""
        kept = self.reader.artifacts([record.id_run]).get(record.id_run, [])
        folder = Places(self.folder).of(record.id_run, record.epoch) if kept else self.folder
        return [(artifact, folder / artifact.path) for artifact in kept]

    def provenance(self, record: Record) -> Provenance:
        """Where the run comes from; an empty one where that is not known."""
        return self.reader.provenance(record.epoch) or Provenance()


class Exporter(Protocol):
    """One way out."""

    summary: str
    """What it does, in a line."""
    example: str
    """A command that works."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add what it needs to know besides the experiment and the selection."""
        ...

    def target(self, source: Source, chosen: argparse.Namespace) -> str:
        """Where it writes to, for people."""
        ...

    def export(self, source: Source, chosen: argparse.Namespace) -> Iterator[Done]:
        """Write, and yield what is done. Raises UsageError before anything is written, StoreError when writing fails."""
        ...


def label(row: Row) -> str:
    """A run in words: its point, `N=10 P=0.5`; a child run's name; otherwise the beginning of its id."""
    if row.record.name:
        return row.record.name
    return " ".join(f"{name}={shown(value)}" for name, value in row.params.items()) or row.record.id_run[:8]


def shown(value: Any) -> str:
    """A value as text without quotes; what is nested as JSON."""
    return codec.dumps(value) if isinstance(value, list | dict) else str(value)


def ended(record: Record) -> float:
    """When the run was over, Unix seconds."""
    return record.started + record.seconds


def number(value: Any) -> float | None:
    """The value as a float; None where it is no number, or one too large for a float. True is 1."""
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def plain(value: Any) -> Any:
    """The value as standard JSON has it: NaN and the infinities, times and the like as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def parameters(row: Row) -> Mapping[str, Any]:
    """All that the run was given or has derived, dotted names: kwargs, then the point, then logged parameters."""
    return {**row.kwargs, **row.params, **row.logged}
