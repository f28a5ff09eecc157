"""What a check measures: runs -> groups -> estimates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from runner import codec
from runner import where as conditions
from runner.checks.aggregating import CERTAIN, Estimate, estimate, plain
from runner.checks.check import Check
from runner.checks.groups import Group, point
from runner.checks.meaning import Reason, Sample, Trouble, meaning
from runner.errors import UsageError
from runner.numeric import is_nan
from runner.selectors import MISSING, Row, Selector, resolve

NAMED: Final = 20
"""A verdict names so many of its runs at most."""


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


def measure(check: Check, sample: Sample, *, lenient: bool = False) -> Measured:
    """The estimates of a check's groups among the runs of a sample.

    `lenient`: runs without the value are left out; else one of them makes its group a Trouble, as NaN and what is no number always do.
    Raises UsageError for a name in `where` or `group_by` that no run has.
    """
    rows = _satisfying(check, sample)
    found = meaning(check, sample)
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
            nans += is_nan(value)
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
    return Trouble(Reason.NAN, f"the {agg} of {made.n} runs is not defined") if is_nan(made.value) else made
