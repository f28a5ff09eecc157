"""Where runs can go on that begin with the same steps as earlier ones: writes it and reads it."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from runner import codec
from runner.logged import Entries, Entry, Params, Points, Prefix, Rows, Summary, unpack_points
from runner.record import Start
from runner.stores import sums
from runner.stores.damage import DamagedError, intact, told
from runner.stores.kept import LoggedReader, file_of
from runner.stores.rows import SELECTED, name_of, record_of

_SELECTED: Final = """CAST(p.link AS BLOB), a.id_run, p.steps, CAST(p.fields AS BLOB), CAST(p.tags AS BLOB), CAST(p.tracker AS BLOB),
CAST(p.artifacts AS BLOB), p.points, p.parts, p.attempt, p.crc"""
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

    def behind(self, start: Start) -> Entries:
        """As the seam says."""
        entries: list[Entry] = []
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
        return tuple(("", entry) for entry in entries)


def add(db: sqlite3.Connection, attempt: int, prefix: Prefix) -> None:
    """Keep the state of a run after some steps; of points and parts, it is those up to here."""
    (id_run,) = db.execute("SELECT id_run FROM attempt WHERE id = ?", (attempt,)).fetchone()
    artifacts = db.execute("SELECT path, size, sha256, kind, step FROM artifact WHERE attempt = ?", (attempt,)).fetchall()
    points, parts = db.execute("SELECT (SELECT max(id) FROM points), (SELECT max(id) FROM part)").fetchone()
    content = (prefix.steps, prefix.fields, prefix.tags, prefix.tracker, json.dumps(artifacts), points or 0, parts or 0)
    row = (prefix.link, attempt, *content, sums.of(prefix.link, id_run, *content))
    db.execute("INSERT OR REPLACE INTO prefix VALUES (?,?,?,?,?,?,?,?,?,?)", row)


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
