"""Reads records from SQLite, also while another process writes."""

import json
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runner.errors import IncompleteError
from runner.record import Provenance, Record
from runner.stores import header, mounts, sums
from runner.stores.base import Unfinished
from runner.stores.damage import HINT, DamagedError, DamageWarning, check_structure, intact, told
from runner.stores.explained import ExplainedReader
from runner.stores.presence import gone
from runner.stores.rows import SELECTED, name_of, provenance_of, record_of, result_of
from runner.stores.schema import VERSION
from runner.stores.turns import Lease, is_kept, leases

BUSY_SECONDS = 30.0
CACHE = "PRAGMA cache_size=-65536"
"""64 MB of pages at most, where SQLite has 2: ids are random, so that each one leads to another page of the index."""

_COUNTS = """
SELECT CAST(coalesce(experiment, '?') AS BLOB), CAST(coalesce(status, '?') AS BLOB), count(*) FROM (
    SELECT experiment, status FROM run WHERE parent = ''
    UNION ALL SELECT shared.experiment, run.status FROM shared JOIN run USING (id_run) WHERE shared.experiment <> run.experiment
) GROUP BY experiment, status
"""
_UNFINISHED = """
SELECT e.process, a.known_crc, a.started, CAST(a.id_run AS BLOB), CAST(a.experiment AS BLOB), CAST(a.params AS BLOB),
CAST(a.parent AS BLOB), CAST(a.name AS BLOB) FROM attempt a LEFT JOIN epoch e ON e.id = a.epoch
WHERE a.live AND a.id_run >= ?1 AND a.id_run < ?2 AND (?3 IS NULL OR a.experiment = ?3)
AND NOT EXISTS (SELECT 1 FROM attempt b WHERE b.live AND b.id_run = a.id_run AND b.id > a.id) ORDER BY a.id
"""


class SqliteReader(ExplainedReader):
    """Reads records, also while another process writes. What is damaged is left out, with a DamageWarning."""

    def __init__(self, path: Path) -> None:
        """Open an existing store, one of an older format after bringing it up to date. Raises IncompleteError when there is none."""
        if not path.is_file():
            raise IncompleteError(f"there are no results yet: {path} does not exist; run an experiment first")
        self._path = path
        self._at_once = mounts.is_remote(path)
        header.check(path)
        with told(path):
            self._db = self._connect()
            if self._db.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                from runner.stores.sqlite import SqliteStore

                self._db.close()
                SqliteStore(path).close()
                self._db = self._connect()
            if wrong := check_structure(self._db, path):
                text = f"{path} is damaged ({wrong}): what is shown may be incomplete; {HINT}"
                warnings.warn(text, DamageWarning, stacklevel=3)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            db.execute(CACHE)
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:  # somebody makes it in this moment
                raise IncompleteError(f"there are no results yet: {self._path} is empty; run an experiment first")
            header.check_version(db, self._path)
        except BaseException:
            db.close()
            raise
        return db

    def find(self, ids: Sequence[str]) -> dict[str, Record]:
        """As the seam says."""
        rows = self._standing(self._some(f"SELECT {SELECTED} FROM run WHERE id_run IN", ids))
        return {record.id_run: record for record in intact(self._path, rows, record_of)}

    def results(self, ids: Sequence[str]) -> dict[str, str]:
        """As the seam says."""
        rows = self._standing(self._some(f"SELECT {SELECTED} FROM run WHERE id_run IN", ids))
        return {id_run: fields for id_run, completed, fields in intact(self._path, rows, result_of) if completed}

    def records(self, experiment: str | None = None, *, children: bool = False) -> Iterator[Record]:
        """As the seam says."""
        where = "(experiment = ? OR id_run IN (SELECT id_run FROM shared WHERE experiment = ?))" if experiment is not None else "1"
        values = (experiment,) * 2 if experiment is not None else ()
        with told(self._path):
            rows = self._rows(f"SELECT {SELECTED} FROM run WHERE {where} ORDER BY seq", values)
            for record in intact(self._path, rows, record_of):
                if children or not record.parent:  # not in the query, which would hide a run whose `parent` is damaged
                    yield record

    def children(self, id_run: str) -> list[Record]:
        """As the seam says."""
        with told(self._path):
            rows = self._rows(f"SELECT {SELECTED} FROM run WHERE parent = ? AND parent <> '' ORDER BY seq", (id_run,))
            return list(intact(self._path, rows, record_of))

    def lookup(self, prefix: str, limit: int = 3) -> list[Record]:
        """Records whose id starts with `prefix`, at most `limit`. Raises StoreError for one that is damaged."""
        with told(self._path):
            query = f"SELECT {SELECTED} FROM run WHERE id_run >= ? AND id_run < ? LIMIT ?"
            rows = self._rows(query, (prefix, prefix + "\U0010ffff", limit))
            try:
                return [record_of(row) for row in rows]
            except DamagedError as error:
                raise DamagedError(f"run {error}") from None

    def executing(self, prefix: str = "", limit: int = 3) -> list[str]:
        """Ids of runs that execute now and have logged something, those that start with `prefix`."""
        with told(self._path):
            query = "SELECT DISTINCT id_run FROM attempt WHERE live AND id_run >= ? AND id_run < ? LIMIT ?"
            return [row[0] for row in self._rows(query, (prefix, prefix + "\U0010ffff", limit))]

    def unfinished(self, experiment: str | None = None, prefix: str = "") -> list[Unfinished]:
        """As the seam says."""
        with told(self._path):
            rows = self._db.execute(_UNFINISHED, (prefix, prefix + "\U0010ffff", experiment)).fetchall()
            lost = {process: gone(process, remote=self._at_once) for process in {row[0] for row in rows}}
            return list(intact(self._path, rows, lambda row: _unfinished(row, lost[row[0]])))

    def experiments(self) -> list[tuple[str, dict[str, int], float]]:
        """Name, count by status, and start of the last invocation of every experiment; the latest first."""
        with told(self._path):
            counts: dict[str, dict[str, int]] = {}
            for name, status, count in self._rows(_COUNTS):
                counts.setdefault(name.decode(errors="replace"), {})[status.decode(errors="replace")] = count
            epochs = self._rows("SELECT id, CAST(experiment AS BLOB), started, crc FROM epoch ORDER BY started, id")
            last = dict(intact(self._path, epochs, _epoch, "an invocation of"))
            found = sorted(last.items(), key=lambda item: item[1], reverse=True)
            return [(name, counts.get(name, {}), started) for name, started in found]

    def over(self, epochs: Iterable[int]) -> set[int]:
        """As the seam says."""
        with told(self._path):
            turns = dict(self._rows("SELECT t.epoch, CAST(e.process AS BLOB) FROM turn t LEFT JOIN epoch e ON e.id = t.epoch"))
        return {epoch for epoch in epochs if epoch not in turns or gone(_process(turns[epoch]), remote=self._at_once)}

    def leases(self) -> list[Lease]:
        """Invocations that may be executing on other machines."""
        with told(self._path):
            return leases(self._db)

    def is_kept(self, lease: Lease) -> bool:
        """Whether an invocation is still there: waits until it shows, or has not for as long as it has promised to."""
        with told(self._path):
            return is_kept(self._db, lease)

    def provenance(self, epoch: int) -> Provenance | None:
        """As the seam says."""
        query = "SELECT CAST(provenance AS BLOB), provenance_crc FROM epoch WHERE id = ?"
        with told(self._path):
            rows = self._rows(query, (epoch,))
            for text in intact(self._path, rows, _text, "where results come from:"):
                return provenance_of(json.loads(text)) if text else None
        return None

    def close(self) -> None:
        """As the seam says."""
        self._db.close()


def _unfinished(row: tuple[Any, ...], lost: bool) -> Unfinished:
    _, crc, started, *texts = row
    if sums.of(started, *texts) != crc:
        raise DamagedError(name_of(texts[0]))
    id_run, experiment, params, parent, name = (text.decode() for text in texts)
    return Unfinished(id_run=id_run, experiment=experiment, params_json=params, parent=parent, name=name, started=started, lost=lost)


def _process(told: object) -> str:
    return told.decode(errors="replace") if isinstance(told, bytes) else ""


def _epoch(row: tuple[Any, ...]) -> tuple[str, float]:
    number, name, started, crc = row
    if sums.of(number, name, started) != crc:
        raise DamagedError(name.decode(errors="replace") if isinstance(name, bytes) else "an experiment")
    return name.decode(), started


def _text(row: tuple[Any, ...]) -> bytes | None:
    text, crc = row
    if text is not None and sums.of(text) != crc:
        raise DamagedError("an invocation's provenance")
    return text  # type: ignore[no-any-return]
