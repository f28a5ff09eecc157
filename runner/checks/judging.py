"""Estimates against limits -> verdicts."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from runner.checks.aggregating import Estimate, difference
from runner.checks.check import Check
from runner.checks.groups import ALL, Group
from runner.checks.meaning import Reason, Trouble
from runner.checks.measuring import Measured
from runner.checks.student import quantile

_ROUNDING = 1e-12
"""Part of the numbers compared that is no difference: 0.3 - 0.2 is not 0.1."""
_CLOSE = 1e-9
"""The same for `==`."""


class Outcome(StrEnum):
    """How a check ended for one group."""

    FAIL = "FAIL"
    WARN = "WARN"
    """It does not hold, and its severity is `warn`."""
    NOTE = "note"
    """It says nothing: there is nothing to compare with, and that is allowed."""
    PASS = "pass"  # noqa: S105 - no password


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check says of one group."""

    check: Check
    group: Group = ALL
    outcome: Outcome
    reason: Reason | None = None
    """None: it holds."""
    text: str = ""
    """What is the matter, for people; "" when it holds."""
    agg: str = ""
    current: Estimate | None = None
    baseline: Estimate | None = None
    edge: float | None = None
    """The value that is just allowed."""
    runs: tuple[str, ...] = field(default=(), compare=False)
    """Ids of the current runs of the group, the first few; none where there is no such group."""

    @property
    def reference(self) -> float | None:
        """What `delta` and `tolerance` count from: the baseline's value."""
        return None if self.baseline is None else self.baseline.value

    @property
    def delta(self) -> float | None:
        """How far the current value is from the reference."""
        return None if self.current is None or self.reference is None else _minus(self.current.value, self.reference)

    @property
    def delta_percent(self) -> float | None:
        """The same in per cent of the reference."""
        if self.delta is None or not self.reference:
            return None
        try:
            return 100 * self.delta / abs(self.reference)
        except OverflowError:
            return None

    @property
    def tolerance(self) -> float | None:
        """How far the edge is from the baseline, of a check that needs one: above 0 where less is better, below where more is."""
        return None if self.edge is None or self.reference is None or not self.check.relative else _minus(self.edge, self.reference)


def _minus(one: float, other: float) -> float | None:
    """The difference; None where an integer is beyond all floats, and the other is a float."""
    try:
        return one - other
    except OverflowError:
        return None


def judge(check: Check, current: Measured, baseline: Measured | None = None, *, lenient: bool = False) -> Iterator[Verdict]:
    """The verdicts of a check, one a group.

    `baseline`: None where there is none; then a check that needs one is told as not in the baseline. `lenient`: what only one side has
    is a note instead of a failure.
    """
    for verdict in _judge(check, current, baseline, lenient=lenient):
        yield replace(verdict, runs=current.runs.get(verdict.group, ()))


def _judge(check: Check, current: Measured, baseline: Measured | None, *, lenient: bool) -> Iterator[Verdict]:
    if current.trouble is not None:
        yield _verdict(check, current.trouble, lenient=False)
        return
    if check.relative and (baseline is None or baseline.trouble is not None):
        missing = baseline.trouble if baseline is not None else None
        text = missing.text if missing else f"the baseline has no `{check.key}`; --update-baseline adds it"
        yield _verdict(check, Trouble(Reason.BASELINE, text), lenient=lenient)
        return
    if check.relative and baseline is not None and baseline.agg != current.agg:
        trouble = Trouble(
            Reason.BASELINE, f"the baseline has the {baseline.agg} where this is the {current.agg}; --update-baseline mends it"
        )
        yield _verdict(check, trouble, lenient=lenient)
        return
    for group, found in current.groups.items():
        yield _one(check, group, found, current.agg, baseline, lenient=lenient)
    if check.relative and baseline is not None:
        for group, known in baseline.groups.items():
            if group not in current.groups:
                trouble = Trouble(Reason.GROUP, f"the baseline has the group {group}, and no run is in it")
                yield _verdict(check, trouble, group, lenient=lenient, baseline=known if isinstance(known, Estimate) else None)


def _one(check: Check, group: Group, found: Estimate | Trouble, agg: str, baseline: Measured | None, *, lenient: bool) -> Verdict:
    known = baseline.groups.get(group) if baseline is not None else None
    base = known if isinstance(known, Estimate) else None
    if isinstance(found, Trouble):
        return _verdict(check, found, group, lenient=False, baseline=base)
    if check.relative and base is None:
        if isinstance(known, Trouble):
            trouble = Trouble(known.reason, f"in the baseline, {known.text}")
        else:
            trouble = Trouble(Reason.EXTRA, f"the baseline has no group {group}")
        return _verdict(check, trouble, group, lenient=lenient and known is None, current=found)
    try:
        edge = _edge(check, agg, found, base)
        holds = _holds(check, found.value, edge, base)
    except OverflowError:
        trouble = Trouble(Reason.RANGE, "what is allowed cannot be told: an integer is beyond all floats")
        return _verdict(check, trouble, group, lenient=False, current=found, baseline=base)
    outcome = Outcome.PASS if holds else Outcome.WARN if check.severity == "warn" else Outcome.FAIL
    return Verdict(
        check=check, group=group, outcome=outcome, reason=None if holds else Reason.BREACH, agg=agg, current=found, baseline=base, edge=edge
    )


def _verdict(
    check: Check,
    trouble: Trouble,
    group: Group = ALL,
    *,
    lenient: bool,
    current: Estimate | None = None,
    baseline: Estimate | None = None,
) -> Verdict:
    outcome = Outcome.NOTE if lenient else Outcome.WARN if check.severity == "warn" else Outcome.FAIL
    return Verdict(check=check, group=group, outcome=outcome, reason=trouble.reason, text=trouble.text, current=current, baseline=baseline)


def _edge(check: Check, agg: str, current: Estimate, base: Estimate | None) -> float:
    """The value that is just allowed. Of a check on equality: the upper one, as far above as the lower one is below."""
    value = base.value if base is not None and check.relative else 0.0
    limit = check.limit.at(value)
    reference = value if check.relative else limit
    sign = -1.0 if check.sign in (">=", ">") else 1.0
    slack = check.atol + (check.rtol * abs(reference) if check.rtol else 0.0)
    noise = _noise(check, agg, current, base if check.relative else None)
    if not slack and not noise:
        return limit  # which may be an integer that no float holds
    edge = limit + sign * slack
    if not noise or check.sign == "==":
        return limit + max(slack, noise) if check.sign == "==" else edge
    sure = sign * min(sign * limit, sign * reference) + sign * noise
    return sign * max(sign * edge, sign * sure)


def _noise(check: Check, agg: str, current: Estimate, base: Estimate | None) -> float:
    """How much worse a value may look by chance; 0 where nothing tells."""
    if check.n_sigma is None:
        return 0.0
    error, df = difference(agg, current, base) if base is not None else (current.se(agg), current.df)
    return quantile(check.n_sigma, df) * error if error and df else 0.0


def _holds(check: Check, value: float, edge: float, base: Estimate | None) -> bool:
    greatest = max(abs(value), abs(edge), abs(base.value) if base is not None else 0.0)
    part = _CLOSE if check.sign == "==" else _ROUNDING
    rounding = part * greatest if greatest < math.inf and not _beyond(greatest) else 0.0
    if check.sign == "==":
        centre = check.limit.at(base.value if base is not None and check.relative else 0.0)
        return value == centre or _apart(value, centre) <= edge - centre + rounding
    if check.sign == "<=":
        return value <= (edge + rounding if rounding else edge)
    if check.sign == ">=":
        return value >= (edge - rounding if rounding else edge)
    return value < edge if check.sign == "<" else value > edge


def _beyond(number: object) -> bool:
    """Whether it is an integer that no float holds, which is compared exactly: nothing else is left an integer."""
    return isinstance(number, int)


def _apart(one: float, other: float) -> float | Fraction:
    try:
        return abs(one - other)
    except OverflowError:
        return abs(Fraction(one) - Fraction(other))
