"""The journal of the writing connection: WAL, which it alone checkpoints; and where the file system cannot, the rollback journal."""

import sqlite3
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner.stores import holders, mounts
from runner.stores.reader import BUSY_SECONDS

CHECKPOINT_BYTES = 64 << 20
WAL_BYTES = 256 << 20
"""What the WAL grows to, because somebody reads for long, before that is worth a warning."""
_ROLLBACK: Final = "TRUNCATE"


class GrowthWarning(UserWarning):
    """Somebody who reads for long keeps the WAL from being emptied."""


def choose_journal(db: sqlite3.Connection, path: Path, *, remote: bool) -> None:
    """WAL, but where the file system cannot: there the rollback journal. Every commit survives a power cut. Raises sqlite3.Error."""
    if remote:
        warnings.warn(mounts.told(path), mounts.NetworkWarning, stacklevel=5)
    deadline = time.monotonic() + BUSY_SECONDS
    while True:  # two processes that make the same store: SQLite does not wait for the change to WAL
        try:
            db.execute(f"PRAGMA journal_mode={_ROLLBACK if remote else 'WAL'}")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA wal_autocheckpoint=0")


class Growth:
    """How much has been written since the last checkpoint; makes the next one when it is time."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path
        self._unchecked = 0
        self._told = False

    def add(self, size: int) -> None:
        """So many bytes are committed. Never raises: whether the disk is full, the next commit will say."""
        self._unchecked += size
        if self._unchecked > CHECKPOINT_BYTES:
            self._unchecked = 0
            with suppress(sqlite3.Error):
                _, pages, moved = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if moved < pages and not self._told:
                    self._look()

    def _look(self) -> None:
        """Warn, once, of readers who stay so long that the WAL grows: nothing is lost but space on the disk."""
        size = self._path.with_name(f"{self._path.name}-wal").stat().st_size
        if size > WAL_BYTES:
            self._told = True
            who = holders.named(holders.readers(self._path)) or "a process"
            text = f"{self._path}-wal has grown to {size >> 20} MB, since {who} reads the store without a pause; what is recorded is safe"
            warnings.warn(text, GrowthWarning, stacklevel=4)


def empty(db: sqlite3.Connection) -> None:
    """At the end: leave no WAL behind when nobody reads. What is committed is safe in the WAL; the next writer checkpoints it."""
    with suppress(sqlite3.Error):
        db.execute("PRAGMA busy_timeout=0")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
