"""What runs log, as frozen values on their way from a worker to the store.

A worker packs entries as JSON lists, so that nothing which comes from a process that holds user code is ever unpickled; the coordinator
hands the packed series on to the store without looking at each point.
"""

import base64
import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table that a run logs."""

    table: str
    count: int
    columns: str
    """JSON text (`runner.codec`) of column name -> `count` values."""


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters that a step derived and logged."""

    content: str
    """JSON text (`runner.codec`) of dotted name -> value."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a run keeps, below its folder of artifacts."""

    path: str
    """Relative, with `/`."""
    size: int
    """Bytes."""
    sha256: str
    """In hex."""
    kind: str = "file"
    """`file`, `image` or `output` (found in `outputs/` at the end of the run)."""
    step: int | None = None
    """Of an image."""


@dataclass(frozen=True, slots=True)
class Output:
    """Text that a run has written to one of its standard streams."""

    stream: str
    """`stdout` or `stderr`."""
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run says it is."""

    fraction: float
    """0 to 1."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Calls that could not keep what they were given, because of the disk and the like."""

    count: int
    message: str
    """Of the first one."""


@dataclass(frozen=True, slots=True)
class Child:
    """The beginning (`status` is empty) or the end of a child run."""

    id_run: str
    name: str
    params: str = "{}"
    """JSON text."""
    parent: str = ""
    """id_run of the run, or child run, that made it."""
    status: str = ""
    fields: str = "{}"
    tags: str = "{}"
    seed: int = 0
    started: float = 0.0
    """Unix seconds."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Restart:
    """The run executes once more, as the same attempt, because its worker died through no fault of it: what it has logged is void."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The whole state of a run after its first steps, for runs that begin with the same ones."""

    steps: int
    """How many have been executed; 0: all, and what they left is not whole, so that nothing can go on there."""
    fields: str
    """JSON text."""
    tags: str
    tracker: str
    """JSON text of where the tracker stands: steps of metrics, logged parameters."""
    link: str = ""
    """What identifies the run up to here (at its end: its id); known to the coordinator alone."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A source of the project that the worker has loaded and that no step's code digest counts."""

    path: str
    """Below the project root."""
    sha256: str
    """In hex, of the bytes that were loaded."""


Entry: TypeAlias = Points | Loaded | Rows | Params | Artifact | Output | Progress | Trouble | Child | Prefix | Restart

Entries: TypeAlias = tuple[tuple[str, Entry], ...]
"""What was logged, in order; each with the id of the child run that it belongs to, or "" for the run itself."""

_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (Loaded, Rows, Params, Artifact, Output, Progress, Trouble, Child, Prefix, Restart)
}


def pack(entries: Entries) -> list[list[Any]]:
    """Entries as JSON lists."""
    return [_packed(child, entry) for child, entry in entries]


def unpack(rows: Sequence[Sequence[Any]]) -> Entries:
    """What `pack` made. Raises ValueError or TypeError for what it did not make."""
    return tuple((child, _unpacked(kind, parts)) for child, kind, *parts in rows)


def _packed(child: str, entry: Entry) -> list[Any]:
    if not isinstance(entry, Points):
        return [child, type(entry).__name__, *astuple(entry)]
    told = [_told(value) for value in astuple(entry.summary)]
    packed = [base64.b64encode(entry.steps).decode(), base64.b64encode(entry.values).decode()]
    return [child, "Points", entry.name, told, entry.start, *packed, entry.begun, entry.ended]


def _unpacked(kind: str, parts: Sequence[Any]) -> Entry:
    if kind == "Points":
        name, summary, start, steps, values, begun, ended = parts
        told = Summary(*_numbers(summary))
        return Points(name, told, start, base64.b64decode(steps), base64.b64decode(values), begun, ended)
    if kind not in _KINDS:
        raise ValueError(f"there is no entry {kind!r}")
    return _KINDS[kind](*parts)  # type: ignore[no-any-return]


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [float(value) if isinstance(value, str) else value for value in values]


def _told(value: float | None) -> float | str | None:
    """NaN and the infinities as text, which standard JSON has no numbers for."""
    return value if value is None or math.isfinite(value) else repr(value)


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
