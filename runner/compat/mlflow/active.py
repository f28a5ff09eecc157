"""Runs as MLflow's functions see them: a stack of which the top is logged to."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from runner.compat import around
from runner.record import Status
from runner.run import Run

_STATUS: Final = {"FINISHED": Status.COMPLETED, "FAILED": Status.FAILED, "KILLED": Status.CANCELLED}


@dataclass(slots=True)
class RunInfo:
    """`run.info`."""

    run_id: str
    experiment_id: str
    run_name: str = ""
    status: str = "RUNNING"
    start_time: int = 0
    """Milliseconds since 1970."""
    end_time: int | None = None
    lifecycle_stage: str = "active"


@dataclass(slots=True)
class RunData:
    """`run.data`: what was logged to this run by these functions."""

    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Of each metric the value at its greatest step."""
    tags: dict[str, Any] = field(default_factory=dict)


class ActiveRun:
    """A run, and a context manager that ends it."""

    def __init__(self, run: Run, stack: "Stack", experiment: str) -> None:
        self.run = run
        """xrun's."""
        self.info = RunInfo(run.id_run, experiment, start_time=int(time.time() * 1000))
        self.data = RunData(params={name: str(value) for name, value in run.params.items()}, tags=run.tags)
        self._stack = stack
        self._steps: dict[str, tuple[int, int]] = {}
        """Metric -> its greatest step, and the one that comes next."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log, and remember for `data`."""
        self.run.log_params(params)
        self.data.params.update({name: str(value) for name, value in params.items()})

    def log_metric(self, name: str, value: Any, step: int | None) -> None:
        """Log, and remember for `data`."""
        self.run.log_metric(name, value, step)
        greatest, following = self._steps.get(name, (-(2**63), 0))
        at = following if step is None else int(step)
        if at >= greatest:
            self.data.metrics[name] = float(value)
        self._steps[name] = (max(at, greatest), at + 1)

    def end(self, status: str, error: BaseException | None = None) -> None:
        """End it, and those within it that nobody ended. Raises ValueError for a status that MLflow does not have."""
        if status not in _STATUS:
            raise ValueError(f"{status!r} is not how a run ends; that is one of {', '.join(_STATUS)}")
        for active in self._stack.pop(self):
            active.info.status, active.info.end_time = status, int(time.time() * 1000)
            around.end(active.run, _STATUS[status], error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end("FINISHED" if error is None else "FAILED", error)


class Stack:
    """The runs that are active, each within the one before."""

    def __init__(self, enclosing: Run | None) -> None:
        self.root = ActiveRun(enclosing, self, str(enclosing.meta.get("experiment", ""))) if enclosing is not None else None
        """The run of the step around, if there is one; it can be logged to without being started."""
        self.last: ActiveRun | None = None
        """The one that has ended last."""
        self._runs: list[ActiveRun] = []
        self._claimed = False

    @property
    def top(self) -> ActiveRun | None:
        """The run that was started last and has not ended."""
        return self._runs[-1] if self._runs else None

    def claim(self) -> bool:
        """Whether the run of the step is still free to be the one that is started."""
        free, self._claimed = not self._claimed, True
        return free

    def push(self, active: ActiveRun) -> None:
        """One more."""
        self._runs.append(active)

    def pop(self, active: ActiveRun) -> list[ActiveRun]:
        """Take it away with those within it, the innermost first; nothing where it is not there."""
        if active not in self._runs:
            return []
        at = self._runs.index(active)
        ended, self._runs = self._runs[at:][::-1], self._runs[:at]
        self.last = active
        return ended

    def find(self, run_id: str) -> ActiveRun:
        """The active run with this id. Raises ValueError."""
        for active in (*self._runs, *([self.root] if self.root else [])):
            if active.info.run_id == run_id:
                return active
        raise ValueError(f"run {run_id} is not active; only runs that have not ended can be logged to")
