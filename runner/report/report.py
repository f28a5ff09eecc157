"""What was found out about an experiment."""

from dataclasses import dataclass
from typing import Final

from runner.checks import Outcome, Verdict

_ORDER: Final = list(Outcome)
_WORDS: Final = {Outcome.FAIL: "failed", Outcome.WARN: "warned", Outcome.NOTE: "without comparison", Outcome.PASS: "passed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was found out about an experiment."""

    experiment: str
    verdicts: tuple[Verdict, ...]
    baseline: str = ""
    """Where the baseline is from; "": there is none, or no check is held against it."""
    unsuccessful: tuple[tuple[str, int], ...] = ()
    """(status, number) of the runs that did not complete."""

    @property
    def notes(self) -> list[str]:
        """What is odd, and no failure."""
        found = []
        for verdict in self.verdicts:
            now, then = verdict.current, verdict.baseline
            if verdict.check.relative and now is not None and then is not None and now.points != then.points:
                points = "1 point" if now.points == 1 else f"{now.points} points"
                found.append(f"{verdict.check.name}: the runs of {points} are compared with those of {then.points}")
        return found

    def count(self, outcome: Outcome) -> int:
        """How many verdicts ended so."""
        return sum(verdict.outcome is outcome for verdict in self.verdicts)

    @property
    def failures_first(self) -> list[Verdict]:
        """The verdicts, the worst first."""
        return sorted(self.verdicts, key=lambda verdict: _ORDER.index(verdict.outcome))

    @property
    def exit_code(self) -> int:
        """1 something failed, 3 runs are missing, 2 nothing was compared, else 0."""
        if self.count(Outcome.FAIL):
            return 1
        if self.unsuccessful:
            return 3
        return 0 if any(verdict.outcome is not Outcome.NOTE for verdict in self.verdicts) else 2

    @property
    def summary(self) -> str:
        """One line."""
        told = [f"{self.count(o)} {word}" for o, word in _WORDS.items() if self.count(o)]
        against = f" against {self.baseline}" if self.baseline else ""
        missing = ", ".join(f"{count} {status.lower().replace('_', ' ')}" for status, count in self.unsuccessful)
        runs = f"; runs are missing: {missing}" if missing else ""
        return f"{self.experiment}: {', '.join(told) or 'nothing was compared'}{against}{runs}"
