"""Records in SQLite: WAL, synchronous=FULL, one writing connection that also checkpoints, readers with mode=ro.

Measured reasons in ARCHITECTURE.md, "The store". Only the coordinator writes; workers never open the file.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict

from runner.record import Provenance, Record, Status, Trail
from runner.stores import sums
from runner.stores.damage import told
from runner.stores.presence import this_process
from runner.stores.rows import COLUMNS, row_of
from runner.stores.writing import WritingStore

_INSERT = f"""
INSERT INTO run ({", ".join(COLUMNS)}) VALUES ({",".join("?" * len(COLUMNS))})
ON CONFLICT (id_run) DO UPDATE SET {", ".join(f"{name}=excluded.{name}" for name in COLUMNS[1:])}
WHERE NOT (excluded.status = 'CANCELLED' AND run.status = 'COMPLETED' AND excluded.parent = '')
"""
_UNFINISHED = """
UPDATE attempt SET live = 0 WHERE live AND experiment = ? AND id IN (SELECT attempt FROM prefix)
AND NOT EXISTS (SELECT 1 FROM run WHERE run.id_run = attempt.id_run)
"""
"""Attempts that nobody will end, from which runs can go on all the same."""


class SqliteStore(WritingStore):
    """The one writer."""

    def begin(self, experiment: str, started: float, *, alone: bool = True) -> int:
        """As the seam says."""
        stale = None
        while True:
            with self._transaction():
                other = self._turn.holder(experiment) if alone else None
                if other is None or other == stale:
                    return self._register(experiment, started, alone=alone)
            with told(self._path):
                stale = self._turn.outwait(other)

    def _register(self, experiment: str, started: float, *, alone: bool) -> int:
        """Inside a transaction."""
        if alone:
            self._db.execute(_UNFINISHED, (experiment,))
            self._db.execute("DELETE FROM attempt WHERE live AND experiment = ?", (experiment,))
        row = (experiment, started, this_process())
        cursor = self._db.execute("INSERT INTO epoch (experiment, started, process) VALUES (?,?,?)", row)
        epoch = int(cursor.lastrowid or 0)
        self._db.execute("UPDATE epoch SET crc = ? WHERE id = ?", (sums.of(epoch, experiment, float(started)), epoch))
        if alone:
            self._turn.take(experiment, epoch)
        return epoch

    def describe(self, epoch: int, provenance: Provenance) -> None:
        """As the seam says."""
        text = json.dumps(asdict(provenance))
        with told(self._path):
            self._db.execute("UPDATE epoch SET provenance = ?, provenance_crc = ? WHERE id = ?", (text, sums.of(text), epoch))

    def explain(self, epoch: int, evidence: str, sources: Mapping[str, bytes], *, held: float | None = None) -> None:
        """As the seam says."""
        self._explanation.set(epoch, evidence, sources, held)

    def lacking(self, digests: Iterable[str]) -> set[str]:
        """As the seam says."""
        with told(self._path):
            return {d for d in digests if self._db.execute("SELECT 1 FROM source WHERE digest = ?", (d,)).fetchone() is None}

    def hold(self, epoch: int, until: float | None) -> None:
        """As the seam says."""
        with told(self._path):
            if until is None:
                self._db.execute("DELETE FROM held WHERE epoch = ?", (epoch,))
            else:
                self._db.execute("UPDATE held SET until = ? WHERE epoch = ?", (until, epoch))

    def void(self, fallen: Mapping[int, float], others: Collection[int] = ()) -> None:
        """As the seam says."""
        self.suppose(fallen)
        known = {epoch: until for epoch, until in self.voids().items() if epoch not in others}
        now = {epoch: until for epoch, until in fallen.items() if epoch not in others}
        if known == now:
            return
        with self._transaction():
            self._db.executemany("DELETE FROM void WHERE epoch = ?", ((epoch,) for epoch in known))
            self._db.executemany("INSERT OR REPLACE INTO void VALUES (?, ?)", now.items())

    def append(self, records: Iterable[Record], trails: Iterable[Trail] = ()) -> None:
        """As the seam says."""
        records = list(records)
        size = 0
        with self._transaction():
            self._turn.check()
            for trail in trails:
                size += self._trails.append(trail)
            rows = [row_of(record, *self._fixed.of(record.kwargs_json)) for record in self._counting(records)]
            self._db.executemany(_INSERT, rows)
            self._trails.close(records)
            explained = bool(records or size)
            if explained:
                self._explanation.write()
        if explained:
            self._explanation.done()
        # estimated, because the WAL's file does not shrink at a checkpoint: a random id dirties a page of the index, about 4 kB a row
        self._growth.add(size + sum(4096 + len(record.fields_json) for record in records))

    def _counting(self, records: list[Record]) -> list[Record]:
        """Those of these records that say anything: not so a CANCELLED one of a run that is COMPLETED, nor those of its child runs."""
        cut_off = [record.id_run for record in records if record.status is Status.CANCELLED and not record.parent]
        if not cut_off:
            return records
        completed = "SELECT 1 FROM run WHERE id_run = ? AND status = 'COMPLETED'"
        dropped = {id_run for id_run in cut_off if self._db.execute(completed, (id_run,)).fetchone()}
        for record in records:  # a child run stands behind the one that made it
            if record.parent in dropped:
                dropped.add(record.id_run)
        return [record for record in records if record.id_run not in dropped]

    def share(self, experiment: str, ids: Sequence[str]) -> None:
        """As the seam says."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO shared VALUES (?, ?)", ((experiment, id_run) for id_run in ids))

    def forget_leftovers(self) -> None:
        """Remove what attempts without an end have logged. Nobody may execute meanwhile."""
        with self._transaction() as db:
            db.execute("DELETE FROM attempt WHERE live")

    def remove(self, ids: Sequence[str]) -> None:
        """Remove runs with all that they logged, and what only they used."""
        with self._transaction() as db:
            db.executemany("DELETE FROM run WHERE id_run = ?", ((id_run,) for id_run in ids))
            db.executemany("DELETE FROM shared WHERE id_run = ?", ((id_run,) for id_run in ids))
            db.executemany("DELETE FROM attempt WHERE id_run = ?", ((id_run,) for id_run in ids))
            db.execute("DELETE FROM kwargs WHERE id NOT IN (SELECT kwargs FROM run WHERE kwargs IS NOT NULL)")

    def compact(self) -> None:
        """Give back the space of what was removed. Raises FullError when there is no room for a second copy meanwhile."""
        with told(self._path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
