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

from runner.record import Provenance, Record, Trail
from runner.stores.reader import SqliteReader, check_version, told
from runner.stores.rows import COLUMNS, row_of
from runner.stores.schema import APPLICATION_ID, MIGRATIONS, VERSION
from runner.stores.trails import Trails

CHECKPOINT_BYTES = 64 << 20
BUSY_SECONDS = 30.0
MAX_KWARGS = 10_000
"""Different kwargs whose numbers are remembered."""

_NAMES = COLUMNS.split(", ")
_INSERT = f"""
INSERT INTO run ({COLUMNS}) VALUES ({",".join("?" * len(_NAMES))})
ON CONFLICT (id_run) DO UPDATE SET {", ".join(f"{name}=excluded.{name}" for name in _NAMES[1:])}
WHERE NOT (excluded.status = 'CANCELLED' AND run.status = 'COMPLETED')
"""


class SqliteStore(SqliteReader):
    """The one writer."""

    def __init__(self, path: Path) -> None:
        """Open or make the store. Raises StoreError when it cannot be written, or was written by a newer version."""
        self._path = path
        self._unchecked = 0
        self._kwargs: dict[str, int] = {}
        with told(path):
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
            self._trails = Trails(self._db)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        """Look before anything is changed: it may be somebody else's database."""
        if self._tables():
            check_version(self._db, self._path)
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
        self._db.execute("PRAGMA foreign_keys=ON")
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0] if self._tables() else 0
            for statement in (statement for migration in MIGRATIONS[version:] for statement in migration):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version={max(version, VERSION)}")
        check_version(self._db, self._path)

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def begin(self, experiment: str, started: float, *, alone: bool = True) -> int:
        """As the seam says."""
        with self._transaction():
            if alone:
                self._db.execute("DELETE FROM attempt WHERE live AND experiment = ?", (experiment,))
            cursor = self._db.execute("INSERT INTO epoch (experiment, started) VALUES (?, ?)", (experiment, started))
        return int(cursor.lastrowid or 0)

    def describe(self, epoch: int, provenance: Provenance) -> None:
        """As the seam says."""
        with told(self._path):
            self._db.execute("UPDATE epoch SET provenance = ? WHERE id = ?", (json.dumps(asdict(provenance)), epoch))

    def append(self, records: Iterable[Record], trails: Iterable[Trail] = ()) -> None:
        """As the seam says."""
        records = list(records)
        size = 0
        with self._transaction():
            for trail in trails:
                size += self._trails.append(trail)
            rows = [row_of(record, self._kwargs_of(record.kwargs_json)) for record in records]
            self._db.executemany(_INSERT, rows)
            self._trails.close(records)
        # estimated, because the WAL's file does not shrink at a checkpoint: a random id dirties a page of the index, about 4 kB a row
        self._unchecked += size + sum(4096 + len(record.fields_json) for record in records)
        if self._unchecked > CHECKPOINT_BYTES:
            self._unchecked = 0
            with suppress(sqlite3.Error):  # the records are committed; whether the disk is full, the next commit will say
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _kwargs_of(self, content: str) -> int | None:
        """The number under which these kwargs are kept: one for all runs that share them."""
        if content == "{}":
            return None
        if content not in self._kwargs:
            if len(self._kwargs) >= MAX_KWARGS:
                self._kwargs.clear()
            self._db.execute("INSERT OR IGNORE INTO kwargs (content) VALUES (?)", (content,))
            self._kwargs[content] = self._db.execute("SELECT id FROM kwargs WHERE content = ?", (content,)).fetchone()[0]
        return self._kwargs[content]

    def share(self, experiment: str, ids: Sequence[str]) -> None:
        """As the seam says."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO shared VALUES (?, ?)", ((experiment, id_run) for id_run in ids))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._kwargs.clear()
                self._trails.rolled_back()
                raise

    def close(self) -> None:
        """As the seam says; leaves no WAL behind when nobody reads."""
        try:
            self._db.execute("PRAGMA busy_timeout=0")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # what is committed is safe in the WAL; the next writer checkpoints it
        self._db.close()
