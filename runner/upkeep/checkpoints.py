"""Which checkpoints (`run.checkpoint`) can go: those that no run will go on from."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner import checkpoint, stores
from runner.published import Published
from runner.record import Record
from runner.upkeep import kept
from runner.workspace import Workspace

_HOLDER: Final = re.compile(r"run ([0-9a-f-]{36}), attempt \d")
"""What `Run.checkpoint` writes into a lock."""
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class _Owned:
    """A checkpoint, and what is known of the run that has had it last."""

    folder: Path
    owner: str
    """Its id."""
    record: Record | None
    experiment: str
    """"" where nobody knows."""

    @property
    def own(self) -> bool:
        """Whether it is that run's alone."""
        return self.folder.name == self.owner


def removable(
    workspace: Workspace, *, going: set[str], experiment: str | None = None, failed: bool = False, older_than: float = 0.0
) -> list[Path]:
    """The folders that can go, those that somebody uses apart, and locks of folders that have gone; sorted.

    One of a run that is COMPLETED can, unless its experiment says `checkpoint: keep`, or has no manifest and is not named; so can one of
    the runs that are `going` themselves. Any other may be what a run goes on from: of a run that failed or was cut off, of one that was
    killed before it had a record, or one that several share. It can go when it has not been written to for `older_than` seconds, or is of
    the `experiment` that is named; where both are given, both must hold. Checkpoints of other experiments than that stay, and with `failed`
    those of completed runs.
    """
    keeping = _keeping(workspace)
    known = {file.parent.name for file in kept.manifests(workspace)}
    latest = time.time() - older_than
    found = []
    for one in _owned(workspace):
        if experiment is not None and one.experiment != experiment:
            continue
        if not one.folder.is_dir() or (one.own and one.owner in going):
            found.append(one.folder)
        elif _is_done(one) and one.experiment not in keeping and (one.experiment in known or experiment is not None):
            if not failed and one.record is not None and one.record.started <= latest:
                found.append(one.folder)
        elif (older_than or experiment) and _written(one.folder) <= latest:
            found.append(one.folder)
    return [folder for folder in found if not checkpoint.in_use(folder)]


def _owned(workspace: Workspace) -> Iterator[_Owned]:
    """Every checkpoint, sorted by name."""
    place = checkpoint.place(workspace.artifacts)
    if not place.is_dir():
        return
    owners = {folder: _owner(folder) for folder in sorted({path.with_suffix("") for path in place.iterdir()})}
    records = _records(workspace, sorted(set(owners.values())))
    planned = _experiments(workspace)
    for folder, owner in owners.items():
        record = records.get(owner)
        yield _Owned(folder, owner, record, record.experiment if record is not None else planned.get(owner, ""))


def _is_done(one: _Owned) -> bool:
    return one.own and one.record is not None and one.record.status.ok


def _owner(folder: Path) -> str:
    """The run that has had it last: its own name, but where runs share it."""
    try:
        told = checkpoint.holder(folder)
    except OSError:
        told = ""
    match = _HOLDER.match(told)
    return match[1] if match else folder.name


def _records(workspace: Workspace, ids: list[str]) -> Mapping[str, Record]:
    reader = stores.read(workspace.store)
    try:
        parts = (reader.find(ids[start : start + _CHUNK]) for start in range(0, len(ids), _CHUNK))
        return {id_run: record for part in parts for id_run, record in part.items()}
    finally:
        reader.close()


def _experiments(workspace: Workspace) -> dict[str, str]:
    """Run -> experiment, of those that manifests name."""
    return {id_run: file.parent.name for file in kept.manifests(workspace) for id_run in kept.runs_of(file)}


def _keeping(workspace: Workspace) -> set[str]:
    """Experiments that say `checkpoint: keep`, and those of which nobody can tell."""
    found = set()
    for file in kept.manifests(workspace):
        told = Published(file.parent, str(file.parent)).config()
        if not told or told.get("checkpoint") == "keep":
            found.add(file.parent.name)
    return found


def _written(folder: Path) -> float:
    """Unix time at which anything in it was written last."""
    return max(_times(folder))


def _times(folder: Path) -> Iterator[float]:
    yield folder.lstat().st_mtime
    for file in folder.rglob("*"):
        yield file.lstat().st_mtime
