"""Writes what runs log: one row of `attempt` for each attempt that logged anything, and below it series, points, parts, files, output."""

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from typing import Any

from runner.logged import Artifact, Loaded, Output, Points, Prefix, Restart, Rows, Summary
from runner.record import Record, Trail
from runner.stores import prefixes, sums, zeros
from runner.stores.kept import summary_of

_SERIES = f"INSERT INTO series VALUES ({','.join('?' * 15)})"
_BEGUN = """
INSERT INTO attempt (id_run, epoch, attempt, started, experiment, params, parent, name, known_crc, live) VALUES (?,?,?,?,?,?,?,?,?,1)
ON CONFLICT (id_run, epoch, attempt) DO UPDATE SET live = 1 RETURNING id
"""
_GROWN = """
UPDATE series SET count=?, n_nan=?, first=?, first_step=?, last=?, last_step=?, min=?, min_step=?, max=?, max_step=?, total=?, crc=?
WHERE id=?
"""
_THERE = "SELECT 1 FROM attempt WHERE id = ? AND id_run = ? AND epoch = ? AND attempt = ?"
_POINTS = "INSERT INTO points (series, count, start, steps, vals, begun, ended, crc) VALUES (?,?,?,?,?,?,?,?)"


@dataclass(slots=True)
class _Attempt:
    """An attempt under way."""

    key: int
    """Its row in `attempt`."""
    id_run: str
    parent: str
    """Of a child run."""
    series: dict[str, tuple[int, Summary]] = field(default_factory=dict)
    """Metric -> row in `series`, and its summary so far."""


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
        return {name: (key, summary_of(values)) for key, _, name, *values, _ in rows}

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
                    self._insert("part", ("name", "count", "columns"), attempt, (entry.table, entry.count, entry.columns))
                case Artifact():
                    prefixes.drop(self._db, attempt.key, entry)
                    self._insert("artifact", ("path", "size", "sha256", "kind", "step"), attempt, astuple(entry))
                case Output():
                    size += len(entry.text)
                    self._insert("output", ("stream", "text"), attempt, (entry.stream, entry.text))
                case Prefix():
                    if entry.link:
                        prefixes.add(self._db, attempt.key, entry)
                case Loaded():
                    self._db.execute("INSERT OR IGNORE INTO loaded VALUES (?,?,?)", (trail.epoch, entry.path, entry.sha256))
                case Restart():
                    self._db.execute("DELETE FROM attempt WHERE id = ?", (attempt.key,))
                    attempt = self._attempt(trail)
                case _:
                    pass  # a matter of the record
        return size

    def _attempt(self, trail: Trail) -> _Attempt:
        key = (trail.id_run, trail.epoch, trail.attempt)
        known = self._under_way.get(key)
        if known is None or not self._db.execute(_THERE, (known.key, *key)).fetchone():  # another xrun has executed the run meanwhile
            texts, now = (trail.experiment, trail.params_json, trail.parent, trail.name), time.time()
            (row,) = self._db.execute(_BEGUN, (*key, now, *texts, sums.of(now, trail.id_run, *texts))).fetchone()
            self._under_way[key] = _Attempt(row, trail.id_run, trail.parent, self._series(row) if self._rolled_back else {})
        return self._under_way[key]

    def _insert(self, table: str, columns: tuple[str, ...], attempt: _Attempt, values: tuple[Any, ...]) -> None:
        """A row that hangs on an attempt; of a file, the one with that path is replaced."""
        marks = ",".join("?" * (len(values) + 2))
        row = (attempt.key, *values, sums.of(attempt.id_run, *values))
        self._db.execute(f"INSERT OR REPLACE INTO {table} (attempt, {', '.join(columns)}, crc) VALUES ({marks})", row)

    def _add_points(self, attempt: _Attempt, points: Points) -> None:
        known = attempt.series.get(points.name)
        if known is None:
            values = zeros.packed(astuple(points.summary))
            row = (None, attempt.key, points.name, *values, sums.of(attempt.id_run, points.name, *values))
            series, summary = int(self._db.execute(_SERIES, row).lastrowid or 0), points.summary
        else:
            series, summary = known[0], known[1].then(points.summary)
            values = zeros.packed(astuple(summary))
            self._db.execute(_GROWN, (*values, sums.of(attempt.id_run, points.name, *values), series))
        attempt.series[points.name] = (series, summary)
        packed = (points.summary.count, points.start, points.steps, points.values, float(points.begun), float(points.ended))
        self._db.execute(_POINTS, (series, *packed, sums.of(attempt.id_run, points.name, *packed)))

    def close(self, records: Iterable[Record]) -> None:
        """These runs are over: what their attempts logged is theirs, and what other attempts at them logged is gone.

        Not so what another xrun logs that executes one of them for another experiment in this moment.
        """
        if not self._under_way and not self._rolled_back:
            return
        own = {(record.id_run, record.epoch, record.attempt) for record in records} if self._rolled_back else set()
        over = {record.id_run for record in records}
        ended = own.union(key for key in self._under_way if key[0] in over)
        for key in ended:
            self._under_way.pop(key, None)
            self._db.execute("UPDATE attempt SET live = 0 WHERE id_run = ? AND epoch = ? AND attempt = ?", key)
        for key in self._abandoned(over):
            self._under_way.pop(key)
            self._db.execute("DELETE FROM attempt WHERE id_run = ? AND epoch = ? AND attempt = ?", key)
        for id_run, epoch in {key[:2] for key in ended}:
            self._db.execute(
                """DELETE FROM attempt WHERE id_run = ?1 AND (NOT live OR epoch = ?2) AND NOT EXISTS (SELECT 1 FROM run
                WHERE run.id_run = ?1 AND run.epoch = attempt.epoch AND run.attempt = attempt.attempt)""",
                (id_run, epoch),
            )

    def _abandoned(self, over: set[str]) -> list[tuple[str, int, int]]:
        """Child runs, and theirs, that have no record beside that of their parent: an attempt before the last one had made them."""
        found: dict[tuple[str, int, int], str] = {}
        over = set(over)
        for key, attempt in self._under_way.items():  # a child run stands behind the one that made it
            if attempt.parent in over and key[0] not in over:
                found[key] = key[0]
                over.add(key[0])
        return list(found)
