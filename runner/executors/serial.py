"""Runs in this process, one after the other: for a debugger, and for the smallest sweeps."""

from collections import deque
from collections.abc import Sequence

from runner.record import Outcome
from runner.spec import Experiment, ExecutorSpec
from runner.steps import Inspection, inspect_steps
from runner.worker import Item, Job, Performer


class Serial:
    """The executor `serial`. It enforces no timeout and survives no crash: there is nobody outside who could."""

    def __init__(self, spec: ExecutorSpec) -> None:
        self._queue: deque[Item] = deque()
        self._performer: Performer | None = None
        del spec

    def inspect(self, experiment: Experiment) -> Inspection:
        """As the seam says."""
        return inspect_steps(experiment)

    def start(self, job: Job) -> None:
        """As the seam says."""
        self._performer = Performer(job)

    def room(self) -> int:
        """One run at a time, so that an interrupt has nothing to take back."""
        return 0 if self._queue else 1

    def submit(self, items: Sequence[Item]) -> None:
        """As the seam says."""
        self._queue.extend(items)

    def events(self, timeout: float) -> list[Outcome]:
        """Perform the next run here and now."""
        del timeout
        if not self._queue or self._performer is None:
            return []
        return [self._performer.perform(self._queue.popleft())]

    def drain(self) -> None:
        """As the seam says."""
        self._queue.clear()

    def busy(self) -> bool:
        """As the seam says."""
        return bool(self._queue)

    def close(self) -> list[int]:
        """As the seam says."""
        self._queue.clear()
        return []
