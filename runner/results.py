"""Writes `results/<experiment>/`: what people read and may commit."""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from runner import __version__, stores, table
from runner.errors import StoreError
from runner.plan import Plan
from runner.record import Provenance, Record, Status
from runner.steps import import_root

CHUNK = 512
FORMAT = 1
PREVIEW_ROWS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Tabulated:
    """A table that has been written, and what there is to tell of it; plain data."""

    rows: int
    digest: str
    violations: tuple[table.Violation, ...]
    preview: table.Preview
    columns: Mapping[str, str]
    """Name -> dtype."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What became of a plan's runs."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Status -> number of runs, cached ones included."""
    cached: int = 0
    unsuccessful: tuple[Record, ...] = ()
    """Runs that did not complete, without their tracebacks when there are many."""


def rows(plan: Plan, reader: stores.SqliteReader) -> Iterator[table.Row]:
    """One row per COMPLETED run, in plan order, with this plan's params; memory is that of one chunk."""
    runs = iter(plan)
    while chunk := list(islice(runs, CHUNK)):
        found = reader.find([run.id_run for run in chunk])
        for run in chunk:
            record = found.get(run.id_run)
            if record is not None and record.status is Status.COMPLETED:
                yield table.Row(id_run=run.id_run, params=run.params, fields_json=record.fields_json)


def check_schema(root: Path, schema: Mapping[str, Any] | str | None) -> None:
    """Raise ConfigError for a schema that pandera cannot use; a dotted path is imported from the project."""
    if isinstance(schema, str):
        import_root(root)
    table.check_schema(schema, "results.schema")


def tabulate(plan: Plan, store: Path, folder: Path) -> Tabulated:
    """Build, validate and write the table of a plan. Raises StoreError when it cannot be written; the runs are kept."""
    schema = plan.experiment.results.schema
    if isinstance(schema, str):
        import_root(plan.experiment.root)
    reader = stores.read(store)
    try:
        frame = table.conform(table.build(rows(plan, reader), plan.axes), schema)
    finally:
        reader.close()
    violations = table.validate(frame, schema)
    return Tabulated(
        rows=len(frame),
        digest=table.write(frame, folder),
        violations=violations,
        preview=table.summarise(frame, PREVIEW_ROWS),
        columns={str(name): str(dtype) for name, dtype in frame.dtypes.items()},
    )


def publish(plan: Plan, folder: Path, made: Tabulated, tally: Tally, provenance: Provenance, epoch: int) -> None:
    """Write experiment.yaml, changes.patch and, last, manifest.json, which names all the others."""
    replace_text(folder / "experiment.yaml", plan.experiment.yaml)
    patch = folder / "changes.patch"
    if provenance.git is not None and provenance.git.patch:
        replace_text(patch, provenance.git.patch)
    else:
        patch.unlink(missing_ok=True)
    replace_text(folder / "manifest.json", json.dumps(manifest(plan, made, tally, provenance, epoch), indent=1) + "\n")


def manifest(plan: Plan, made: Tabulated, tally: Tally, provenance: Provenance, epoch: int) -> dict[str, Any]:
    """Everything that is needed to trust the table, or to make it again."""
    told = asdict(provenance)
    git = told.pop("git")
    if git is not None:
        git["patch"] = "changes.patch" if git["patch"] else None
    experiment = plan.experiment
    return {
        "format": FORMAT,
        "xrun": __version__,
        "experiment": experiment.name,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "epoch": epoch,
        "overrides": list(experiment.overrides),
        "seed": experiment.seed,
        "steps": [{"call": s.call, "name": s.name, "code": c} for s, c in zip(experiment.steps, plan.code, strict=True)],
        "git": git,
        **told,
        "counts": dict(tally.counts),
        "cached": tally.cached,
        "unsuccessful": [
            {"id_run": r.id_run, "status": r.status.value, "params": json.loads(r.params_json), "failure": _reason(r)}
            for r in tally.unsuccessful
        ],
        "table": {
            "digest": made.digest,
            "rows": made.rows,
            "columns": dict(made.columns),
            "valid": not made.violations,
            "violations": [asdict(v) for v in made.violations[:100]],
        },
        "runs": [run.id_run for run in plan],
    }


def _reason(record: Record) -> dict[str, str] | None:
    if record.failure is None:
        return None
    reason = asdict(record.failure)
    del reason["traceback"]
    return reason


def replace_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all. Raises StoreError."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
