"""What an examination tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner import stores
from runner.errors import LockedError, XrunError
from runner.lock import Lock, Presence
from runner.stores import holders
from runner.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, in words, and what to do."""

    kind: str
    """`structure`, `rows`, `attempts`, `artifacts`, `orphans`, `replaced`, `drafts`, `results`, `running`."""
    text: str
    action: str
    problem: bool = True
    """False: worth knowing, and no damage."""


def unreadable(store: Path) -> str:
    """What is to be done with a store in which there is nothing to save."""
    aside = store.with_name(f"{store.name}.unreadable")
    return f"nothing of {store} can be read: bring back a copy of it, or `mv {store} {aside}`, and running again makes everything anew"


def users(workspace: Workspace) -> list[str]:
    """Who uses the workspace now, a sentence each: experiments that are being run, other processes that have the store open."""
    held = list(Lock.held(workspace).values()) or _elsewhere(workspace)
    others = [pid for pid in holders.holders(workspace.store) if not any(f"process {pid} " in sentence for sentence in held)]
    return held + [f"the store is open in {holders.named([pid])}" for pid in others]


def _elsewhere(workspace: Workspace) -> list[str]:
    """Experiments that other machines run, on a network file system; waits where nobody can tell at once."""
    try:
        reader = stores.read(workspace.store)
    except XrunError:
        return []  # whoever asks finds out that there is none, or that it is damaged
    try:
        return [str(lease) for lease in reader.leases() if reader.is_kept(lease)]
    finally:
        reader.close()


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Nobody comes until the block ends. Raises LockedError while somebody uses the workspace."""
    require_alone(workspace)  # which names them
    if not workspace.folder.is_dir():  # whoever looks says so, and nothing is made for it
        yield
        return
    with Presence(workspace, alone=True):
        require_alone(workspace)
        yield


def require_alone(workspace: Workspace) -> None:
    """Raise LockedError while somebody uses the workspace."""
    if found := users(workspace):
        raise LockedError(f"{found[0]}; this needs the workspace alone" if len(found) == 1 else "; ".join(found))
