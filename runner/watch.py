"""Counts records as they pass, and remembers what there is to tell of those that did not complete and of those that execute."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from runner.logged import Progress, Trouble
from runner.record import Notice, Record, Trail
from runner.tally import Tally

MAX_KEPT = 10_000
MAX_TRACEBACK = 16_000


@dataclass(slots=True)
class Group:
    """Runs that failed alike."""

    first: Record
    count: int = 0


@dataclass(slots=True)
class Watch:
    """Counts records as they pass, and groups those that did not complete."""

    total: int
    counts: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    groups: dict[tuple[str, ...], Group] = field(default_factory=dict)
    unsuccessful: list[Record] = field(default_factory=list)
    progress: dict[str, Progress] = field(default_factory=dict)
    """Of runs that execute and say how far they are, by id."""
    troubles: int = 0
    """Log calls that could not keep what they were given."""
    first_trouble: str = ""
    last: int | None = None
    """How many runs will be over when those are that are waited for, once nothing more is started."""

    def note(self, record: Record) -> None:
        """One more record."""
        self.counts[record.status.value] += 1
        if self.progress:
            self.progress.pop(record.id_run, None)
        self.cached += record.cached
        if record.status.ok:
            return
        self.groups.setdefault(_cause(record), Group(record)).count += 1
        if len(self.unsuccessful) < MAX_KEPT:
            self.unsuccessful.append(_shortened(record))

    def hear(self, trail: Trail) -> None:
        """News of a run that executes."""
        for _, entry in trail.entries:
            if isinstance(entry, Progress):
                self.progress[trail.id_run] = entry
            elif isinstance(entry, Trouble):
                self.troubles += entry.count
                self.first_trouble = self.first_trouble or entry.message

    def heed(self, notice: Notice) -> None:
        """News that are no run's."""
        if notice.waits_for:
            self.last = self.seen + notice.waits_for

    @property
    def reached(self) -> float:
        """Runs that are over, and the parts of those that execute."""
        return self.seen + sum(progress.fraction for progress in self.progress.values())

    @property
    def seen(self) -> int:
        """Runs that are over."""
        return self.counts.total()

    def arrange(self, unsuccessful: Iterable[Record]) -> None:
        """Groups in the order of these records, which is the plan's, each with the first of them: runs end in any order, and what is told
        of them twice is to be equal.
        """
        arranged: dict[tuple[str, ...], Group] = {}
        for record in unsuccessful:
            cause = _cause(record)
            if cause not in arranged and cause in self.groups:
                arranged[cause] = replace(self.groups[cause], first=record)
        self.groups = arranged | {cause: group for cause, group in self.groups.items() if cause not in arranged}

    def tally(self) -> Tally:
        """The totals."""
        return Tally(counts=dict(sorted(self.counts.items())), cached=self.cached, unsuccessful=tuple(self.unsuccessful))


def _cause(record: Record) -> tuple[str, ...]:
    """What is equal of runs that failed alike."""
    failure = record.failure
    return (record.status.value, failure.step, failure.kind, failure.where) if failure else (record.status.value,)


def _shortened(record: Record) -> Record:
    """Without a long traceback, of which there may be thousands: the store has them."""
    if record.failure is None or len(record.failure.traceback) <= MAX_TRACEBACK:
        return record
    return replace(record, failure=replace(record.failure, traceback=record.failure.traceback[-MAX_TRACEBACK:]))
