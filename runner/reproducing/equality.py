"""Two tables, point by point: the same to the last bit, the same within a tolerance, or where they differ. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from runner import codec
from runner.checks import Group, Sample
from runner.manifest import Manifest
from runner.numeric import is_nan, is_number

STATUS: Final = "status"
COMPLETED: Final = "COMPLETED"
NEVER: Final = "NOT_EXECUTED"


class Verdict(IntEnum):
    """From the best to the worst."""

    SAME = 0
    """To the last bit."""
    CLOSE = 1
    """Within the tolerance."""
    DIFFERENT = 2

    @property
    def told(self) -> str:
        """In a word."""
        return ("same", "close", "different")[self.value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerance:
    """|reproduced - recorded| <= atol + rtol * |recorded|."""

    rtol: float = 0.0
    atol: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A value that is not the same."""

    point: Group
    column: str
    """STATUS: how the run ended."""
    recorded: Any
    """None: there is none."""
    reproduced: Any
    verdict: Verdict

    @property
    def delta(self) -> float | None:
        """How much more than recorded, of numbers."""
        if not is_number(self.recorded) or not is_number(self.reproduced):
            return None
        try:
            return float(self.reproduced) - float(self.recorded)
        except OverflowError:  # an integer that no float holds
            return None


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared: how each run ended, and the values of those that completed."""

    rows: Mapping[Group, Mapping[str, Any]]
    statuses: Mapping[Group, str]
    """Of runs that did not complete."""
    points: tuple[Group, ...] = ()
    """All of them in plan order, as far as it is known."""

    @classmethod
    def of(cls, sample: Sample, manifest: Manifest, ignored: frozenset[str] = frozenset()) -> "Side":
        """Of a table and its manifest, without columns `ignored`."""
        rows = {point(row.params): {name: value for name, value in row.fields.items() if name not in ignored} for row in sample.rows}
        ended = {point(each.params): str(each.status) for each in manifest.unsuccessful}
        points = {row.record.id_run: point(row.params) for row in sample.rows}
        points |= {str(each.id_run): point(each.params) for each in manifest.unsuccessful}
        return cls(rows, ended, tuple(points[name] for name in manifest.runs or () if name in points))

    def only(self, wanted: Group) -> "Side":
        """That run alone."""
        rows = {group: row for group, row in self.rows.items() if group == wanted}
        ended = {group: status for group, status in self.statuses.items() if group == wanted}
        return Side(rows, ended, tuple(group for group in self.points if group == wanted))

    def status(self, group: Group) -> str:
        """How the run ended."""
        return COMPLETED if group in self.rows else self.statuses.get(group, NEVER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """All runs."""

    runs: int
    """That were compared."""
    failed: int
    """Of them: that did not complete, and ended now as they did then."""
    unrecorded: int
    """That have no recorded result, because the sweep was interrupted or `--only` left them out; not compared."""
    cells: tuple[Cell, ...]
    """Values that are not the same, in plan order."""

    @property
    def verdict(self) -> Verdict:
        """The worst of all cells."""
        return max((cell.verdict for cell in self.cells), default=Verdict.SAME)

    @property
    def differences(self) -> tuple[Cell, ...]:
        """Those beyond the tolerance."""
        return tuple(cell for cell in self.cells if cell.verdict is Verdict.DIFFERENT)


def compare(recorded: Side, reproduced: Side, tolerance: Tolerance) -> Compared:
    """Match runs by their point and hold every value against the recorded one. A run that fails again is equal."""
    known = [group for side in (recorded, reproduced) for groups in (side.points, side.rows, side.statuses) for group in groups]
    points = list(dict.fromkeys(known))
    has = [point for point in points if recorded.status(point) not in (NEVER, "CANCELLED")]
    return Compared(
        runs=len(has),
        failed=sum(recorded.status(point) == reproduced.status(point) != COMPLETED for point in has),
        unrecorded=len(points) - len(has),
        cells=tuple(cell for point in has for cell in _cells(point, recorded, reproduced, tolerance)),
    )


def _cells(point: Group, recorded: Side, reproduced: Side, tolerance: Tolerance) -> Iterator[Cell]:
    then, now = recorded.status(point), reproduced.status(point)
    if then != now:
        yield Cell(point=point, column=STATUS, recorded=then, reproduced=now, verdict=Verdict.DIFFERENT)
        return
    if then != COMPLETED:
        return
    olds, news = recorded.rows[point], reproduced.rows[point]
    for name in dict.fromkeys([*olds, *news]):
        old, new = olds.get(name), news.get(name)
        verdict = judge(old, new, tolerance)
        if verdict is not Verdict.SAME:
            yield Cell(point=point, column=name, recorded=old, reproduced=new, verdict=verdict)


def judge(old: Any, new: Any, tolerance: Tolerance) -> Verdict:
    """How equal two values are: their type counts for SAME, and so do -0.0 and NaN; numbers are held against the tolerance."""
    if codec.dumps(old) == codec.dumps(new):
        return Verdict.SAME
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return max((judge(a, b, tolerance) for a, b in zip(old, new, strict=True)), default=Verdict.SAME)
    if is_number(old) and is_number(new):
        return Verdict.CLOSE if _close(old, new, tolerance) else Verdict.DIFFERENT
    return Verdict.DIFFERENT


def _close(old: float, new: float, tolerance: Tolerance) -> bool:
    if old == new or (is_nan(old) and is_nan(new)):
        return True
    try:
        if not (math.isfinite(old) and math.isfinite(new)):
            return False
        return abs(new - old) <= tolerance.atol + tolerance.rtol * abs(old)
    except OverflowError:  # integers that no float holds are equal or not
        return False


def point(params: Mapping[str, Any]) -> Group:
    """What runs are matched by."""
    return Group.at(params)
