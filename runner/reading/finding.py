"""Finds runs: those of an experiment that satisfy a condition, or one by a beginning of its id."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from runner import where
from runner.errors import IncompleteError, UsageError
from runner.reading.inheriting import inherited
from runner.reading.standing import children_of, standing_in, unfinished
from runner.record import Record, Standing
from runner.selectors import Names, Row, known
from runner.stores.base import Reader, Unfinished
from runner.suggest import did_you_mean

CHUNK = 500
"""Runs whose summaries are read at once."""
SEVERAL = 3
"""Runs that are named when a beginning of an id fits several."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Runs of an experiment."""

    rows: list[Row]
    """Those that satisfy the condition: those that execute first, the others in the order in which they were committed."""
    names: Names
    """What any run of the experiment has."""
    total: int
    """Runs of the experiment."""
    notes: tuple[str, ...] = ()
    """What looks like a mistake in the condition, a sentence each."""


@dataclass(frozen=True, slots=True)
class Found:
    """One run."""

    id_run: str
    record: Record | None
    """How it ended; None while it executes for the first time, and when it has been lost."""
    attempt: Unfinished | None
    """Of one that executes now (again, where there is a record), or has been lost."""

    @property
    def executing(self) -> bool:
        """Whether it executes now."""
        return self.attempt is not None and not self.attempt.lost

    @property
    def lost(self) -> bool:
        """Whether the process that executed it died before it was over, and nobody has executed it since."""
        return self.record is None and self.attempt is not None and self.attempt.lost

    @property
    def shown(self) -> Record:
        """Its record, or what stands in for it."""
        if self.record is not None:
            return self.record
        assert self.attempt is not None  # noqa: S101 - one of them is there
        return standing_in(self.attempt)


def check_experiment(reader: Reader, experiment: str) -> None:
    """Raise IncompleteError, with the nearest name, when the store has no runs of it."""
    names = [name for name, _, _ in reader.experiments()]
    if experiment not in names:
        raise IncompleteError(f"there are no runs of `{experiment}`; {did_you_mean(experiment, names, 'experiments')}")


def rows(reader: Reader, experiment: str, *, children: bool = False, order: Sequence[str] = ()) -> Iterator[Row]:
    """All runs of an experiment with the summaries of their metrics, those that execute first; child runs if asked for. Memory is O(1).

    Then come those of the ids `order`, in that order, then all others as they were committed, each once.

    A run that executes, or was lost, and has no record, has what stands in for one: its status is a `Standing`.
    """
    first = unfinished(reader, experiment, children=children)
    ids = {record.id_run for record in first}
    rest = (record for record in reader.records(experiment, children=children) if record.id_run not in ids)
    planned = [id_run for id_run in order if id_run not in ids]
    ids.update(order)
    return summarised(reader, chain(first, in_order(reader, planned), rest))


def in_order(reader: Reader, ids: Sequence[str]) -> Iterator[Record]:
    """The records of these ids, those that there are. Memory is O(1)."""
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        found = reader.find(part)
        yield from (found[id_run] for id_run in part if id_run in found)


def summarised(reader: Reader, records: Iterable[Record]) -> Iterator[Row]:
    """Runs with the summaries of their metrics, child runs with the params of their parents. Memory is O(1)."""
    source = inherited(reader, records)
    while chunk := list(islice(source, CHUNK)):
        summaries = reader.summaries([record.id_run for record in chunk])
        for record in chunk:
            yield Row(record, summaries.get(record.id_run, {}))


def select(
    reader: Reader,
    experiment: str,
    condition: str | None = None,
    *,
    children: bool = False,
    order: Sequence[str] = (),
    executing: Container[str] = (),
) -> Selection:
    """The runs of an experiment that satisfy a condition (`runner.where`), in the order of `rows`.

    To the condition, the runs with the ids `executing` are RUNNING, whatever their records say.

    Raises IncompleteError when there is no such experiment, UsageError for a condition that cannot be understood.
    """
    parsed = where.parse(condition) if condition is not None else None
    check_experiment(reader, experiment)
    everything = list(rows(reader, experiment, children=children, order=order))
    names = known(everything)
    if parsed is None:
        return Selection(everything, names, len(everything))
    holds = parsed.bind(names)
    return Selection([row for row in everything if holds(as_listed(row, executing))], names, len(everything), tuple(holds.notes()))


def as_listed(row: Row, executing: Container[str]) -> Row:
    """A run as listings show it: RUNNING while it executes again, all else as its record has it."""
    if row.record.id_run not in executing:
        return row
    return Row(replace(row.record, status=Standing.RUNNING), row.metrics)  # type: ignore[arg-type] # it is never kept


def find(reader: Reader, prefix: str) -> Found:
    """The run whose id begins so. Raises IncompleteError when there is none, UsageError when there are several."""
    text = prefix.lower()
    attempts = {one.id_run: one for one in reader.unfinished(prefix=text)} if text else {}  # first: what ends in this moment has a record
    records = {record.id_run: record for record in reader.lookup(text)} if text else {}
    ids = list(dict.fromkeys([*records, *attempts]))
    if not ids:
        if any(prefix == name for name, _, _ in reader.experiments()):
            raise UsageError(f"`{prefix}` is an experiment, not the id of a run; xrun ls {prefix} lists its runs")
        raise IncompleteError(f"there is no run whose id begins with `{prefix}`; `xrun ls EXPERIMENT` lists them")
    if len(ids) > 1:
        raise UsageError(f"several runs begin with `{prefix}`: {', '.join(ids[:SEVERAL])}; give more of the id")
    return Found(ids[0], records.get(ids[0]), attempts.get(ids[0]))


def family(reader: Reader, found: Found) -> list[Row]:
    """A run and its child runs."""
    return list(summarised(reader, [found.shown, *children_of(reader, found.id_run)]))


def targets(reader: Reader, target: str, condition: str | None, *, children: bool = False) -> tuple[Selection, str]:
    """What `EXPERIMENT|ID` means: the runs of an experiment (those that satisfy a condition), or a run and its child runs; and in words."""
    if any(target == name for name, _, _ in reader.experiments()):
        chosen = select(reader, target, condition, children=children)
        return chosen, f"the runs of `{target}`" + (f" such that {condition}" if condition else "")
    try:
        found = find(reader, target)
    except IncompleteError:
        check_experiment(reader, target)
        raise
    if condition is not None:
        raise UsageError("a condition chooses among the runs of an experiment; this is one run")
    runs = family(reader, found)
    return Selection(runs, known(runs), len(runs)), f"run {found.id_run} and its children"
