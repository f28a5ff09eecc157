"""Records as rows of a table, and back."""

import json
from dataclasses import asdict

from runner.record import DataState, DataStatus, Failure, GitState, Provenance, Record, Status

COLUMNS = "id_run, experiment, status, params, fields, tags, failure, seed, attempt, started, seconds, epoch"


def row_of(record: Record) -> tuple[object, ...]:
    """The values of COLUMNS."""
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
    )


def record_of(row: tuple[object, ...]) -> Record:
    """What `row_of` made a row of."""
    id_run, experiment, status, params, fields, tags, failure, seed, attempt, started, seconds, epoch = row
    return Record(
        id_run=id_run,  # type: ignore[arg-type]
        experiment=experiment,  # type: ignore[arg-type]
        status=Status(status),  # type: ignore[arg-type]
        params_json=params,  # type: ignore[arg-type]
        fields_json=fields,  # type: ignore[arg-type]
        tags_json=tags,  # type: ignore[arg-type]
        failure=Failure(**json.loads(failure)) if failure else None,  # type: ignore[arg-type]
        seed=seed,  # type: ignore[arg-type]
        attempt=attempt,  # type: ignore[arg-type]
        started=started,  # type: ignore[arg-type]
        seconds=seconds,  # type: ignore[arg-type]
        epoch=epoch,  # type: ignore[arg-type]
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
