"""Runs, or the points of their metrics, as one CSV or Parquet file."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from runner import files, reading, selectors, table
from runner.errors import IncompleteError, StoreError, UsageError
from runner.exports.base import Done, Source
from runner.reading.tables import rows_of
from runner.selectors import Names, Row, Selector
from runner.suggest import did_you_mean
from runner.table import exported

if TYPE_CHECKING:
    from runner.table import DataFrame

STDOUT = "-"
_UNFIT = re.compile(r"[^\w.-]")
"""Characters that do not fit into the name of a file."""


class Tables:
    """The exporter for one format, `csv` or `parquet`."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.summary = f"One {'CSV' if kind == 'csv' else 'Parquet'} file: one row a run, or with --metrics one row a point"
        self.example = f"xrun export {kind} coins coins.{kind}"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """As the seam says."""
        stdout = "; - is the standard output" if self._kind == "csv" else ""
        parser.add_argument(
            "file", metavar="FILE", nargs="?", help=f"default: EXPERIMENT.{self._kind}, or EXPERIMENT.metrics.{self._kind}{stdout}"
        )
        parser.add_argument(
            "--metrics", metavar="NAME", nargs="*", help="one row a point of these metrics; without a name: of all but those of the system"
        )
        parser.add_argument("--rows", metavar="TABLE", help="one row a row of this table, which runs logged with run.log_row, log_table")
        parser.add_argument("--children", action="store_true", help="child runs as well, each behind its parent, with the parent's params")
        parser.add_argument("--columns", metavar="A,B", help="what of a run becomes columns, as selectors: `error,loss.min,params.lr`")

    def target(self, source: Source, chosen: argparse.Namespace) -> str:
        """As the seam says."""
        if chosen.file:
            return str(chosen.file)
        if chosen.rows is not None:
            return f"{source.experiment}.{_UNFIT.sub('_', chosen.rows)}.{self._kind}"
        return f"{source.experiment}{'' if chosen.metrics is None else '.metrics'}.{self._kind}"

    def export(self, source: Source, chosen: argparse.Namespace) -> Iterator[Done]:
        """As the seam says."""
        target = self.target(source, chosen)
        if chosen.rows is not None and (chosen.metrics is not None or chosen.columns):
            raise UsageError("--rows is a table of its own; it goes without --metrics and --columns")
        if target == STDOUT and self._kind != "csv":
            raise UsageError(f"{self._kind} is not for the standard output; name a file")
        if not Path(target).parent.exists():
            raise UsageError(f"{target}: there is no folder {Path(target).parent}; make it first")
        rows = list(source.families() if chosen.children else source.rows())
        names = selectors.known(rows)
        columns = reading.resolve_columns(selectors.listed(chosen.columns), names) if chosen.columns else None
        if chosen.rows is not None:
            frame = table.framed(rows_of(source.reader, rows, chosen.rows, f"the runs of `{source.experiment}`"))
            parts = iter([frame])
        elif chosen.metrics is None:
            frame = table.framed(reading.values(rows, columns or _everything(rows, names, children=chosen.children)))
            parts = iter([frame])
        else:
            frame = table.framed(reading.values(rows, columns) if columns else reading.run_columns(rows))
            parts = exported.tidy(frame, reading.points_of(source.reader, rows, _metrics(chosen.metrics, names)))
        self._write(parts, frame, target)
        yield Done("written", target)

    def _write(self, parts: Iterator["DataFrame"], types: "DataFrame", target: str) -> None:
        if target == STDOUT:
            sys.stdout.flush()
            exported.pour_csv(parts, sys.stdout.buffer)
            return
        try:
            with files.replacing(Path(target)) as descriptor, os.fdopen(os.dup(descriptor), "wb") as file:
                self._pour(parts, types, file)
        except OSError as error:
            raise StoreError(f"{target}: {error.strerror or error}") from error

    def _pour(self, parts: Iterator["DataFrame"], types: "DataFrame", file: BinaryIO) -> None:
        if self._kind == "csv":
            exported.pour_csv(parts, file)
        else:
            exported.pour_parquet(parts, types, file)


def _everything(rows: list[Row], names: Names, *, children: bool) -> dict[str, Selector]:
    """What there is to say of runs; with child runs also which run they are of, and what they are called."""
    found = reading.default_columns(rows, names)
    return {**found, "run.parent": Selector("run", "parent"), "run.name": Selector("run", "name")} if children else found


def _metrics(asked: list[str], names: Names) -> list[str] | None:
    """The metrics to write; None: all but the system's."""
    wanted = [name for text in asked for name in text.split(",") if name]
    for name in wanted:
        if name not in names.metrics:
            raise UsageError(f"there is no metric `{name}`; {did_you_mean(name, sorted(names.metrics), 'metrics')}")
    if not names.metrics:
        raise IncompleteError("these runs have logged no metrics")
    return wanted or None
