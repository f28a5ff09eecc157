"""Runs, or the points of their metrics, as one CSV or Parquet file."""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from runner import files, selectors
from runner.errors import IncompleteError, StoreError, UsageError
from runner.exports.base import Done, Source
from runner.selectors import MISSING, Names, Row, Selector
from runner.suggest import did_you_mean
from runner.table import exported

if TYPE_CHECKING:
    from runner.table import DataFrame

HIDDEN = "system/"
"""Metrics with this prefix are written only when they are named."""
STDOUT = "-"
_COMMA = re.compile(r",(?=(?:[^`]*`[^`]*`)*[^`]*$)")
"""A comma that does not stand in backticks."""


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
        parser.add_argument("--columns", metavar="A,B", help="what of a run becomes columns, as selectors: `error,loss.min,params.lr`")

    def target(self, source: Source, chosen: argparse.Namespace) -> str:
        """As the seam says."""
        if chosen.file:
            return str(chosen.file)
        return f"{source.experiment}{'' if chosen.metrics is None else '.metrics'}.{self._kind}"

    def export(self, source: Source, chosen: argparse.Namespace) -> Iterator[Done]:
        """As the seam says."""
        target = self.target(source, chosen)
        if target == STDOUT and self._kind != "csv":
            raise UsageError(f"{self._kind} is not for the standard output; name a file")
        rows = list(source.rows())
        names = selectors.known(rows)
        if chosen.metrics is None:
            frame = _frame(rows, _chosen(chosen.columns, names) or _everything(rows))
            parts = iter([frame])
        else:
            frame = _frame(rows, {"id_run": Selector("run", "id_run"), **(_chosen(chosen.columns, names) or _point(rows))})
            parts = exported.tidy(frame, _points(source, rows, _metrics(chosen.metrics, names)))
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


def _frame(rows: list[Row], columns: dict[str, Selector]) -> "DataFrame":
    values = {name: [selector.value(row) for row in rows] for name, selector in columns.items()}
    return exported.framed({name: [None if value is MISSING else value for value in some] for name, some in values.items()})


def _chosen(columns: str | None, names: Names) -> dict[str, Selector]:
    """Name -> selector of the columns asked for, as they were written; empty where none were."""
    texts = [text.strip() for text in _COMMA.split(columns)] if columns else []
    return {text: selectors.resolve(text, names) for text in texts}


def _everything(rows: list[Row]) -> dict[str, Selector]:
    """All that there is of a run: id, status, point, fields, the last values of metrics, logged parameters."""
    found = [Selector("run", "id_run"), Selector("run", "status")]
    found += [Selector("params", name) for name in _ordered(row.params for row in rows)]
    found += [Selector("fields", name) for name in _ordered(row.fields for row in rows)]
    found += [Selector("metrics", n, "last") for n in _ordered(row.metrics for row in rows) if not n.startswith(HIDDEN)]
    found += [Selector("logged", name) for name in _ordered(row.logged for row in rows)]
    columns: dict[str, Selector] = {}
    for selector in found:
        columns[selector.spelling if selector.name in columns else selector.name] = selector
    return columns


def _point(rows: list[Row]) -> dict[str, Selector]:
    """The params, which say to people which run it is. The names of a point's own columns are not free."""
    taken = ("id_run", "metric", "step", "time", "value")
    return {f"params.{n}" if n in taken else n: Selector("params", n) for n in _ordered(row.params for row in rows)}


def _ordered(names: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))


def _metrics(asked: list[str], names: Names) -> list[str] | None:
    """The metrics to write; None: all but the system's."""
    wanted = [name for text in asked for name in text.split(",") if name]
    for name in wanted:
        if name not in names.metrics:
            raise UsageError(f"there is no metric `{name}`; {did_you_mean(name, sorted(names.metrics), 'metrics')}")
    if not names.metrics:
        raise IncompleteError("these runs have logged no metrics")
    return wanted or None


def _points(source: Source, rows: list[Row], wanted: list[str] | None) -> Iterator[exported.Series]:
    for position, row in enumerate(rows):
        for name in row.metrics if wanted is None else wanted:
            if name in row.metrics and (wanted is not None or not name.startswith(HIDDEN)):
                for steps, values, times in source.reader.points(row.record.id_run, name):
                    yield position, name, steps, values, times
