"""The one writing connection: opened, looked at, brought up to date, and its transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.errors import StoreError
from runner.stores import header, mounts, wal
from runner.stores.damage import HINT, check_structure, told
from runner.stores.explained import Explanation
from runner.stores.fixed import FixedKwargs
from runner.stores.migrate import migrate
from runner.stores.reader import BUSY_SECONDS, SqliteReader
from runner.stores.trails import Trails
from runner.stores.turns import Turn


class WritingStore(SqliteReader):
    """A store that is open for writing."""

    def __init__(self, path: Path) -> None:
        """Open or make the store. Raises StoreError when it cannot be written, or was written by a newer version."""
        self._path = path
        self._at_once = mounts.is_remote(path)
        opened = _file(path)
        header.check(path)
        unclean = any(log.stat().st_size for log in (path.with_name(f"{path.name}-wal"),) if log.exists())
        with told(path):
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
            self._trails, self._explanation = Trails(self._db), Explanation(self._db)
            self._fixed, self._growth = FixedKwargs(self._db, path), wal.Growth(self._db, path)
            self._turn = Turn(self._db, path, remote=self._at_once)
            try:
                self._prepare(unclean, opened)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, unclean: bool, opened: tuple[int, int] | None) -> None:
        """Look before anything is changed: it may be somebody else's database."""
        if self._tables():
            header.check_version(self._db, self._path)
            if wrong := check_structure(self._db, self._path, unclean=unclean):
                raise StoreError(f"{self._path} is damaged ({wrong}); {HINT}")
        wal.choose_journal(self._db, self._path, remote=self._at_once)
        self._db.execute("PRAGMA foreign_keys=ON")
        with self._transaction():
            if opened is not None and opened != _file(self._path):
                raise StoreError(f"{self._path} was replaced by a repair in this moment; run it again")
            migrate(self._db, self._path)
        header.check_version(self._db, self._path)

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction for who mends a store. Raises StoreError."""
        with self._transaction() as db:
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._fixed.forget()
                self._trails.rolled_back()
                raise

    def close(self) -> None:
        """As the seam says; leaves no WAL behind when nobody reads."""
        self._turn.leave()
        with suppress(sqlite3.ProgrammingError):  # it is closed already
            wal.empty(self._db)
        self._db.close()


def _file(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
