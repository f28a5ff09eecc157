"""What is seen of runs while they execute: what they print, and what they use of the machine."""

import time
from array import array
from collections.abc import Collection

from runner.executors.page import Page
from runner.executors.sampling import Sample, Sampler
from runner.executors.workers import Worker
from runner.logged import FLOAT, INT, Entries, Points
from runner.record import Live
from runner.worker import Job

LOOK_SECONDS = 0.5


class Observer:
    """Looks at the workers now and then."""

    def __init__(self, job: Job, page: Page) -> None:
        self._page = page
        self._sampler = Sampler(every=job.system_seconds) if job.system_seconds else None
        self._looked = 0.0

    @property
    def due(self) -> bool:
        """Whether the last look was some time ago."""
        return time.monotonic() - self._looked >= LOOK_SECONDS

    def look(self, workers: Collection[Worker]) -> list[Live]:
        """The news of the runs that they execute."""
        now = self._looked = time.monotonic()
        sizes = {worker.slot: worker.streams.sizes() for worker in workers}  # first: what a run prints, it prints before it ends
        executing = [(w, c) for w in workers if w.pid and (c := self._page.current(w.slot)) is not None]
        news = [
            Live(index=current.index, logged=printed)
            for worker, current in executing
            if (printed := worker.streams.poll(current.index, current.output, sizes[worker.slot]))
        ]
        if self._sampler is not None:
            samples = self._sampler.sample(now, [(current.index, worker.pid, current.since) for worker, current in executing])
            news += [Live(index=sample.key, logged=_as_points(sample)) for sample in samples]
        return news


def _as_points(sample: Sample) -> Entries:
    now, steps = time.time(), array(INT, [sample.number])
    return tuple(("", Points.of(name, steps, array(FLOAT, [value]), now, now)) for name, value in sample.values.items())
