"""How many runs a worker gets at a time: so many that the way to it does not show, so few that nobody waits at the end."""

import math

BATCH_SECONDS = 0.06
MAX_BATCH = 256
PREFETCH_BELOW = 0.05
"""Seconds a run: a second batch waits at a worker only when runs are so short that the way there would show."""


class Pace:
    """Follows how long runs take."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._mean = 0.0

    def note(self, seconds: float) -> None:
        """What the runs that have just come back took on average."""
        self._mean = max((self._mean + seconds) / 2 if self._mean else seconds, 1e-6)

    @property
    def batch(self) -> int:
        """Runs that make about 60 ms of work; 1 until the first has been timed."""
        return max(1, min(MAX_BATCH, int(BATCH_SECONDS / self._mean))) if self._mean else 1

    @property
    def depth(self) -> int:
        """How many batches a worker should have."""
        return 2 if self._mean and self._mean < PREFETCH_BELOW else 1

    @property
    def ahead(self) -> int:
        """How many runs should wait here."""
        return 4 * self._workers * self.batch

    def share(self, queued: int) -> int:
        """The size of the next batch, where so many runs wait: smaller towards the end, so that all workers end together."""
        return min(self.batch, max(1, math.ceil(queued / (2 * self._workers))), queued)
