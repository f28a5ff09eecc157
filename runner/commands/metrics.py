"""`xrun metrics EXPERIMENT|ID [NAME]`: what runs logged, as summaries, or point by point."""

import argparse
import itertools
import sys
from collections.abc import Iterator

from runner import reading, stores, table
from runner.commands import options as shared
from runner.commands import shown
from runner.commands.ls import point
from runner.console import Console
from runner.logged import Summary
from runner.selectors import PARTS, Row

LIMIT = 100
_SHOWN = ("last", "min", "min_step", "max", "max_step", "mean", "count")
_ALL = tuple(part for part in PARTS if part not in ("argmin", "argmax"))


def main(arguments: list[str]) -> int:
    """Print metrics; returns 0."""
    parser = shared.Parser(
        prog="xrun metrics",
        description="The metrics of an experiment's runs, or of one run: a line of summary each; with a NAME, that metric's points.",
        epilog="example: xrun metrics coins loss --where 'params.N > 10' --csv > loss.csv",
    )
    parser.add_argument("target", metavar="EXPERIMENT|ID", help="an experiment, or a beginning of an id_run")
    parser.add_argument("name", metavar="NAME", nargs="?", help="one metric, as it was logged: `loss`, `val/acc`")
    parser.add_argument("--where", metavar="CONDITION", help='only these runs of an experiment: "params.lr < 1e-2 and loss.min > 0"')
    parser.add_argument(
        "--limit", type=int, metavar="N", default=LIMIT, help=f"lines to show (default {LIMIT}; 0: all; --csv and --json have all)"
    )
    shown.add_formats(parser)
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    reader = stores.read(shared.workspace(chosen).store)
    try:
        rows, whose = reading.targets(reader, chosen.target, chosen.where)
        known = {name for row in rows for name in row.metrics}
        reading.check_metric(chosen.name or next(iter(known), ""), known, whose)
        if chosen.name is None:
            _summaries(rows, chosen)
        else:
            _points(reader, rows, chosen)
    finally:
        reader.close()
    return 0


def _summaries(rows: list[Row], chosen: argparse.Namespace) -> None:
    if chosen.csv or chosen.json:
        runs = reading.run_columns(rows, ("metric", *_ALL))
        parts = (
            [*(values[n] for values in runs.values()), name, *(PARTS[part](s) for part in _ALL)]
            for n, row in enumerate(rows)
            for name, s in row.metrics.items()
        )
        shown.show([*runs, "metric", *_ALL], parts, chosen)
        return
    head = ("id_run", "params", "metric", "last", "min", "step", "max", "step", "mean", "points")
    lines = ((row.record.id_run, point(row.record), name, *_parts(s)) for row in rows for name, s in row.metrics.items())
    shown.show(head, lines, chosen, chosen.limit)


def _parts(summary: Summary) -> Iterator[float | None]:
    return (PARTS[part](summary) for part in _SHOWN)


def _points(reader: stores.SqliteReader, rows: list[Row], chosen: argparse.Namespace) -> None:
    frames = table.pointwise(reading.run_columns(rows), reading.points_of(reader, rows, [chosen.name]))
    if chosen.csv:
        for number, frame in enumerate(frames):
            for piece in itertools.islice(table.csv(frame), 1 if number else 0, None):  # one header
                sys.stdout.write(piece)
    elif chosen.json:
        for frame in frames:
            for line in table.json_lines(frame):
                print(line)
    else:
        Console().preview(table.glimpse(frames, chosen.limit or sys.maxsize))
