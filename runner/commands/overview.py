"""What `xrun show` says of a run: some lines of each kind, and which command shows the rest."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner import reading
from runner.commands import shown
from runner.commands.ls import point
from runner.console import here
from runner.logged import Artifact, Summary
from runner.record import Failure, Provenance, Record
from runner.selectors import PARTS

LIMIT: Final = 25
"""Lines of each kind."""
LONGEST: Final = 1000
"""Characters of a value, or of a line of a traceback."""
ALL: Final = "--all"
_NAMED: Final = ("params", "kwargs", "fields", "logged", "tags")
_SHOWN: Final = ("last", "min", "min_step", "max", "max_step", "mean", "count")


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of a run besides its record."""

    metrics: dict[str, Summary]
    artifacts: list[Artifact]
    folder: Path
    """Where those lie."""
    tables: dict[str, int]
    """Logged tables and their numbers of rows."""
    children: list[Record]
    output: dict[str, int]
    """Stream -> bytes."""
    provenance: Provenance | None


def show(found: reading.Found, kept: Kept, limit: int) -> None:
    """Print a run, at most `limit` lines of each kind (0: all)."""
    short = found.id_run[: shown.SHORT_ID]
    _print_standing(found, short)
    for title in _NAMED:
        lines = [
            name if title == "tags" and value is None else f"{name} = {_cut(repr(value), limit)}"
            for name, value in getattr(found.shown, title).items()
        ]
        _section(title, lines, limit, f"xrun show {short} {ALL}")
    _print_kept(short, kept, limit)
    if found.record is not None and found.record.failure is not None:
        _print_failure(found.record.failure, short, limit)
    if kept.provenance is not None:
        _print_provenance(kept.provenance)


def _print_standing(found: reading.Found, short: str) -> None:
    record = found.shown
    print(f"{record.id_run}  {record.experiment}  {record.status}")
    if record.parent:
        print(f"  child run `{record.name}` of {record.parent}")
    elif record.name:
        print(f"  called `{record.name}`")
    if found.lost:
        print("  the process that executed it has died; this is what it had logged by then")
    elif found.record is None:
        print(f"  executes now, for {record.seconds:.1f} s; this is what it has logged so far")
    else:
        _print_end(record)
        if found.executing:
            print(f"  executes again now; what it logs shows when that is over, what it prints at once: xrun logs {short} -f")


def _print_end(record: Record) -> None:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.started)) if record.started else "-"
    memory = f", peak memory {shown.size(record.max_rss)}" if record.max_rss else ""
    print(f"  started {started}, {record.seconds:.3f} s, attempt {record.attempt}, seed {record.seed}")
    print(f"  CPU {record.cpu_seconds:.3f} s{memory}")
    if record.troubles:
        print(f"  {record.troubles:,} {'call' if record.troubles == 1 else 'calls'} of run.log_... could not be kept")


def _print_kept(short: str, kept: Kept, limit: int) -> None:
    metrics = [(name, *(PARTS[part](s) for part in _SHOWN)) for name, s in kept.metrics.items()]
    _table("metrics", ("name", "last", "min", "step", "max", "step", "mean", "points"), metrics, limit, f"xrun metrics {short}")
    files = [(a.path, shown.size(a.size), a.kind) for a in kept.artifacts]
    where = f"artifacts ({shown.size(sum(a.size for a in kept.artifacts))}) in {here(kept.folder)}"
    _table(where, ("path", "size", "kind"), files, limit, f"xrun artifacts {short}")
    _table("tables", ("name", "rows"), list(kept.tables.items()), limit, f"xrun rows {short}")
    if kept.tables:
        print(f"  (xrun rows {short} NAME)")
    children = [(c.id_run, c.name, str(c.status), point(c)) for c in kept.children]
    _table("children", ("id_run", "name", "status", "params"), children, limit, f"xrun show {short} {ALL}")
    if any(kept.output.values()):
        told = ", ".join(f"{stream} {shown.size(count)}" for stream, count in kept.output.items() if count)
        print(f"output: {told} (xrun logs {short})")


def _table(title: str, head: tuple[str, ...], lines: list[tuple[Any, ...]], limit: int, rest: str) -> None:
    rows = [tuple(map(shown.cell, line)) for line in (head, *lines)]
    first, *others = shown.fitted(rows, indent=2).splitlines()
    if lines:
        print(f"{title}:\n  {first}")
    _section("", others, limit, rest)


def _section(title: str, lines: list[str], limit: int, rest: str) -> None:
    """Indented lines below a title, the first `limit` of them, and which command shows the others."""
    if lines and title:
        print(f"{title}:")
    for line in lines[:limit] if limit else lines:
        print(f"  {line}")
    if limit and len(lines) > limit:
        print(f"  ... and {len(lines) - limit:,} more: {rest}")


def _print_failure(failure: Failure, short: str, limit: int) -> None:
    """With the end of the traceback: there it says what went wrong."""
    step = f" in step `{failure.step}`" if failure.step else ""
    print(f"failure{step}: {failure.kind}{f' at {failure.where}' if failure.where else ''}")
    lines = (failure.traceback or failure.message).rstrip().splitlines()
    if limit and len(lines) > limit:
        print(f"  ... {len(lines) - limit:,} lines: xrun logs {short}")
        lines = lines[-limit:]
    for line in lines:
        print(f"  | {_cut(line, limit)}")


def _print_provenance(provenance: Provenance) -> None:
    git = provenance.git
    if git is not None:
        print(f"git: {git.commit or 'no commit'} on {git.branch or 'a detached head'}{', dirty' if git.dirty else ''}")
    for state in provenance.data:
        print(f"data: {state.path} {state.status.value} {state.actual or '-'}")
    print(f"python {provenance.python} on {provenance.host}, {' '.join(provenance.argv)}")


def _cut(text: str, limit: int) -> str:
    return text if not limit or len(text) <= LONGEST else f"{text[:LONGEST]}... {len(text) - LONGEST:,} more characters: {ALL}"
