"""Reads records and what runs logged from SQLite, also while another process writes."""

import json
import math
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner import codec
from runner.errors import IncompleteError, StoreError
from runner.logged import FLOAT, Artifact, Summary, unpack_points
from runner.record import Provenance, Record
from runner.stores.rows import SELECTED, provenance_of, record_of
from runner.stores.schema import APPLICATION_ID, VERSION

LOOKUP = 500

_COUNTS = """
SELECT experiment, status, count(*) FROM (
    SELECT experiment, status FROM run WHERE parent = ''
    UNION ALL SELECT shared.experiment, run.status FROM shared JOIN run USING (id_run) WHERE shared.experiment <> run.experiment
) GROUP BY 1, 2
"""
_LATEST = "SELECT max(id) FROM attempt WHERE id_run = ?"
"""The attempt that a run's series and files are of: while it executes again, the one under way."""


class SqliteReader:
    """Reads records, also while another process writes."""

    def __init__(self, path: Path) -> None:
        """Open an existing store, one of an older format after bringing it up to date. Raises IncompleteError when there is none."""
        if not path.is_file():
            raise IncompleteError(f"there are no results yet: {path} does not exist; run an experiment first")
        self._path = path
        with told(path):
            self._db = self._connect()
            if self._db.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                from runner.stores.sqlite import SqliteStore

                self._db.close()
                SqliteStore(path).close()
                self._db = self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            check_version(db, self._path)
        except BaseException:
            db.close()
            raise
        return db

    def find(self, ids: Sequence[str]) -> dict[str, Record]:
        """As the seam says."""
        return {row[0]: record_of(row) for row in self._some(f"SELECT {SELECTED} FROM run WHERE id_run IN", ids)}

    def results(self, ids: Sequence[str]) -> dict[str, str]:
        """As the seam says."""
        return dict(self._some("SELECT id_run, fields FROM run WHERE status = 'COMPLETED' AND id_run IN", ids))

    def records(self, experiment: str | None = None, *, children: bool = False) -> Iterator[Record]:
        """As the seam says."""
        where = ["1"] if children else ["parent = ''"]
        if experiment is not None:
            where.append("(experiment = ? OR id_run IN (SELECT id_run FROM shared WHERE experiment = ?))")
        with told(self._path):
            rows = self._db.execute(
                f"SELECT {SELECTED} FROM run WHERE {' AND '.join(where)} ORDER BY seq", (experiment,) * 2 if experiment is not None else ()
            )
            yield from map(record_of, rows)

    def children(self, id_run: str) -> list[Record]:
        """As the seam says."""
        with told(self._path):
            rows = self._db.execute(f"SELECT {SELECTED} FROM run WHERE parent = ? AND parent <> '' ORDER BY seq", (id_run,))
            return list(map(record_of, rows))

    def lookup(self, prefix: str, limit: int = 3) -> list[Record]:
        """Records whose id starts with `prefix`, at most `limit`."""
        with told(self._path):
            rows = self._db.execute(
                f"SELECT {SELECTED} FROM run WHERE id_run >= ? AND id_run < ? LIMIT ?", (prefix, prefix + "\U0010ffff", limit)
            )
            return [record_of(row) for row in rows]

    def executing(self, prefix: str = "", limit: int = 3) -> list[str]:
        """Ids of runs that execute now and have logged something, those that start with `prefix`."""
        with told(self._path):
            rows = self._db.execute(
                "SELECT DISTINCT id_run FROM attempt WHERE live AND id_run >= ? AND id_run < ? LIMIT ?",
                (prefix, prefix + "\U0010ffff", limit),
            )
            return [row[0] for row in rows]

    def experiments(self) -> list[tuple[str, dict[str, int], float]]:
        """Name, count by status, and start of the last invocation of every experiment; the latest first."""
        with told(self._path):
            counts: dict[str, dict[str, int]] = {}
            for name, status, count in self._db.execute(_COUNTS):
                counts.setdefault(name, {})[status] = count
            last = self._db.execute("SELECT experiment, max(started) FROM epoch GROUP BY 1 ORDER BY 2 DESC")
            return [(name, counts.get(name, {}), started) for name, started in last]

    def provenance(self, epoch: int) -> Provenance | None:
        """As the seam says."""
        with told(self._path):
            row = self._db.execute("SELECT provenance FROM epoch WHERE id = ?", (epoch,)).fetchone()
        return provenance_of(json.loads(row[0])) if row and row[0] else None

    def summaries(self, ids: Sequence[str]) -> dict[str, dict[str, Summary]]:
        """As the seam says."""
        found: dict[str, dict[str, Summary]] = {}
        query = f"SELECT a.id_run, s.* FROM attempt a JOIN series s ON s.attempt = a.id WHERE {_NEWEST} AND a.id_run IN"
        for id_run, _, _, name, *values in self._some(query, ids):
            values[2] = math.nan if values[2] is None else values[2]
            values[4] = math.nan if values[4] is None else values[4]
            found.setdefault(id_run, {})[name] = Summary(*values)
        return found

    def points(self, id_run: str, name: str) -> Iterator[tuple["array[int]", "array[float]", "array[float]"]]:
        """As the seam says."""
        query = f"""SELECT p.count, p.start, p.steps, p.vals, p.begun, p.ended FROM points p JOIN series s ON p.series = s.id
            WHERE s.attempt = ({_LATEST}) AND s.name = ? ORDER BY p.id"""
        with told(self._path):
            for count, start, steps, values, begun, ended in self._db.execute(query, (id_run, name)):
                where, what = unpack_points(count, start, steps, values)
                pace = (ended - begun) / (count - 1) if count > 1 else 0.0
                yield where, what, array(FLOAT, [begun + n * pace for n in range(count)])

    def artifacts(self, ids: Sequence[str]) -> dict[str, list[Artifact]]:
        """As the seam says."""
        found: dict[str, list[Artifact]] = {}
        query = f"""SELECT a.id_run, f.path, f.size, f.sha256, f.kind, f.step FROM attempt a JOIN artifact f ON f.attempt = a.id
            WHERE {_NEWEST} AND a.id_run IN"""
        for id_run, *values in self._some(query, ids):
            found.setdefault(id_run, []).append(Artifact(*values))
        return found

    def tables(self, id_run: str) -> dict[str, list[dict[str, list[Any]]]]:
        """As the seam says."""
        found: dict[str, list[dict[str, list[Any]]]] = {}
        with told(self._path):
            for name, text in self._db.execute(f"SELECT name, columns FROM part WHERE attempt = ({_LATEST}) ORDER BY id", (id_run,)):
                found.setdefault(name, []).append(codec.loads(text))
        return found

    def output(self, id_run: str, stream: str, after: int = 0) -> Iterator[tuple[int, str]]:
        """As the seam says."""
        query = f"SELECT id, text FROM output WHERE attempt = ({_LATEST}) AND stream = ? AND id > ? ORDER BY id"
        with told(self._path):
            yield from self._db.execute(query, (id_run, stream, after))

    def close(self) -> None:
        """As the seam says."""
        self._db.close()

    def _some(self, query: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query that ends in `IN`, for any number of ids."""
        with told(self._path):
            for start in range(0, len(ids), LOOKUP):
                part = ids[start : start + LOOKUP]
                yield from self._db.execute(f"{query} ({','.join('?' * len(part))})", part)


_NEWEST = "a.id = (SELECT max(id) FROM attempt b WHERE b.id_run = a.id_run)"


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}") from error


def check_version(db: sqlite3.Connection, path: Path) -> None:
    """Refuse what is not a store, and a store of a newer format. Raises StoreError."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path} is not a store of xrun; --workspace DIR chooses another place")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(f"{path} was written by a newer xrun (format {version}, this one knows {VERSION}); update xrun")
