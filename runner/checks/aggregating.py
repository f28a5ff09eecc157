"""Values of runs -> one number, and how far it is certain. Integers beyond float64 stay what they are; what cannot be made of them is an
OverflowError.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final


def _sum(values: Sequence[float]) -> float:
    """Exact, where the values are finite."""
    try:
        return math.fsum(values)
    except (ValueError, OverflowError):  # infinities of both signs; beyond all floats
        return plain(sum(values))


def plain(number: float) -> float:
    """As a float, but for an integer that none can hold."""
    try:
        return float(number)
    except OverflowError:
        return number


def _mean(values: Sequence[float]) -> float:
    return _sum(values) / len(values) if len(values) > 1 else values[0]


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else _mean(ordered[half - 1 : half + 1])


def _deviation(points: Sequence[Sequence[float]], df: int) -> float:
    """Standard deviation within the points; not a number where one is infinite."""
    centred = [value - mean for point in points for mean in [_mean(point)] for value in point]
    return math.sqrt(_sum([c * c for c in centred]) / df) if df else math.nan


AGGREGATIONS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "mean": _mean,
    "min": min,
    "max": max,
    "median": _median,
    "std": lambda values: _deviation([values], len(values) - 1),
    "count": len,
    "sum": _sum,
}
"""What can be made of the values of several runs; `std` is the sample's, with n - 1."""

_MEDIAN: Final = math.sqrt(math.pi / 2)
CERTAIN: Final = ("mean", "median", "sum")
"""Aggregations whose standard error is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The value of a group of runs."""

    value: float
    """An int where it is beyond all floats."""
    n: int
    """Runs that it is made of."""
    sd: float | None = None
    """Standard deviation of a single run's value; None where no two runs tell."""
    df: int = 0
    """Degrees of freedom of `sd`."""
    points: int = 1
    """Points of the plan that the runs belong to."""

    def se(self, agg: str) -> float | None:
        """Standard error of the value; None where it is not known."""
        return None if self.sd is None or agg not in CERTAIN else self.sd * _weight(agg, self.n)


def estimate(agg: str, strata: Iterable[Sequence[float]], *, alike: bool = False) -> Estimate:
    """The estimate of some values, at least one, those of runs at the same point together.

    `alike`: where no point has two runs, they are taken for replicates of each other. Raises OverflowError where no float holds it.
    """
    points = list(strata)
    values = [value for point in points for value in point]
    sd, df = scatter(points, alike=alike) if agg in CERTAIN else (None, 0)
    return Estimate(value=plain(AGGREGATIONS[agg](values)), n=len(values), sd=sd, df=df, points=len(points))


def scatter(points: Sequence[Sequence[float]], *, alike: bool) -> tuple[float | None, int]:
    """Standard deviation of a run's value within the points, and its degrees of freedom; `alike` as in `estimate`."""
    df = sum(len(point) - 1 for point in points)
    if not df and alike:
        points = [[value for point in points for value in point]]
        df = len(points[0]) - 1
    if df < 1:
        return None, 0
    try:
        sd = _deviation(points, df)
    except OverflowError:  # of integers beyond all floats
        return None, 0
    return (sd, df) if math.isfinite(sd) else (None, 0)


def difference(agg: str, one: Estimate, other: Estimate) -> tuple[float | None, int]:
    """Standard error of the difference of two estimates and its degrees of freedom; both are taken to scatter alike (pooled)."""
    df = one.df + other.df
    if not df or agg not in CERTAIN:
        return None, 0
    pooled = math.hypot(*(math.sqrt(each.df) * each.sd for each in (one, other) if each.sd is not None)) / math.sqrt(df)
    return pooled * math.hypot(_weight(agg, one.n), _weight(agg, other.n)), df


def _weight(agg: str, n: int) -> float:
    """Standard error of the aggregation of `n` values per standard deviation of one; the median's as for normal noise."""
    if agg == "sum":
        return math.sqrt(n)
    return (_MEDIAN if agg == "median" and n > 2 else 1.0) / math.sqrt(n)
