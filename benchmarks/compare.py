"""Measures a case: ours, the peer, ours, the peer, ..., so that what else the machine does falls on both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, repeat
from pathlib import Path
from shutil import rmtree
from statistics import median

from benchmarks.case import Case, Command, Figure
from benchmarks.peers import Program
from benchmarks.process import ProcessError, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One figure of one case."""

    name: str
    versus: str
    figure: Figure
    ours: tuple[float, ...] = ()
    """Every measurement, in the order made."""
    peer: tuple[float, ...] = ()
    error: str = ""
    """Why there is none."""

    @property
    def medians(self) -> tuple[float | None, float | None]:
        """Of ours and of the peer."""
        return median(self.ours) if self.ours else None, median(self.peer) if self.peer else None

    @property
    def ratio(self) -> float | None:
        """Our median over the peer's."""
        ours, peer = self.medians
        return ours / peer if ours is not None and peer else None

    @property
    def met(self) -> bool | None:
        """Whether the bar is kept; None where there is no bar or nothing was measured."""
        ours, peer = self.medians
        return self.figure.bar.met(ours, peer) if self.figure.bar and ours is not None else None


def compare(case: Case, programs: Mapping[Program, str], scratch: Path, times: int) -> list[Line]:
    """One line for each figure of the case, also where it could not be measured."""
    sides = [case.ours, *([case.peer] if case.peer else [])]
    measured: list[list[Usage]] = [[] for _ in sides]
    try:
        folders = _folders(case, programs, scratch)
        for n in range(1 if case.long else times + 1):
            for side, usages in zip(sides, measured, strict=True):
                usage = _execute(side, programs, next(folders), keep=case.prepare is not None)
                if n or case.long:  # the first one fills caches
                    usages.append(usage)
    except ProcessError as error:
        return [Line(name=case.name, versus=case.versus, figure=figure, error=str(error)) for figure in case.figures]
    ours, peer = measured[0], measured[1] if case.peer else []
    return [
        Line(name=case.name, versus=case.versus, figure=figure, ours=tuple(map(figure.ours, ours)), peer=tuple(map(figure.peer, peer)))
        for figure in case.figures
    ]


def _folders(case: Case, programs: Mapping[Program, str], scratch: Path) -> Iterator[Path]:
    """A folder for each execution: always the one that was prepared, or a new one."""
    home = scratch / case.name.replace(" ", "_")
    if case.prepare is None:
        return (home / str(n) for n in count())
    home.mkdir(parents=True)
    case.prepare.execute(programs, home)
    return repeat(home)


def _execute(command: Command, programs: Mapping[Program, str], folder: Path, *, keep: bool) -> Usage:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return command.execute(programs, folder)
    finally:
        if not keep:
            rmtree(folder)
