"""Lines of a comparison, for people and for programs."""

import json
import os
import platform
from collections.abc import Sequence
from typing import Any

from benchmarks.case import Bar, Figure
from benchmarks.compare import Line

HEAD = ("case", "ours", "peer", "ratio", "bar", "verdict", "against")


def as_table(lines: Sequence[Line]) -> str:
    """One line a figure, medians; below it the reasons of those that could not be measured."""
    rows = [HEAD, *map(_row, lines)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    text += [f"\n{line.name}: {line.error}" for line in lines if line.error]
    most = max((len(line.ours) for line in lines), default=0)
    return "\n".join([*text, f"\nmedians of up to {most}; {_cpus()} cpus, Python {platform.python_version()}"])


def as_json(lines: Sequence[Line]) -> str:
    """Everything that was measured."""
    told = [_told(line) for line in lines]
    return json.dumps({"cpus": _cpus(), "python": platform.python_version(), "figures": told}, indent=1)


def _row(line: Line) -> tuple[str, ...]:
    ours, peer = line.medians
    ratio = f"{line.ratio:.2f}" if line.ratio is not None and line.ratio >= 0.01 else f"{line.ratio:.2g}" if line.ratio else "-"
    verdict = "not measured" if line.error else {None: "-", True: "met", False: "MISSED"}[line.met]
    return _name(line), _number(ours, line.figure), _number(peer, line.figure), ratio, _bar(line.figure), verdict, line.versus or "-"


def _told(line: Line) -> dict[str, Any]:
    ours, peer = line.medians
    bar = line.figure.bar
    return {
        "case": _name(line),
        "against": line.versus or None,
        "unit": line.figure.unit,
        "ours": ours,
        "peer": peer,
        "ratio": line.ratio,
        "bar": {"limit": bar.limit, "relative": bar.relative} if bar else None,
        "met": line.met,
        "measured": {"ours": line.ours, "peer": line.peer},
        "error": line.error or None,
    }


def _name(line: Line) -> str:
    return f"{line.name}: {line.figure.about}" if line.figure.about else line.name


def _number(value: float | None, figure: Figure) -> str:
    if value is None:
        return "-"
    return f"{value:,.{2 if value < 10 else 1 if value < 1000 else 0}f} {figure.unit}".rstrip()


def _bar(figure: Figure) -> str:
    match figure.bar:
        case None:
            return "-"
        case Bar(limit=limit, relative=True):
            return f"<= {limit:g} x peer"
        case Bar(limit=limit):
            return f"<= {limit:g} {figure.unit}".rstrip()


def _cpus() -> int:
    return len(os.sched_getaffinity(0))
