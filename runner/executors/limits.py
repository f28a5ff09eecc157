"""The limits of a job's steps, on time and memory, enforced from outside: by SIGKILL to the worker and all that its step has started."""

import time
from collections.abc import Collection

from runner.executors import memory
from runner.executors.page import Page
from runner.executors.workers import Worker
from runner.oom import OUT_OF_MEMORY
from runner.record import Status
from runner.worker import Job

IDLE_SECONDS = 0.5


class Limits:
    """Looks for runs that are over the limits of their step."""

    def __init__(self, job: Job, page: Page) -> None:
        self._page = page
        self._seconds = [step.timeout for step in job.steps]
        self._memory = memory.Watch([step.max_memory for step in job.steps])
        given = [limit for limit in self._seconds if limit is not None]
        longest = memory.LOOK_SECONDS if self._memory.needed else IDLE_SECONDS
        self.poll_seconds = min(longest, max(0.005, min(0.1, min(given) / 10))) if given else longest
        """How long nobody need look."""
        self._timed = bool(given)

    def enforce(self, workers: Collection[Worker], *, draining: bool) -> None:
        """Condemn the runs that are over a limit. `draining`: no other worker would take what one that is replaced was given."""
        if self._timed:
            self._enforce_time(workers)
        if self._memory.needed:
            self._enforce_memory(workers, draining=draining)

    def _enforce_time(self, workers: Collection[Worker]) -> None:
        now = time.monotonic()
        for worker in workers:
            current = self._page.current(worker.slot)
            if current is None or worker.late is not None or worker.pid == 0:
                continue
            limit = self._seconds[current.step]
            if limit is not None and now - current.since > limit:
                worker.condemn(current, Status.TIMED_OUT, "Timeout", f"the step took longer than its timeout of {limit:g} s")

    def _enforce_memory(self, workers: Collection[Worker], *, draining: bool) -> None:
        sound = (worker for worker in workers if worker.pid and not worker.late and not worker.bloated)
        executing = {worker.pid: (worker, current) for worker in sound if (current := self._page.current(worker.slot))}
        for pid, (used, limit) in self._memory.excess([(pid, current.step) for pid, (_, current) in executing.items()]).items():
            worker, current = executing[pid]
            if self._page.current(worker.slot) != current:
                continue  # it was in the next run by then
            if used - current.leftover > limit:
                text = f"the step used {memory.shown(used)} of memory, of at most {memory.shown(limit)} (`max_memory`)"
                worker.condemn(current, Status.CRASHED, OUT_OF_MEMORY, text)
            elif not draining:  # a fresh worker will tell whether it is this run
                worker.bloated = True
                worker.kill()
