"""Points of metrics, packed, and what is known of a metric without them."""

import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

INT, FLOAT = "q", "d"
"""`array` type codes of steps and values: 64 bits each."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a metric without its points. NaN and the infinities count in `n_nan` and nowhere else but in first and last."""

    count: int = 0
    n_nan: int = 0
    """Values that are not finite."""
    first: float = math.nan
    """Value of the lowest step; of several with that step, the one logged first."""
    first_step: int = 0
    last: float = math.nan
    """Value of the highest step; of several with that step, the one logged last."""
    last_step: int = 0
    min: float | None = None
    """None while no value is finite."""
    min_step: int = 0
    max: float | None = None
    max_step: int = 0
    total: float = 0.0
    """Sum of the finite values; infinite where that is beyond all floats."""

    @property
    def mean(self) -> float | None:
        """Mean of the finite values."""
        finite = self.count - self.n_nan
        return self.total / finite if finite else None

    @classmethod
    def of(cls, steps: Sequence[int], values: Sequence[float]) -> "Summary":
        """The summary of at least one point, in the order in which they were logged."""
        low, high = min(steps), max(steps)
        last = len(steps) - 1 if steps[-1] == high else len(steps) - 1 - list(reversed(steps)).index(high)
        first = 0 if steps[0] == low else steps.index(low)
        ends: dict[str, Any] = {"first": values[first], "first_step": low, "last": values[last], "last_step": high}
        where: Sequence[int] = steps
        finite: Sequence[float] = values
        if not math.isfinite(sum(values)):  # one pass tells; only then look at each
            kept = [n for n, value in enumerate(values) if math.isfinite(value)]
            finite, where = [values[n] for n in kept], [steps[n] for n in kept]
        if not finite:
            return cls(count=len(values), n_nan=len(values), **ends)
        least, most = min(finite), max(finite)
        return cls(
            count=len(values),
            n_nan=len(values) - len(finite),
            min=least,
            min_step=where[finite.index(least)],
            max=most,
            max_step=where[finite.index(most)],
            total=sum(finite),
            **ends,
        )

    def then(self, later: "Summary") -> "Summary":
        """The summary of these points and, after them, of those."""
        if not self.count:
            return later
        first = self if self.first_step <= later.first_step else later
        last = later if later.last_step >= self.last_step else self
        low = later if self.min is None or (later.min is not None and later.min < self.min) else self
        total = self.total + later.total
        high = later if self.max is None or (later.max is not None and later.max > self.max) else self
        return Summary(
            count=self.count + later.count,
            n_nan=self.n_nan + later.n_nan,
            first=first.first,
            first_step=first.first_step,
            last=last.last,
            last_step=last.last_step,
            min=low.min,
            min_step=low.min_step,
            max=high.max,
            max_step=high.max_step,
            total=math.inf if math.isnan(total) else total,
        )


@dataclass(frozen=True, slots=True)
class Points:
    """Some points of one metric, in the order in which they were logged."""

    name: str
    summary: Summary
    """Of these points alone."""
    start: int
    """Step of the first point."""
    steps: bytes
    """int64, little-endian; empty where the steps are start, start + 1, ..."""
    values: bytes
    """float64, little-endian."""
    begun: float
    """Unix seconds when the first of them was logged."""
    ended: float
    """Unix seconds when the last of them was logged; between the two the times are spread evenly, over a second at most."""

    @classmethod
    def of(cls, name: str, steps: "array[int]", values: "array[float]", begun: float, ended: float) -> "Points":
        """Pack points."""
        start = steps[0]
        even = steps[-1] - start == len(steps) - 1 and steps == array(INT, range(start, start + len(steps)))
        return cls(name, Summary.of(steps, values), start, b"" if even else _little(steps), _little(values), begun, ended)

    def unpacked(self) -> "tuple[array[int], array[float]]":
        """Steps and values."""
        return unpack_points(self.summary.count, self.start, self.steps, self.values)


def unpack_points(count: int, start: int, steps: bytes, values: bytes) -> "tuple[array[int], array[float]]":
    """Steps and values of `count` packed points."""
    where = _native(INT, steps) if steps else array(INT, range(start, start + count))
    return where, _native(FLOAT, values)


def _little(values: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def _native(code: str, data: bytes) -> "array[Any]":
    values = array(code, data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
