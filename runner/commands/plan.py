"""`xrun plan [overrides]`: what would run; executes nothing and writes nothing."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from runner import app, stores
from runner.commands import options as shared
from runner.config.load import load
from runner.console import columns
from runner.plan import Plan, Run
from runner.record import Record
from runner.stores import SqliteReader
from runner.workspace import locate

LIMIT = 40
CHUNK = 512


def main(arguments: list[str]) -> int:
    """Print the plan; returns 0, or raises what makes it impossible."""
    parser = shared.Parser(
        prog="xrun plan",
        description="What would run: every run with its id, whether it is new, cached or failed before. Executes nothing, writes nothing.",
        epilog="example: xrun plan +experiment=coins N=10,100",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared.add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line and run")
    parser.add_argument("--all", action="store_true", help=f"list all runs, not just the first {LIMIT}")
    chosen = parser.parse_intermixed_args(arguments)
    for experiment in load(shared.request(chosen)):
        workspace = locate(experiment.root, chosen.workspace)
        planned = app.plan_only(experiment, workspace)
        reader = stores.read(workspace.store) if workspace.store.is_file() else None
        try:
            if chosen.json:
                _print_json(planned, reader)
            else:
                _print(planned, reader, sys.maxsize if chosen.all else LIMIT)
        finally:
            if reader is not None:
                reader.close()
    return 0


def _states(planned: Plan, reader: SqliteReader | None) -> Iterator[tuple[Run, str]]:
    """Every run with what the store knows of it: new, cached, or how it ended last."""
    runs = iter(planned)
    while chunk := list(islice(runs, CHUNK)):
        found: dict[str, Record] = reader.find([run.id_run for run in chunk]) if reader is not None else {}
        for run in chunk:
            record = found.get(run.id_run)
            yield run, "new" if record is None else "cached" if record.status.ok else record.status.value.lower()


def _print(planned: Plan, reader: SqliteReader | None, limit: int) -> None:
    counts: dict[str, int] = {}
    rows: list[tuple[str, ...]] = [("#", "id_run", "state", *planned.axes)]
    for run, state in _states(planned, reader):
        counts[state] = counts.get(state, 0) + 1
        if run.index < limit:
            rows.append((str(run.index), run.id_run, state, *(_shown(run.params, name) for name in planned.axes)))
    print(columns(rows, head=1))
    total = sum(counts.values())
    if total > limit:
        print(f"... and {total - limit:,} more; --all lists them")
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    print(f"\n{planned.experiment.name}: {total:,} {'run' if total == 1 else 'runs'} ({told})")


def _shown(params: dict[str, Any], name: str) -> str:
    return str(params[name]) if name in params else "-"


def _print_json(planned: Plan, reader: SqliteReader | None) -> None:
    for run, state in _states(planned, reader):
        line = {
            "experiment": planned.experiment.name,
            "index": run.index,
            "id_run": run.id_run,
            "state": state,
            "params": run.params,
            "kwargs": dict(planned.kwargs(run)),
            "seed": run.seed,
        }
        print(json.dumps(line))
