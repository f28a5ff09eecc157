"""The kwargs of runs, kept once for all that share them."""

import sqlite3
from pathlib import Path
from typing import Final
from zlib import crc32

from runner.errors import StoreError
from runner.stores import sums
from runner.stores.damage import HINT

MAX_KWARGS: Final = 10_000
"""Different kwargs whose numbers are remembered."""
_KEPT: Final = "SELECT k.id, CAST(t.content AS BLOB) FROM kwargs k JOIN kwargs t NOT INDEXED ON t.id = k.id WHERE k.content = ?"
"""What the index finds, and what the table holds."""


class FixedKwargs:
    """The numbers under which kwargs are kept."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, content: str) -> tuple[int | None, int]:
        """The number of these kwargs, kept now if they are not yet (None: there are none), and their checksum. Inside a transaction."""
        if content == "{}":
            return None, sums.NONE
        if content not in self._known:
            if len(self._known) >= MAX_KWARGS:
                self._known.clear()
            self._db.execute("INSERT OR IGNORE INTO kwargs (content) VALUES (?)", (content,))
            number, kept = self._db.execute(_KEPT, (content,)).fetchone()
            encoded = content.encode()
            if kept != encoded:
                raise StoreError(f"{self._path} is damaged (kwargs {number}); {HINT}")
            self._known[content] = number, crc32(encoded)
        return self._known[content]

    def forget(self) -> None:
        """The transaction was taken back, and maybe kwargs with it."""
        self._known.clear()
