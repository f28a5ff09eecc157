"""Where runs can go on that begin with the same steps as earlier ones: writes it and reads it."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from runner import codec
from runner.logged import Artifact, Entries, Entry, Loaded, Params, Points, Prefix, Rows, Summary, unpack_points
from runner.record import Start
from runner.stores import sums
from runner.stores.damage import DamagedError, intact, told
from runner.stores.kept import LoggedReader, file_of
from runner.stores.rows import SELECTED, name_of, record_of

_SELECTED: Final = """CAST(p.link AS BLOB), a.id_run, p.steps, CAST(p.fields AS BLOB), CAST(p.tags AS BLOB), CAST(p.tracker AS BLOB),
CAST(p.artifacts AS BLOB), p.points, p.parts, p.attempt, p.crc"""
_EPOCH: Final = "SELECT epoch FROM attempt WHERE id = ?1 AND id_run = ?2 UNION ALL SELECT epoch FROM run WHERE ?1 = 0 AND id_run = ?2"
"""Attempt 0: the run had logged nothing, and its record is its state."""
_LOADED: Final = "SELECT CAST(path AS BLOB), CAST(digest AS BLOB) FROM loaded WHERE epoch = ?"
_LAST: Final = """SELECT (SELECT max((SELECT max(id) FROM points WHERE series = s.id)) FROM series s WHERE s.attempt = ?1),
(SELECT max(id) FROM part WHERE attempt = ?1)"""
"""The attempt's own: those of other attempts go when these are over, and their numbers are given out again."""
_BEFORE: Final = f"""SELECT {_SELECTED} FROM prefix p JOIN attempt a ON p.attempt = a.id
WHERE p.attempt = ? AND p.steps > 0 AND p.steps <= ? ORDER BY p.steps"""
_POINTS: Final = """SELECT CAST(s.name AS BLOB), p.count, p.start, CAST(p.steps AS BLOB), CAST(p.vals AS BLOB), p.begun, p.ended, p.crc
FROM points p JOIN series s ON p.series = s.id WHERE s.attempt = ? AND p.id > ? AND p.id <= ? ORDER BY p.id"""
_PARTS: Final = (
    "SELECT CAST(name AS BLOB), count, CAST(columns AS BLOB), crc FROM part WHERE attempt = ? AND id > ? AND id <= ? ORDER BY id"
)

_FURTHEST: Final = """SELECT CAST(a.id_run AS BLOB), a.epoch, p.steps, a.id FROM prefix p JOIN attempt a ON p.attempt = a.id
WHERE p.steps > 0 AND a.id_run IN"""


class PrefixReader(LoggedReader):
    """The part of a reader that is about runs which begin alike."""

    def prefixes(self, links: Sequence[str]) -> dict[str, Start]:
        """As the seam says."""
        query = f"SELECT {_SELECTED} FROM prefix p JOIN attempt a ON p.attempt = a.id WHERE p.link IN"
        starts = intact(self._path, self._some(query, links), start_of, "the first steps of run")
        return {start.prefix.link: start for start in starts}

    def owners(self, ids: Sequence[str]) -> dict[str, int | None]:
        """As the seam says."""
        found: dict[str, int | None] = {}
        furthest = sorted(self._some(_FURTHEST, ids), key=lambda row: row[2:])
        found.update((name_of(id_run), epoch) for id_run, epoch, _, _ in furthest)
        for row in self._some(f"SELECT {SELECTED} FROM run WHERE id_run IN", ids):
            try:
                found[name_of(row[0])] = record_of(row).epoch
            except DamagedError:
                found[name_of(row[0])] = None
        return found

    def behind(self, start: Start) -> Entries | None:
        """As the seam says."""
        with told(self._path):
            self._db.execute("BEGIN")  # one look: another process may remove the attempt, and its number be given to another one
            try:
                return self._behind(start)
            finally:
                if self._db.in_transaction:  # SQLite ends it itself where it finds damage
                    self._db.execute("COMMIT")

    def _behind(self, start: Start) -> Entries | None:
        of = next(self._rows(_EPOCH, (start.attempt, start.id_run)), None)
        if of is None:
            return None
        entries: list[Entry] = [Loaded(path.decode(), digest.decode()) for path, digest in self._rows(_LOADED, of)]
        params: dict[str, str] = {}
        points = parts = 0
        rows = self._rows(_BEFORE, (start.attempt, start.prefix.steps))
        for part in [*intact(self._path, rows, start_of, "the first steps of run")]:
            entries += part.artifacts
            known, params = params, json.loads(part.prefix.tracker)["params"]
            if fresh := {name: codec.loads(text) for name, text in params.items() if name not in known}:
                entries.append(Params(codec.dumps(fresh)))
            with told(self._path):
                entries += [_points(start, row) for row in self._rows(_POINTS, (start.attempt, points, part.points))]
                entries += [_rows(start, row) for row in self._rows(_PARTS, (start.attempt, parts, part.parts))]
            entries.append(part.prefix)  # it is this run's as well
            points, parts = part.points, part.parts
        whole = not start.attempt or (isinstance(entry := entries[-1] if entries else None, Prefix) and entry.link == start.prefix.link)
        return tuple(("", entry) for entry in entries) if whole else None


def add(db: sqlite3.Connection, attempt: int, prefix: Prefix) -> None:
    """Keep the state of a run after some steps; of points and parts, it is those up to here."""
    (id_run,) = db.execute("SELECT id_run FROM attempt WHERE id = ?", (attempt,)).fetchone()
    artifacts = db.execute("SELECT path, size, sha256, kind, step FROM artifact WHERE attempt = ?", (attempt,)).fetchall()
    points, parts = db.execute(_LAST, (attempt,)).fetchone()
    content = (prefix.steps, prefix.fields, prefix.tags, prefix.tracker, json.dumps(artifacts), points or 0, parts or 0)
    row = (prefix.link, attempt, *content, sums.of(prefix.link, id_run, *content))
    db.execute("INSERT OR REPLACE INTO prefix VALUES (?,?,?,?,?,?,?,?,?,?)", row)


def drop(db: sqlite3.Connection, attempt: int, replacing: Artifact) -> None:
    """Forget the states behind earlier steps of which a file is replaced by another content: it is not there any more."""
    known = "SELECT 1 FROM artifact WHERE attempt = ? AND path = ? AND sha256 <> ?"
    if db.execute(known, (attempt, replacing.path, replacing.sha256)).fetchone() is not None:
        db.execute("DELETE FROM prefix WHERE attempt = ? AND steps > 0 AND instr(artifacts, ?)", (attempt, json.dumps(replacing.path)))


def start_of(row: tuple[Any, ...]) -> Start:
    """A row of `prefix`. Raises DamagedError."""
    *content, attempt, crc = row
    link, id_run, steps, fields, tags, tracker, artifacts, points, parts = content
    if sums.of(*content) != crc:
        raise DamagedError(id_run)
    prefix = Prefix(steps, fields.decode(), tags.decode(), tracker.decode(), link.decode())
    kept = tuple(file_of(id_run, file) for file in json.loads(artifacts))
    return Start(prefix=prefix, id_run=id_run, attempt=attempt, points=points, parts=parts, artifacts=kept)


def _points(start: Start, row: tuple[Any, ...]) -> Entry:
    name, *packed, crc = row
    if sums.of(start.id_run, name, *packed) != crc:
        raise DamagedError(f"points of run {start.id_run}")
    count, begin, steps, values, begun, ended = packed
    return Points(name.decode(), Summary.of(*unpack_points(count, begin, steps, values)), begin, steps, values, begun, ended)


def _rows(start: Start, row: tuple[Any, ...]) -> Entry:
    name, count, columns, crc = row
    if sums.of(start.id_run, name, count, columns) != crc:
        raise DamagedError(f"tables of run {start.id_run}")
    return Rows(name.decode(), count, columns.decode())
