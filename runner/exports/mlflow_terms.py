"""A run in MLflow's terms: names, params, tags, metrics and batches within its limits. Pure; MLflow itself is not needed here."""

import json
import posixpath
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from runner.exports.base import ExportWarning, Source, ended, label, number, parameters, plain, shown
from runner.record import Provenance, Record, Status
from runner.selectors import Row

MAX_NAME, MAX_PARAM, MAX_TAG = 250, 6000, 8000
"""Characters."""
MAX_ENTITIES, MAX_PAIRS, MAX_BYTES = 1000, 100, 900_000
"""Of one request: all together, params or tags, bytes. MLflow takes 1,000,000 bytes."""
_OVERHEAD = 120
"""Bytes that a metric, param or tag needs in a request besides its texts."""

STATUS: Final[Mapping[Status, str]] = {
    Status.COMPLETED: "FINISHED",
    Status.FAILED: "FAILED",
    Status.CRASHED: "FAILED",
    Status.TIMED_OUT: "KILLED",
    Status.CANCELLED: "KILLED",
    Status.SKIPPED: "KILLED",
}
"""MLflow has no word for a run that was not to be executed; the tag xrun.status keeps ours."""

FORMAT: Final = 1
"""Counts up when runs that were exported before should be exported anew."""
EXPORTED: Final = "xrun.exported"
"""The tag that a run gets last, see `execution`."""

Point: TypeAlias = tuple[str, float, int, int]
"""Metric name, value, Unix milliseconds, step."""
Pair: TypeAlias = tuple[str, str]


class Keys:
    """Names as MLflow takes them, of distinct ones distinct ones; what is the same name always becomes the same."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        """The name to use. Warns where it is another one."""
        if name not in self._given:
            key, number = _key(name), 1
            while key in self._taken:
                number += 1
                key = f"{_key(name)[: MAX_NAME - 8]}_{number}"
            self._taken.add(key)
            self._given[name] = key
            if key != name:
                warnings.warn(f"MLflow does not take the name {name[:300]!r}; it becomes {key!r}", ExportWarning, stacklevel=2)
        return self._given[name]


def _key(name: str) -> str:
    key = re.sub(r"[^/\w.\- :]", "_", name)[:MAX_NAME]
    if key.startswith(("..", "/")) or posixpath.normpath(key) in ("..", ".") or posixpath.normpath(key) != key:
        key = key.replace("/", "_").lstrip(".") or "_"
    return key


def params(row: Row) -> list[Pair]:
    """All parameters as text. Warns of those that are cut."""
    keys = Keys()
    return [(keys(name), _cut(shown(value), MAX_PARAM, f"param {name}")) for name, value in parameters(row).items()]


def points(source: Source, row: Row) -> Iterator[Point]:
    """All points of all metrics, then the fields that are numbers as metrics of one point, then what the run has used."""
    keys = Keys()
    for name in row.metrics:
        for steps, values, times in source.reader.points(row.record.id_run, name):
            for step, value, time in zip(steps, values, times, strict=True):
                yield keys(name), value, int(time * 1000), step
    end = int(ended(row.record) * 1000)
    for name, found in row.fields.items():
        if (amount := number(found)) is not None:
            yield keys(f"fields.{name}" if name in row.metrics else name), amount, end, 0
    used = {"system/cpu_seconds": row.record.cpu_seconds, "system/max_rss_mb": row.record.max_rss / 1e6}
    for name, amount in used.items():
        if amount > 0 and name not in row.metrics:
            yield keys(name), amount, end, 0


def first_tags(row: Row, provenance: Provenance, parent: str | None) -> dict[str, str]:
    """The tags that a run has from its beginning: whose it is and where it comes from."""
    record, git = row.record, provenance.git
    tags = {
        "xrun.id_run": record.id_run,
        "xrun.experiment": record.experiment,
        "mlflow.user": provenance.user,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": " ".join(provenance.argv),
        "mlflow.source.git.commit": git and git.commit,
        "mlflow.source.git.branch": git and git.branch,
        "mlflow.source.git.repoURL": git and git.remote,
        "mlflow.source.git.dirty": git and str(git.dirty).lower(),
        "mlflow.parentRunId": parent,
    }
    return {name: _cut(value, MAX_TAG, f"tag {name}") for name, value in tags.items() if value}


_OURS: Final = frozenset(("xrun.id_run", "xrun.experiment", EXPORTED, "mlflow.parentRunId"))


def more_tags(row: Row) -> list[Pair]:
    """The run's own tags, the fields that are no numbers, and how it ended."""
    record, keys = row.record, Keys()
    tags: dict[str, Any] = {name: "" if value is None else value for name, value in row.tags.items() if name not in _OURS}
    others = {name: value for name, value in row.fields.items() if value is not None and number(value) is None}
    tags |= {f"fields.{name}" if name in tags else name: value for name, value in others.items()}
    tags |= {"xrun.status": record.status.value, "xrun.seed": record.seed, "xrun.attempt": record.attempt}
    if record.failure is not None:
        tags["xrun.failure"] = f"{record.failure.kind}: {record.failure.message}"[:MAX_TAG]
        tags["xrun.traceback"] = record.failure.traceback[-MAX_TAG:]  # its end says most
    return [(keys(name), _cut(shown(value), MAX_TAG, f"tag {name}")) for name, value in tags.items()]


def execution(record: Record) -> str:
    """Which execution of a run this is; a run that was executed again is exported again."""
    return f"{FORMAT} {record.epoch} {record.attempt} {record.started!r} {record.status.value}"


def run_name(row: Row) -> str:
    """The point, so that people see which run it is."""
    return label(row)[:MAX_NAME]


def tables(source: Source, record: Record) -> Iterator[Pair]:
    """The logged tables: path and text, as MLflow's own `log_table` writes them."""
    for name, parts in source.reader.tables(record.id_run).items():
        columns = list(dict.fromkeys(column for part in parts for column in part))
        data: list[list[Any]] = []
        for part in parts:
            count = max(map(len, part.values()), default=0)
            data += map(list, zip(*(part.get(column) or [None] * count for column in columns), strict=True))
        yield f"tables/{_key(name)}.json", json.dumps(plain({"columns": columns, "data": data}))


@dataclass(slots=True)
class Batch:
    """What fits into one request."""

    metrics: list[Point] = field(default_factory=list)
    params: list[Pair] = field(default_factory=list)
    tags: list[Pair] = field(default_factory=list)
    size: int = 0
    """Bytes, about."""

    def takes(self, kind: str, more: int) -> bool:
        """Whether there is room for one more."""
        total = len(self.metrics) + len(self.params) + len(self.tags)
        return total < MAX_ENTITIES and self.size + more <= MAX_BYTES and (kind == "metrics" or len(getattr(self, kind)) < MAX_PAIRS)


def batches(params: Iterable[Pair], tags: Iterable[Pair], metrics: Iterable[Point]) -> Iterator[Batch]:
    """Everything in as few requests as MLflow's limits allow, in order; at least one."""
    batch = Batch()
    for kind, items in (("params", params), ("tags", tags), ("metrics", metrics)):
        for item in items:
            more = _OVERHEAD + (len(item[0]) * 2 if kind == "metrics" else len(json.dumps(item)))
            if not batch.takes(kind, more):
                yield batch
                batch = Batch()
            getattr(batch, kind).append(item)
            batch.size += more
    yield batch


def _cut(text: str, limit: int, what: str) -> str:
    if len(text) <= limit:
        return text
    warnings.warn(f"{what} has {len(text):,} characters; MLflow keeps {limit:,} of them", ExportWarning, stacklevel=3)
    return text[:limit]
