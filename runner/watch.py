"""Counts records as they pass, and remembers what there is to tell of those that did not complete and of those that execute."""

from collections import Counter
from dataclasses import dataclass, field, replace

from runner.logged import Progress, Trouble
from runner.record import Record, Trail
from runner.results import Tally

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

    def note(self, record: Record) -> None:
        """One more record."""
        self.counts[record.status.value] += 1
        if self.progress:
            self.progress.pop(record.id_run, None)
        self.cached += record.cached
        if record.status.ok:
            return
        failure = record.failure
        key = (record.status.value, failure.step, failure.kind, failure.where) if failure else (record.status.value,)
        self.groups.setdefault(key, Group(record)).count += 1
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

    @property
    def reached(self) -> float:
        """Runs that are over, and the parts of those that execute."""
        return self.seen + sum(progress.fraction for progress in self.progress.values())

    @property
    def seen(self) -> int:
        """Runs that are over."""
        return self.counts.total()

    def tally(self) -> Tally:
        """The totals."""
        return Tally(counts=dict(sorted(self.counts.items())), cached=self.cached, unsuccessful=tuple(self.unsuccessful))


def _shortened(record: Record) -> Record:
    """Without a long traceback, of which there may be thousands: the store has them."""
    if record.failure is None or len(record.failure.traceback) <= MAX_TRACEBACK:
        return record
    return replace(record, failure=replace(record.failure, traceback=record.failure.traceback[-MAX_TRACEBACK:]))
