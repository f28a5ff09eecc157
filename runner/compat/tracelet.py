"""Tracelet's calls, over xrun: `from runner.compat import tracelet`, `from runner.compat.tracelet import Experiment, ExperimentConfig`.

Differences, all on purpose: iteration 0 is honoured; metrics without an iteration count 0, 1, 2, ... (Tracelet: always 0); numbers of
numpy are numbers; nothing is dropped when much is logged at once; everything is written when the experiment stops.

In a step, the first experiment is the step's run and later ones are child runs of it.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runner.compat import around
from runner.record import Status
from runner.recorder import Recorder
from runner.run import Run


@functools.lru_cache(maxsize=4)
def _active_in(step: Run | None) -> "list[Experiment]":  # noqa: ARG001 - it is the key
    """The experiment that start_logging began in this step's run, or outside of xrun, unless it was stopped."""
    return []


@dataclass
class ExperimentConfig:
    """What an experiment is called and labelled."""

    name: str = ""
    project: str = ""
    backend_name: str = ""
    tags: Mapping[str, Any] | Iterable[str] = field(default_factory=dict)
    tracking_uri: str = ""


class Experiment:
    """A run of the experiment `name`. It begins with `start`, or when something is logged first."""

    def __init__(
        self,
        name: str = "",
        config: ExperimentConfig | None = None,
        backend: Any = None,
        tags: Mapping[str, Any] | Iterable[str] | None = None,
        **_: Any,
    ) -> None:
        """`backend` and other options of Tracelet's are ignored, the backend with a word."""
        self.config = config or ExperimentConfig()
        self.name = name or self.config.name or "default"
        self._tags = {**_labels(self.config.tags), **_labels(tags or {})}
        if self.config.project:
            self._tags.setdefault("project", self.config.project)
        self._run: Run | None = None
        self._stopped = False
        if backend or self.config.backend_name or self.config.tracking_uri:
            around.say_once("runs are recorded by xrun, not in a backend; `xrun export mlflow EXPERIMENT --uri URI` sends them to MLflow")

    @property
    def run(self) -> Run:
        """The run of xrun. Raises RuntimeError where the experiment was stopped."""
        if self._stopped:
            raise RuntimeError(f"the experiment {self.name!r} was stopped; start() begins another run of it")
        if self._run is None:
            self.start()
        assert self._run is not None
        return self._run

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id_run

    def start(self) -> Self:
        """Begin a run, unless one is under way."""
        if self._run is None:
            step = around.enclosing()
            self._run = Recorder(self.name) if step is None else _of_step(step).next(self.name)
            self._run.tags.update(self._tags)
            self._stopped = False
        return self

    def stop(self, error: BaseException | None = None) -> None:
        """The run is over; with an error it has failed."""
        if self._run is not None:
            around.end(self._run, Status.COMPLETED if error is None else Status.FAILED, error)
        self._run, self._stopped = None, True
        active = _active_in(around.enclosing())
        if self in active:
            active.remove(self)

    def end(self) -> None:
        """As `stop`."""
        self.stop()

    def log_metric(self, name: str, value: Any, iteration: int | None = None) -> None:
        """A point of a metric; without `iteration` at the one that `set_iteration` said, else one more than the last."""
        self.run.log_metric(name, value, iteration)

    def set_iteration(self, iteration: int) -> None:
        """The iteration of metrics that are logged without one."""
        self.run.set_step(iteration)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Parameters; what is no plain data is kept as its text. Raises tracking.ParamConflictError where one has another value."""
        self.run.log_params({name: around.plain(value) for name, value in params.items()})

    def log_param(self, name: str, value: Any) -> None:
        """A parameter."""
        self.log_params({name: value})

    def log_hyperparameter(self, name: str, value: Any) -> None:
        """A parameter."""
        self.log_params({name: value})

    def log_artifact(self, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Keep a file or a folder under a path, by default its name."""
        self.run.log_artifact(local_path, artifact_path)

    def set_tags(self, tags: Mapping[str, Any] | Iterable[str]) -> None:
        """Labels."""
        self.run.tags.update(_labels(tags))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop(error)


class _Step:
    """The run of a step, and whether an experiment has it already."""

    def __init__(self, run: Run) -> None:
        self._run, self._claimed = run, False

    def next(self, name: str) -> Run:
        """The run of the next experiment: the step's own, then child runs of it."""
        free, self._claimed = not self._claimed, True
        return self._run if free else around.child_of(self._run, name)


@functools.lru_cache(maxsize=4)
def _of_step(run: Run) -> _Step:
    return _Step(run)


def _labels(tags: Mapping[str, Any] | Iterable[str]) -> dict[str, str | None]:
    """Tags of Tracelet are words, those of its documentation have values."""
    if isinstance(tags, Mapping):
        return {name: str(value) for name, value in tags.items()}
    return dict.fromkeys(tags)


def start_logging(
    exp_name: str = "default",
    project: str = "",
    backend: Any = None,
    api_key: str | None = None,  # noqa: ARG001 - Tracelet's
    backend_url: str | None = None,  # noqa: ARG001
    config: ExperimentConfig | None = None,
    **options: Any,
) -> Experiment:
    """Begin a run of the experiment `exp_name`; the one that was active is stopped. The project becomes a tag."""
    stop_logging()
    made = Experiment(exp_name, config, backend, **options)
    if project:
        made._tags["project"] = project
    _active_in(around.enclosing()).append(made.start())
    return made


def stop_logging() -> None:
    """Stop the active experiment; nothing where there is none."""
    for experiment in tuple(_active_in(around.enclosing())):
        experiment.stop()


def get_active_experiment() -> Experiment | None:
    """The experiment that start_logging began, unless it was stopped."""
    return next(iter(_active_in(around.enclosing())), None)
