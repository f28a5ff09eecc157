"""Runs through a Hydra launcher plugin: `hydra/launcher=joblib`, submitit and the like keep working.

The plugin is transport only: it calls us back wherever it likes, each call performs one share of the runs, and the coordinator writes the
store. What the plugin cannot do (isolate a crash, enforce a time limit) it does not do here either.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from runner.executors import wire
from runner.executors.streams import Caught
from runner.record import Live, Outcome
from runner.spec import Experiment, Launch
from runner.steps import Inspection, inspect_steps
from runner.worker import Item, Job, Performer

SHARES = 64
"""Calls of one launch at most; each performs an equal share of the runs."""
MAX_RUNS = 4096


@dataclass(frozen=True, slots=True)
class Share:
    """Performs every n-th run; picklable."""

    job: Job
    items: tuple[Item, ...]
    shares: int

    def __call__(self, number: int) -> bytes:
        """Outcomes of the runs number, number + shares, ..., as JSON."""
        performer, caught = Performer(self.job), Caught(self.job.max_log)
        try:
            return wire.pack_outcomes([(caught.perform(performer, item), (0, 0)) for item in self.items[number :: self.shares]], end=True)
        finally:
            caught.close()


class Plugin:
    """An executor over a launcher plugin."""

    supervised: ClassVar = False

    def __init__(self, launch: Launch) -> None:
        self._launch: Callable[[Callable[[int], Any], int], list[Any]] = launch
        self._queue: deque[Item] = deque()
        self._job: Job | None = None

    def inspect(self, experiment: Experiment) -> Inspection:
        """As the seam says; in this process."""
        return inspect_steps(experiment)

    def start(self, job: Job) -> None:
        """As the seam says."""
        self._job = job

    def room(self) -> int:
        """A launch at a time."""
        return max(0, MAX_RUNS - len(self._queue))

    def submit(self, items: Sequence[Item]) -> None:
        """As the seam says."""
        self._queue.extend(items)

    def events(self, timeout: float) -> list[Outcome | Live]:
        """Launch everything that waits; comes back when the plugin does."""
        del timeout
        if not self._queue or self._job is None:
            return []
        items = tuple(self._queue)
        self._queue.clear()
        shares = min(SHARES, len(items))
        frames = self._launch(Share(self._job, items, shares), shares)
        outcomes: list[Outcome | Live] = []
        for frame in frames:
            told, _ = wire.unpack(wire.Inbox().feed(frame)[0])
            outcomes += [told] if isinstance(told, Live) else told
        return outcomes

    def drain(self) -> int:
        """As the seam says; nothing executes between two calls."""
        self._queue.clear()
        return 0

    def busy(self) -> bool:
        """As the seam says."""
        return bool(self._queue)

    def close(self) -> list[Outcome]:
        """As the seam says."""
        self._queue.clear()
        return []
