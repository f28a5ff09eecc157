"""`xrun query`: SQL on views of the store. Nothing can be written, not even by mistake.

The connection is read-only, and SQLite asks `_allowed` about whatever a statement wants to do; it may read and compute.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner import stores
from runner.errors import StoreError, UsageError
from runner.reading import unpacking
from runner.reading.views import COLUMNS, VIEWS, described
from runner.replaced import Places
from runner.suggest import nearest
from runner.workspace import Workspace

_LOOK: Final = 10_000
"""SQLite's instructions between two looks for Ctrl-C: less than a millisecond."""

_READING: Final = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
_REFUSED: Final = (sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gives."""

    columns: tuple[str, ...]
    """Their names; one that is there twice gets a number."""
    rows: Iterator[tuple[Any, ...]]
    """Of int, float, str, bytes and None; read while they are computed. Raises UsageError, KeyboardInterrupt."""


@contextmanager
def query(workspace: Workspace, statement: str) -> Iterator[Answer]:
    """The answer to one SELECT on VIEWS.

    Raises UsageError with SQLite's words for a statement that is wrong or that would write, IncompleteError when there is no store yet.
    """
    stores.read(workspace.store).close()  # it is there, a store, and of the present format
    db = sqlite3.connect(f"{workspace.store.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        with _told(workspace.store):
            _prepare(db, workspace.artifacts.absolute())
            cursor = db.execute(statement)
            if cursor.description is None:
                raise UsageError(f"a query begins with SELECT or WITH\n{described()}")
        yield Answer(_distinct([column[0] for column in cursor.description]), _rows(cursor, workspace.store))
    finally:
        db.close()


def _prepare(db: sqlite3.Connection, folder: Path) -> None:
    db.text_factory = lambda data: data.decode(errors="backslashreplace")
    db.execute("PRAGMA temp_store=MEMORY")
    db.create_function("xrun_flat", 1, unpacking.flattened, deterministic=True)
    db.create_function("xrun_json", 1, unpacking.untagged, deterministic=True)
    db.create_function("xrun_values", 1, unpacking.values, deterministic=True)
    db.create_function("xrun_step", 2, unpacking.step, deterministic=True)
    places = Places(folder)
    db.create_function("xrun_folder", 2, lambda id_run, epoch: str(places.of(id_run, epoch)), deterministic=True)
    for name, (_, definition) in VIEWS.items():
        db.execute(f"CREATE TEMP VIEW {name} AS {definition}")
    db.execute("PRAGMA query_only=ON")
    db.set_authorizer(_allowed)
    db.set_progress_handler(lambda: 0, _LOOK)


def _allowed(action: int, *names: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and "load_extension" in names:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _rows(cursor: sqlite3.Cursor, path: Path) -> Iterator[tuple[Any, ...]]:
    with _told(path):
        yield from cursor


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's complaints about a statement as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF  # without SQLite's details
        if code == sqlite3.SQLITE_INTERRUPT:  # the look for Ctrl-C found it, and SQLite has put it aside
            raise KeyboardInterrupt from None
        if code not in (sqlite3.SQLITE_ERROR, *_REFUSED):
            raise StoreError(f"{path}: {error}") from error
        raise _wrong(str(error), refused=code in _REFUSED) from None
    except (sqlite3.Warning, sqlite3.ProgrammingError, sqlite3.DataError, UnicodeEncodeError, ValueError) as error:
        raise _wrong(str(error)) from None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _REFUSED:
            raise StoreError(f"{path}: {error}") from error
        raise _wrong(str(error), refused=True) from None


def _wrong(message: str, *, refused: bool = False) -> UsageError:
    if refused or "not authorized" in message or message.startswith("cannot modify"):
        return UsageError(f"the query would do more than read; only SELECT is possible, on\n{described()}")
    what, _, name = message.rpartition(": ")
    choices = {"no such table": VIEWS, "no such column": COLUMNS}.get(what, ())
    hint = nearest(name.rpartition(".")[2], choices) if choices else None
    return UsageError(f"SQLite: {message}{f'; did you mean `{hint}`?' if hint else ''}\nviews:\n{described()}")


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        free, number = name, 1
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return tuple(found)
