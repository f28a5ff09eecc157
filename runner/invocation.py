"""One call of xrun, and what it made of an experiment: values."""

import signal
from dataclasses import dataclass, field
from pathlib import Path

from runner import checks
from runner.beside import Helper
from runner.console import Console
from runner.plan import Plan
from runner.rerun import Rerun
from runner.results import Tabulated
from runner.stop import Stop
from runner.tally import Tally

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""
REQUEUED = (signal.SIGTERM, signal.SIGUSR2)
"""What a cluster sends to a job that it takes the machine from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One call of xrun: what is the same for all of its experiments."""

    argv: tuple[str, ...] = ()
    rerun: Rerun = field(default_factory=Rerun)
    """What is executed though the store has it."""
    only: tuple[str, ...] = ()
    """Beginnings of the ids of the runs that are meant; none: all of the plan."""
    wait_if_full: bool = True
    """Whether a full disk is waited for."""
    requeueable: bool = False
    """Somebody starts the same command again after SIGTERM and SIGUSR2, if the exit code says so."""
    show_output: bool | None = None
    """Show what runs print while they execute; None: as the experiment says, which is for a plan of one run by default."""
    console: Console
    stop: Stop
    helper: Helper


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one invocation made of one experiment."""

    experiment: str
    plan: Plan
    folder: Path
    """`results/<experiment>`."""
    tally: Tally
    table: Tabulated
    verdicts: tuple[checks.Verdict, ...] = ()
    """Of the checks that need no baseline."""
    stopped: int = 0
    """The signal that ended it early, or 0."""
    again: bool = False
    """Whether that signal means that the same command is to be started again."""
    reason: str = ""
    """What made it start nothing more, if a signal did not: `on_error`, `max_failures`."""
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 all completed, the table valid and the checks kept, 1 not, 128 + signal when interrupted, 75 where that means: once more."""
        if self.stopped:
            if self.again:
                return TRY_AGAIN
            return 128 + self.stopped
        breached = any(verdict.outcome is checks.Outcome.FAIL for verdict in self.verdicts)
        return 1 if self.tally.unsuccessful or self.table.violations or breached else 0
