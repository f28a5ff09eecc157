"""A results folder against its manifest, without running anything."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from runner import plan, table
from runner.config.load import Request, load
from runner.errors import IncompleteError, PlanError, XrunError
from runner.provenance import data, worktree
from runner.published import FILES
from runner.record import DataStatus
from runner.reproducing.recording import EXPERIMENT, PATCH, Recording
from runner.spec import Experiment
from runner.steps import import_root


class Outcome(StrEnum):
    """Of a check."""

    GOOD = "good"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """It cannot be told; no fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One thing that was looked at."""

    what: str
    outcome: Outcome = Outcome.GOOD
    recorded: str = ""
    now: str = ""


def verify(recording: Recording, cwd: Path, *, imports: bool = False) -> list[Found]:
    """Everything that the manifest says and that can be looked at: the table, its schema, the experiment, ids, data, patch, commit.

    Results may be anybody's, so that a schema which they name as a class is imported where `imports` says so, and else not looked at.
    """
    found = [*_table(recording)]
    try:
        experiment = _experiment(recording, cwd)
    except XrunError as error:
        found.append(Found(what=EXPERIMENT, outcome=Outcome.DIFFERS, now=_line(error)))
        return [*found, *_patch(recording), _commit(recording, cwd)]
    if isinstance(experiment, Found):
        return [*found, experiment, *_patch(recording), _commit(recording, cwd)]
    found.append(Found(what=EXPERIMENT))
    return [
        *found,
        *_schema(recording, experiment, imports=imports),
        _ids(recording, experiment),
        *_data(recording, experiment),
        *_patch(recording),
        _commit(recording, cwd),
    ]


def _line(error: XrunError) -> str:
    return str(error).partition("\n")[0]


def _table(recording: Recording) -> Iterator[Found]:
    told = recording.manifest.table
    digest = told.digest or ""
    try:
        digests = table.digests(recording.folder, told.columns)
    except XrunError as error:
        yield Found(what="table", outcome=Outcome.DIFFERS, recorded=digest, now=_line(error))
        return
    for name, now in digests.items():
        same = now == digest
        yield Found(what=name, outcome=Outcome.GOOD if same else Outcome.DIFFERS, recorded=digest, now=now)
    if not digests:
        yield Found(what="table", outcome=Outcome.DIFFERS, recorded=digest, now="there is no table")
        return
    if {*digests.values()} == {digest}:
        for name in FILES[:2]:
            if name not in digests:  # one of them is enough, in git for instance
                yield Found(what=name, outcome=Outcome.UNKNOWN, recorded=digest, now=f"it is not there; {next(iter(digests))} is")
        yield _rows(recording)


def _rows(recording: Recording) -> Found:
    """Whether the rows are those of the runs that the manifest counts as completed."""
    ids = [row.record.id_run for row in recording.published.sample().rows]
    rows, completed = recording.manifest.table.rows, recording.manifest.counts.get("COMPLETED", 0)
    failed = {each.id_run for each in recording.manifest.unsuccessful}
    known = {*recording.ids} - failed
    strange = [each for each in ids if each not in known]
    same = len(ids) == rows == completed and not strange
    now = f"{len(ids)} rows" + (f", of {len(strange)} runs that are not in the manifest, or failed" if strange else "")
    return Found(
        what="rows", outcome=Outcome.GOOD if same else Outcome.DIFFERS, recorded=f"{completed} completed runs, {rows} rows", now=now
    )


def _experiment(recording: Recording, cwd: Path) -> Experiment | Found:
    """What experiment.yaml says; a finding where it says something only together with an environment that is not here."""
    recording.read(EXPERIMENT)
    try:
        (experiment,) = load(Request(file=recording.folder / EXPERIMENT, cwd=cwd))
    except XrunError as error:
        if "environment variable" not in str(error) and "(???)" not in str(error):  # nor a secret that the file does not keep
            raise
        return Found(what="ids", outcome=Outcome.UNKNOWN, now=_line(error))
    return experiment


def _schema(recording: Recording, experiment: Experiment, *, imports: bool) -> Iterator[Found]:
    schema = experiment.results.schema
    if schema is None:
        return
    if isinstance(schema, str) and not imports:
        yield Found(what="schema", outcome=Outcome.UNKNOWN, now=f"it is a class, {schema}, which is code; --import executes its module")
        return
    if not (recording.folder / FILES[0]).is_file():
        if (recording.folder / FILES[1]).is_file():  # without any table more than the schema differs
            yield Found(what="schema", outcome=Outcome.UNKNOWN, now=f"without {FILES[0]} nobody knows the types that it is about")
        return
    try:
        if isinstance(schema, str):
            import_root(experiment.root)
        broken = table.validate(table.read(recording.folder), schema)
    except XrunError as error:
        yield Found(what="schema", outcome=Outcome.DIFFERS, now=_line(error))
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the schema is the user's code, which may do anything
        yield Found(what="schema", outcome=Outcome.DIFFERS, now=f"{schema}: {type(error).__name__}: {error}")
        return
    valid = recording.manifest.table.valid
    first = f"{len(broken)} violations, first: {broken[0].column}: {broken[0].check}" if broken else "valid"
    good = valid and not broken
    yield Found(what="schema", outcome=Outcome.GOOD if good else Outcome.DIFFERS, recorded="valid" if valid else "not valid", now=first)


def _ids(recording: Recording, experiment: Experiment) -> Found:
    """Whether experiment.yaml, the recorded code, data and versions make the recorded ids."""
    manifest = recording.manifest
    code = tuple(str(step.code) for step in manifest.steps)
    hashes = {state.path: state.actual or "" for state in recording.data}
    packages = {name: manifest.packages.get(name, "") for name in experiment.packages}
    if len(code) != len(experiment.steps):
        now = f"{EXPERIMENT} has {len(experiment.steps)} steps"
        return Found(what="ids", outcome=Outcome.DIFFERS, recorded=f"{len(code)} steps", now=now)
    try:
        planned = plan.expand(replace(experiment, launch=None, sweep=None), code, hashes, packages)
        ids = [run.id_run for run in planned]
    except PlanError as error:
        return Found(what="ids", outcome=Outcome.DIFFERS, now=_line(error))
    if ids == recording.ids or set(recording.ids) < set(ids):  # some of them alone, with `--only`
        return Found(what="ids")
    strange = len({*recording.ids} - {*ids})
    now = f"{strange} of them are not those of {EXPERIMENT}" if strange else "in another order"
    return Found(what="ids", outcome=Outcome.DIFFERS, recorded=f"{len(recording.ids)} runs", now=now)


def _data(recording: Recording, experiment: Experiment) -> Iterator[Found]:
    entries = recording.data
    now = data.states(experiment.root, tuple(entry.path for entry in entries))
    for then, state in zip(entries, now, strict=True):
        same = then.actual == state.actual
        told = "missing" if state.actual is None else f"{state.actual}{_standing(state.status)}"
        yield Found(what=then.path, outcome=Outcome.GOOD if same else Outcome.DIFFERS, recorded=str(then.actual), now=told)


def _standing(status: DataStatus) -> str:
    return ", modified since DVC recorded it" if status is DataStatus.MODIFIED else ""


def _patch(recording: Recording) -> Iterator[Found]:
    there, recorded = (recording.folder / PATCH).is_file(), bool(recording.git.patch)
    if not recorded:
        if there:
            yield Found(what=PATCH, outcome=Outcome.DIFFERS, recorded="none", now="there is one")
        return
    try:
        recording.read(PATCH)
    except IncompleteError as error:
        yield Found(what=PATCH, outcome=Outcome.DIFFERS, now=_line(error))
        return
    yield Found(what=PATCH)


def _commit(recording: Recording, cwd: Path) -> Found:
    commit = recording.git.commit or ""
    if not commit:
        return Found(what="commit", outcome=Outcome.UNKNOWN, now="none was recorded, so that nobody knows with which code")
    try:
        tops = [top for folder in (recording.folder, cwd) if (top := worktree.top_of(folder))]
    except IncompleteError as error:
        return Found(what="commit", outcome=Outcome.UNKNOWN, recorded=commit, now=_line(error))
    if not tops:
        return Found(what="commit", outcome=Outcome.UNKNOWN, recorded=commit, now="there is no git repository here")
    if any(worktree.has(top, commit) for top in tops):
        return Found(what="commit")
    hint = worktree.how_to_fetch(tops[0], commit, recording.git.remote)
    return Found(what="commit", outcome=Outcome.DIFFERS, recorded=commit, now=f"the repository does not have it; {hint}")
