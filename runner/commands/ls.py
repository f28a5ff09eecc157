"""`xrun ls [EXPERIMENT]`: the experiments of a project, or the runs of one."""

import argparse
import json
import sys
import time

from runner import stores
from runner.commands import options as shared
from runner.console import columns
from runner.errors import IncompleteError
from runner.record import Record, Status
from runner.suggest import did_you_mean

LIMIT = 100


def main(arguments: list[str]) -> int:
    """Print the list; returns 0."""
    parser = shared.Parser(
        prog="xrun ls",
        description="The experiments of this project; with a name, the runs of that experiment.",
        epilog="example: xrun ls coins --status FAILED",
    )
    parser.add_argument("experiment", nargs="?")
    parser.add_argument("--status", type=str.upper, choices=[s.value for s in Status], help="only runs that ended so")
    parser.add_argument("--limit", type=int, default=LIMIT, help=f"at most this many runs (default {LIMIT}; 0: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    reader = stores.read(shared.workspace(chosen).store)
    try:
        if chosen.experiment is None:
            _experiments(reader, as_json=chosen.json)
        else:
            _runs(reader, chosen)
    finally:
        reader.close()
    return 0


def _experiments(reader: stores.SqliteReader, *, as_json: bool) -> None:
    found = reader.experiments()
    if as_json:
        for name, counts, started in found:
            print(json.dumps({"experiment": name, "counts": counts, "last": started}))
        return
    rows = [("experiment", "runs", *(s.value.lower() for s in Status), "last run")]
    for name, counts, started in found:
        row = (name, str(sum(counts.values())), *(str(counts.get(s.value, 0)) for s in Status), _when(started))
        rows.append(row)
    print(columns(rows, head=1))


def _runs(reader: stores.SqliteReader, chosen: argparse.Namespace) -> None:
    names = [name for name, _, _ in reader.experiments()]
    if chosen.experiment not in names:
        raise IncompleteError(f"there are no runs of `{chosen.experiment}`; {did_you_mean(chosen.experiment, names, 'experiments')}")
    limit = chosen.limit or sys.maxsize
    kept: list[Record] = []
    total = 0
    for record in reader.records(chosen.experiment):
        if chosen.status in (None, record.status.value):
            total += 1
            if len(kept) < limit:
                kept.append(record)
    if chosen.json:
        for record in kept:
            print(json.dumps(summary(record)))
        return
    rows = [("id_run", "status", "seconds", "params", "")]
    for r in kept:
        point = " ".join(f"{k}={v!r}" for k, v in r.params.items())
        rows.append((r.id_run, r.status.value, f"{r.seconds:.3f}", point, _reason(r)))
    print(columns(rows, head=1))
    if total > limit:
        print(f"... and {total - limit:,} more; --limit 0 lists them")


def summary(record: Record) -> dict[str, object]:
    """A record in a line, for programs."""
    return {
        "id_run": record.id_run,
        "status": record.status.value,
        "params": json.loads(record.params_json),
        "fields": json.loads(record.fields_json),
        "seconds": record.seconds,
        "attempt": record.attempt,
        "started": record.started,
        "failure": {"kind": record.failure.kind, "message": record.failure.message, "where": record.failure.where}
        if record.failure
        else None,
    }


def _reason(record: Record) -> str:
    if record.failure is None:
        return ""
    message = record.failure.message.splitlines()[0] if record.failure.message else ""
    text = f"{record.failure.kind}: {message}" if message else record.failure.kind
    return text if len(text) <= 80 else f"{text[:77]}..."


def _when(started: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started))
