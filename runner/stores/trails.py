"""Writes what runs log: one row of `attempt` for each attempt that logged anything, and below it series, points, parts, files, output."""

import math
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from typing import Any

from runner.logged import Artifact, Output, Points, Rows, Summary
from runner.record import Record, Trail

_SERIES = f"INSERT INTO series VALUES ({','.join('?' * 14)})"
_BEGUN = """
INSERT INTO attempt (id_run, epoch, attempt, experiment, live) VALUES (?,?,?,?,1)
ON CONFLICT (id_run, epoch, attempt) DO UPDATE SET live = 1 RETURNING id
"""
_GROWN = """
UPDATE series SET count=?, n_nan=?, first=?, first_step=?, last=?, last_step=?, min=?, min_step=?, max=?, max_step=?, total=? WHERE id=?
"""
_POINTS = "INSERT INTO points (series, count, start, steps, vals, begun, ended) VALUES (?,?,?,?,?,?,?)"


@dataclass(slots=True)
class _Attempt:
    """An attempt under way."""

    key: int
    """Its row in `attempt`."""
    series: dict[str, tuple[int, Summary]] = field(default_factory=dict)
    """Metric -> row in `series`, and its summary so far."""


def summary_of(values: list[Any]) -> Summary:
    """A row of `series` as a summary: NaN is NULL in SQLite."""
    values[2] = math.nan if values[2] is None else values[2]
    values[4] = math.nan if values[4] is None else values[4]
    return Summary(*values)


class Trails:
    """What attempts under way have logged so far. Memory is O(metrics of runs in flight); called inside the store's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._under_way: dict[tuple[str, int, int], _Attempt] = {}
        self._rolled_back = False
        """Whether what the store has of an attempt may be more than is remembered here."""

    def rolled_back(self) -> None:
        """The transaction was taken back: what is remembered of it is not in the store."""
        self._under_way.clear()
        self._rolled_back = True

    def _series(self, attempt: int) -> dict[str, tuple[int, Summary]]:
        rows = self._db.execute("SELECT * FROM series WHERE attempt = ?", (attempt,))
        return {name: (key, summary_of(values)) for key, _, name, *values in rows}

    def append(self, trail: Trail) -> int:
        """Add what an attempt has logged; about how many bytes."""
        attempt = self._attempt(trail)
        size = 0
        for _, entry in trail.entries:
            match entry:
                case Points():
                    size += len(entry.values) + len(entry.steps)
                    self._add_points(attempt, entry)
                case Rows():
                    size += len(entry.columns)
                    row = (attempt.key, entry.table, entry.count, entry.columns)
                    self._db.execute("INSERT INTO part (attempt, name, count, columns) VALUES (?,?,?,?)", row)
                case Artifact():
                    self._db.execute("INSERT OR REPLACE INTO artifact VALUES (?,?,?,?,?,?)", (attempt.key, *astuple(entry)))
                case Output():
                    size += len(entry.text)
                    self._db.execute("INSERT INTO output (attempt, stream, text) VALUES (?,?,?)", (attempt.key, entry.stream, entry.text))
                case _:
                    pass  # a matter of the record
        return size

    def _attempt(self, trail: Trail) -> _Attempt:
        key = (trail.id_run, trail.epoch, trail.attempt)
        if key not in self._under_way:
            (row,) = self._db.execute(_BEGUN, (*key, trail.experiment)).fetchone()
            self._under_way[key] = _Attempt(row, self._series(row) if self._rolled_back else {})
        return self._under_way[key]

    def _add_points(self, attempt: _Attempt, points: Points) -> None:
        known = attempt.series.get(points.name)
        if known is None:
            row = (None, attempt.key, points.name, *astuple(points.summary))
            series, summary = int(self._db.execute(_SERIES, row).lastrowid or 0), points.summary
        else:
            series, summary = known[0], known[1].then(points.summary)
            self._db.execute(_GROWN, (*astuple(summary), series))
        attempt.series[points.name] = (series, summary)
        row = (series, points.summary.count, points.start, points.steps, points.values, points.begun, points.ended)
        self._db.execute(_POINTS, row)

    def close(self, records: Iterable[Record]) -> None:
        """These runs are over: what their attempts logged is theirs, and what other attempts at them logged is gone."""
        if not self._under_way:
            return
        over = {record.id_run for record in records}
        ended = [key for key in self._under_way if key[0] in over]
        for key in ended:
            self._db.execute("UPDATE attempt SET live = 0 WHERE id = ?", (self._under_way.pop(key).key,))
        for id_run in {key[0] for key in ended}:
            self._db.execute(
                """DELETE FROM attempt WHERE id_run = ?1 AND NOT EXISTS (SELECT 1 FROM run
                WHERE run.id_run = ?1 AND run.epoch = attempt.epoch AND run.attempt = attempt.attempt)""",
                (id_run,),
            )
