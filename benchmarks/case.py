"""What a measurement is: a command of ours, a command of a peer, and the figures that are read from both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import Program
from benchmarks.process import Usage, run

REPOSITORY = Path(__file__).parents[1]
FOLDER = "{folder}"
"""Stands in a command for the folder that an execution may write to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command line, run at the repository's root."""

    program: Program
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    watched: bool = False
    """Whether its memory and its files are looked at while it runs."""

    def execute(self, programs: Mapping[Program, str], folder: Path) -> Usage:
        """Run it, `{folder}` replaced."""
        return run(
            [programs[self.program], *(argument.replace(FOLDER, str(folder)) for argument in self.arguments)],
            cwd=REPOSITORY,
            variables={name: value.replace(FOLDER, str(folder)) for name, value in self.variables.items()},
            watched=self.watched,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The most that a figure may be."""

    limit: float
    relative: bool
    """Whether the limit is on the ratio to the peer, or on our own figure."""

    def met(self, ours: float, peer: float | None) -> bool | None:
        """Whether it is kept; None where it is relative and there is no peer."""
        if not self.relative:
            return ours <= self.limit
        return ours <= self.limit * peer if peer else None


def seconds(usage: Usage) -> float:
    """Wall time of the whole process."""
    return usage.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number that is read from an execution."""

    unit: str = "s"
    ours: Callable[[Usage], float] = seconds
    peer: Callable[[Usage], float] = seconds
    bar: Bar | None = None
    """None: told for information."""
    about: str = ""
    """What it is, where the case's name does not say it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Ours and a peer, in turn."""

    name: str
    ours: Command
    peer: Command | None = None
    versus: str = ""
    """What the peer is."""
    figures: tuple[Figure, ...] = (Figure(),)
    prepare: Command | None = None
    """Run once; then all executions share its folder. None: every execution has an empty folder of its own."""
    long: bool = False
    """Takes minutes: measured on demand, and once."""
