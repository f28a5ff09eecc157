"""`xrun show ID`: everything that is kept of one run."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner import codec, reading, stores
from runner.commands import options as shared
from runner.commands.ls import summary
from runner.commands.overview import ALL, LIMIT, Kept, show
from runner.replaced import Places
from runner.selectors import PARTS, Row


def main(arguments: list[str]) -> int:
    """Print the run; returns 0. A beginning of the id is enough where it is unique."""
    parser = shared.Parser(
        prog="xrun show",
        description="One run: parameters, fields, metrics, artifacts, children, failure, provenance.",
        epilog="example: xrun show 4c00df0c",
    )
    parser.add_argument("id", help="id_run, or enough of its beginning")
    parser.add_argument(ALL, action="store_true", help=f"all of it, not {LIMIT} lines of each kind")
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
        show(found, kept, 0 if chosen.all else LIMIT)
    return 0


def _kept(reader: stores.SqliteReader, found: reading.Found, folder: Path) -> Kept:
    id_run = found.id_run
    return Kept(
        metrics=reader.summaries([id_run]).get(id_run, {}),
        artifacts=reader.artifacts([id_run]).get(id_run, []),
        folder=Places(folder).of(id_run, found.record.epoch) if found.record else folder / id_run,
        tables={name: sum(max(map(len, p.values()), default=0) for p in parts) for name, parts in reader.tables(id_run).items()},
        children=reading.children_of(reader, id_run),
        output={stream: sum(len(text.encode()) for _, text in reader.output(id_run, stream)) for stream in reading.STREAMS},
        provenance=reader.provenance(found.record.epoch) if found.record else None,
    )


def _told(found: reading.Found, kept: Kept) -> dict[str, Any]:
    """All of it for programs."""
    record = found.shown
    return {
        **summary(Row(record, kept.metrics)),
        "executing": found.executing,
        "experiment": record.experiment,
        "seed": record.seed,
        "parent": record.parent or None,
        "name": record.name or None,
        "failure": asdict(record.failure) if record.failure else None,
        "metrics": {name: {part: get(s) for part, get in PARTS.items()} for name, s in kept.metrics.items()},
        "artifacts": [asdict(artifact) | {"file": str(kept.folder / artifact.path)} for artifact in kept.artifacts],
        "tables": kept.tables,
        "children": [{"id_run": c.id_run, "name": c.name, "status": c.status.value, "params": c.params} for c in kept.children],
        "output": kept.output,
        "provenance": asdict(kept.provenance) if kept.provenance else None,
    }
