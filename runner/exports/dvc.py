"""`params.yaml` and `metrics.json`, from which `dvc params diff` and `dvc metrics diff` tell what differs between two commits.

The files hold nothing that changes by itself (times, ids), so that what has the same results is the same file.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runner import files
from runner.errors import StoreError
from runner.exports.base import Done, Source, label, number, plain
from runner.selectors import Row

_DVC = "# Tells DVC where to look; written once by `xrun export dvc`, yours to edit.\nparams:\n- params.yaml\nmetrics:\n- metrics.json\n"
PARTS = ("min", "max")
"""What of a metric is written besides its last value."""


class Dvc:
    """The exporter."""

    summary = "params.yaml and metrics.json for `dvc metrics diff` and `dvc params diff`"
    example = "xrun export dvc coins"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """As the seam says."""
        parser.add_argument("dir", metavar="DIR", type=Path, nargs="?", help="default: results/EXPERIMENT")

    def target(self, source: Source, chosen: argparse.Namespace) -> str:
        """As the seam says."""
        folder, here = chosen.dir or source.results, Path.cwd()
        return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)

    def export(self, source: Source, chosen: argparse.Namespace) -> Iterator[Done]:
        """As the seam says."""
        import yaml

        folder = Path(self.target(source, chosen))
        rows = list(source.rows())
        texts = {
            "params.yaml": yaml.safe_dump(_params(source, rows), sort_keys=False, allow_unicode=True),
            "metrics.json": json.dumps(_metrics(rows), indent=1, ensure_ascii=False) + "\n",
        }
        if not (folder / "dvc.yaml").exists():
            texts["dvc.yaml"] = _DVC
        for name, text in texts.items():
            try:
                files.put(text.encode(), folder / name)
            except OSError as error:
                raise StoreError(f"{folder / name}: {error.strerror or error}") from error
            yield Done("written", str(folder / name))


def _params(source: Source, rows: list[Row]) -> dict[str, Any]:
    """What was asked for: the experiment's seed, its kwargs, and the values of its axes."""
    axes = _values(row.params.items() for row in rows)
    kwargs = {name: some for name, some in _values(row.kwargs.items() for row in rows).items() if name not in axes}
    told = {
        "seed": source.seed,
        "kwargs": {name: some[0] if len(some) == 1 else some for name, some in kwargs.items()},
        "params": axes,
    }
    return {name: value for name, value in told.items() if value not in (None, {})}


def _values(runs: Iterable[Iterable[tuple[str, Any]]]) -> dict[str, list[Any]]:
    """Name -> its distinct values, in the order of their first appearance."""
    found: dict[str, dict[str, Any]] = {}
    for items in runs:
        for name, value in items:
            found.setdefault(name, {}).setdefault(json.dumps(plain(value)), plain(value))
    return {name: list(values.values()) for name, values in found.items()}


def _metrics(rows: list[Row]) -> dict[str, Any]:
    """Counts by status, the means over the completed runs, and the numbers of each of those."""
    counts: dict[str, int] = {}
    runs: dict[str, dict[str, float]] = {}
    for row in rows:
        counts[row.record.status.value] = counts.get(row.record.status.value, 0) + 1
        if row.record.status.ok:
            name = label(row)
            runs[name if name not in runs else f"{name} ({row.record.id_run[:8]})"] = _numbers(row)
    names = dict.fromkeys(name for run in runs.values() for name in run)
    means = {name: _mean([run[name] for run in runs.values() if name in run]) for name in names}
    return {"counts": dict(sorted(counts.items())), "mean": plain(means), "runs": plain(runs)}


def _numbers(row: Row) -> dict[str, float]:
    """The fields that are numbers; the last values of metrics, and their extremes."""
    found: dict[str, float] = {}
    for name, value in row.fields.items():
        if (amount := number(value)) is not None:
            found[name] = value if isinstance(value, int) and not isinstance(value, bool) else amount
    for name, summary in row.metrics.items():
        if name.startswith("system/"):
            continue
        free = f"metrics.{name}" if name in found else name
        found[free] = summary.last
        for part in PARTS:
            if (extreme := getattr(summary, part)) is not None:
                found[f"{free}.{part}"] = extreme
    return found


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
