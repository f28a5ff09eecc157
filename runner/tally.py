"""What became of a plan's runs, in numbers, and those that did not complete."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from runner.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What became of a plan's runs."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Status -> number of runs, cached ones included."""
    cached: int = 0
    unsuccessful: tuple[Record, ...] = ()
    """Runs that did not complete, without their tracebacks when there are many."""

    def of_results(self, completed: int, standing: Collection[str]) -> "Tally":
        """The same as the results show it, when this invocation was cut off: `completed` runs have a row, whoever has executed them.

        `standing`: those of `unsuccessful` that were completed earlier, by id: to be interrupted has changed nothing there.
        """
        left = tuple(record for record in self.unsuccessful if record.id_run not in standing)
        counts = {**self.counts, "CANCELLED": self.counts.get("CANCELLED", 0) - len(standing), "COMPLETED": completed}
        return replace(self, counts={status: count for status, count in sorted(counts.items()) if count > 0}, unsuccessful=left)

    def ordered(self, ids: Iterable[str]) -> "Tally":
        """The same in the order of the plan, whose ids these are: runs end in any order, and what is told of them twice is to be equal.

        `ids` is read no further than it needs to be, and not at all where every run has completed.
        """
        places = dict.fromkeys((record.id_run for record in self.unsuccessful), inf)
        missing = set(places)
        for place, id_run in enumerate(ids if missing else ()):
            if id_run in missing:
                places[id_run] = place
                missing.discard(id_run)
                if not missing:
                    break
        return replace(self, unsuccessful=tuple(sorted(self.unsuccessful, key=lambda record: places[record.id_run])))
