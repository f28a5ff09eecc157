"""Measures every case against its peer and prints one line a figure. Exit code 0 whatever the figures: this is no test."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cases, peers, report
from benchmarks.compare import compare


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, epilog="example: python -m benchmarks --only rerun")
    made.add_argument("--repeat", type=int, default=5, metavar="N", help="measurements of each side, after one that does not count (5)")
    made.add_argument("--long", action="store_true", help="the case of 1,000,000 runs as well, measured once")
    made.add_argument("--only", default="", metavar="TEXT", help="cases whose name contains this text")
    made.add_argument("--json", action="store_true", help="every measurement, as JSON")
    return made


def main() -> None:
    """Measure, then print."""
    chosen = parser().parse_args()
    selected = [case for case in cases.ALL if chosen.only in case.name and (chosen.long or not case.long)]
    programs = peers.programs({case.peer.program for case in selected if case.peer})
    lines = []
    peers.HOME.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=peers.HOME, prefix="work-") as scratch:  # on the disk of the repository: temporary files may lie in memory
        for case in selected:
            print(f"{case.name} ...", file=sys.stderr, flush=True)
            lines += compare(case, programs, Path(scratch), max(chosen.repeat, 1))
    print(report.as_json(lines) if chosen.json else report.as_table(lines))


if __name__ == "__main__":
    main()
