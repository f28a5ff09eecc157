"""`xrun show ID`: everything that is kept of one run."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner import codec, reading, stores
from runner.commands import options as shared
from runner.commands import shown
from runner.commands.ls import point, summary
from runner.logged import Artifact, Summary
from runner.record import Provenance, Record
from runner.selectors import PARTS, Row

_SHOWN = ("last", "min", "min_step", "max", "max_step", "mean", "count")


@dataclass(frozen=True, slots=True)
class _Kept:
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


def main(arguments: list[str]) -> int:
    """Print the run; returns 0. A beginning of the id is enough where it is unique."""
    parser = shared.Parser(
        prog="xrun show",
        description="One run: parameters, fields, metrics, artifacts, children, failure, provenance.",
        epilog="example: xrun show 4c00df0c",
    )
    parser.add_argument("id", help="id_run, or enough of its beginning")
    parser.add_argument("--json", action="store_true", help="all of it as one JSON object")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    reader = stores.read(workspace.store)
    try:
        found = reading.find(reader, chosen.id)
        kept = _kept(reader, found, workspace.artifacts)
    finally:
        reader.close()
    if chosen.json:
        print(codec.dumps(_told(found, kept)))
    else:
        _print(found, kept)
    return 0


def _kept(reader: stores.SqliteReader, found: reading.Found, folder: Path) -> _Kept:
    id_run = found.id_run
    return _Kept(
        metrics=reader.summaries([id_run]).get(id_run, {}),
        artifacts=reader.artifacts([id_run]).get(id_run, []),
        folder=folder / id_run,
        tables={name: sum(max(map(len, p.values()), default=0) for p in parts) for name, parts in reader.tables(id_run).items()},
        children=reader.children(id_run),
        output={stream: sum(len(text.encode()) for _, text in reader.output(id_run, stream)) for stream in reading.STREAMS},
        provenance=reader.provenance(found.record.epoch) if found.record else None,
    )


def _told(found: reading.Found, kept: _Kept) -> dict[str, Any]:
    """All of it for programs."""
    record = found.record
    told: dict[str, Any] = {"id_run": found.id_run, "executing": found.executing}
    if record is not None:
        told |= summary(Row(record, kept.metrics))
        told |= {"experiment": record.experiment, "seed": record.seed, "parent": record.parent or None, "name": record.name or None}
        told["failure"] = asdict(record.failure) if record.failure else None
    return told | {
        "metrics": {name: {part: get(s) for part, get in PARTS.items()} for name, s in kept.metrics.items()},
        "artifacts": [asdict(artifact) | {"file": str(kept.folder / artifact.path)} for artifact in kept.artifacts],
        "tables": kept.tables,
        "children": [{"id_run": c.id_run, "name": c.name, "status": c.status.value, "params": c.params} for c in kept.children],
        "output": kept.output,
        "provenance": asdict(kept.provenance) if kept.provenance else None,
    }


def _print(found: reading.Found, kept: _Kept) -> None:
    if found.record is None:
        print(f"{found.id_run}  executes now; this is what it has logged so far")
    else:
        _print_record(found.record)
        if found.executing:
            print("executes again now; what follows is what this attempt has logged so far")
    _print_kept(found.id_run, kept)
    if found.record is not None and found.record.failure is not None:
        failure = found.record.failure
        print(f"failure in step `{failure.step}`: {failure.kind}{f' at {failure.where}' if failure.where else ''}")
        print("\n".join(f"  | {line}" for line in (failure.traceback or failure.message).rstrip().splitlines()))
    if kept.provenance is not None:
        _print_provenance(kept.provenance)


def _print_record(record: Record) -> None:
    print(f"{record.id_run}  {record.experiment}  {record.status.value}")
    if record.parent:
        print(f"  child run `{record.name}` of {record.parent}")
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.started)) if record.started else "-"
    memory = f", peak memory {size(record.max_rss)}" if record.max_rss else ""
    print(f"  started {started}, {record.seconds:.3f} s, attempt {record.attempt}, seed {record.seed}")
    print(f"  CPU {record.cpu_seconds:.3f} s{memory}")
    if record.troubles:
        print(f"  {record.troubles:,} {'call' if record.troubles == 1 else 'calls'} of run.log_... could not be kept")
    named = (
        ("params", record.params),
        ("kwargs", record.kwargs),
        ("fields", record.fields),
        ("logged", record.logged),
        ("tags", record.tags),
    )
    for title, values in named:
        if values:
            print(f"{title}:")
            print("\n".join(f"  {name} = {value!r}" for name, value in values.items()))


def _print_kept(id_run: str, kept: _Kept) -> None:
    metrics = [(name, *(PARTS[part](s) for part in _SHOWN)) for name, s in kept.metrics.items()]
    _section("metrics", ("name", "last", "min", "at step", "max", "at step", "mean", "points"), metrics)
    _section("artifacts", ("path", "size", "kind"), [(a.path, size(a.size), a.kind) for a in kept.artifacts], f" in {here(kept.folder)}")
    _section("tables", ("name", "rows"), list(kept.tables.items()))
    _section("children", ("id_run", "name", "status", "params"), [(c.id_run, c.name, c.status.value, point(c)) for c in kept.children])
    if any(kept.output.values()):
        told = ", ".join(f"{stream} {size(count)}" for stream, count in kept.output.items() if count)
        print(f"output: {told} (xrun logs {id_run[: shown.SHORT_ID]})")


def _section(title: str, head: tuple[str, ...], lines: list[tuple[Any, ...]], more: str = "") -> None:
    if lines:
        print(f"{title}{more}:")
        rows = [tuple(map(shown.cell, line)) for line in (head, *lines)]
        print("\n".join(f"  {line}" for line in shown.fitted(rows, indent=2).splitlines()))


def _print_provenance(provenance: Provenance) -> None:
    git = provenance.git
    if git is not None:
        print(f"git: {git.commit or 'no commit'} on {git.branch or 'a detached head'}{', dirty' if git.dirty else ''}")
    for state in provenance.data:
        print(f"data: {state.path} {state.status.value} {state.actual or '-'}")
    print(f"python {provenance.python} on {provenance.host}, {' '.join(provenance.argv)}")


def size(count: int) -> str:
    """Bytes for people: `1.2 MB`."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.4g} TB"


def here(path: Path) -> str:
    """A path as short as it can be said from the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
