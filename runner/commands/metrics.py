"""`xrun metrics EXPERIMENT|ID [NAME]`: what runs logged, as summaries, or point by point."""

import argparse
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import replace

from runner import reading, stores, table
from runner.commands import options as shared
from runner.commands import shown
from runner.commands.ls import point
from runner.console import Console
from runner.errors import IncompleteError
from runner.logged import Summary
from runner.selectors import PARTS, Row
from runner.table import Preview

LIMIT = 100
_CLOCK = re.compile(r".*[ T](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<part>\d+))?\S*")
"""A date and time, and in it the time of day."""
_SHOWN = ("last", "min", "min_step", "max", "max_step", "mean", "count")
_ALL = tuple(part for part in PARTS if part not in ("argmin", "argmax"))


def main(arguments: list[str]) -> int:
    """Print metrics; returns 0."""
    parser = shared.Parser(
        prog="xrun metrics",
        description="The metrics of an experiment's runs, or of one run: a line of summary each; with a NAME, that metric's points.",
        epilog="example: xrun metrics coins loss --where 'params.N > 10' --csv > loss.csv",
    )
    shared.add_logged(parser, "one metric, as it was logged: `loss`, `val/acc`", LIMIT)
    shown.add_formats(parser)
    chosen = parser.parse_args(arguments)
    with shown.logged(chosen) as (reader, selection, whose):
        rows = selection.rows
        known = {name for row in rows for name in row.metrics}
        if chosen.name not in known:
            _check_children(reader, chosen, known)
        reading.check_metric(chosen.name or next(iter(known), ""), known, whose)
        if chosen.name is None:
            _summaries(rows, chosen)
        else:
            _points(reader, rows, chosen)
    return 0


def _check_children(reader: stores.SqliteReader, chosen: argparse.Namespace, known: set[str]) -> None:
    """Raise IncompleteError where child runs have the metric (or any metric, where no run has one)."""
    if chosen.children or (known and chosen.name is None):
        return
    within, whose = reading.targets(reader, chosen.target, chosen.where, children=True)
    if chosen.name in within.names.metrics or (chosen.name is None and within.names.metrics):
        what = f"metric `{chosen.name}`" if chosen.name else "metrics"
        raise IncompleteError(f"{whose} have no {what}, their child runs have; --children shows them")


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
    different = reading.varying([row.record.params for row in rows])
    lines = (
        (row.record.id_run, point(row.record, different if len(rows) > 1 else None), name, *_parts(s))
        for row in rows
        for name, s in row.metrics.items()
    )
    shown.show(head, lines, chosen, chosen.limit)


def _parts(summary: Summary) -> Iterator[float | None]:
    return (PARTS[part](summary) for part in _SHOWN)


def _points(reader: stores.SqliteReader, rows: list[Row], chosen: argparse.Namespace) -> None:
    runs = reading.run_columns(rows)
    if not (chosen.csv or chosen.json) and len(rows) > 1:
        runs = {name: values for name, values in runs.items() if len(set(map(repr, values))) > 1}
    frames = table.pointwise(runs, reading.points_of(reader, rows, [chosen.name]))
    if chosen.csv:
        for number, frame in enumerate(frames):
            for piece in itertools.islice(table.csv(frame), 1 if number else 0, None):  # one header
                sys.stdout.write(piece)
    elif chosen.json:
        for frame in frames:
            for line in table.json_lines(frame):
                print(line)
    else:
        preview = table.glimpse(frames, chosen.limit or sys.maxsize)
        Console().preview(_brief(preview) if sys.stdout.isatty() else preview)


def _brief(preview: Preview) -> Preview:
    """For a terminal: the time of day alone, to milliseconds; not the metric's name, which was asked for."""
    kept = [n for n, name in enumerate(preview.columns) if name != "metric"]
    at = preview.columns.index("time")

    def short(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(_clock(row[n]) if n == at else row[n] for n in kept) for row in rows)

    columns, dtypes = (tuple(some[n] for n in kept) for some in (preview.columns, preview.dtypes))
    return replace(preview, columns=columns, dtypes=dtypes, head=short(preview.head), tail=short(preview.tail))


def _clock(text: str) -> str:
    """`HH:MM:SS.mmm` of a date and time; anything else as it is."""
    found = _CLOCK.fullmatch(text)
    return text if found is None else f"{found['clock']}.{(found['part'] or '')[:3].ljust(3, '0')}"
