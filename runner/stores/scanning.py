"""Goes over every row of a store, damaged pages or not, and says which are intact."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from runner.stores import sums
from runner.stores.damage import DamagedError
from runner.stores.rows import NUMBERS, TEXTS, sum_of

TABLES: Final = (
    *("epoch", "kwargs", "run", "shared", "attempt", "series", "points", "part", "artifact", "output", "prefix"),
    *("source", "loaded", "held", "void", "turn"),
)
"""In an order in which what a row hangs on comes first."""
WITHOUT_ROWID: Final = ("shared", "artifact", "loaded", "turn")
_PATIENCE: Final = 10_000
"""Places in a table that are tried one by one behind those that cannot be read; after that, ever longer leaps."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row, or rows that cannot be read."""

    table: str
    values: dict[str, Any] | None
    """By column, texts as bytes; None where the pages are unreadable."""
    whose: str = ""
    """The run that it is of, where that is known."""
    intact: bool = True


@dataclass(slots=True)
class _Known:
    """What of earlier tables later ones are checked against."""

    kwargs: dict[int, bytes] = field(default_factory=dict)
    attempts: dict[int, str] = field(default_factory=dict)
    series: dict[int, tuple[str, bytes]] = field(default_factory=dict)


def scan(db: sqlite3.Connection) -> Iterator[Found]:
    """Every row of every table, checked. `db` gives texts as bytes. Memory is O(attempts and series)."""
    known = _Known()
    tables = {_text(name) for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in TABLES:
        if table not in tables:
            yield Found(table, None, intact=False)
            continue
        check = _CHECKS.get(table, _any)
        for values in _read(db, table):
            if values is None:
                yield Found(table, None, intact=False)
                continue
            try:
                whose, intact = check(values, known)
            except (DamagedError, AttributeError, KeyError, TypeError, ValueError):
                whose, intact = _text(values.get("id_run", b"")), False
            yield Found(table, values, whose, intact)


def _read(db: sqlite3.Connection, table: str) -> Iterator[dict[str, Any] | None]:
    """Rows; None for a place that cannot be read."""
    names = [row[1].decode() for row in db.execute(f"PRAGMA table_info({table})")]
    if table in WITHOUT_ROWID:
        yield from _from_both_ends(db, f"SELECT {', '.join(names)} FROM {table}", names)
        return
    after, tries = -(1 << 62), 0
    query = f"SELECT rowid, {', '.join(names)} FROM {table} WHERE rowid > ? ORDER BY rowid"
    last = _last(db, table)
    while after < last:
        try:
            for rowid, *values in db.execute(query, (after,)):
                after = max(after, rowid)  # damaged pages may lead back
                yield dict(zip(names, values, strict=True))
            return
        except sqlite3.DatabaseError:
            if not tries:
                yield None
            tries += 1
            after = max(after, 0) + (1 << max(0, tries - _PATIENCE))


def _last(db: sqlite3.Connection, table: str) -> int:
    try:
        return int(db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return 1 << 40


def _from_both_ends(db: sqlite3.Connection, query: str, names: list[str]) -> Iterator[dict[str, Any] | None]:
    seen = set()
    for order in ("", f" ORDER BY {' DESC, '.join(names)} DESC"):
        try:
            for values in db.execute(query + order):
                if values not in seen:
                    seen.add(values)
                    yield dict(zip(names, values, strict=True))
            return
        except sqlite3.DatabaseError:
            yield None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _any(_: dict[str, Any], __: _Known) -> tuple[str, bool]:
    return "", True  # no checksum


def _epoch(values: dict[str, Any], _: _Known) -> tuple[str, bool]:
    told_ok = values["provenance"] is None or sums.of(values["provenance"]) == values["provenance_crc"]
    return "", told_ok and sums.of(values["id"], values["experiment"], values["started"]) == values["crc"]


def _kwargs(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
    known.kwargs[values["id"]] = values["content"]
    return "", isinstance(values["content"], bytes)


def _run(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
    kwargs = known.kwargs[values["kwargs"]] if values["kwargs"] is not None else None
    row = (*(values[name] for name in TEXTS), kwargs, *(values[name] for name in NUMBERS))
    return _text(values["id_run"]), sum_of(row) == values["crc"]


def _attempt(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
    known.attempts[values["id"]] = values["id_run"].decode()
    return known.attempts[values["id"]], True


def _series(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
    id_run = known.attempts[values["attempt"]]
    known.series[values["id"]] = id_run, values["name"]
    *summary, crc = list(values.values())[2:]
    return id_run, sums.of(id_run, *summary) == crc


def _points(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
    id_run, name = known.series[values["series"]]
    *packed, crc = list(values.values())[2:]
    return id_run, sums.of(id_run, name, *packed) == crc


def _logged(skip: int) -> Callable[[dict[str, Any], _Known], tuple[str, bool]]:
    """Of a table with `attempt` and, behind it, what the checksum is about; `skip`: columns up to there."""

    def check(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
        id_run = known.attempts[values["attempt"]]
        *content, crc = list(values.values())[skip:]
        return id_run, sums.of(id_run, *content) == crc

    return check


def _prefix(values: dict[str, Any], known: _Known) -> tuple[str, bool]:
    id_run = known.attempts[values["attempt"]]
    *content, crc = list(values.values())[2:]
    return id_run, sums.of(values["link"], id_run, *content) == crc


_CHECKS: Final[dict[str, Callable[[dict[str, Any], _Known], tuple[str, bool]]]] = {
    "epoch": _epoch,
    "kwargs": _kwargs,
    "run": _run,
    "attempt": _attempt,
    "series": _series,
    "points": _points,
    "part": _logged(2),
    "artifact": _logged(1),
    "output": _logged(2),
    "prefix": _prefix,
}
