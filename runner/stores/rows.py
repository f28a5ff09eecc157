"""Records as rows of a table, and back."""

import json
from dataclasses import asdict
from typing import Any

from runner.record import DataState, DataStatus, Failure, GitState, Provenance, Record, Status

COLUMNS = (
    "id_run, experiment, status, params, fields, tags, failure, seed, attempt, started, seconds, epoch, logged, parent, name, cpu_seconds, "
    "max_rss, troubles, kwargs"
)
SELECTED = COLUMNS.replace(", kwargs", ", (SELECT content FROM kwargs WHERE kwargs.id = run.kwargs)")


def row_of(record: Record, kwargs: int | None) -> tuple[object, ...]:
    """The values of COLUMNS; `kwargs` is the number under which the store keeps them."""
    return (
        record.id_run,
        record.experiment,
        record.status.value,
        record.params_json,
        record.fields_json,
        record.tags_json,
        json.dumps(asdict(record.failure)) if record.failure else None,
        record.seed,
        record.attempt,
        record.started,
        record.seconds,
        record.epoch,
        record.logged_json,
        record.parent,
        record.name,
        record.cpu_seconds,
        record.max_rss,
        record.troubles,
        kwargs,
    )


def record_of(row: tuple[Any, ...]) -> Record:
    """What SELECTED gives, as a record."""
    failure, kwargs = row[6], row[18]
    return Record(
        id_run=row[0],
        experiment=row[1],
        status=Status(row[2]),
        params_json=row[3],
        fields_json=row[4],
        tags_json=row[5],
        failure=Failure(**json.loads(failure)) if failure else None,
        seed=row[7],
        attempt=row[8],
        started=row[9],
        seconds=row[10],
        epoch=row[11],
        logged_json=row[12],
        parent=row[13],
        name=row[14],
        cpu_seconds=row[15],
        max_rss=row[16],
        troubles=row[17],
        kwargs_json=kwargs or "{}",
    )


def provenance_of(tree: dict[str, object]) -> Provenance:
    """The Provenance whose `asdict` this is."""
    git = tree.pop("git")
    data = tree.pop("data")
    return Provenance(
        git=GitState(**{**git, "untracked": tuple(git["untracked"])}) if isinstance(git, dict) else None,
        data=tuple(DataState(**{**d, "status": DataStatus(d["status"])}) for d in data),  # type: ignore[attr-defined]
        **{**tree, "argv": tuple(tree["argv"])},  # type: ignore[arg-type]
    )
