"""`xrun artifacts EXPERIMENT|ID`: the files that runs keep."""

import argparse
import sys
from pathlib import Path
from typing import Any

from runner import reading, stores
from runner.commands import options as shared
from runner.commands import shown
from runner.console import here
from runner.errors import IncompleteError

LIMIT = 100


def main(arguments: list[str]) -> int:
    """Print the files; returns 0."""
    parser = shared.Parser(
        prog="xrun artifacts",
        description="The files that an experiment's runs keep, or one run: where they lie, size, kind (file, image, output), SHA-256.",
        epilog="example: xrun artifacts coins --where 'error < 0.1' --json",
    )
    parser.add_argument("target", metavar="EXPERIMENT|ID", help="an experiment, or a beginning of an id_run")
    parser.add_argument("--where", metavar="CONDITION", help='only these runs of an experiment: "params.lr < 1e-2 and loss.min > 0"')
    parser.add_argument(
        "--limit", type=int, metavar="N", default=LIMIT, help=f"lines to show (default {LIMIT}; 0: all; --csv and --json have all)"
    )
    shown.add_formats(parser)
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    reader = stores.read(workspace.store)
    try:
        selection, whose = reading.targets(reader, chosen.target, chosen.where)
        kept = reading.artifact_rows(reader, selection.rows, workspace.artifacts.absolute())
    finally:
        reader.close()
    shown.remark(selection, chosen.where)
    if not kept:
        raise IncompleteError(f"{whose} have no artifacts")
    if chosen.json or chosen.csv:
        shown.show(reading.ARTIFACT_COLUMNS, ([line[name] for name in reading.ARTIFACT_COLUMNS] for line in kept), chosen)
    else:
        _list(kept, workspace.artifacts.absolute(), chosen)
    return 0


def _list(kept: list[dict[str, Any]], folder: Path, chosen: argparse.Namespace) -> None:
    """In a terminal, whose lines are short, where the files lie is said once."""
    wide = not sys.stdout.isatty()
    head = ("id_run", "path", "size", "kind", *(("file",) if wide else ()))
    lines = (
        [line["id_run"], line["path"], shown.size(line["size"]), line["kind"]]
        + ([here(folder / line["id_run"] / line["path"])] if wide else [])
        for line in kept
    )
    shown.show(head, lines, chosen, chosen.limit)
    if not wide:
        ids = {line["id_run"] for line in kept}
        print(f"in {here(folder)}/{ids.pop() if len(ids) == 1 else '<id_run>'}/; --csv and --json have whole paths")
