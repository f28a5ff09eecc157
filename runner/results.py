"""Writes `results/<experiment>/`: what people read and may commit."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from runner import __version__, chosen, files, stores, table
from runner.codec import printable
from runner.config.place import git_root
from runner.errors import IncompleteError, StoreError
from runner.manifest import FORMAT
from runner.plan import Plan
from runner.provenance.environment import masked
from runner.record import Provenance, Record, Status
from runner.secret import labelled
from runner.steps import import_root
from runner.tally import Tally

CHUNK = 512
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
    notes: tuple[str, ...] = ()
    """What is odd, and no error."""
    metrics: tuple[str, ...] = ()
    """Of chosen columns: `chosen.Choice.metrics`."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Tabulated":
        """One that crossed processes as JSON. Raises KeyError, TypeError or ValueError for what is none."""
        shown = told["preview"]
        return cls(
            rows=int(told["rows"]),
            digest=str(told["digest"]),
            violations=tuple(table.Violation(**each) for each in told["violations"]),
            preview=table.Preview(
                columns=tuple(map(str, shown["columns"])),
                dtypes=tuple(map(str, shown["dtypes"])),
                rows=int(shown["rows"]),
                head=tuple(tuple(map(str, row)) for row in shown["head"]),
                tail=tuple(tuple(map(str, row)) for row in shown["tail"]),
            ),
            columns={str(name): str(dtype) for name, dtype in told["columns"].items()},
            notes=tuple(map(str, told["notes"])),
            metrics=tuple(map(str, told["metrics"])),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a manifest tells besides the table."""

    tally: Tally
    provenance: Provenance
    epoch: int
    """The number under which the store knows the invocation."""
    fallen: Mapping[int, float]
    """Results that stand no more for the project, those of its copies included that share the store (`Store.void`)."""


def check_schema(root: Path, schema: Mapping[str, Any] | str | None) -> None:
    """Raise ConfigError for a schema that pandera cannot use; a dotted path is imported from the project."""
    if isinstance(schema, str):
        import_root(root)
    table.check_schema(schema)


def publish(plan: Plan, store: Path, folder: Path, facts: Facts) -> Tabulated:
    """Make `folder` show the plan: table, experiment.yaml, changes.patch and, last, manifest.json, which names all the others.

    Raises StoreError when it cannot be written; the runs are kept.
    """
    ids: list[str] = []
    try:
        made = _tabulate(plan, store, folder, ids, facts.fallen)
        for draft in (path for path in folder.iterdir() if files.is_draft(path.name)):  # of a process that was killed: we have the lock
            draft.unlink(missing_ok=True)
        replace_text(folder / "experiment.yaml", plan.experiment.yaml)
        patch = folder / "changes.patch"
        git = facts.provenance.git
        if git is not None and git.patch:
            replace_text(patch, git.patch)
        else:
            patch.unlink(missing_ok=True)
    except IncompleteError:
        raise StoreError(f"{store} was removed while the runs executed; what they found is lost") from None
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: {error.strerror}; the runs are kept, running again publishes them") from None
    facts = replace(facts, tally=facts.tally.of_results(made.rows, _standing(store, facts)).ordered(ids))
    replace_text(folder / "manifest.json", json.dumps(manifest(plan, made, facts, ids), indent=1) + "\n")
    return made


def _standing(store: Path, facts: Facts) -> set[str]:
    cancelled = [record.id_run for record in facts.tally.unsuccessful if record.status is Status.CANCELLED]
    if not cancelled:
        return set()
    reader = stores.read(store)
    reader.suppose(facts.fallen)
    try:
        return set(reader.results(cancelled))
    finally:
        reader.close()


def _tabulate(plan: Plan, store: Path, folder: Path, ids: list[str], fallen: Mapping[int, float]) -> Tabulated:
    """Build, validate and write the table; the ids of all runs are added to `ids`."""
    schema = plan.experiment.results.schema
    if isinstance(schema, str):
        import_root(plan.experiment.root)
    reader = stores.read(store)
    reader.suppose(fallen)
    try:
        rows = _rows(plan, reader, ids)
        choice = chosen.Choice(())
        if plan.experiment.results.columns:
            rows, choice = _chosen_rows(plan, reader, ids)
        notes = choice.notes
        frame = table.conform(table.build(rows, plan.axes), schema)
        if len(frame) and not notes and len(frame.columns) == 1 + len(plan.axes):
            notes = chosen.hint(ids, reader)
    finally:
        reader.close()
    violations = table.validate(frame, schema)
    return Tabulated(
        rows=len(frame),
        digest=table.write(frame, folder),
        violations=violations,
        preview=table.summarise(frame, PREVIEW_ROWS),
        columns={str(name): str(dtype) for name, dtype in frame.dtypes.items()},
        notes=notes,
        metrics=choice.metrics,
    )


def _rows(plan: Plan, reader: stores.SqliteReader, ids: list[str]) -> Iterator[table.Row]:
    """One row per COMPLETED run, in plan order, with this plan's params."""
    runs, concealed = iter(plan), bool(plan.experiment.mask)
    while chunk := list(islice(runs, CHUNK)):
        wanted = [run.id_run for run in chunk]
        ids += wanted
        found = reader.results(wanted)
        for run in chunk:
            if (text := found.get(run.id_run)) is not None:
                yield table.QuickRow(id_run=run.id_run, params=labelled(run.params) if concealed else run.params, fields_json=text)


def _chosen_rows(plan: Plan, reader: stores.SqliteReader, ids: list[str]) -> tuple[Iterator[table.Row], chosen.Choice]:
    """The same with the columns that the experiment chooses."""
    ids += [run.id_run for run in plan]
    choice = chosen.choose(plan.experiment.results.columns, ids, reader, plan.axes)
    params = (labelled(run.params) if plan.experiment.mask else run.params for run in plan)
    points = dict(zip(ids, params, strict=True))
    rows = chosen.rows(ids, reader)
    return (table.Row(id_run=r.record.id_run, params=points[r.record.id_run], fields_json=choice.fields(r)) for r in rows), choice


def manifest(plan: Plan, made: Tabulated, facts: Facts, ids: list[str]) -> dict[str, Any]:
    """Everything that is needed to trust the table, or to make it again."""
    told = asdict(facts.provenance)
    git = told.pop("git")
    texts = {"experiment.yaml": plan.experiment.yaml}
    if git is not None:
        texts |= {"changes.patch": git["patch"]} if git["patch"] else {}
        git["patch"] = "changes.patch" if git["patch"] else None
    experiment = plan.experiment
    return {
        "format": FORMAT,
        "xrun": __version__,
        "experiment": experiment.name,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "epoch": facts.epoch,
        "overrides": [experiment.mask.text(masked(override)) for override in experiment.overrides],
        "seed": experiment.seed,
        "steps": [{"call": s.call, "name": s.name, "code": c} for s, c in zip(experiment.steps, plan.code, strict=True)],
        "git": git,
        "root": _below_git(experiment.root),
        "cwd": _working(experiment.root),
        **told,
        "counts": dict(facts.tally.counts),
        "cached": facts.tally.cached,
        "unsuccessful": [
            {"id_run": r.id_run, "status": r.status.value, "params": json.loads(r.params_json), "failure": _reason(r)}
            for r in facts.tally.unsuccessful
        ],
        "table": {
            "digest": made.digest,
            "rows": made.rows,
            "columns": dict(made.columns),
            "metrics": list(made.metrics),
            "valid": not made.violations,
            "violations": [asdict(v) for v in made.violations[:100]],
        },
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
        "runs": ids,
    }


def _below_git(root: Path) -> str | None:
    """The project root as the repository around it names it; None without one."""
    top = git_root(root.resolve())
    return printable(root.resolve().relative_to(top).as_posix()) if top else None


def _working(root: Path) -> str | None:
    """The folder that the steps ran in, relative to the project root: their paths may be relative to it. None where it lies elsewhere."""
    try:
        return printable(Path.cwd().relative_to(root.resolve()).as_posix())
    except (OSError, ValueError):  # OSError: it was removed
        return None


def _reason(record: Record) -> dict[str, str] | None:
    if record.failure is None:
        return None
    reason = asdict(record.failure)
    del reason["traceback"]
    return reason


def replace_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut. Raises StoreError."""
    try:
        files.put(text.encode(), path)
        files.sync(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
