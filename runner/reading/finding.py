"""Finds runs: those of an experiment that satisfy a condition, or one by a beginning of its id."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from runner import where
from runner.errors import IncompleteError, UsageError
from runner.record import Record, Status
from runner.selectors import Names, Row, known
from runner.stores.base import Reader
from runner.suggest import did_you_mean

CHUNK = 500
"""Runs whose summaries are read at once."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Runs of an experiment."""

    rows: list[Row]
    """Those that satisfy the condition, in the order in which they were committed."""
    names: Names
    """What any run of the experiment has."""
    total: int
    """Runs of the experiment."""


@dataclass(frozen=True, slots=True)
class Found:
    """One run."""

    id_run: str
    record: Record | None
    """How it ended; None while it executes for the first time."""
    executing: bool
    """Whether it executes now (again, where there is a record), as far as the store knows."""


def check_experiment(reader: Reader, experiment: str) -> None:
    """Raise IncompleteError, with the nearest name, when the store has no runs of it."""
    names = [name for name, _, _ in reader.experiments()]
    if experiment not in names:
        raise IncompleteError(f"there are no runs of `{experiment}`; {did_you_mean(experiment, names, 'experiments')}")


def rows(reader: Reader, experiment: str, *, children: bool = False) -> Iterator[Row]:
    """All runs of an experiment with the summaries of their metrics; child runs only if asked for. Memory is O(1)."""
    source = reader.records(experiment, children=children)
    while chunk := list(islice(source, CHUNK)):
        summaries = reader.summaries([record.id_run for record in chunk])
        for record in chunk:
            yield Row(record, summaries.get(record.id_run, {}))


def select(reader: Reader, experiment: str, condition: str | None = None, *, children: bool = False) -> Selection:
    """The runs of an experiment that satisfy a condition (`runner.where`).

    Raises IncompleteError when there is no such experiment, UsageError for a condition that cannot be understood.
    """
    parsed = where.parse(condition) if condition is not None else None
    check_experiment(reader, experiment)
    everything = list(rows(reader, experiment, children=children))
    names = known(everything)
    kept = everything if parsed is None else list(filter(parsed.bind(names), everything))
    return Selection(kept, names, len(everything))


def find(reader: Reader, prefix: str) -> Found:
    """The run whose id begins so. Raises IncompleteError when there is none, UsageError when there are several."""
    text = prefix.lower()
    executing = reader.executing(text) if text else []  # first: a run that ends in this moment is found once more rather than not at all
    records = {record.id_run: record for record in reader.lookup(text)} if text else {}
    ids = list(dict.fromkeys([*records, *executing]))
    if not ids:
        raise IncompleteError(f"there is no run whose id begins with `{prefix}`; `xrun ls EXPERIMENT` lists them")
    if len(ids) > 1:
        raise UsageError(f"several runs begin with `{prefix}`: {', '.join(ids)}; give more of the id")
    return Found(ids[0], records.get(ids[0]), ids[0] in executing)


def family(reader: Reader, found: Found) -> list[Row]:
    """A run and its child runs. Of one that executes for the first time, nothing is known but its id and what it has logged so far."""
    record = found.record or Record(id_run=found.id_run, experiment="", status=Status.CANCELLED)
    records = [record, *reader.children(found.id_run)]
    summaries = reader.summaries([one.id_run for one in records])
    return [Row(one, summaries.get(one.id_run, {})) for one in records]


def targets(reader: Reader, target: str, condition: str | None) -> tuple[list[Row], str]:
    """What `EXPERIMENT|ID` means: the runs of an experiment (those that satisfy a condition), or a run and its child runs; and in words."""
    if any(target == name for name, _, _ in reader.experiments()):
        return select(reader, target, condition).rows, f"the runs of `{target}`" + (f" such that {condition}" if condition else "")
    try:
        found = find(reader, target)
    except IncompleteError:
        check_experiment(reader, target)
        raise
    if condition is not None:
        raise UsageError("a condition chooses among the runs of an experiment; this is one run")
    return family(reader, found), f"run {found.id_run} and its children"
