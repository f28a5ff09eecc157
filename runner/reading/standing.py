"""Runs that have no record: those that execute for the first time, and those whose process died before they were over."""

import math
import time

from runner.record import Record, Standing
from runner.stores.base import Reader, Unfinished


def standing_in(attempt: Unfinished) -> Record:
    """What stands in listings for the record that there is not: id, params, and what was logged; how long it has been executing."""
    status = Standing.LOST if attempt.lost else Standing.RUNNING
    return Record(
        id_run=attempt.id_run,
        experiment=attempt.experiment,
        status=status,  # type: ignore[arg-type] # it is no outcome, and never kept
        params_json=attempt.params_json,
        started=attempt.started,
        seconds=math.nan if attempt.lost else elapsed(attempt),
        parent=attempt.parent,
        name=attempt.name,
    )


def elapsed(attempt: Unfinished) -> float:
    """Seconds since it was first heard of."""
    return max(0.0, time.time() - attempt.started)


def unfinished(reader: Reader, experiment: str, *, children: bool = False) -> list[Record]:
    """Runs of an experiment that execute now or are lost: their records, or what stands in for them; child runs only if asked for."""
    known = [attempt for attempt in reader.unfinished(experiment) if children or not attempt.parent]
    ended = reader.find([attempt.id_run for attempt in known])  # afterwards: what has ended meanwhile is there
    return [ended.get(a.id_run) or standing_in(a) for a in known if not (a.lost and a.id_run in ended)]


def children_of(reader: Reader, id_run: str) -> list[Record]:
    """The child runs of a run; while it executes, what stands in for their records."""
    waiting = [attempt for attempt in reader.unfinished() if attempt.parent == id_run]
    ended = reader.children(id_run)
    known = {record.id_run for record in ended}
    return [*ended, *(standing_in(attempt) for attempt in waiting if attempt.id_run not in known)]
