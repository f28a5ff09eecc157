"""`xrun table EXPERIMENT`: the result table, as it was published last, or of every run that the store has."""

import sys
from pathlib import Path
from typing import Any

from runner import codec, results, selectors, stores, table
from runner.commands import options as shared
from runner.console import Console
from runner.errors import IncompleteError
from runner.record import Record
from runner.suggest import did_you_mean
from runner.workspace import Workspace


def main(arguments: list[str]) -> int:
    """Print the table; returns 0."""
    parser = shared.Parser(
        prog="xrun table",
        description="The table of the plan that was asked for last (results/EXPERIMENT/); --all: of every completed run in the store.",
        epilog="example: xrun table coins --csv > coins.csv",
    )
    parser.add_argument("experiment")
    parser.add_argument("--all", action="store_true", help="every completed run of the experiment, whatever plan it came from")
    parser.add_argument("--csv", action="store_true", help="print CSV, all rows")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    parser.add_argument("--rows", type=int, default=results.PREVIEW_ROWS, help=f"rows to show (default {results.PREVIEW_ROWS})")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    frame = _all(workspace, chosen.experiment) if chosen.all else _published(workspace, chosen.experiment)
    if chosen.csv:
        for part in table.csv(frame):
            sys.stdout.write(part)
    elif chosen.json:
        for line in table.json_lines(frame):
            print(line)
    else:
        Console().preview(table.summarise(frame, chosen.rows))
    return 0


def _published(workspace: Workspace, experiment: str) -> "table.DataFrame":
    folder: Path = workspace.results / experiment
    if (folder / "table.parquet").is_file():
        return table.read(folder)
    if workspace.store.is_file():
        reader = stores.read(workspace.store)
        try:
            names = [name for name, _, _ in reader.experiments()]
        finally:
            reader.close()
        if experiment in names:
            print(f"xrun: `{experiment}` has no published table; these are all completed runs that the store has (--all)", file=sys.stderr)
            return _all(workspace, experiment)
    shown = [path.parent.name for path in sorted(workspace.results.glob("*/table.parquet"))]
    raise IncompleteError(f"{folder} has no table; {did_you_mean(experiment, shown, 'experiments with results')}")


def _all(workspace: Workspace, experiment: str) -> "table.DataFrame":
    reader = stores.read(workspace.store)
    try:
        records = [record for record in reader.records(experiment) if record.status.ok]
    finally:
        reader.close()
    if not records:
        raise IncompleteError(f"the store has no completed run of `{experiment}`")
    varying = _varying(records)
    rows = [
        table.Row(id_run=record.id_run, params={**kwargs, **record.params}, fields_json=record.fields_json)
        for record, kwargs in zip(records, varying, strict=True)
    ]
    axes = tuple(dict.fromkeys(name for row in rows for name in row.params))
    return table.build(rows, axes)


def _varying(records: list[Record]) -> list[dict[str, Any]]:
    """Of each run the kwargs in which the runs differ: with the params they say what a row stands for."""
    trees = {text: selectors.flat(codec.loads(text), "kwargs.") for text in {record.kwargs_json for record in records}}
    names = sorted({name for tree in trees.values() for name in tree})
    differing = [name for name in names if len({codec.dumps(tree.get(name)) for tree in trees.values()}) > 1]
    return [{name: trees[record.kwargs_json].get(name) for name in differing} for record in records]
