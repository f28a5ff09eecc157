"""`xrun rows EXPERIMENT|ID [NAME]`: the tables that runs logged with run.log_row and run.log_table."""

import argparse
import sys
from collections.abc import Sequence

from runner import stores
from runner.commands import options as shared
from runner.commands import shown
from runner.errors import IncompleteError
from runner.reading.tables import rows_of, sizes
from runner.selectors import Row

LIMIT = 100


def main(arguments: list[str]) -> int:
    """Print the tables that there are, or the rows of one; returns 0."""
    parser = shared.Parser(
        prog="xrun rows",
        description="The tables that an experiment's runs logged, or one run (run.log_row, log_table); with a NAME, the rows of that one.",
        epilog="example: xrun rows coins tosses --where 'N > 10' --csv > tosses.csv",
    )
    shared.add_logged(parser, "one table, as it was logged", LIMIT)
    shown.add_formats(parser)
    chosen = parser.parse_args(arguments)
    with shown.logged(chosen) as (reader, selection, whose):
        if chosen.name is None:
            _tables(reader, selection.rows, whose, chosen)
        else:
            columns = rows_of(reader, selection.rows, chosen.name, whose)
            shown.show(list(columns), list(zip(*columns.values(), strict=True)), chosen, chosen.limit or sys.maxsize)
    return 0


def _tables(reader: stores.SqliteReader, rows: Sequence[Row], whose: str, chosen: argparse.Namespace) -> None:
    """Which tables there are: in how many runs, with how many rows."""
    runs: dict[str, int] = {}
    counts: dict[str, int] = {}
    for row in rows:
        for name, count in sizes(reader.tables(row.record.id_run)).items():
            runs[name] = runs.get(name, 0) + 1
            counts[name] = counts.get(name, 0) + count
    if not runs:
        raise IncompleteError(f"{whose} have logged no tables")
    shown.show(("table", "runs", "rows"), [(name, runs[name], counts[name]) for name in runs], chosen, chosen.limit)
