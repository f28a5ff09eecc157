"""`xrun ls [EXPERIMENT]`: the experiments of a project, or the runs of one."""

import argparse
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TypeAlias

from runner import codec, reading, selectors, stores
from runner.commands import experiments, shown
from runner.commands import options as shared
from runner.errors import UsageError
from runner.record import Record, Standing, Status
from runner.selectors import MISSING, Names, Row
from runner.stores.base import Unfinished

Executing: TypeAlias = Mapping[str, Unfinished]
"""Id -> the attempt, of runs that execute now."""

LIMIT = 100
EPILOG = """\
example: xrun ls coins --where "N > 10 and status == 'COMPLETED'" --columns N,error,seconds --sort error

A run is known once it has logged or printed something. RUNNING: it executes now, for so many seconds since then; so it is
for --status, --where, --sort and --columns also where it has ended before. With --json, `status` is how it ended, `executing` says it.
LOST: it has no end, because the process that executed it was killed; the same xrun command executes it again.
"""


def main(arguments: list[str]) -> int:
    """Print the list; returns 0."""
    parser = shared.Parser(
        prog="xrun ls",
        description="The experiments of this project; with a name, the runs of that experiment, those that execute now first.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", nargs="?")
    parser.add_argument("--status", type=str.upper, choices=[*Status, *Standing], help="only runs of which that is shown")
    parser.add_argument("--where", metavar="CONDITION", help="only these runs: \"params.lr < 1e-2 and (error > .1 or status == 'FAILED')\"")
    parser.add_argument("--columns", metavar="A,B", help="what to tell of a run: `error,loss.min,params.lr,seconds`")
    parser.add_argument("--sort", metavar="SELECTOR", help="in the order of this value; runs without it, and NaN, come last")
    parser.add_argument("--reverse", action="store_true", help="the greatest first")
    parser.add_argument(
        "--limit", type=shared.count, metavar="N", help=f"at most N runs (default {LIMIT}, with --json and --csv all; 0: all)"
    )
    shared.add_children(parser)
    shown.add_formats(parser)
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    reader = stores.read(workspace.store)
    try:
        if chosen.experiment is None:
            for option in ("status", "where", "columns", "sort", "children"):
                if getattr(chosen, option) not in (None, False):
                    raise UsageError(f"--{option} is about runs; name an experiment: xrun ls EXPERIMENT --{option} ...")
            experiments.show(reader, chosen)
        else:
            _runs(reader, chosen, reading.plan_order(workspace.results / chosen.experiment))
    finally:
        reader.close()
    return 0


def _runs(reader: stores.SqliteReader, chosen: argparse.Namespace, order: tuple[str, ...]) -> None:
    executing = {a.id_run: a for a in reader.unfinished(chosen.experiment) if not a.lost}
    rows, names = _selected(reader, chosen, executing, order)
    if chosen.json or chosen.csv:
        limit = 0
        rows = islice(rows, chosen.limit or None)
    else:
        limit = LIMIT if chosen.limit is None else chosen.limit
    if chosen.columns is not None or chosen.csv:
        kept = [reading.as_listed(row, executing) for row in rows]
        asked = None if chosen.columns is None else selectors.listed(chosen.columns)
        told = reading.default_columns(kept, names) if asked is None else reading.resolve_columns(asked, names)
        shown.show(list(told), ([selector.value(row) for selector in told.values()] for row in kept), chosen, limit)
    elif chosen.json:
        for row in rows:
            print(codec.dumps(summary(row) | {"executing": row.record.id_run in executing}))
    else:
        _show(iter(rows), executing, chosen, limit)


def _show(rows: Iterator[Row], executing: Executing, chosen: argparse.Namespace, limit: int) -> None:
    """A line a run: with the kwargs in which those shown differ, and names where they have some."""
    first = list(islice(rows, limit or None))
    different = reading.differing_kwargs(first)
    named = any(row.record.name for row in first)
    head = ["id_run", "status", "seconds", *(["name"] if named else []), "params", ""]
    lines = (_line(row, executing, different, named=named) for row in chain(first, rows))
    shown.show(head, lines, chosen, limit)


def _selected(
    reader: stores.SqliteReader, chosen: argparse.Namespace, executing: Executing, order: tuple[str, ...]
) -> tuple[Iterable[Row], Names]:
    """The runs asked for, in order, and the names of all there are; these only where they are needed."""
    if chosen.where is None and chosen.columns is None and chosen.sort is None and not chosen.csv:
        reading.check_experiment(reader, chosen.experiment)
        everything = reading.rows(reader, chosen.experiment, children=chosen.children, order=order)
        return (row for row in everything if chosen.status in (None, _status(row, executing))), Names()
    found = reading.select(reader, chosen.experiment, chosen.where, children=chosen.children, order=order, executing=executing)
    shown.remark(found, chosen.where)
    rows = [row for row in found.rows if chosen.status in (None, _status(row, executing))]
    if chosen.sort is not None:
        selector = selectors.resolve(chosen.sort, found.names)
        rows = ordered([(row, selector.value(reading.as_listed(row, executing))) for row in rows], reverse=chosen.reverse)
    return rows, found.names


def ordered(pairs: list[tuple[Row, Any]], *, reverse: bool) -> list[Row]:
    """Runs by their value: numbers, then texts, then anything else by its JSON text; what is missing, and NaN, in any case last."""

    def rank(value: Any) -> tuple[int, Any]:
        if isinstance(value, int | float):
            return 0, value
        return (1, value) if isinstance(value, str) else (2, codec.dumps(value))

    last = [row for row, value in pairs if value is MISSING or value != value]  # noqa: PLR0124 - NaN
    valued = [(rank(value), row) for row, value in pairs if not (value is MISSING or value != value)]  # noqa: PLR0124
    valued.sort(key=lambda pair: pair[0], reverse=reverse)
    return [row for _, row in valued] + last


def summary(row: Row) -> dict[str, Any]:
    """A run in a line, for programs."""
    record = row.record
    failure = record.failure
    return {
        "id_run": record.id_run,
        "name": record.name or None,
        "parent": record.parent or None,
        "status": record.status.value,
        "params": record.params,
        "kwargs": record.kwargs,
        "fields": record.fields,
        "logged": record.logged,
        "metrics": {name: s.last for name, s in row.metrics.items()},
        "tags": record.tags,
        "seconds": record.seconds,
        "cpu_seconds": record.cpu_seconds,
        "max_rss": record.max_rss,
        "troubles": record.troubles,
        "attempt": record.attempt,
        "started": record.started,
        "failure": {"kind": failure.kind, "message": failure.message, "where": failure.where} if failure else None,
    }


def point(record: Record, names: Sequence[str] | None = None) -> str:
    """The point in words, or what of it has these names."""
    return " ".join(f"{name}={value!r}" for name, value in record.params.items() if names is None or name in names)


def _status(row: Row, executing: Executing) -> str:
    return Standing.RUNNING if row.record.id_run in executing else row.record.status.value


def _line(row: Row, executing: Executing, different: Sequence[str], *, named: bool) -> tuple[str, ...]:
    record, attempt = row.record, executing.get(row.record.id_run)
    seconds = record.seconds if attempt is None else reading.elapsed(attempt)
    again = f"again; it was {record.status}" if attempt is not None and isinstance(record.status, Status) else ""
    shown_seconds = "" if math.isnan(seconds) else f"{seconds:.3f}"
    given = " ".join([*filter(None, [point(record)]), *(f"{name}={row.kwargs[name]!r}" for name in different if name in row.kwargs)])
    name = (record.name,) if named else ()
    return record.id_run, _status(row, executing), shown_seconds, *name, given, again or _reason(record)


def _reason(record: Record) -> str:
    if record.failure is None:
        return ""
    message = record.failure.message.splitlines()[0] if record.failure.message else ""
    return f"{record.failure.kind}: {message}" if message else record.failure.kind
