"""Records as rows of a table, and back."""

import json
import struct
from dataclasses import asdict
from typing import Any
from zlib import crc32

from runner.record import DataState, DataStatus, Failure, GitState, Provenance, QuickRecord, Record, Status
from runner.stores import sums
from runner.stores.damage import DamagedError

TEXTS = ("id_run", "experiment", "status", "params", "fields", "tags", "logged", "parent", "name", "failure")
NUMBERS = ("seed", "attempt", "started", "seconds", "epoch", "cpu_seconds", "max_rss", "troubles")
COLUMNS = (*TEXTS, *NUMBERS, "kwargs", "crc")
_KWARGS = "(SELECT content FROM kwargs WHERE kwargs.id = run.kwargs)"
_STATUSES = {status.value.encode(): status for status in Status}
SELECTED = ", ".join((*(f"CAST({name} AS BLOB)" for name in (*TEXTS, _KWARGS)), *NUMBERS, "crc"))
"""What `record_of` needs. As bytes: SQLite's texts, when damaged, need not be UTF-8."""
_NO_NAMES = (b"", b".", b"..")
"""An id names the folder of a run's files."""


def row_of(record: Record, kwargs: int | None, kwargs_sum: int) -> tuple[object, ...]:
    """The values of COLUMNS; `kwargs` is the number under which the store keeps them."""
    texts = (
        record.id_run,
        record.experiment,
        record.status.value,
        record.params_json,
        record.fields_json,
        record.tags_json,
        record.logged_json,
        record.parent,
        record.name,
    )
    numbers = (
        record.seed,
        record.attempt,
        record.started,
        record.seconds,
        record.epoch,
        record.cpu_seconds,
        record.max_rss,
        record.troubles,
    )
    joined = "\0".join(texts)
    failure = json.dumps(asdict(record.failure)) if record.failure else None
    if failure is not None:
        joined = f"{joined}\0{failure}"
    return (*texts, failure, *numbers, kwargs, sums.of_record(joined.encode(), numbers, kwargs_sum))


def sum_of(row: tuple[Any, ...]) -> int:
    """The checksum of what SELECTED gives, or gave before there were checksums. Raises DamagedError for what cannot be a record."""
    try:
        texts = b"\0".join(row[:10] if row[9] is not None else row[:9])
        return sums.of_record(texts, row[11:19], crc32(row[10]) if row[10] else sums.NONE)
    except (TypeError, ValueError, struct.error):
        raise DamagedError(name_of(row[0])) from None


def name_of(id_run: object) -> str:
    """What to call a run by whatever stands where its id should."""
    return id_run.decode(errors="replace") if isinstance(id_run, bytes) else "without an id"


def record_of(row: tuple[Any, ...]) -> Record:
    """What SELECTED gives, as a record. Raises DamagedError, with the id, when it is not what was written."""
    if sum_of(row) != row[19] or b"/" in row[0] or row[0] in _NO_NAMES:
        raise DamagedError(name_of(row[0]))
    failure, kwargs = row[9], row[10]
    return QuickRecord(
        id_run=row[0].decode(),
        experiment=row[1].decode(),
        status=_STATUSES[row[2]],
        params_json=row[3].decode(),
        fields_json=row[4].decode(),
        tags_json=row[5].decode(),
        failure=Failure(**json.loads(failure)) if failure else None,
        logged_json=row[6].decode(),
        parent=row[7].decode(),
        name=row[8].decode(),
        kwargs_json=kwargs.decode() if kwargs else "{}",
        seed=row[11],
        attempt=row[12],
        started=row[13],
        seconds=row[14],
        epoch=row[15],
        cpu_seconds=row[16],
        max_rss=row[17],
        troubles=row[18],
    )


def result_of(row: tuple[Any, ...]) -> tuple[str, bool, str]:
    """What SELECTED gives as id, whether it is COMPLETED, fields as JSON text. Raises DamagedError."""
    if sum_of(row) != row[19]:
        raise DamagedError(name_of(row[0]))
    return row[0].decode(), row[2] == b"COMPLETED", row[4].decode()


def provenance_of(tree: dict[str, object]) -> Provenance:
    """The Provenance whose `asdict` this is."""
    git = tree.pop("git")
    data = tree.pop("data")
    return Provenance(
        git=GitState(**{**git, "untracked": tuple(git["untracked"])}) if isinstance(git, dict) else None,
        data=tuple(DataState(**{**d, "status": DataStatus(d["status"])}) for d in data),  # type: ignore[attr-defined]
        **{**tree, "argv": tuple(tree["argv"])},  # type: ignore[arg-type]
    )
