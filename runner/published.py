"""What results/ shows, read back: from a folder, from a commit, or as the runs in the store that it names."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from runner import chosen, codec, manifest, stores, table
from runner.checks import Sample
from runner.errors import ConfigError, IncompleteError, UsageError
from runner.manifest import Manifest
from runner.provenance import revisions
from runner.record import Record, Status
from runner.selectors import Row
from runner.suggest import did_you_mean
from runner.table.text import present
from runner.workspace import Workspace

FILES: Final = ("table.parquet", "table.csv", "manifest.json", "experiment.yaml")
NOT_EXECUTED: Final = "NOT_EXECUTED"
"""Stands beside the statuses for runs of a plan that was interrupted before they began."""
_ID: Final = "id_run"


@dataclass(frozen=True, slots=True)
class Published:
    """A results folder; any of its files may be missing."""

    folder: Path
    told: str
    """In words, where it is from."""
    commit: str = ""
    """The commit that it was read from, full SHA; "": it lies on the disk."""

    @property
    def has_table(self) -> bool:
        """Whether there are rows to read."""
        return any((self.folder / name).is_file() for name in FILES[:2])

    def manifest(self) -> Manifest | None:
        """What manifest.json says; None where there is none. Raises StoreError where it cannot be read."""
        return manifest.read(self.folder, self.told)

    def config(self) -> Mapping[str, Any]:
        """What experiment.yaml says, unresolved; empty where there is none."""
        from runner.config import guard

        try:
            return _parsed(guard.read(self.folder / "experiment.yaml"))
        except (ConfigError, ValueError):
            return {}

    def sample(self, axes: Sequence[str] = ()) -> Sample:
        """The rows of the table. `axes`: columns that are params where no experiment.yaml tells. Raises IncompleteError without a table."""
        if not self.has_table:
            raise IncompleteError(f"{self.told} has no table")
        params = self._axes() or frozenset(axes)
        rows = (_row(cells, params) for cells in self._cells())
        metrics = (self.manifest() or Manifest()).table.metrics
        return Sample.of(rows, self.told, table=True, columns=self.columns(), metrics=metrics)

    def _axes(self) -> frozenset[str]:
        from runner.config import composed  # half of Hydra, for tables only

        try:
            return frozenset(composed.axes_in(self.config()))
        except (TypeError, AttributeError):  # a file of our name that we did not write
            return frozenset()

    def columns(self) -> tuple[tuple[str, str], ...] | None:
        """(column, selector) of what the experiment chose for its table; empty: nothing, it has every field; None: that is not known."""
        from runner.config import composed

        return composed.columns_in(self.config())

    def _cells(self) -> Iterator[dict[str, Any]]:
        if (self.folder / "table.parquet").is_file():
            frame = table.read(self.folder)
            columns = {str(name): present(frame[name]) for name in frame}
            for values in zip(*columns.values(), strict=True):
                yield {name: _plain(value) for name, value in zip(columns, values, strict=True) if value is not None}
            return
        told = self.manifest()
        yield from table.csv_rows(self.folder, told.table.columns if told is not None else {})


@lru_cache(maxsize=4)
def _parsed(text: str) -> Mapping[str, Any]:
    """The mapping of an experiment.yaml, for whoever changes nothing in it; that of a large grid takes a while. Empty where it is none."""
    import yaml

    from runner.config import guard

    try:
        guard.check(text, "experiment.yaml")  # a results folder may be anybody's
        told = yaml.safe_load(text)
    except (ConfigError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | list) else str(value)


def _row(cells: dict[str, Any], axes: frozenset[str]) -> Row:
    id_run = str(cells.pop(_ID, ""))
    params = {name: value for name, value in cells.items() if name in axes}
    fields = {name: value for name, value in cells.items() if name not in axes}
    record = Record(id_run=id_run, experiment="", status=Status.COMPLETED, params_json=codec.dumps(params), fields_json=codec.dumps(fields))
    return Row(record, {})


@contextmanager
def at(revision: str, folder: Path, root: Path) -> Iterator[Published]:
    """What a results folder was in a commit; `root`: the project's. Raises UsageError when the commit has no such folder."""
    found = revisions.read(root, revision, [folder / name for name in FILES])
    if not found.files:
        raise UsageError(f"{folder.name} has no results in git:{revision} ({found.commit[:8]}); commit {folder}, or a baseline file")
    with tempfile.TemporaryDirectory(prefix="xrun-git-") as drafts:
        for path, content in found.files.items():
            (Path(drafts) / path.name).write_bytes(content)
        yield Published(Path(drafts), f"git:{revision} ({found.commit[:8]})", found.commit)


@dataclass(frozen=True, slots=True)
class Shown:
    """The completed runs that an experiment's results show."""

    sample: Sample
    counts: Mapping[str, int] = field(default_factory=dict)
    """Status -> number of runs, of the plan that was asked for last."""

    @property
    def unsuccessful(self) -> dict[str, int]:
        """The same of those that did not complete."""
        return {status: count for status, count in self.counts.items() if count and status != Status.COMPLETED.value}


def shown(experiment: str, workspace: Workspace) -> Shown:
    """The runs that results/ shows, with all that the store keeps of them; the table alone where the store does not have them.

    Where nothing is published: all runs of the experiment in the store. Raises IncompleteError, with the nearest name, without either.
    """
    folder = Published(workspace.results / experiment, f"results/{experiment}")
    told = folder.manifest() or Manifest()
    ids, counts = told.runs, dict(told.counts)
    if ids is not None and (never := len(ids) - sum(counts.values())) > 0:
        counts[NOT_EXECUTED] = never
    rows, seen = _stored(workspace, experiment, ids)
    if ids is not None and len(rows) > counts.get(Status.COMPLETED.value, 0):  # an xrun goes on, or was killed before it could publish
        counts = _counted(workspace, ids)
    if ids is not None and len(rows) < counts.get(Status.COMPLETED.value, 1) and folder.has_table:
        return Shown(folder.sample(), counts)
    if rows or seen:
        return Shown(Sample.of(rows, f"the runs of `{experiment}`", columns=folder.columns()), counts or seen)
    if folder.has_table:
        return Shown(folder.sample(), counts)
    if counts:
        return Shown(Sample.of((), f"results/{experiment}"), counts)
    raise IncompleteError(f"there are no results of `{experiment}`; {did_you_mean(experiment, names(workspace), 'experiments')}")


def _counted(workspace: Workspace, ids: Sequence[str]) -> dict[str, int]:
    """How many of these runs the store has of each status, and how many it does not have."""
    reader = stores.read(workspace.store)
    try:
        found = Counter(
            record.status.value
            for start in range(0, len(ids), chosen.CHUNK)
            for record in reader.find(ids[start : start + chosen.CHUNK]).values()
        )
    finally:
        reader.close()
    return {**found, NOT_EXECUTED: len(ids) - found.total()}


def names(workspace: Workspace) -> list[str]:
    """The experiments that have results or runs."""
    found = [path.parent.name for path in sorted(workspace.results.glob("*/manifest.json"))]
    if workspace.store.is_file():
        reader = stores.read(workspace.store)
        try:
            found += [name for name, _, _ in reader.experiments()]
        finally:
            reader.close()
    return list(dict.fromkeys(found))


def _stored(workspace: Workspace, experiment: str, ids: Sequence[str] | None) -> tuple[list[Row], dict[str, int]]:
    """Completed runs in the store, and how many of each status there are."""
    if not workspace.store.is_file():
        return [], {}
    reader = stores.read(workspace.store)
    try:
        if ids is not None:
            return list(chosen.rows(ids, reader)), {}
        counts: dict[str, int] = {}
        kept = []
        for record in reader.records(experiment):
            counts[record.status.value] = counts.get(record.status.value, 0) + 1
            if record.status.ok:
                kept.append(record.id_run)
        return list(chosen.rows(kept, reader)), counts
    finally:
        reader.close()
