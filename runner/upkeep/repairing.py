"""`xrun doctor --repair`: a new store of what is intact, beside the damaged one, and no leftovers."""

import os
from dataclasses import dataclass
from pathlib import Path

from runner import files, stores, succession
from runner.errors import StoreError
from runner.stores import salvage
from runner.upkeep import kept
from runner.upkeep.finding import Finding, require_alone, unreadable
from runner.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair has done."""

    old: Path | None = None
    """Where the damaged store lies now; None: there was no damage."""
    lost: int = 0
    """Rows, and places that cannot be read, that were left out."""
    removed: tuple[Path, ...] = ()
    """Drafts."""


def repair(workspace: Workspace, findings: list[Finding]) -> Repaired:
    """Mend what `examine` found. Raises StoreError when the new store cannot be written. Who calls has the workspace `alone`."""
    drafts = kept.drafts(workspace)
    for draft in drafts:
        draft.unlink(missing_ok=True)
    if not any(finding.kind in ("structure", "rows") for finding in findings):
        store = stores.open(workspace.store)
        try:
            store.forget_leftovers()
            succession.decide_all(workspace.artifacts, store)
        finally:
            store.close()
        return Repaired(removed=tuple(drafts))
    draft = files.draft_of(workspace.store)
    try:
        lost = _saved(workspace.store, draft)
        require_alone(workspace)  # programs that are no xrun and have it open
        old = _replace(workspace.store, draft)
    finally:
        for suffix in ("", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    return Repaired(old, lost, tuple(drafts))


def _saved(store: Path, draft: Path) -> int:
    try:
        return salvage.save(store, draft)
    except stores.BrokenError as error:
        raise StoreError(f"{unreadable(store)} ({str(error).partition(';')[0]})") from None


def _replace(store: Path, new: Path) -> Path:
    """Put the new store in the place of the old one, which is kept with its WAL; at no moment is there none."""
    number = 1
    while (old := store.with_name(f"{store.name}.damaged-{number}")).exists():
        number += 1
    os.link(store, old)
    wal, shm = (store.with_name(f"{store.name}-{kind}") for kind in ("wal", "shm"))
    if wal.exists():  # first: applied to the new store it would be the end of that
        wal.rename(old.with_name(f"{old.name}-wal"))
    shm.unlink(missing_ok=True)
    new.replace(store)
    files.sync(store.parent)
    return old
