"""Failures that are worth another attempt, and attempts that wait for their time."""

import heapq
import itertools
import time
from dataclasses import dataclass, field

from runner.flight import Flight
from runner.record import Outcome
from runner.spec import Step


def worth(step: Step, outcome: Outcome, failures: int) -> bool:
    """Whether a run that has now failed so often in this step is tried again."""
    return failures <= step.retries and (not step.retry_on or any(_is(outcome, name) for name in step.retry_on))


def _is(outcome: Outcome, name: str) -> bool:
    """Whether a failure has this status or is of this kind, or of one with this last part. Subclasses cannot be told: a kind is a name."""
    kind = outcome.failure.kind if outcome.failure is not None else ""
    return name in (outcome.status.value, kind) or kind.endswith(f".{name}")


def pause(step: Step, failures: int) -> float:
    """Seconds before the next attempt at a run that has failed so often in this step."""
    return min(step.backoff * 2.0 ** min(failures - 1, 64), step.backoff_max) if step.backoff else 0.0


@dataclass(slots=True)
class Later:
    """Runs that are tried again, each when its pause is over. They block no worker meanwhile."""

    _heap: list[tuple[float, int, Flight, Outcome]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, seconds: float, flight: Flight, outcome: Outcome) -> None:
        """In so many seconds the run of this flight is tried again; `outcome` is how it has ended if it is not."""
        heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._numbers), flight, outcome))

    @property
    def seconds(self) -> float:
        """Until the next one is due; infinite where there is none."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else float("inf")

    def due(self) -> list[Flight]:
        """Those whose time has come."""
        found = []
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            found.append(heapq.heappop(self._heap)[2])
        return found

    def give_up(self) -> list[tuple[Flight, Outcome]]:
        """Those that are not tried again, and how they have ended."""
        left = [(flight, outcome) for _, _, flight, outcome in sorted(self._heap, key=lambda entry: entry[:2])]
        self._heap.clear()
        return left
