"""The errors that xrun raises on purpose, each with the exit code it ends the process with.

    XrunError
    +-- UsageError 2          the command line cannot be understood
    |   +-- ConfigError 2     an experiment file or an override is wrong
    |   +-- PlanError 2       the experiment is well-formed but cannot run
    +-- IncompleteError 3     nothing to show or compare
    +-- DirtyError 65         `provenance.require` is not met
    +-- MissingDataError 66   a declared data file is not there
    +-- LockedError 73        someone else runs this experiment
    +-- StoreError 74         the store cannot be read or written
    +-- WorkerStartError 74   workers die before they run anything

A failure of a *step* is not an error of ours: it is a `record.Failure` inside a `record.Record`.
`runner.cli` is the only place that catches an XrunError.
"""

from typing import ClassVar


class XrunError(Exception):
    """Something that the user can mend; its text says what is wrong and what to do."""

    exit_code: ClassVar[int] = 2


class UsageError(XrunError):
    """The command line cannot be understood."""


class ConfigError(UsageError):
    """A value in an experiment file or an override is wrong.

    The text is built from the parts, so that every such error names the same things in the same order:
    where (file or command line), the key path, what is wrong, and the nearest valid choice.
    """

    def __init__(self, problem: str, *, where: str | None = None, key: str | None = None, hint: str | None = None) -> None:
        self.problem, self.where, self.key, self.hint = problem, where, key, hint
        place = ": ".join(part for part in (where, key) if part)
        text = f"{place}: {problem}" if place else problem
        super().__init__(f"{text}\n  {hint}" if hint else text)


class PlanError(UsageError):
    """Everything that makes a plan impossible, all of it at once.

    `problems` is the list, one sentence each; the text joins them.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        head = "the plan has a problem" if len(problems) == 1 else f"the plan has {len(problems)} problems"
        super().__init__("\n".join([f"{head}; nothing was run:", *(f"  - {p}" for p in problems)]))

    def __reduce__(self) -> tuple[type["PlanError"], tuple[list[str]]]:
        return type(self), (list(self.problems),)  # an exception pickles by its text otherwise


class IncompleteError(XrunError):
    """There is nothing to show: no such experiment, no such run, no results yet."""

    exit_code = 3


class DirtyError(XrunError):
    """The working tree or the data is not as `provenance.require` demands."""

    exit_code = 65


class MissingDataError(XrunError):
    """Data that the experiment declares is not on this machine."""

    exit_code = 66


class LockedError(XrunError):
    """Another process runs this experiment now."""

    exit_code = 73


class StoreError(XrunError):
    """The store cannot be opened, read or written."""

    exit_code = 74


class WorkerStartError(XrunError):
    """Worker processes die before they run anything, so that starting more of them is pointless."""

    exit_code = 74
