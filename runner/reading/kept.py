"""What runs keep besides their records: metrics, files, output."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from runner.errors import IncompleteError, UsageError
from runner.reading.finding import Selection
from runner.replaced import Places
from runner.selectors import PARTS, Names, Row, resolve
from runner.stores.base import Reader
from runner.suggest import did_you_mean

STREAMS: Final = ("stdout", "stderr")
ARTIFACT_COLUMNS: Final = ("id_run", "path", "size", "sha256", "kind", "step", "file")


def check_metrics(wanted: Iterable[str], chosen: Selection, experiment: str) -> None:
    """Raise IncompleteError when no run has logged one of these metrics, with the nearest that there is, or any metric at all."""
    for name in wanted if chosen.names.metrics else ("",):
        check_metric(name, chosen.names.metrics, f"the runs of `{experiment}`")


def check_metric(name: str, known: Iterable[str], whose: str) -> None:
    """Raise IncompleteError, with the nearest one, when the metric is none of those; `whose` says where it is not."""
    metrics = frozenset(known)
    if name in metrics:
        return
    if not metrics:
        raise IncompleteError(f"{whose} have no metrics")
    try:
        selector = resolve(name, Names(metrics=metrics))
    except UsageError:
        raise IncompleteError(f"{whose} have no metric `{name}`; {did_you_mean(name, sorted(metrics), 'metrics')}") from None
    if selector.kind == "metrics":
        more = f"; `xrun ls EXPERIMENT --columns '{name}'` shows it" if name.rpartition(".")[2] in PARTS else ""
        raise UsageError(f"`{name}` is one value a run, the points are those of the metric `{selector.name}`{more}")
    raise IncompleteError(f"{whose} have no metric `{name}`; metrics: {', '.join(sorted(metrics))}")


def artifact_rows(reader: Reader, rows: Sequence[Row], folder: Path) -> list[dict[str, Any]]:
    """The files that these runs keep: ARTIFACT_COLUMNS -> value, a mapping a file. `folder` is the workspace's, of artifacts."""
    kept, places = reader.artifacts([row.record.id_run for row in rows]), Places(folder)
    lines = []
    for id_run, epoch in ((row.record.id_run, row.record.epoch) for row in rows):
        for a in kept.get(id_run, ()):
            told = (id_run, a.path, a.size, a.sha256, a.kind, a.step, str(places.of(id_run, epoch) / a.path))
            lines.append(dict(zip(ARTIFACT_COLUMNS, told, strict=True)))
    return lines


def output_of(reader: Reader, id_run: str, stream: str | None = None, after: int = 0) -> Iterator[tuple[int, str, str]]:
    """What a run wrote, in the order in which it was kept: a growing number, the stream, the text; parts behind number `after`."""
    parts = [_numbered(reader, id_run, one, after) for one in STREAMS if stream in (None, one)]
    return heapq.merge(*parts, key=lambda part: part[0])


def _numbered(reader: Reader, id_run: str, stream: str, after: int) -> Iterator[tuple[int, str, str]]:
    for number, text in reader.output(id_run, stream, after):
        yield number, stream, text
