"""What runs log, as frozen values on their way from a worker to the store."""

from dataclasses import dataclass
from typing import TypeAlias

from runner.logged.points import Points


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
class Begun:
    """Where an attempt begins that was given the state of an earlier one; told before it logs anything else."""

    steps: int
    """Behind so many first steps, whose state it has taken over; 0: that is not whole any more, and they are executed."""


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


Entry: TypeAlias = Points | Loaded | Rows | Params | Artifact | Output | Progress | Trouble | Child | Prefix | Restart | Begun

Entries: TypeAlias = tuple[tuple[str, Entry], ...]
"""What was logged, in order; each with the id of the child run that it belongs to, or "" for the run itself."""
