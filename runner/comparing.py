"""What differs between two published results: config, code, data, environment, and the tables point by point. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runner.checks import Group, Sample
from runner.dotted import leaves
from runner.manifest import Manifest
from runner.numeric import is_nan, is_number
from runner.selectors import Row
from runner.why import ABSENT

HIDDEN: Final = "system/"
_ENVIRONMENT: Final = ("xrun", "python", "platform", "host", "cpus")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two."""

    told: str
    manifest: Manifest | None
    """None: there is none."""
    config: Mapping[str, Any]
    sample: Sample | None
    """Its table, with metrics beside the columns where the store has them; None: there is no table."""
    runs: Sample | None = None
    """The same runs with everything that the store has of them; None: it has none of them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs."""

    kind: str
    """`config`, `code`, `data` or `environment`."""
    name: str
    old: Any
    new: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of numbers, over the points that both have."""

    name: str
    n: int
    """Points at which both have a number."""
    differing: int
    old: float | None
    """Mean of the first; None where no float holds it."""
    new: float | None
    most: float
    """The greatest difference of a point, by its size; new - old. Infinite where no float holds it."""
    where: Group
    """The point that has it."""

    @property
    def delta(self) -> float | None:
        """Of the means."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """Two tables, matched by point."""

    both: int
    only_old: tuple[Group, ...] = ()
    only_new: tuple[Group, ...] = ()
    columns: tuple[Column, ...] = ()
    texts: Mapping[str, int]
    """Columns of anything else -> points at which they differ, where they do."""
    lost: tuple[str, ...] = ()
    """Columns that only the first has."""
    gained: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        changed = self.only_old or self.only_new or self.lost or self.gained or self.texts
        return not changed and not any(column.differing for column in self.columns)


def changes(old: Side, new: Side) -> list[Change]:
    """What differs besides the tables."""
    found: list[Change] = []
    if old.config and new.config:
        found += _between("config", dict(leaves(_declared(old.config))), dict(leaves(_declared(new.config))))
    if old.manifest is not None and new.manifest is not None:
        found += _between("code", _code(old.manifest), _code(new.manifest))
        found += _between("data", _data(old.manifest), _data(new.manifest))
        found += _between("environment", _environment(old.manifest), _environment(new.manifest))
    return found


def _between(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if before != after or type(before) is not type(after):
            yield Change(kind, name, before, after)


def _declared(config: Mapping[str, Any]) -> Mapping[str, Any]:
    header = config.get("xrun") or {}
    variants = header.get("variants") if isinstance(header, Mapping) else None
    return {"variants": variants} if variants else {key: value for key, value in config.items() if key != "xrun"}


def _code(manifest: Manifest) -> dict[str, Any]:
    git, steps = manifest.git, {f"step {step.name}": step.code for step in manifest.steps}
    return steps if git is None else {"git.commit": git.commit, "git.branch": git.branch, "git.dirty": git.dirty} | steps


def _data(manifest: Manifest) -> dict[str, Any]:
    return {entry.path: entry.actual for entry in manifest.data}


def _environment(manifest: Manifest) -> dict[str, Any]:
    packages = {f"packages.{name}": version for name, version in manifest.packages.items()}
    return {name: getattr(manifest, name) for name in _ENVIRONMENT} | packages


def beside(table: Sample, runs: Sample) -> Sample:
    """The rows of a table, with what metrics the store has of the same runs."""
    metrics = {row.record.id_run: row.metrics for row in runs.rows}
    return Sample.of([Row(row.record, metrics.get(row.record.id_run, {})) for row in table.rows], table.told)


def tables(old: Sample, new: Sample) -> Tables:
    """The tables, matched by point. Metrics count with their last value, where both sides have them."""
    olds, news = _by_point(old), _by_point(new)
    common = [group for group in olds if group in news]
    names = [dict.fromkeys(name for row in side.values() for name in _columns(row)) for side in (olds, news)]
    metrics = [dict.fromkeys(n for row in side.values() for n in row.metrics if not n.startswith(HIDDEN)) for side in (olds, news)]
    columns, texts = [], {}
    for name in dict.fromkeys([*names[0], *metrics[0]]):
        if name not in names[1] and name not in metrics[1]:
            continue
        pairs = [(group, _value(olds[group], name), _value(news[group], name)) for group in common]
        if any(is_number(a) and is_number(b) for _, a, b in pairs):
            columns.append(_column(name, pairs))
        elif differing := sum(a != b for _, a, b in pairs):
            texts[name] = differing
    return Tables(
        both=len(common),
        only_old=tuple(group for group in olds if group not in news),
        only_new=tuple(group for group in news if group not in olds),
        columns=tuple(columns),
        texts=texts,
        lost=tuple(name for name in names[0] if name not in names[1] and name not in metrics[1]),
        gained=tuple(name for name in names[1] if name not in names[0] and name not in metrics[0]),
    )


def _by_point(sample: Sample) -> dict[Group, Row]:
    return {Group.at(row.params, sample.names.params): row for row in sample.rows}


def _columns(row: Row) -> Mapping[str, Any]:
    """The fields, under the names that a table has for them."""
    return {f"fields.{name}" if name in row.params else name: value for name, value in row.fields.items()}


def _value(row: Row, name: str) -> Any:
    field = name.removeprefix("fields.") if name not in row.fields else name
    if field in row.fields and (field != name) is (field in row.params):
        return row.fields[field]
    return row.metrics[name].last if name in row.metrics else None


def _column(name: str, pairs: Sequence[tuple[Group, Any, Any]]) -> Column:
    numbers = [(group, a, b) for group, a, b in pairs if is_number(a) and is_number(b)]
    differing = [(group, _minus(b, a)) for group, a, b in numbers if not _same(a, b)]
    where, most = max(differing, key=lambda pair: math.inf if is_nan(pair[1]) else abs(pair[1]), default=(numbers[0][0], 0.0))
    return Column(
        name=name,
        n=len(numbers),
        differing=len(differing) + sum(is_number(a) is not is_number(b) for _, a, b in pairs),
        old=_mean([a for _, a, _ in numbers]),
        new=_mean([b for _, _, b in numbers]),
        most=most,
        where=where,
    )


def _same(one: float, other: float) -> bool:
    return one == other or (is_nan(one) and is_nan(other))


def _minus(one: float, other: float) -> float:
    """The difference, exact for integers."""
    try:
        return one - other
    except OverflowError:  # an integer that no float holds, and a float
        return math.inf if one > other else -math.inf


def _mean(numbers: Sequence[float]) -> float | None:
    try:
        return sum(numbers) / len(numbers)
    except OverflowError:
        return None
