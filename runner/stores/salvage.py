"""Makes a new store of what is intact in a damaged one."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from runner.errors import StoreError
from runner.stores import header, sums
from runner.stores.damage import told
from runner.stores.scanning import Found, scan
from runner.stores.schema import VERSION
from runner.stores.sqlite import SqliteStore

_BLOBS: Final = {
    *(("points", "steps"), ("points", "vals"), ("source", "content")),
    *(("series", name) for name in ("first", "last", "min", "max")),  # zeros.py
}


def save(source: Path, target: Path) -> int:
    """Make `target` a new store of everything intact in the store `source`; how many rows and unreadable places were left out.

    What attempts without an end have logged is left out as well. Beside `target` a copy of the old store lies meanwhile. Raises StoreError,
    BrokenError where nothing of the old one can be read.
    """
    lost, hurt = 0, set()
    copy = target.with_name(f"{target.name}.old")
    with told(source):
        store = SqliteStore(target)
        try:
            with store.writing() as new, _mended(source, copy, new) as old:
                for found in scan(old):
                    if not (found.intact and _insert(new, found)):
                        lost += 1
                        hurt.add(found.whose)
                new.execute("DELETE FROM attempt WHERE live")
                _leave_out(new, hurt)
                _keep_numbers(new)
        finally:
            store.close()
            for suffix in ("", "-wal", "-shm"):
                copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    return lost


@contextmanager
def _mended(source: Path, copy: Path, new: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A copy of the old store, its tables defined as those of the new one. It gives texts as bytes."""
    for suffix in ("", "-wal"):
        part = source.with_name(source.name + suffix)
        if part.exists():
            shutil.copyfile(part, copy.with_name(copy.name + suffix))
    header.mend(copy)
    _bring_up(copy)
    definitions = new.execute("SELECT sql, name FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    db = sqlite3.connect(copy, isolation_level=None)
    try:
        db.execute("PRAGMA writable_schema=ON")
        db.executemany("UPDATE sqlite_master SET sql = ?1 WHERE name = ?2 AND sql <> ?1", definitions)
    finally:
        db.close()
    db = sqlite3.connect(copy, isolation_level=None)
    try:
        db.text_factory = bytes
        yield db
    finally:
        db.close()


def _bring_up(copy: Path) -> None:
    """Bring a store of an older format up to the present one, if it can be: its rows would be taken for damaged ones otherwise."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        try:
            made = header.format_of(db)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return
        if made is None or made == VERSION:
            return
        db.execute(f"PRAGMA user_version={made}")
    with suppress(StoreError):  # it is damaged otherwise as well; the rows count as lost, and the old store is kept
        SqliteStore(copy).close()
    copy.with_name(f"{copy.name}.v{made}.bak").unlink(missing_ok=True)


def _insert(new: sqlite3.Connection, found: Found) -> bool:
    row = found.values
    if row is None:
        return False
    query = f"INSERT OR IGNORE INTO {found.table} ({', '.join(row)}) VALUES ({','.join('?' * len(row))})"
    try:
        texts = (v.decode() if isinstance(v, bytes) and (found.table, n) not in _BLOBS else v for n, v in row.items())
        new.execute(query, tuple(texts))
    except (sqlite3.IntegrityError, UnicodeDecodeError):
        return False  # what it hangs on is lost
    return True


def _leave_out(new: sqlite3.Connection, hurt: set[str]) -> None:
    """Series without all of their points; and runs that have lost anything and can be executed again, with their child runs.

    The id of a run that a program has recorded by itself is random (UUID version 4): it cannot, and what there is of it is kept.
    """
    torn = "FROM series WHERE count <> (SELECT ifnull(sum(p.count), 0) FROM points p WHERE p.series = series.id)"
    hurt.update(row[0] for row in new.execute(f"SELECT id_run FROM attempt WHERE id IN (SELECT attempt {torn})"))
    new.execute(f"DELETE {torn}")
    again = "DELETE FROM run WHERE id_run = ? AND parent = '' AND substr(id_run, 15, 1) = '8'"
    new.executemany(again, ((id_run,) for id_run in hurt))
    while new.execute("DELETE FROM run WHERE parent <> '' AND parent NOT IN (SELECT id_run FROM run)").rowcount:
        pass
    new.execute("DELETE FROM prefix WHERE attempt IN (SELECT id FROM attempt WHERE id_run NOT IN (SELECT id_run FROM run))")
    new.execute("DELETE FROM attempt WHERE id_run NOT IN (SELECT id_run FROM run)")


def _keep_numbers(new: sqlite3.Connection) -> None:
    """Invocations that runs name and that are lost: the next invocation must not get the number of one of them."""
    used = "SELECT epoch, experiment, min(started) FROM run WHERE epoch NOT IN (SELECT id FROM epoch) GROUP BY epoch"
    for epoch, experiment, started in new.execute(used).fetchall():
        row = (epoch, experiment, started, sums.of(epoch, experiment, started))
        new.execute("INSERT INTO epoch (id, experiment, started, crc) VALUES (?, ?, ?, ?)", row)
