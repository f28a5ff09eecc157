"""`xrun why A B`, `xrun why A [overrides]`: what makes the identity of a run differ from another's, or from the current plan's."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from runner import app, codec, evidence, identity, reading, stores, trust, why
from runner.commands import options as shared
from runner.config.load import load
from runner.errors import IncompleteError, UsageError
from runner.plan import Plan, Run
from runner.record import Record
from runner.secret import labelled
from runner.why import Difference, Side
from runner.workspace import Workspace, locate

_ID = re.compile(r"[0-9a-fA-F-]{2,36}")
SAME = "same identity"
UNKNOWN = "the identities differ, and it is not known by what: no evidence is kept of {}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """One of the two."""

    id_run: str
    told: str
    """What it is, in a line."""
    side: Side
    source: Callable[[str, str], bytes | None]
    """(path, SHA-256) -> a source."""
    note: str = ""


def main(arguments: list[str]) -> int:
    """Print what differs; returns 0."""
    parser = shared.Parser(
        prog="xrun why",
        description="Why two runs are not the same run: params, kwargs, seed, data, steps, packages, and code down to the line.",
        epilog="example: xrun why 4c00df0c 9d31e7aa\n         xrun why 4c00df0c +experiment=coins   (a run against the current plan)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="id_run, or enough of its beginning")
    shared.add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    chosen = parser.parse_intermixed_args(arguments)
    others = list(chosen.overrides)
    with_run = len(others) == 1 and _ID.fullmatch(others[0]) is not None
    workspace = shared.workspace(chosen)
    reader = stores.read(workspace.store)
    try:
        record = _record(reader, chosen.run)
        first = _of_record(reader, record, "A", workspace.results.parent)
        if with_run:
            second = _of_record(reader, _record(reader, others[0]), "B", workspace.results.parent)
        else:
            chosen.overrides = others or [f"+experiment={record.experiment}"]
            second = _of_plan(chosen, record)
        found = [] if first.id_run == second.id_run else why.compare(first.side, second.side)
        (_print_json if chosen.json else _print)(first, second, found)
    finally:
        reader.close()
    return 0


def _record(reader: stores.SqliteReader, prefix: str) -> Record:
    """The run whose id begins so; of a child run its parent, whose identity it has."""
    record = reading.find(reader, prefix).record
    if record is None:
        raise IncompleteError(f"run {prefix} executes for the first time; what its identity is made of is told when it is over")
    return _record(reader, record.parent) if record.parent else record


def _of_record(reader: stores.SqliteReader, record: Record, letter: str, root: Path) -> _Subject:
    text = reader.evidence(record.epoch)
    until, note = trust.reasons(reader, root).get(record.epoch, (inf, ""))
    fallen = record.status.ok and record.started + record.seconds > until
    return _Subject(
        id_run=record.id_run,
        told=f"{letter}  {record.id_run}  {record.experiment}  {record.status.value}  {_point(record.params)}".rstrip(),
        side=Side(params=record.params, kwargs=record.kwargs, evidence=evidence.loads(text) if text else None),
        source=lambda _, digest: reader.source(digest),
        note=f"the result of {letter} stands no more ({note}); running again executes it" if fallen else "",
    )


def _of_plan(chosen: argparse.Namespace, record: Record) -> _Subject:
    """The run of the plan at the record's point, or else the one that is nearest to it."""
    experiments = load(shared.request(chosen))
    experiment = next((each for each in experiments if each.name == record.experiment), experiments[0])
    workspace: Workspace = locate(experiment.root, chosen.workspace)
    planned = app.plan_only(experiment, workspace)
    run = _nearest(planned, record)
    return _Subject(
        id_run=run.id_run,
        told=f"B  {run.id_run}  {experiment.name}  the current plan's run {run.index}  {_point(run.params)}".rstrip(),
        side=Side(params=labelled(run.params), kwargs=labelled(planned.kwargs(run)), evidence=evidence.of(planned)),
        source=lambda path, _: (experiment.root / path).read_bytes(),
    )


def _nearest(planned: Plan, record: Record) -> Run:
    """The run with that id, or that differs in the fewest params."""
    wanted = {identity.encode_item(name, value) for name, value in record.params.items()}
    best: tuple[int, Run] | None = None
    for run in planned:
        if run.id_run == record.id_run:
            return run
        distance = len(wanted ^ {identity.encode_item(name, value) for name, value in labelled(run.params).items()})
        if best is None or distance < best[0]:
            best = distance, run
    if best is None:
        raise UsageError("the plan has no run")
    return best[1]


def _point(params: dict[str, Any]) -> str:
    return " ".join(f"{name}={why.shown(value)}" for name, value in params.items())


def _diff(difference: Difference, first: _Subject, second: _Subject) -> str:
    """The lines of a source that differ; "" where a version of it is not kept."""
    if difference.kind != "code":
        return ""
    texts: list[bytes | None] = []
    for subject, digest in ((first, difference.old), (second, difference.new)):
        text = None
        if isinstance(digest, str):
            try:
                text = subject.source(difference.name, digest)
            except OSError:
                text = None
            if text is None:
                return ""
        texts.append(text)
    return why.unified(difference.name, texts[0], texts[1])


def _verdict(first: _Subject, second: _Subject, found: list[Difference]) -> str:
    """What to say where there is nothing to list."""
    if first.id_run == second.id_run:
        return SAME
    if found:
        return ""
    unknown = [subject.told.split()[0] for subject in (first, second) if subject.side.evidence is None]
    return UNKNOWN.format(" and ".join(unknown) or "what differs")


def _print(first: _Subject, second: _Subject, found: list[Difference]) -> None:
    print(f"{first.told}\n{second.told}\n")
    if verdict := _verdict(first, second, found):
        print(verdict)
    for difference in found:
        print(difference)
        if difference.kind == "data":
            print(f"    {difference.old} -> {difference.new}")
        for line in _diff(difference, first, second).splitlines():
            print(f"    {line}")
    if found and (first.side.evidence is None or second.side.evidence is None):
        print("more may differ: " + UNKNOWN.partition(": ")[2].format("one of the two"))
    for note in filter(None, (first.note, second.note)):
        print(note)


def _print_json(first: _Subject, second: _Subject, found: list[Difference]) -> None:
    told = []
    for difference in found:
        diff = _diff(difference, first, second)
        told.append({**difference.told(), **({"diff": diff} if diff else {})})
    line = {
        "a": first.id_run,
        "b": second.id_run,
        "same": first.id_run == second.id_run,
        "differences": told,
        "notes": [note for note in (_verdict(first, second, found), first.note, second.note) if note and note != SAME],
    }
    print(codec.dumps(line))
