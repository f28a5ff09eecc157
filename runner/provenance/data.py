"""The entries of `data:` as they are now, beside what DVC has recorded of them."""

import os
import shlex
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runner.errors import DirtyError, MissingDataError
from runner.provenance import hashing, objects, recorded
from runner.record import DataState, DataStatus


def states(root: Path, entries: tuple[str, ...], *, cache: Path | None = None) -> tuple[DataState, ...]:
    """The state of every entry, in the order given. Works without DVC and without git; raises nothing.

    `cache` is a file in an existing folder that keeps hashes between calls; one that is not there or is damaged costs time only.
    """
    stats, sources = hashing.StatCache.load(cache), recorded.Sources()
    found = tuple(_state(root.absolute(), entry, stats, sources) for entry in entries)
    stats.save(cache)
    return found


class Watch:
    """Sees whether declared data stays what it was when its hashes were taken."""

    def __init__(self, root: Path, entries: tuple[str, ...]) -> None:
        """Begin, before the hashes are taken."""
        self._root = root.absolute()
        self._looks = {entry: (*_look(self._root, entry), time.time_ns()) for entry in entries}
        self.seen = {entry: digest for entry, (digest, _, _) in self._looks.items()}
        """What `stat` said at the beginning, as `look` gives it."""
        self.until = time.time()
        """Unix time until which nothing had changed."""

    def changed(self, states: Iterable[DataState]) -> tuple[str, ...]:
        """Entries that are not what `states` says any more; looks at the content of those of which `stat` cannot tell."""
        now = time.time()
        found = tuple(state.path for state in states if not self._holds(state))
        if not found:
            self.until = now
        return found

    def _holds(self, state: DataState) -> bool:
        digest, youngest, taken = self._looks[state.path]
        now = time.time_ns()
        again = _look(self._root, state.path)
        if again[0] == digest and taken - youngest >= hashing.SETTLED:
            return True
        path = _absolute(self._root, state.path)
        content = hashing.measure(path, hashing.MD5, objects.root_of(path), hashing.StatCache())
        if content is None or content.hash != state.actual:
            return False
        self._looks[state.path] = (*again, now)
        return True


def look(root: Path, entries: Iterable[str]) -> dict[str, str]:
    """What `stat` says of each entry now, as a digest: equal ones are equal contents."""
    return {entry: _look(root.absolute(), entry)[0] for entry in entries}


def _look(root: Path, entry: str) -> tuple[str, int]:
    path = _absolute(root, entry)
    return hashing.look(path, objects.root_of(path))


def require_present(states: Iterable[DataState], root: Path) -> None:
    """Raises MissingDataError, which names every missing entry and the command that brings it."""
    missing = [f"- {state.path}: {_remedy(state, root.absolute())}" for state in states if state.status is DataStatus.MISSING]
    if missing:
        raise MissingDataError("\n  ".join(["declared data is missing; nothing was run:", *missing]))


def require_clean(states: Iterable[DataState]) -> None:
    """Raises unless every entry is what DVC recorded: MissingDataError if one is missing, else DirtyError."""
    wrong = [state for state in states if state.status is not DataStatus.CLEAN]
    if not wrong:
        return
    lines = [f"- {state.path}: {_difference(state)}" for state in wrong]
    text = "\n  ".join(["provenance.require.data is `clean`, but this data is not; nothing was run:", *lines])
    raise (MissingDataError if any(state.status is DataStatus.MISSING for state in wrong) else DirtyError)(text)


def _state(root: Path, entry: str, stats: hashing.StatCache, sources: recorded.Sources) -> DataState:
    path = _absolute(root, entry)
    known = recorded.find(path, sources)
    content = hashing.measure(path, hashing.MD5, objects.root_of(path), stats)
    compared = content
    if known and known.algorithm != hashing.MD5:  # it ignores line ends, which a step may not: good for `status` alone
        compared = hashing.measure(path, known.algorithm, objects.root_of(path), stats)
    return DataState(
        path=entry,
        recorded=known.hash if known else None,
        actual=content.hash if content else None,
        size=content.size if content else None,
        files=content.files if content else None,
        status=_status(known.hash if known else None, compared),
        source=Path(os.path.relpath(known.source, root)).as_posix() if known else None,
        source_hash=known.source_hash if known else None,
    )


def _absolute(root: Path, entry: str) -> Path:
    return Path(os.path.normpath(root / entry))


def _status(expected: str | None, content: hashing.Content | None) -> DataStatus:
    """An empty file or folder in place of a full one is missing, not modified: it is what a failed download leaves."""
    if content is None:
        return DataStatus.MISSING
    if expected is None:
        return DataStatus.UNTRACKED
    if content.hash == expected:
        return DataStatus.CLEAN
    return DataStatus.MISSING if content.empty else DataStatus.MODIFIED


def _remedy(state: DataState, root: Path) -> str:
    path = _absolute(root, state.path)
    if state.actual is not None:
        problem = f"it is empty, which is not what {state.source} records"
    else:
        problem = "it cannot be read" if path.exists() else "there is no such file or folder"
    known = recorded.find(path, recorded.Sources())
    name = shlex.quote(state.path)
    if known is None:
        return f"{problem}, and DVC does not know it"
    if not known.output:
        return f"{problem}, and {state.source} knows it only as a dependency, so that DVC cannot bring it"
    if objects.holds(path, known.hash):
        return f"{problem}; `dvc checkout {name}` brings it from DVC's cache"
    return f"{problem}; {_fetching(state)}"


def _difference(state: DataState) -> str:
    name = shlex.quote(state.path)
    if state.status is DataStatus.MISSING:
        return f"missing; {_fetching(state)}" if state.source else "missing, and DVC does not know it"
    if state.status is DataStatus.MODIFIED:
        return f"modified since {state.source} was written; `dvc checkout {name}` undoes that, `dvc commit {name}` records it"
    if state.source:
        return f"{state.source} tracks the folder around it, but nothing here shows what it recorded of this; `dvc fetch {name}`"
    return f"not tracked; `dvc add {name}`"


def _fetching(state: DataState) -> str:
    """The command that brings an entry from a remote; for what a stage of a dvc.yaml makes, also the one that makes it again."""
    bring = f"`dvc pull {shlex.quote(state.path)}` brings it"
    source = PurePosixPath(state.source or "")
    if source.name != "dvc.lock":
        return bring
    pipeline = source.with_name("dvc.yaml")
    target = f" {shlex.quote(str(pipeline))}" if pipeline.parts[1:] else ""
    return f"{bring}, or `dvc repro{target}` makes it again"
