"""Records in SQLite: WAL, synchronous=FULL, one writing connection that also checkpoints, readers with mode=ro.

Measured reasons in ARCHITECTURE.md, "The store". Only the coordinator writes; workers never open the file.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from runner.errors import IncompleteError, StoreError
from runner.record import Provenance, Record
from runner.stores.rows import COLUMNS, provenance_of, record_of, row_of

APPLICATION_ID = 0x7872756E  # "xrun"
VERSION = 1
CHECKPOINT_BYTES = 64 << 20
LOOKUP = 500
BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE epoch (
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL,
    started REAL NOT NULL,
    provenance TEXT
);
CREATE TABLE run (
    seq INTEGER PRIMARY KEY,
    id_run TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    status TEXT NOT NULL,
    params TEXT NOT NULL,
    fields TEXT NOT NULL,
    tags TEXT NOT NULL,
    failure TEXT,
    seed INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    started REAL NOT NULL,
    seconds REAL NOT NULL,
    epoch INTEGER NOT NULL
);
CREATE INDEX run_experiment ON run (experiment, status);
CREATE TABLE shared (experiment TEXT NOT NULL, id_run TEXT NOT NULL, PRIMARY KEY (experiment, id_run)) WITHOUT ROWID;
"""
_TRIGGER = """
CREATE TRIGGER run_changes_hands AFTER UPDATE OF experiment ON run WHEN old.experiment <> new.experiment
BEGIN INSERT OR IGNORE INTO shared VALUES (old.experiment, new.id_run); END
"""
"""A run that another experiment executes again stays its first one's as well."""
_INSERT = f"""
INSERT INTO run ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (id_run) DO UPDATE SET experiment=excluded.experiment, status=excluded.status, params=excluded.params, fields=excluded.fields,
    tags=excluded.tags, failure=excluded.failure, seed=excluded.seed, attempt=excluded.attempt, started=excluded.started,
    seconds=excluded.seconds, epoch=excluded.epoch
WHERE NOT (excluded.status = 'CANCELLED' AND run.status = 'COMPLETED')
"""


_COUNTS = """
SELECT experiment, status, count(*) FROM (
    SELECT experiment, status FROM run
    UNION ALL SELECT shared.experiment, run.status FROM shared JOIN run USING (id_run) WHERE shared.experiment <> run.experiment
) GROUP BY 1, 2
"""


class SqliteReader:
    """Reads records, also while another process writes."""

    def __init__(self, path: Path) -> None:
        """Open an existing store. Raises IncompleteError when there is none."""
        if not path.is_file():
            raise IncompleteError(f"there are no results yet: {path} does not exist; run an experiment first")
        self._path = path
        with _told(path):
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            try:
                _check_version(self._db, path)
            except BaseException:
                self._db.close()
                raise

    def find(self, ids: Sequence[str]) -> dict[str, Record]:
        """As the seam says."""
        found = {}
        with _told(self._path):
            for start in range(0, len(ids), LOOKUP):
                part = ids[start : start + LOOKUP]
                marks = ",".join("?" * len(part))
                for row in self._db.execute(f"SELECT {COLUMNS} FROM run WHERE id_run IN ({marks})", part):
                    found[row[0]] = record_of(row)
        return found

    def results(self, ids: Sequence[str]) -> dict[str, str]:
        """As the seam says."""
        found: dict[str, str] = {}
        with _told(self._path):
            for start in range(0, len(ids), LOOKUP):
                part = ids[start : start + LOOKUP]
                marks = ",".join("?" * len(part))
                found.update(self._db.execute(f"SELECT id_run, fields FROM run WHERE status = 'COMPLETED' AND id_run IN ({marks})", part))
        return found

    def records(self, experiment: str | None = None) -> Iterator[Record]:
        """As the seam says."""
        where = ""
        if experiment is not None:
            where = "WHERE experiment = ? OR id_run IN (SELECT id_run FROM shared WHERE experiment = ?)"
        with _told(self._path):
            rows = self._db.execute(f"SELECT {COLUMNS} FROM run {where} ORDER BY seq", (experiment,) * 2 if experiment is not None else ())
            yield from map(record_of, rows)

    def lookup(self, prefix: str, limit: int = 3) -> list[Record]:
        """Records whose id starts with `prefix`, at most `limit`."""
        with _told(self._path):
            rows = self._db.execute(
                f"SELECT {COLUMNS} FROM run WHERE id_run >= ? AND id_run < ? LIMIT ?", (prefix, prefix + "\U0010ffff", limit)
            )
            return [record_of(row) for row in rows]

    def experiments(self) -> list[tuple[str, dict[str, int], float]]:
        """Name, count by status, and start of the last invocation of every experiment; the latest first."""
        with _told(self._path):
            counts: dict[str, dict[str, int]] = {}
            for name, status, count in self._db.execute(_COUNTS):
                counts.setdefault(name, {})[status] = count
            last = self._db.execute("SELECT experiment, max(started) FROM epoch GROUP BY 1 ORDER BY 2 DESC")
            return [(name, counts.get(name, {}), started) for name, started in last]

    def provenance(self, epoch: int) -> Provenance | None:
        """As the seam says."""
        with _told(self._path):
            row = self._db.execute("SELECT provenance FROM epoch WHERE id = ?", (epoch,)).fetchone()
        return provenance_of(json.loads(row[0])) if row and row[0] else None

    def close(self) -> None:
        """As the seam says."""
        self._db.close()


class SqliteStore(SqliteReader):
    """The one writer."""

    def __init__(self, path: Path) -> None:
        """Open or make the store. Raises StoreError when it cannot be written, or was written by a newer version."""
        self._path = path
        self._unchecked = 0
        with _told(path):
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        """Look before anything is changed: it may be somebody else's database."""
        if self._tables():
            _check_version(self._db, self._path)
        deadline = time.monotonic() + BUSY_SECONDS
        while True:  # two processes that make the same store: SQLite does not wait for the change to WAL
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        with self._transaction():
            if not self._tables():
                for statement in (*_SCHEMA.split(";"), _TRIGGER):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version={VERSION}")
        _check_version(self._db, self._path)

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def begin(self, experiment: str, started: float) -> int:
        """As the seam says."""
        with _told(self._path):
            cursor = self._db.execute("INSERT INTO epoch (experiment, started) VALUES (?, ?)", (experiment, started))
        return int(cursor.lastrowid or 0)

    def describe(self, epoch: int, provenance: Provenance) -> None:
        """As the seam says."""
        with _told(self._path):
            self._db.execute("UPDATE epoch SET provenance = ? WHERE id = ?", (json.dumps(asdict(provenance)), epoch))

    def append(self, records: Iterable[Record]) -> None:
        """As the seam says."""
        rows = [row_of(record) for record in records]
        with self._transaction():
            self._db.executemany(_INSERT, rows)
        # estimated, because the WAL's file does not shrink at a checkpoint: a random id dirties a page of the index, about 4 kB a row
        self._unchecked += sum(4096 + len(str(row[4])) for row in rows)
        if self._unchecked > CHECKPOINT_BYTES:
            self._unchecked = 0
            with suppress(sqlite3.Error):  # the records are committed; whether the disk is full, the next commit will say
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def share(self, experiment: str, ids: Sequence[str]) -> None:
        """As the seam says."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO shared VALUES (?, ?)", ((experiment, id_run) for id_run in ids))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """As the seam says; leaves no WAL behind when nobody reads."""
        try:
            self._db.execute("PRAGMA busy_timeout=0")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # what is committed is safe in the WAL; the next writer checkpoints it
        self._db.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}") from error


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path} is not a store of xrun; --workspace DIR chooses another place")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(f"{path} was written by a newer xrun (format {version}, this one knows {VERSION}); update xrun")
