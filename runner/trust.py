"""Whether results that the store has still stand for their identity.

An id says what was declared. Two things can make a result differ from what its id says: a step loaded a source that no code digest counts
(a plug-in imported under a name made at run time), or declared data was changed while the runs read it. The store keeps which invocations
that concerns; here it is held against what lies in the project now.
"""

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Protocol

from runner import assigned, evidence
from runner.codec import printable
from runner.mask import Mask
from runner.plan import Plan
from runner.provenance import data
from runner.record import DataState
from runner.stores import FullError
from runner.stores.explained import Doubt
from runner.stores.sqlite import SqliteStore as Store

LOOK_SECONDS = 5.0
MAX_SOURCE = 1 << 20
"""Bytes of a source that is kept; what is larger is data."""


class Doubtful(Protocol):
    """What is asked of a store that is read."""

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


def _of_another(text: str | None, root: Path) -> bool:
    """Whether an invocation was that of another project, which shares the workspace and is still there. One that was moved is the same."""
    kept = evidence.loads(text) if text else None
    return kept is not None and kept.root not in ("", printable(str(root))) and Path(kept.root).is_dir()


class Grounds:
    """Keeps, with an invocation's results, what they rest on, and looks whether that stays so while the runs execute."""

    def __init__(self, store: Store, planned: Plan, watch: data.Watch, states: tuple[DataState, ...]) -> None:
        """`watch` has been looking since before the hashes in `states` were taken."""
        self._store, self._planned, self._watch, self._states = store, planned, watch, states
        self._epoch = 0
        self._due = 0.0
        self.fallen: dict[int, float] = {}
        """Results that stand no more for this project: invocation -> Unix time until which they do."""

    def begin(self, epoch: int) -> None:
        """Before the first run: what earlier results stand no more, and what the identities of the new ones are made of."""
        root, self._epoch = self._planned.experiment.root, epoch
        self.fallen = {number: until for number, (until, _) in reasons(self._store, root).items()}
        others = {number for number in {*self.fallen, *self._store.voids()} if _of_another(self._store.evidence(number), root)}
        self._store.void(self.fallen, others)
        kept = evidence.of(self._planned, self._watch.seen)
        files = {digest: path for path, digest in kept.files.items()}
        found = {digest: _source(root / files[digest], digest) for digest in self._store.lacking(files)}
        known = self._planned.experiment.mask
        sources = {digest: text for digest, text in found.items() if text is not None and not _tells(text, files[digest], known)}
        self._store.explain(epoch, kept.dumps(), sources, held=self._watch.until if self._states else None)

    def look(self) -> None:
        """Look at the data, where there is any and the last look was some time ago: a fiftieth of the time at most."""
        if not self._states or (now := time.monotonic()) < self._due:
            return
        if not self._watch.changed(self._states):
            with suppress(FullError):  # the loop waits for room, or ends
                self._store.hold(self._epoch, self._watch.until)
        self._due = time.monotonic() + max(LOOK_SECONDS, 50 * (time.monotonic() - now))

    def end(self) -> str:
        """After the last run: "", or what is to be said of data that is not what it was."""
        changed = self._watch.changed(self._states) if self._states else ()
        if self._states:
            self._store.hold(self._epoch, self._watch.until if changed else None)
        if not changed:
            return ""
        since = time.strftime("%H:%M:%S", time.localtime(self._watch.until))
        names = ", ".join(changed)
        return f"{names} changed while the runs executed; results that came after {since} do not count: running again executes these runs"


def _tells(source: bytes, path: str, known: Mask) -> bool:
    """Whether a secret is written in a source: then it is not kept, and `xrun why` says no more than that it differs."""
    text = source.decode(errors="replace")
    return known.found(text) or assigned.source(text, path) != text


def _source(file: Path, digest: str) -> bytes | None:
    """A source that is to be kept; None where it is not what was digested, or too large for one."""
    try:
        text = file.read_bytes() if file.stat().st_size <= MAX_SOURCE else b""
    except OSError:
        return None
    return text if hashlib.sha256(text).hexdigest() == digest else None
