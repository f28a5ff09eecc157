"""What a check measures: runs -> groups -> estimates."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from runner import codec
from runner import where as conditions
from runner.checks.aggregating import AGGREGATIONS, CERTAIN, Estimate, estimate, plain, undefined
from runner.checks.check import Check
from runner.checks.groups import Group, point
from runner.errors import UsageError
from runner.selectors import MISSING, Names, Row, Selector, known, of_table, parse, resolve, said, with_columns
from runner.suggest import nearest

NAMED: Final = 20
"""A verdict names so many of its runs at most."""


class Reason(StrEnum):
    """Why a check does not pass, or says nothing."""

    BREACH = "breach"
    METRIC = "missing metric"
    NAN = "NaN"
    KIND = "not a number"
    RANGE = "beyond float64"
    RUNS = "no runs"
    GROUP = "missing group"
    EXTRA = "extra group"
    BASELINE = "not in the baseline"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no estimate."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found for a check."""

    agg: str
    groups: Mapping[Group, Estimate | Trouble] = field(default_factory=dict)
    """In the order of the runs."""
    trouble: Trouble | None = None
    """Why there are no groups at all."""
    runs: Mapping[Group, tuple[str, ...]] = field(default_factory=dict)
    """Ids of the runs of each group, the first NAMED of them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Completed runs, and where they are from."""

    rows: Sequence[Row]
    names: Names
    told: str
    """In words: `results/coins`, `git:main`."""
    table: bool = False
    """They come from a table alone: whatever is no param is a field."""

    @classmethod
    def of(cls, rows: Iterable[Row], told: str, *, table: bool = False, columns: Sequence[tuple[str, str]] | None = None) -> "Sample":
        """The sample of these runs. `columns`: `results.columns` of their experiment, empty where it has none; None: there is no table of
        theirs, or nobody knows.
        """
        kept = list(rows)
        names = known(kept)
        if table:
            names = of_table(names, columns)
        elif columns is not None:
            names = with_columns(names, columns)
        return cls(kept, names, told, table)


def measure(check: Check, sample: Sample, *, lenient: bool = False) -> Measured:
    """The estimates of a check's groups among the runs of a sample.

    `lenient`: runs without the value are left out; else one of them makes its group a Trouble, as NaN and what is no number always do.
    Raises UsageError for a name in `where` or `group_by` that no run has.
    """
    rows = _satisfying(check, sample)
    found = _resolve(check, sample)
    if isinstance(found, Trouble):
        return Measured(check.agg or "mean", trouble=found)
    selector, agg = found
    aggregated = bool(check.agg) or agg != ""
    agg = check.agg or agg or "mean"
    if check.n_sigma is not None and agg not in CERTAIN:
        raise UsageError(f"check `{check.name}`: the standard error of `{agg}` is not known; n_sigma goes with {', '.join(CERTAIN)}")
    if not rows:
        what = f"satisfies `{check.where}`" if check.where else "is completed"
        return Measured(agg, trouble=Trouble(Reason.RUNS, f"no run of {sample.told} {what}"))
    group_of = _grouping(check, sample, aggregated=aggregated)
    members: dict[Group, list[Row]] = {}
    for row in rows:
        members.setdefault(group_of(row), []).append(row)
    alike = check.group_by is not None
    return Measured(
        agg,
        {group: _estimate(some, selector, agg, lenient=lenient, alike=alike) for group, some in members.items()},
        runs={group: tuple(row.record.id_run for row in some[:NAMED]) for group, some in members.items()},
    )


def _satisfying(check: Check, sample: Sample) -> Sequence[Row]:
    if not check.where:
        return sample.rows
    try:
        holds = conditions.parse(check.where).bind(sample.names)
    except UsageError as error:
        raise UsageError(f"check `{check.name}`, in {sample.told}: {error}") from None
    return [row for row in sample.rows if holds(row)]


def _resolve(check: Check, sample: Sample) -> tuple[Selector, str] | Trouble:
    """What is measured of a run, and the aggregation that the text ends in."""
    text = check.metric
    try:
        return resolve(text, sample.names), ""
    except UsageError as error:
        problem = str(error)
    atoms = parse(text)
    if not check.agg and len(atoms) > 1 and not atoms[-1].quoted and atoms[-1].text in AGGREGATIONS:
        try:
            return resolve(text.rstrip().removesuffix(f".{atoms[-1].text}"), sample.names), atoms[-1].text
        except UsageError as error:
            problem = str(error)
    elif not check.agg and len(atoms) > 1 and not atoms[-1].quoted:
        problem = _misspelt(text.strip(), atoms[-1].text, sample) or problem
    return Trouble(Reason.METRIC, f"{sample.told}: {problem}")


def _misspelt(text: str, last: str, sample: Sample) -> str:
    """What to say of `acc.meen`, where `acc` has a value a run; "" where that is not it."""
    stem, close = text.removesuffix(f".{last}"), nearest(last, AGGREGATIONS)
    try:
        single = resolve(stem, sample.names).kind != "metrics"  # of these, there are parts as well
    except UsageError:
        single = False
    return f"there is no {said(text)}; did you mean {said(f'{stem}.{close}')}?" if single and close else ""


def _grouping(check: Check, sample: Sample, *, aggregated: bool) -> Callable[[Row], Group]:
    if check.group_by is None:
        return (lambda _: Group()) if aggregated else lambda row: point(row, sample.names.params)
    try:
        chosen = {name: resolve(name, sample.names) for name in check.group_by}
    except UsageError as error:
        raise UsageError(f"check `{check.name}`, group_by, in {sample.told}: {error}") from None

    def group(row: Row) -> Group:
        values = {name: selector.value(row) for name, selector in chosen.items()}
        return Group.of({name: None if value is MISSING else value for name, value in values.items()})

    return group


def _estimate(rows: Sequence[Row], selector: Selector, agg: str, *, lenient: bool, alike: bool) -> Estimate | Trouble:
    strata: dict[Group, list[float]] = {}
    lacking = nans = 0
    for row in rows:
        value = selector.value(row)
        if value is MISSING:
            lacking += 1
        elif not isinstance(value, int | float):
            if agg != "count":
                return Trouble(Reason.KIND, f"{selector.spelling} is {codec.dumps(value)} in run {row.record.id_run}")
            strata.setdefault(point(row), []).append(1.0)
        else:
            nans += undefined(value)
            strata.setdefault(point(row), []).append(plain(value))
    if agg != "count" and nans:
        return Trouble(Reason.NAN, f"{selector.spelling} is NaN in {nans} of {len(rows)} runs")
    if agg != "count" and lacking and (not lenient or lacking == len(rows)):
        return Trouble(Reason.METRIC, f"{lacking} of {len(rows)} runs have no {selector.spelling}")
    if agg == "count":
        return Estimate(value=float(len(rows) - lacking), n=len(rows) - lacking, points=len(strata))
    try:
        made = estimate(agg, strata.values(), alike=alike)
    except OverflowError:
        return Trouble(Reason.RANGE, f"the {agg} of {len(rows)} runs cannot be told: {selector.spelling} is an integer beyond all floats")
    return Trouble(Reason.NAN, f"the {agg} of {made.n} runs is not defined") if undefined(made.value) else made
