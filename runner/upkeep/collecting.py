"""`xrun gc`: what nothing needs any more, and its removal."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner import checkpoint, stores, succession
from runner.errors import IncompleteError
from runner.record import Record
from runner.stores import FullError
from runner.suggest import did_you_mean
from runner.upkeep import checkpoints, kept
from runner.upkeep.finding import require_alone
from runner.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which of the runs that no manifest names are to go."""

    experiment: str | None = None
    """Only runs of it, then also if it has no manifest at all; None: of every experiment that has one."""
    failed: bool = False
    """Only runs that did not complete."""
    older_than: float = 0.0
    """Only runs that began so many seconds ago, or earlier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waste:
    """What can go."""

    runs: dict[str, list[str]]
    """Experiment -> ids, child runs included."""
    row_bytes: int
    """In the store, about."""
    folders: list[Path]
    """Artifacts of these runs."""
    orphans: list[Path]
    """Folders of artifacts of no run."""
    checkpoints: list[Path]
    """Of runs that will not go on from there."""
    replaced: list[Path]
    """Folders of attempts at runs that were executed again and killed, or of those that these have replaced."""
    drafts: list[Path]
    """Files that a process which was killed left half written."""
    file_bytes: int
    """Of all these."""

    @property
    def ids(self) -> list[str]:
        """Of all runs."""
        return [id_run for ids in self.runs.values() for id_run in ids]


def collect(workspace: Workspace, choice: Choice) -> Waste:
    """What can go; nothing is changed. Who is about to remove it has the workspace `alone` from here to there.

    Raises LockedError while somebody uses the workspace, IncompleteError where there is no such experiment, StoreError for a manifest
    that cannot be read.
    """
    require_alone(workspace)
    keep = kept.named(workspace)
    reader = stores.read(workspace.store)
    try:
        names = [name for name, _, _ in reader.experiments()]
        if choice.experiment is not None and choice.experiment not in names:
            raise IncompleteError(f"there are no runs of `{choice.experiment}`; {did_you_mean(choice.experiment, names, 'experiments')}")
        published = {file.parent.name for file in kept.manifests(workspace)}
        runs: dict[str, list[str]] = {}
        for record in _candidates(reader, keep, choice):
            if choice.experiment == record.experiment or (choice.experiment is None and record.experiment in published):
                runs.setdefault(record.experiment, []).append(record.id_run)
        ids = [id_run for found in runs.values() for id_run in found]
        row_bytes = reader.weight(ids)
    finally:
        reader.close()
    folders = [folder for id_run in ids if (folder := workspace.artifacts / id_run).is_dir()]
    orphans, drafts, replaced = kept.orphans(workspace), kept.drafts(workspace), kept.replaced(workspace, ids)
    going = checkpoints.removable(
        workspace, going=set(ids), experiment=choice.experiment, failed=choice.failed, older_than=choice.older_than
    )
    file_bytes = sum(map(kept.size, [*folders, *orphans, *going, *replaced, *drafts]))
    return Waste(
        runs=runs,
        row_bytes=row_bytes,
        folders=folders,
        orphans=orphans,
        checkpoints=going,
        replaced=replaced,
        drafts=drafts,
        file_bytes=file_bytes,
    )


def _candidates(reader: stores.SqliteReader, keep: set[str], choice: Choice) -> Iterator[Record]:
    """Runs that no manifest names, with all their child runs; a child run goes where its parent goes."""
    latest = time.time() - choice.older_than
    going: set[str] = set()
    children: list[Record] = []
    for record in reader.records(children=True):
        if record.parent:
            children.append(record)
        elif record.id_run not in keep and not (choice.failed and record.status.ok) and record.started <= latest:
            going.add(record.id_run)
            yield record
    while more := [record for record in children if record.parent in going and record.id_run not in going]:  # and their children
        for record in more:
            going.add(record.id_run)
            yield record


def remove(workspace: Workspace, waste: Waste) -> int:
    """Remove it; how many bytes the workspace is smaller. The rows first, so that no run is left without its files.

    Raises StoreError. Who calls has the workspace `alone`, since before `collect`.
    """
    before = kept.size(workspace.folder)
    store = stores.open(workspace.store)
    try:
        store.remove(waste.ids)
        succession.decide_all(workspace.artifacts, store)
        for folder in (*waste.folders, *waste.orphans):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in waste.checkpoints:
            checkpoint.remove(folder)
        for draft in waste.drafts:
            draft.unlink(missing_ok=True)
        with suppress(FullError):  # the room inside the file is used by the next runs
            store.compact()
    finally:
        store.close()
    return before - kept.size(workspace.folder)
