"""What `xrun ls` says without a name: the experiments of a project."""

import argparse
import json
import time
from collections import Counter, defaultdict
from typing import Any, Final

from runner import stores
from runner.commands import shown
from runner.record import Standing, Status

_KINDS: Final = (*Status, *Standing)
_ALWAYS: Final = ("experiment", "runs", "completed", "failed", "running", "last run")
"""Columns that people look for; the others are left out where no experiment has such runs."""


def show(reader: stores.SqliteReader, chosen: argparse.Namespace) -> None:
    """Print name, runs by status and start of the last invocation of every experiment, the latest first."""
    now = _now(reader)
    found = [(name, Counter(counts) + now[name], started) for name, counts, started in reader.experiments()]
    if chosen.json:
        for name, counts, started in found:
            told = {kind.lower(): counts[kind] for kind in Standing}
            ended = {kind.value: counts[kind] for kind in Status if counts[kind]}
            print(json.dumps({"experiment": name, "counts": ended, **told, "last": started}))
        return
    head = ("experiment", "runs", *(kind.lower() for kind in _KINDS), "last run")
    lines: list[tuple[Any, ...]] = [
        (name, sum(counts[kind] for kind in Status), *(counts[kind] for kind in _KINDS), _when(started)) for name, counts, started in found
    ]
    kept = [n for n, name in enumerate(head) if chosen.csv or name in _ALWAYS or any(line[n] for line in lines)]
    shown.show([head[n] for n in kept], [[line[n] for n in kept] for line in lines], chosen)


def _now(reader: stores.SqliteReader) -> "defaultdict[str, Counter[str]]":
    """Experiment -> how many of its runs execute now, again or for the first time, and how many are lost."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    attempts = [attempt for attempt in reader.unfinished() if not attempt.parent]
    ended = reader.find([attempt.id_run for attempt in attempts])
    for attempt in attempts:
        if not attempt.lost:
            found[attempt.experiment][Standing.RUNNING] += 1
        elif attempt.id_run not in ended:
            found[attempt.experiment][Standing.LOST] += 1
    return found


def _when(started: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started))
