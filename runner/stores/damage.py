"""What is said when the store is not what was written: SQLite's errors, rows whose checksum is wrong, pages that do not fit together."""

import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from runner.errors import StoreError
from runner.listing import few
from runner.stores import sums
from runner.stores.schema import VERSION

T = TypeVar("T")

HINT: Final = "`xrun doctor --repair` saves what is intact"
SMALL_BYTES: Final = 512 << 10
"""A store up to this size is checked whenever it is opened: 2 ms."""
LARGE_BYTES: Final = 64 << 20
"""A store up to this size is checked before it is written when the last writer was killed: 0.1 s."""
_NAMED = 5


class DamageWarning(UserWarning):
    """Part of the store is damaged, and was left out."""


class FullError(StoreError):
    """There is no room on the disk. Nothing of what was to be written is there; once there is room, it can be written again."""


class BrokenError(StoreError):
    """The store is damaged so that not even the intact part of it can be read as it is."""


class DamagedError(Exception):
    """A row is not what was written; the text says whose it is."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        extended = getattr(error, "sqlite_errorcode", 0)
        code = extended & 0xFF
        if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:  # the latter: no room for the index of the WAL
            raise FullError(f"{path}: {error}") from error
        if code == sqlite3.SQLITE_BUSY:
            raise StoreError(f"{path}: another process is in the middle of writing to it and does not end it (was it stopped?)") from error
        broken = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "decode to UTF-8" in str(error)
        if broken or "malformed" in str(error) or "unsupported file format" in str(error):
            raise BrokenError(f"{path} is damaged ({error}); {HINT}") from error
        raise StoreError(f"{path}: {error}") from error
    except UnicodeDecodeError:  # of SQLite's own words, which quote a damaged schema
        raise BrokenError(f"{path} is damaged; {HINT}") from None
    except DamagedError as error:
        raise StoreError(f"{path} is damaged: {error}; {HINT}") from None


def intact(path: Path, rows: Iterable[Any], make: Callable[[Any], T], what: str = "run") -> Iterator[T]:
    """What `make` makes of rows, without those that it finds damaged; these are warned of once at the end."""
    damaged: list[str] = []
    for row in rows:
        try:
            made = make(row)
        except DamagedError as error:
            damaged.append(str(error))
            continue
        yield made
    if damaged:
        warn(path, damaged, what)


def warn(path: Path, damaged: Sequence[str], what: str) -> None:
    """Say which rows are left out. An experiment executes such runs again."""
    names = few(list(dict.fromkeys(damaged)), _NAMED)
    text = f"{path} is damaged: {what} {names} cannot be shown; {HINT}, running again makes the rest"
    warnings.warn(text, DamageWarning, stacklevel=3)


_SEALED: Final = "SELECT s.name, s.crc, CAST(m.sql AS BLOB) FROM seal s LEFT JOIN sqlite_master m ON m.name = s.name"


def _schema(db: sqlite3.Connection) -> str:
    """What is wrong with the definitions of the tables; of a store of the present format."""
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        return ""
    try:
        sealed = db.execute(_SEALED).fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return "its definition cannot be read"
    wrong = [str(name) for name, crc, sql in sealed if sums.of(sql) != crc]
    return f"the definition of {', '.join(wrong)} is not what it was" if wrong else "" if sealed else "its definition is not sealed"


def check_structure(db: sqlite3.Connection, path: Path, *, unclean: bool = False) -> str:
    """What is wrong with the pages of a store, "" when nothing is or the look would cost too much.

    A small one is checked wholly, with its indexes; a larger one, without them, when `unclean`: its last writer did not close it.
    """
    if wrong := _schema(db):
        return wrong
    size = path.stat().st_size
    if size > SMALL_BYTES and not (unclean and size <= LARGE_BYTES):
        return ""
    try:
        found = db.execute("PRAGMA integrity_check(1)" if size <= SMALL_BYTES else "PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return ""
        found = error
    return "" if found == "ok" else " ".join(str(found).replace("*** in database main ***", "").split())
