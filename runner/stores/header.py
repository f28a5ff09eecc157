"""The first 100 bytes of a store's file: whether they can be trusted, and sound ones in their place.

What they hold is SQLite's file format, section 1.3. Most of it is the same in every store, and the rest can be found out from the file,
so that a damaged header costs no row.
"""

import sqlite3
import struct
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from runner.errors import StoreError
from runner.stores import sums
from runner.stores.damage import HINT, BrokenError
from runner.stores.schema import APPLICATION_ID, MIGRATIONS, VERSION

_SIZE: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_FRACTIONS: Final = bytes((64, 32, 32))
_PAGE_SIZES: Final = tuple(1 << n for n in (12, *range(9, 12), *range(13, 17)))
"""The most likely one first: SQLite's default, which no store chooses otherwise."""
_WAL_MAGIC: Final = (0x377F0682, 0x377F0683)
_UTF8, _FORMAT = 1, 4
_LOOKED_AT: Final = 1 << 20


def check(path: Path) -> None:
    """Raise BrokenError for a file that does not begin as a store of ours does. SQLite would say less, or believe it.

    What stands in the WAL until the next checkpoint is not looked at, nor what `check_version` asks SQLite about.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_SIZE)
    except OSError:
        return  # whoever opens it says why
    if head and (wrong := _wrong(head)):
        raise BrokenError(f"{path} is damaged (file is not a database as xrun makes them: its {wrong}); {HINT}")


def _wrong(head: bytes) -> str:
    if len(head) < _SIZE:
        return "header is cut"
    if head[:16] != _MAGIC:
        return "first 16 bytes"
    if _page_size(head) not in _PAGE_SIZES:
        return "page size"
    if not {head[18], head[19]} <= {1, 2}:
        return "kind of journal"
    if head[20] and sys.platform != "darwin":  # whose SQLite sets bytes of every page aside
        return "page size less what is set aside"
    return "" if head[21:24] == _FRACTIONS else "payload fractions"


def _page_size(head: bytes) -> int:
    told = int.from_bytes(head[16:18])
    return 1 << 16 if told == 1 else told


def check_version(db: sqlite3.Connection, path: Path) -> None:
    """Refuse what is not a store, a store of a newer format, and one whose header and tables do not fit. Raises StoreError."""
    if _numbers(db) == (APPLICATION_ID, VERSION, 0):
        return
    own = not db.in_transaction
    if own:
        db.execute("BEGIN")  # another process may bring the store up to date in this moment
    try:
        application, version, vacuum = _numbers(db)
        made = format_of(db)
    finally:
        if own:
            db.execute("ROLLBACK")
    known = application == APPLICATION_ID
    if known and not vacuum and version == (made or version) and 0 < version <= VERSION:
        return
    if made == VERSION < version and known and not vacuum:  # nobody can tell which of them is right
        newer = f"its header tells of a newer xrun (format {version}, this one knows {VERSION}), its tables of this one"
        raise BrokenError(f"{path}: {newer}: update xrun, or, if there is no newer one, {HINT}")
    if made is not None or (known and version <= VERSION):
        wrong = "application id" if not known else "mark of auto_vacuum" if vacuum else f"format {version}"
        raise BrokenError(f"{path} is damaged (its header: {wrong}); {HINT}")
    if not known:
        raise StoreError(f"{path} is not a store of xrun; --workspace DIR chooses another place")
    raise StoreError(f"{path} was written by a newer xrun (format {version}, this one knows {VERSION}); update xrun")


def _numbers(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Application id, format, and whether pages are moved though this SQLite would not have asked for it: it would write over tables."""
    application, version, vacuum = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version", "auto_vacuum")
    )
    if vacuum:
        with closing(sqlite3.connect(":memory:")) as fresh:
            vacuum = int(vacuum != fresh.execute("PRAGMA auto_vacuum").fetchone()[0])
    return application, version, vacuum


def format_of(db: sqlite3.Connection) -> int | None:
    """The format whose tables these are to the letter, whatever the header says; None: of none that is known."""
    query = "SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master WHERE sql IS NOT NULL"
    there = {tuple(row) for row in db.execute(query)}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        fresh.create_function("xrun_sum", -1, sums.of)
        fresh.create_function("xrun_record_sum", -1, sums.of)
        for version, migration in enumerate(MIGRATIONS, 1):
            for statement in migration:
                fresh.execute(statement)
            if {tuple(row) for row in fresh.execute(query)} == there:
                return version
    return None


def looks_like_one(path: Path) -> bool:
    """Whether the definitions of our tables stand near the beginning of a file, or of its WAL, so that there is something to save."""
    for each in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError), each.open("rb") as file:
            if b"CREATE TABLE run (" in file.read(_LOOKED_AT):
                return True
    return False


def mend(copy: Path) -> None:
    """Give a copy of a store, with its WAL beside it, a header that is sound. Where nothing fits, it stays as it is."""
    with copy.open("r+b") as file:
        old = file.read(_SIZE).ljust(_SIZE, b"\0")
        size = file.seek(0, 2)
        wal = copy.with_name(f"{copy.name}-wal")
        logged = wal.exists() and wal.stat().st_size > 0
        for page_size, aside in _candidates(old, wal, size):
            file.seek(0)
            file.write(_sound(old, page_size, aside, size // page_size, logged=logged))
            file.flush()
            if _opens(copy):
                return
        file.seek(0)
        file.write(old)


def _candidates(old: bytes, wal: Path, size: int) -> Iterator[tuple[int, int]]:
    """Page sizes and bytes that are set aside in each, the likely ones first: what the WAL says, what the header says, the default."""
    told = [_page_size(old)]
    if wal.exists():
        with wal.open("rb") as file:
            head = file.read(12)
        if len(head) == 12 and int.from_bytes(head[:4]) in _WAL_MAGIC:
            told.insert(0, int.from_bytes(head[8:]))
    sizes = [each for each in dict.fromkeys((*told, *_PAGE_SIZES)) if each in _PAGE_SIZES and each <= size]
    yield from ((each, aside) for aside in dict.fromkeys((0, old[20])) for each in sizes if each - aside >= 480)


def _sound(old: bytes, page_size: int, aside: int, pages: int, *, logged: bool) -> bytes:
    """A header of the present format. The list of free pages is dropped: what it names may be in use, and a copy has no need of it."""
    journal = 2 if logged else 1  # without a WAL, so that a copy can be read where there is no shared memory
    start = _MAGIC + struct.pack(">H", 1 if page_size == 1 << 16 else page_size) + bytes((journal, journal, aside)) + _FRACTIONS
    count, cookie, version = old[24:28], old[40:44], old[96:100]
    middle = count + struct.pack(">III", pages, 0, 0) + cookie + struct.pack(">IIII", _FORMAT, 0, 0, _UTF8)
    return start + middle + struct.pack(">III", VERSION, 0, APPLICATION_ID) + bytes(20) + count + version


def _opens(copy: Path) -> bool:
    """Whether SQLite finds our tables: their names in the first page, a row's way in another one."""
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as db:  # which leaves the WAL in its place
        try:
            db.text_factory = bytes
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if b"run" not in tables:
                return False
            wanted = [name for name in (b"seal", b"epoch") if name in tables]
            return any(db.execute(f"SELECT count(*) FROM {name.decode()}").fetchone() is not None for name in wanted)
        except sqlite3.DatabaseError:
            return False
