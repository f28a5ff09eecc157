"""Reads what runs logged from SQLite: series, tables, files, output."""

import math
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from runner import codec
from runner.artifacts import check_path
from runner.logged import FLOAT, Artifact, Summary, unpack_points
from runner.stores import sums, zeros
from runner.stores.damage import DamagedError, intact, told

LOOKUP: Final = 500

_LATEST = "SELECT max(id) FROM attempt WHERE id_run = ?"
"""The attempt that a run's output is of: while it executes again, the one under way."""
_ITS_OWN = "(NOT a.live OR NOT EXISTS (SELECT 1 FROM run WHERE run.id_run = a.id_run))"
"""Whether what an attempt logged is its run's: of one that has a record, what was logged before that record was made."""
_KEPT = f"SELECT max(a.id) FROM attempt a WHERE a.id_run = ? AND {_ITS_OWN}"
"""The attempt that a run's series and files are of."""
_NEWEST = f"{_ITS_OWN} AND a.id = (SELECT max(id) FROM attempt b WHERE b.id_run = a.id_run AND b.live = a.live)"
SUMMARY: Final = "CAST(s.name AS BLOB), count, n_nan, first, first_step, last, last_step, min, min_step, max, max_step, total, crc"
FILE: Final = "CAST(f.path AS BLOB), f.size, CAST(f.sha256 AS BLOB), CAST(f.kind AS BLOB), f.step, f.crc"


_WEIGHTS: Final = (
    """SELECT sum(300 + length(params) + length(fields) + length(tags) + length(logged) + ifnull(length(failure), 0)) FROM run
    WHERE id_run IN""",
    "SELECT sum(60 + length(text)) FROM output o JOIN attempt a ON o.attempt = a.id WHERE a.id_run IN",
    "SELECT sum(60 + length(columns)) FROM part p JOIN attempt a ON p.attempt = a.id WHERE a.id_run IN",
    """SELECT sum(80 + length(vals) + length(p.steps)) FROM points p JOIN series s ON p.series = s.id JOIN attempt a ON s.attempt = a.id
    WHERE a.id_run IN""",
)
"""About how many bytes of the file rows of runs take; the constants are ids, numbers and index entries."""


class LoggedReader:
    """The part of a reader that is about what runs logged."""

    _db: sqlite3.Connection
    _path: Path
    _at_once: bool
    """Whether the store does without WAL."""

    def summaries(self, ids: Sequence[str]) -> dict[str, dict[str, Summary]]:
        """As the seam says."""
        found: dict[str, dict[str, Summary]] = {}
        query = f"SELECT a.id_run, {SUMMARY} FROM attempt a JOIN series s ON s.attempt = a.id WHERE {_NEWEST} AND a.id_run IN"
        for id_run, name, summary in intact(self._path, self._some(query, ids), summary_row, "metrics of run"):
            found.setdefault(id_run, {})[name] = summary
        return found

    def points(self, id_run: str, name: str) -> Iterator[tuple["array[int]", "array[float]", "array[float]"]]:
        """As the seam says."""
        query = f"""SELECT s.count, p.count, p.start, CAST(p.steps AS BLOB), CAST(p.vals AS BLOB), p.begun, p.ended, p.crc
            FROM points p JOIN series s ON p.series = s.id WHERE s.attempt = ({_KEPT}) AND s.name = ? ORDER BY p.id"""
        with told(self._path):
            total = seen = 0
            for total, *packed, crc in self._rows(query, (id_run, name)):  # noqa: B007 - of the series
                if sums.of(id_run, name, *packed) != crc:
                    raise DamagedError(f"points of `{name}` of run {id_run}")
                count, start, steps, values, begun, ended = packed
                where, what = unpack_points(count, start, steps, values)
                pace = (ended - begun) / (count - 1) if count > 1 else 0.0
                seen += count
                yield where, what, array(FLOAT, [begun + n * pace for n in range(count)])
            if seen != total:  # in the middle of a commit as well: a query sees whole ones
                raise DamagedError(f"some points of `{name}` are missing, of run {id_run}")

    def artifacts(self, ids: Sequence[str]) -> dict[str, list[Artifact]]:
        """As the seam says."""
        found: dict[str, list[Artifact]] = {}
        query = f"SELECT a.id_run, {FILE} FROM attempt a JOIN artifact f ON f.attempt = a.id WHERE {_NEWEST} AND a.id_run IN"
        for id_run, artifact in intact(self._path, self._some(query, ids), artifact_row, "artifacts of run"):
            found.setdefault(id_run, []).append(artifact)
        return found

    def tables(self, id_run: str) -> dict[str, list[dict[str, list[Any]]]]:
        """As the seam says."""
        found: dict[str, list[dict[str, list[Any]]]] = {}
        query = f"SELECT CAST(name AS BLOB), count, CAST(columns AS BLOB), crc FROM part WHERE attempt = ({_KEPT}) ORDER BY id"
        with told(self._path):
            for name, count, columns, crc in self._rows(query, (id_run,)):
                if sums.of(id_run, name, count, columns) != crc:
                    raise DamagedError(f"tables of run {id_run}")
                found.setdefault(name.decode(), []).append(codec.loads(columns.decode()))
        return found

    def output(self, id_run: str, stream: str, after: int = 0) -> Iterator[tuple[int, str]]:
        """As the seam says."""
        query = f"""SELECT id, CAST(stream AS BLOB), CAST(text AS BLOB), crc FROM output
            WHERE attempt = ({_LATEST}) AND id > ? ORDER BY id"""
        with told(self._path):
            for number, which, text, crc in self._rows(query, (id_run, after)):
                if sums.of(id_run, which, text) != crc:
                    raise DamagedError(f"output of run {id_run}")
                if which == stream.encode():  # not in the query, which would hide text whose stream is damaged
                    yield number, text.decode()

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these are runs, or have logged anything, however damaged they are."""
        return {row[0] for table in ("run", "attempt") for row in self._some(f"SELECT id_run FROM {table} WHERE id_run IN", ids)}

    def weight(self, ids: Sequence[str]) -> int:
        """About how many bytes of the file these runs and what they logged take."""
        return sum(row[0] or 0 for query in _WEIGHTS for row in self._some(query, ids))

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query. Where readers stop a writer (no WAL), all of them are read at once."""
        cursor = self._db.execute(query, values)
        return iter(cursor.fetchall()) if self._at_once else cursor

    def _some(self, query: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query that ends in `IN`, for any number of ids."""
        with told(self._path):
            for start in range(0, len(ids), LOOKUP):
                part = ids[start : start + LOOKUP]
                yield from self._rows(f"{query} ({','.join('?' * len(part))})", part)


def summary_of(values: list[Any]) -> Summary:
    """The summary in a row of `series`: NaN is NULL in SQLite."""
    values = zeros.unpacked(values)
    values[2] = math.nan if values[2] is None else values[2]
    values[4] = math.nan if values[4] is None else values[4]
    return Summary(*values)


def summary_row(row: tuple[Any, ...]) -> tuple[str, str, Summary]:
    """Run, metric, summary of a row of id_run and SUMMARY. Raises DamagedError."""
    id_run, name, *values, crc = row
    if sums.of(id_run, name, *values) != crc:
        raise DamagedError(id_run)
    return id_run, name.decode(), summary_of(values)


def artifact_row(row: tuple[Any, ...]) -> tuple[str, Artifact]:
    """Run and file of a row of id_run and FILE. Raises DamagedError."""
    id_run, path, size, sha256, kind, step, crc = row
    if sums.of(id_run, path, size, sha256, kind, step) != crc:
        raise DamagedError(id_run)
    return id_run, file_of(id_run, [path.decode(), size, sha256.decode(), kind.decode(), step])


def file_of(id_run: str, values: Sequence[Any]) -> Artifact:
    """The file of a row. Raises DamagedError for a path that no run was ever allowed to keep a file under: somebody else wrote it."""
    try:
        check_path(values[0])
    except (ValueError, TypeError):
        raise DamagedError(id_run) from None
    return Artifact(*values)
