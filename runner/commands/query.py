"""`xrun query "SELECT ..."`: SQL on what the store keeps; reads only."""

import argparse

from runner.commands import options as shared
from runner.commands import shown
from runner.reading import sql
from runner.reading.views import described

LIMIT = 1000
EXAMPLE = """\
example: xrun query "SELECT p.value AS N, avg(f.value) AS error FROM params p JOIN fields f USING (id_run)
                     WHERE p.name = 'N' AND f.name = 'error' GROUP BY 1 ORDER BY 1"
"""


def main(arguments: list[str]) -> int:
    """Print what the query gives; returns 0."""
    parser = shared.Parser(
        prog="xrun query",
        description=f"SQL (SQLite's) on the store of this project. It can only read. The views:\n\n{described()}\n\n"
        "NaN is NULL; true and false are 1 and 0. `points` and `logs` are large: name the id_run, or the metric.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("statement", metavar="SELECT", help="one SELECT statement")
    parser.add_argument(
        "--limit", type=shared.count, metavar="N", default=LIMIT, help=f"lines to show (default {LIMIT}; 0: all; --csv and --json have all)"
    )
    shown.add_formats(parser)
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    with sql.query(shared.workspace(chosen), chosen.statement) as answer:
        shown.show(answer.columns, answer.rows, chosen, chosen.limit)
    return 0
