"""`xrun ls [EXPERIMENT]`: the experiments of a project, or the runs of one."""

import argparse
import json
import time
from collections.abc import Iterable
from itertools import islice
from typing import Any

from runner import codec, reading, selectors, stores
from runner.commands import options as shared
from runner.commands import shown
from runner.errors import UsageError
from runner.record import Record, Status
from runner.selectors import MISSING, Names, Row

LIMIT = 100
MAX_REASON = 80


def main(arguments: list[str]) -> int:
    """Print the list; returns 0."""
    parser = shared.Parser(
        prog="xrun ls",
        description="The experiments of this project; with a name, the runs of that experiment.",
        epilog="example: xrun ls coins --where \"N > 10 and status == 'COMPLETED'\" --columns N,error,seconds --sort error",
    )
    parser.add_argument("experiment", nargs="?")
    parser.add_argument("--status", type=str.upper, choices=[s.value for s in Status], help="only runs that ended so")
    parser.add_argument("--where", metavar="CONDITION", help="only these runs: \"params.lr < 1e-2 and (error > .1 or status == 'FAILED')\"")
    parser.add_argument("--columns", metavar="A,B", help="what to tell of a run: `error,loss.min,params.lr,seconds`")
    parser.add_argument("--sort", metavar="SELECTOR", help="in the order of this value; runs without it, and NaN, come last")
    parser.add_argument("--reverse", action="store_true", help="the greatest first")
    parser.add_argument("--limit", type=int, metavar="N", help=f"at most N runs (default {LIMIT}, with --json and --csv all; 0: all)")
    shown.add_formats(parser)
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    reader = stores.read(shared.workspace(chosen).store)
    try:
        if chosen.experiment is None:
            _experiments(reader, chosen)
        else:
            _runs(reader, chosen)
    finally:
        reader.close()
    return 0


def _experiments(reader: stores.SqliteReader, chosen: argparse.Namespace) -> None:
    for option in ("status", "where", "columns", "sort"):
        if getattr(chosen, option) is not None:
            raise UsageError(f"--{option} is about runs; name an experiment: xrun ls EXPERIMENT --{option} ...")
    found = reader.experiments()
    if chosen.json:
        for name, counts, started in found:
            print(json.dumps({"experiment": name, "counts": counts, "last": started}))
        return
    head = ("experiment", "runs", *(s.value.lower() for s in Status), "last run")
    rows = [(name, sum(counts.values()), *(counts.get(s.value, 0) for s in Status), _when(started)) for name, counts, started in found]
    shown.show(head, rows, chosen)


def _runs(reader: stores.SqliteReader, chosen: argparse.Namespace) -> None:
    rows, names = _selected(reader, chosen)
    if chosen.json or chosen.csv:
        limit = 0
        rows = islice(rows, chosen.limit or None)
    else:
        limit = LIMIT if chosen.limit is None else chosen.limit
    if chosen.columns is not None or chosen.csv:
        kept = list(rows)
        asked = None if chosen.columns is None else selectors.listed(chosen.columns)
        told = reading.default_columns(kept, names) if asked is None else reading.resolve_columns(asked, names)
        shown.show(list(told), ([selector.value(row) for selector in told.values()] for row in kept), chosen, limit)
    elif chosen.json:
        for row in rows:
            print(codec.dumps(summary(row)))
    else:
        shown.show(("id_run", "status", "seconds", "params", ""), map(_line, rows), chosen, limit)


def _selected(reader: stores.SqliteReader, chosen: argparse.Namespace) -> tuple[Iterable[Row], Names]:
    """The runs asked for, in order, and the names of all there are; these only where they are needed."""
    if chosen.where is None and chosen.columns is None and chosen.sort is None and not chosen.csv:
        reading.check_experiment(reader, chosen.experiment)
        everything = reading.rows(reader, chosen.experiment)
        return (row for row in everything if chosen.status in (None, row.record.status.value)), Names()
    found = reading.select(reader, chosen.experiment, chosen.where)
    rows = [row for row in found.rows if chosen.status in (None, row.record.status.value)]
    if chosen.sort is not None:
        selector = selectors.resolve(chosen.sort, found.names)
        rows = ordered([(row, selector.value(row)) for row in rows], reverse=chosen.reverse)
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


def point(record: Record) -> str:
    """The point in words."""
    return " ".join(f"{name}={value!r}" for name, value in record.params.items())


def _line(row: Row) -> tuple[str, ...]:
    record = row.record
    return record.id_run, record.status.value, f"{record.seconds:.3f}", point(record), _reason(record)


def _reason(record: Record) -> str:
    if record.failure is None:
        return ""
    message = record.failure.message.splitlines()[0] if record.failure.message else ""
    text = f"{record.failure.kind}: {message}" if message else record.failure.kind
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 3]}..."


def _when(started: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started))
