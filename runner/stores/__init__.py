"""The stores. To add one: a module that satisfies `base.Store`, one entry here."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runner.stores.base import Store
from runner.stores.damage import BrokenError, DamageWarning, FullError
from runner.stores.reader import SqliteReader
from runner.stores.sqlite import SqliteStore

__all__ = ["STORES", "BrokenError", "FullError", "SqliteReader", "SqliteStore", "check", "open", "read"]

STORES: Final[dict[str, Callable[[Path], Store]]] = {"sqlite": SqliteStore}


def open(path: Path) -> SqliteStore:  # noqa: A001 - `stores.open` is what it does
    """The store at `path`, for the one writer."""
    return SqliteStore(path)


def check(path: Path) -> None:
    """Raise IncompleteError when there is no store, StoreError when it cannot be opened."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        SqliteReader(path).close()


def read(path: Path) -> SqliteReader:
    """The store at `path`, for reading; works while another process writes."""
    return SqliteReader(path)
