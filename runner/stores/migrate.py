"""Brings a store to the present format, with a copy of the old one beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from runner import files
from runner.errors import StoreError
from runner.stores import sums
from runner.stores.rows import sum_of
from runner.stores.schema import APPLICATION_ID, MIGRATIONS, VERSION


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or change those of an older format. To be called inside a transaction, which keeps other processes from the same.

    An older store is copied first, to `xrun.db.v1.bak` and the like. Raises StoreError when there is no room for that.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0] if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] else 0
    if version == VERSION:
        return
    if 0 < version < VERSION:
        _copy(path, path.with_name(f"{path.name}.v{version}.bak"))
    db.create_function("xrun_sum", -1, sums.of, deterministic=True)
    db.create_function("xrun_record_sum", -1, _record_sum, deterministic=True)
    for statement in (statement for migration in MIGRATIONS[version:] for statement in migration):
        db.execute(statement)
    db.execute("DELETE FROM seal")
    objects = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    db.executemany("INSERT INTO seal VALUES (?, ?)", ((name, sums.of(sql)) for name, sql in objects))
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")
    db.execute(f"PRAGMA user_version={max(version, VERSION)}")


def _record_sum(*row: object) -> int:
    return sum_of(tuple(value.encode() if isinstance(value, str) else value for value in row))


def _copy(path: Path, target: Path) -> None:
    """What the store holds at this moment, its WAL included, whole or not at all."""
    draft = files.draft_of(target)
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(draft)) as copy,
        ):
            source.backup(copy)
        files.sync(draft)
        draft.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path} is of an older format, and no copy of it can be written to {target}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
