"""Records in SQLite: WAL, synchronous=FULL, one writing connection that also checkpoints, readers with mode=ro.

Measured reasons in ARCHITECTURE.md, "The store". Only the coordinator writes; workers never open the file.
"""

import json
import sqlite3
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from zlib import crc32

from runner.errors import LockedError, StoreError
from runner.record import Provenance, Record, Trail
from runner.stores import holders, mounts, sums
from runner.stores.damage import HINT, check_structure, check_version, told
from runner.stores.explained import Explanation
from runner.stores.migrate import migrate
from runner.stores.presence import this_process
from runner.stores.reader import BUSY_SECONDS, SqliteReader
from runner.stores.rows import COLUMNS, row_of
from runner.stores.trails import Trails

CHECKPOINT_BYTES = 64 << 20
WAL_BYTES = 256 << 20
"""What the WAL grows to, because somebody reads for long, before that is worth a warning."""
MAX_KWARGS = 10_000
"""Different kwargs whose numbers are remembered."""

_INSERT = f"""
INSERT INTO run ({", ".join(COLUMNS)}) VALUES ({",".join("?" * len(COLUMNS))})
ON CONFLICT (id_run) DO UPDATE SET {", ".join(f"{name}=excluded.{name}" for name in COLUMNS[1:])}
WHERE NOT (excluded.status = 'CANCELLED' AND run.status = 'COMPLETED')
"""
_KWARGS = "SELECT k.id, CAST(t.content AS BLOB) FROM kwargs k JOIN kwargs t NOT INDEXED ON t.id = k.id WHERE k.content = ?"
"""What the index finds, and what the table holds."""


_UNFINISHED = """
UPDATE attempt SET live = 0 WHERE live AND experiment = ? AND id IN (SELECT attempt FROM prefix)
AND NOT EXISTS (SELECT 1 FROM run WHERE run.id_run = attempt.id_run)
"""
"""Attempts that nobody will end, from which runs can go on all the same."""


class GrowthWarning(UserWarning):
    """Somebody who reads for long keeps the WAL from being emptied."""


class SqliteStore(SqliteReader):
    """The one writer."""

    def __init__(self, path: Path) -> None:
        """Open or make the store. Raises StoreError when it cannot be written, or was written by a newer version."""
        self._path = path
        self._unchecked = 0
        self._kwargs: dict[str, tuple[int, int]] = {}
        self._turn: tuple[str, int] | None = None
        """Experiment and epoch of the invocation that executes here."""
        self._at_once = mounts.is_remote(path)
        self._grown = False
        opened = _file(path)
        unclean = any(wal.stat().st_size for wal in (path.with_name(f"{path.name}-wal"),) if wal.exists())
        with told(path):
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
            self._trails = Trails(self._db)
            self._explanation = Explanation(self._db)
            try:
                self._prepare(unclean, opened)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, unclean: bool, opened: tuple[int, int] | None) -> None:
        """Look before anything is changed: it may be somebody else's database."""
        if self._tables():
            check_version(self._db, self._path)
            if wrong := check_structure(self._db, self._path, unclean=unclean):
                raise StoreError(f"{self._path} is damaged ({wrong}); {HINT}")
        self._journal()
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        self._db.execute("PRAGMA foreign_keys=ON")
        with self._transaction():
            if opened is not None and opened != _file(self._path):
                raise StoreError(f"{self._path} was replaced by a repair in this moment; run it again")
            migrate(self._db, self._path)
        check_version(self._db, self._path)

    def _journal(self) -> None:
        """WAL, but where the file system cannot: there the rollback journal, and readers that do not stay."""
        mode = "TRUNCATE" if self._at_once else "WAL"
        if self._at_once:
            warnings.warn(mounts.told(self._path), mounts.NetworkWarning, stacklevel=4)
        deadline = time.monotonic() + BUSY_SECONDS
        while True:  # two processes that make the same store: SQLite does not wait for the change to WAL
            try:
                self._db.execute(f"PRAGMA journal_mode={mode}")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def begin(self, experiment: str, started: float, *, alone: bool = True) -> int:
        """As the seam says."""
        with self._transaction():
            if alone:
                self._db.execute(_UNFINISHED, (experiment,))
                self._db.execute("DELETE FROM attempt WHERE live AND experiment = ?", (experiment,))
            row = (experiment, started, this_process())
            cursor = self._db.execute("INSERT INTO epoch (experiment, started, process) VALUES (?,?,?)", row)
            epoch = int(cursor.lastrowid or 0)
            if alone:
                self._turn = experiment, epoch
                self._db.execute("INSERT OR REPLACE INTO turn VALUES (?, ?)", self._turn)
            self._db.execute("UPDATE epoch SET crc = ? WHERE id = ?", (sums.of(epoch, experiment, float(started)), epoch))
        return epoch

    def describe(self, epoch: int, provenance: Provenance) -> None:
        """As the seam says."""
        text = json.dumps(asdict(provenance))
        with told(self._path):
            self._db.execute("UPDATE epoch SET provenance = ?, provenance_crc = ? WHERE id = ?", (text, sums.of(text), epoch))

    def explain(self, epoch: int, evidence: str, sources: Mapping[str, bytes], *, held: float | None = None) -> None:
        """As the seam says."""
        self._explanation.set(epoch, evidence, sources, held)

    def lacking(self, digests: Iterable[str]) -> set[str]:
        """As the seam says."""
        with told(self._path):
            return {d for d in digests if self._db.execute("SELECT 1 FROM source WHERE digest = ?", (d,)).fetchone() is None}

    def hold(self, epoch: int, until: float | None) -> None:
        """As the seam says."""
        with told(self._path):
            if until is None:
                self._db.execute("DELETE FROM held WHERE epoch = ?", (epoch,))
            else:
                self._db.execute("UPDATE held SET until = ? WHERE epoch = ?", (until, epoch))

    def void(self, fallen: Mapping[int, float]) -> None:
        """As the seam says."""
        with told(self._path):
            if self._voids() == dict(fallen):
                return
        with self._transaction():
            self._db.execute("DELETE FROM void")
            self._db.executemany("INSERT INTO void VALUES (?, ?)", fallen.items())

    def append(self, records: Iterable[Record], trails: Iterable[Trail] = ()) -> None:
        """As the seam says."""
        records = list(records)
        size = 0
        with self._transaction():
            self._check_turn()
            for trail in trails:
                size += self._trails.append(trail)
            rows = [row_of(record, *self._kwargs_of(record.kwargs_json)) for record in records]
            self._db.executemany(_INSERT, rows)
            self._trails.close(records)
            explained = bool(records or size)
            if explained:
                self._explanation.write()
        if explained:
            self._explanation.done()
        # estimated, because the WAL's file does not shrink at a checkpoint: a random id dirties a page of the index, about 4 kB a row
        self._unchecked += size + sum(4096 + len(record.fields_json) for record in records)
        if self._unchecked > CHECKPOINT_BYTES:
            self._unchecked = 0
            with suppress(sqlite3.Error):  # the records are committed; whether the disk is full, the next commit will say
                _, pages, moved = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if moved < pages and not self._grown:
                    self._look_at_growth()

    def _check_turn(self) -> None:
        """Raise LockedError when another invocation executes this one's experiment. Its lock keeps it from that, but where locks do not
        work or are lost: this process may have been stopped, or its machine asleep, while somebody thought it dead.
        """
        if self._turn is None:
            return
        experiment, epoch = self._turn
        newest = self._db.execute("SELECT epoch FROM turn WHERE experiment = ?", (experiment,)).fetchone()
        if newest is None or newest[0] != epoch:
            raise LockedError(f"{experiment} has been taken over by another xrun while this one stood still; nothing more is written")

    def _look_at_growth(self) -> None:
        """Warn, once, of readers who stay so long that the WAL grows: nothing is lost but space on the disk."""
        size = self._path.with_name(f"{self._path.name}-wal").stat().st_size
        if size > WAL_BYTES:
            self._grown = True
            who = holders.named(holders.readers(self._path)) or "a process"
            text = f"{self._path}-wal has grown to {size >> 20} MB, since {who} reads the store without a pause; what is recorded is safe"
            warnings.warn(text, GrowthWarning, stacklevel=3)

    def _kwargs_of(self, content: str) -> tuple[int | None, int]:
        """The number under which these kwargs are kept, one for all runs that share them; and their checksum."""
        if content == "{}":
            return None, sums.NONE
        if content not in self._kwargs:
            if len(self._kwargs) >= MAX_KWARGS:
                self._kwargs.clear()
            self._db.execute("INSERT OR IGNORE INTO kwargs (content) VALUES (?)", (content,))
            number, kept = self._db.execute(_KWARGS, (content,)).fetchone()
            encoded = content.encode()
            if kept != encoded:
                raise StoreError(f"{self._path} is damaged (kwargs {number}); {HINT}")
            self._kwargs[content] = number, crc32(encoded)
        return self._kwargs[content]

    def share(self, experiment: str, ids: Sequence[str]) -> None:
        """As the seam says."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO shared VALUES (?, ?)", ((experiment, id_run) for id_run in ids))

    def forget_leftovers(self) -> None:
        """Remove what attempts without an end have logged. Nobody may execute meanwhile."""
        with self._transaction() as db:
            db.execute("DELETE FROM attempt WHERE live")

    def remove(self, ids: Sequence[str]) -> None:
        """Remove runs with all that they logged, and what only they used."""
        with self._transaction() as db:
            db.executemany("DELETE FROM run WHERE id_run = ?", ((id_run,) for id_run in ids))
            db.executemany("DELETE FROM shared WHERE id_run = ?", ((id_run,) for id_run in ids))
            db.executemany("DELETE FROM attempt WHERE id_run = ?", ((id_run,) for id_run in ids))
            db.execute("DELETE FROM kwargs WHERE id NOT IN (SELECT kwargs FROM run WHERE kwargs IS NOT NULL)")

    def compact(self) -> None:
        """Give back the space of what was removed. Raises FullError when there is no room for a second copy meanwhile."""
        with told(self._path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

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


def _file(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
