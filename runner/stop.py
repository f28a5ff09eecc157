"""The wish to stop, which a signal handler utters and the loop heeds."""

import signal
import time
from dataclasses import dataclass
from enum import Enum

CLEANING_SECONDS = 1.0
"""What cleaning up after a KeyboardInterrupt may take. Who asks again after that has not been heard."""


class Stage(Enum):
    """Where an invocation is, as far as a signal is concerned."""

    BEFORE = 0
    EXECUTING = 1
    AFTER = 2


@dataclass(slots=True)
class Stop:
    """A wish to stop, from a signal handler to the loop. Level 1: start nothing more; level 2: end at once."""

    level: int = 0
    signal: int = 0
    deadline: float = float("inf")
    """Monotonic time at which level 1 becomes level 2."""
    stage: Stage = Stage.BEFORE
    reason: str = ""
    """Why the loop itself starts nothing more: `on_error`, `max_failures`."""
    lent: bool = False
    """Whether what executes has the very thread that would heed the wish."""
    heard: bool = False
    """Whether a KeyboardInterrupt has arrived where what was begun is cleaned up."""
    _raised: float = float("-inf")
    """Monotonic time of the last KeyboardInterrupt."""

    def ask(self, signal: int, grace: float) -> None:
        """One more wish; the first grants `grace` seconds to what runs.

        Raises KeyboardInterrupt(signal) when there is nothing to finish: before anything is executed (an import may hang), and at the
        second wish while the table is made.
        """
        self.level += 1
        self.signal = self.signal or signal
        if self.level == 1:
            self.deadline = time.monotonic() + grace
        settled = time.monotonic() - self._raised > CLEANING_SECONDS
        if settled and (self.stage is Stage.BEFORE or (self.stage is Stage.AFTER and self.level > 1)):
            self._raised = time.monotonic()  # once, so that the cleaning up is not interrupted as well
            raise KeyboardInterrupt(signal)

    def insist(self) -> None:
        """Some time after `ask` has raised: raise again, unless that was heard. A finalizer, or what an import calls, may swallow it."""
        if self.stage is not Stage.EXECUTING and not self.heard:
            raise KeyboardInterrupt(self.signal)

    def promise(self, runs: int) -> str:
        """What the first wish has led to, for who uttered it: so many runs are waited for."""
        many = "1 run" if runs == 1 else f"{runs:,} runs"
        left = max(0.0, self.deadline - time.monotonic())
        seconds = round(left) if left > 10 else round(left, 1)
        again = "Ctrl-C" if self.signal == signal.SIGINT else signal.Signals(self.signal).name
        return f"stopping: {many} may finish within {seconds:g} s; a second {again} ends {'it' if runs == 1 else 'them'} at once"

    @property
    def now(self) -> bool:
        """Whether to end at once."""
        return self.level > 1 or time.monotonic() > self.deadline
