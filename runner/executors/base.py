"""The executor seam: what executes batches of runs.

Requirements that every implementation keeps, tested by tests/executors/test_suite.py over all of them:

- every submitted run comes back in exactly one Outcome, unless `drain` or `close` came first;
- a run's end never touches another run: an exception, an unserialisable result, SystemExit are that run's FAILED;
- outcomes may come in any order; nothing of them is a user's object;
- `inspect` never raises for what the user's modules do on import, it reports it.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from runner.record import Live, Outcome
from runner.spec import Experiment
from runner.steps import Inspection
from runner.worker import Item, Job


class Executor(Protocol):
    """Executes runs and reports how they ended. Used from one thread."""

    supervised: ClassVar[bool]
    """Whether runs execute in processes that it watches: `timeout` and `max_memory` are enforced, and `submit` returns meanwhile."""

    def inspect(self, experiment: Experiment) -> Inspection:
        """Import and check the experiment's steps where they will be executed."""
        ...

    def start(self, job: Job) -> None:
        """Get ready to execute runs of this job."""
        ...

    def room(self) -> int:
        """How many more runs it would like to be given now."""
        ...

    def submit(self, items: Sequence[Item]) -> None:
        """Take runs, in the order in which they should start."""
        ...

    def events(self, timeout: float) -> list[Outcome | Live]:
        """What has come in: outcomes, and what runs have logged that still execute. Waits up to `timeout` seconds for the first."""
        ...

    def drain(self) -> int:
        """Start no further run. Those that execute now still come out of `events`; the others never will. Returns how many execute."""
        ...

    def busy(self) -> bool:
        """Whether a run that was submitted may still come out of `events`."""
        ...

    def close(self) -> list[Outcome]:
        """End at once whatever still executes, and free everything; idempotent. Returns the runs that were cut off, as CANCELLED."""
        ...
