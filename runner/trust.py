"""Whether results that the store has still stand for their identity.

An id says what was declared. Two things can make a result differ from what its id says: a step loaded a source that no code digest counts
(a plug-in imported under a name made at run time), or declared data was changed while the runs read it. The store keeps which invocations
that concerns; here it is held against what lies in the project now.
"""

import hashlib
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Protocol

from runner import evidence
from runner.provenance import data
from runner.stores.explained import Doubt


class Doubtful(Protocol):
    """What is asked of a store."""

    def doubts(self) -> dict[int, Doubt]:
        """Of every invocation of which there is reason to look."""
        ...

    def evidence(self, epoch: int) -> str | None:
        """What its identities were made of."""
        ...


def reasons(store: Doubtful, root: Path) -> dict[int, tuple[float, str]]:
    """Invocations with results that stand no more: epoch -> Unix time until which results do stand, and why no longer.

    Costs one look at each file that is in question; nothing where no invocation gave reason for doubt.
    """
    found = {}
    hashes: dict[str, str] = {}
    for epoch, doubt in store.doubts().items():
        if changed := _changed(doubt.loaded, root, hashes):
            found[epoch] = (-inf, f"code: {changed}")
        elif doubt.held is not None and (entry := _moved(store.evidence(epoch), root)):
            found[epoch] = (doubt.held, f"data: {entry} changed while it ran")
    return found


def _changed(loaded: Mapping[str, frozenset[str]], root: Path, hashes: dict[str, str]) -> str:
    """A source that is not what was loaded, or was loaded in two versions."""
    for path, digests in loaded.items():
        if path not in hashes:
            try:
                hashes[path] = hashlib.sha256((root / path).read_bytes()).hexdigest()
            except OSError:
                hashes[path] = ""
        if digests != {hashes[path]}:
            return path
    return ""


def _moved(text: str | None, root: Path) -> str:
    """An entry of which nobody can say that it has not been changed since the invocation began; "" when there is none."""
    kept = evidence.loads(text) if text else None
    if kept is None:
        return "it"
    now = data.look(root, kept.seen)
    return next((entry for entry, digest in kept.seen.items() if not digest or now[entry] != digest), "")
