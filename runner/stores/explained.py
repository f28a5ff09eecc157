"""What the identities of an invocation's runs were made of, and which invocations' results stand no more: writes it and reads it."""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from runner.record import Start
from runner.stores.damage import told
from runner.stores.prefixes import PrefixReader

_EARLIER: Final = """SELECT CAST(params AS BLOB), CAST(id_run AS BLOB), epoch,
(SELECT CAST(content AS BLOB) FROM kwargs WHERE kwargs.id = run.kwargs), CAST(status AS BLOB)
FROM run WHERE (experiment = ? OR id_run IN (SELECT id_run FROM shared WHERE experiment = ?)) AND parent = '' ORDER BY seq"""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why results of an invocation may not stand."""

    loaded: Mapping[str, frozenset[str]]
    """Sources that steps loaded and no code digest counts: path -> SHA-256 of each content that was loaded."""
    held: float | None
    """Unix time until which its data was seen to be what the identity says; None: to the end, or there was none."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is needed of a record to say how it differs from a run."""

    id_run: str
    params: str
    kwargs: str
    epoch: int
    completed: bool


class ExplainedReader(PrefixReader):
    """The part of a reader that is about why."""

    _fallen: dict[int, float] | None = None
    """What stands no more for whom this was opened, once that was said."""

    def evidence(self, epoch: int) -> str | None:
        """What the identity of an invocation's runs was made of, as `Evidence.dumps` wrote it; None where it is not known."""
        with told(self._path):
            row = next(self._rows("SELECT CAST(evidence AS BLOB) FROM epoch WHERE id = ?", (epoch,)), None)
        return row[0].decode(errors="replace") if row and row[0] else None

    def source(self, digest: str) -> bytes | None:
        """A source file by its SHA-256; None when it is not kept, or damaged."""
        with told(self._path):
            row = next(self._rows("SELECT content FROM source WHERE digest = ?", (digest,)), None)
        try:
            content = zlib.decompress(row[0]) if row else None
        except (zlib.error, TypeError):
            return None
        return content if content is not None and hashlib.sha256(content).hexdigest() == digest else None

    def earlier(self, experiment: str) -> Iterator[Earlier]:
        """Every run that the store has of an experiment, in the order in which they were committed."""
        with told(self._path):
            for params, id_run, epoch, kwargs, status in self._rows(_EARLIER, (experiment, experiment)):
                run, point, fixed = (text.decode(errors="replace") for text in (id_run, params, kwargs or b"{}"))
                yield Earlier(run, point, fixed, epoch, status == b"COMPLETED")

    def doubts(self) -> dict[int, Doubt]:
        """Of every invocation of which there is reason to look whether its results stand."""
        with told(self._path):
            held = {int(epoch): float(until) for epoch, until in self._rows("SELECT epoch, until FROM held")}
            loaded: dict[int, dict[str, set[str]]] = {epoch: {} for epoch in held}
            for epoch, path, digest in self._rows("SELECT epoch, CAST(path AS BLOB), CAST(digest AS BLOB) FROM loaded"):
                paths = loaded.setdefault(epoch, {})
                paths.setdefault(path.decode(errors="replace"), set()).add(digest.decode(errors="replace"))
        return {
            epoch: Doubt({path: frozenset(digests) for path, digests in paths.items()}, held.get(epoch)) for epoch, paths in loaded.items()
        }

    def prefixes(self, links: Sequence[str]) -> dict[str, Start]:
        """As the seam says."""
        found = super().prefixes(links)
        if not found or not (voids := self._standing_voids()):
            return found
        attempts = list({start.attempt for start in found.values()})
        marks = ",".join("?" * len(attempts))
        with told(self._path):
            rows = self._rows(f"SELECT id, epoch FROM attempt WHERE id IN ({marks})", attempts)
            fallen = {attempt for attempt, epoch in rows if epoch in voids}
        return {link: start for link, start in found.items() if start.attempt not in fallen}

    def voids(self) -> dict[int, float]:
        """Which results stand no more, as their own projects have said last: invocation -> Unix time until which they do."""
        with told(self._path):
            return dict(self._rows("SELECT epoch, until FROM void"))

    def suppose(self, fallen: Mapping[int, float]) -> None:
        """Read as though these results stood no more, and no others (`Store.void`); nothing is written."""
        self._fallen = dict(fallen)

    def _standing_voids(self) -> Mapping[int, float]:
        """As for whom reads here."""
        return self.voids() if self._fallen is None else self._fallen

    def _standing(self, rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
        """Rows of `rows.SELECTED`, less the results that stand no more."""
        voids = self._standing_voids()
        if not voids:
            return rows
        return (row for row in rows if row[2] != b"COMPLETED" or row[13] + row[14] <= voids.get(row[15], inf))


class Explanation:
    """What is to be written together with the first records of an invocation, and not at all when there are none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._waiting: tuple[int, str, Mapping[str, bytes], float | None] | None = None

    def set(self, epoch: int, evidence: str, sources: Mapping[str, bytes], held: float | None) -> None:
        """To be written; takes the place of what was to be."""
        self._waiting = epoch, evidence, sources, held

    def write(self) -> None:
        """Inside the transaction of records; `done` once that is committed."""
        if self._waiting is None:
            return
        epoch, evidence, sources, held = self._waiting
        self._db.execute("UPDATE epoch SET evidence = ? WHERE id = ?", (evidence, epoch))
        packed = ((digest, zlib.compress(content)) for digest, content in sources.items())
        self._db.executemany("INSERT OR IGNORE INTO source VALUES (?, ?)", packed)
        if held is not None:
            self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (epoch, held))

    def done(self) -> None:
        """It is committed."""
        self._waiting = None
