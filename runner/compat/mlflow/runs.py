"""Runs, their parameters, metrics and tags."""

import functools
import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from runner.compat.around import child_of, enclosing, plain
from runner.compat.mlflow.active import ActiveRun, Stack
from runner.recorder import Recorder
from runner.run import Run

_chosen = {"experiment": ""}


@functools.lru_cache(maxsize=4)
def _stack_of(around: Run | None) -> Stack:
    """The active runs of one step's run; a process performs one after the other."""
    return Stack(around)


def _stack() -> Stack:
    return _stack_of(enclosing())


def current(run_id: str | None = None) -> ActiveRun:
    """The run to log to, or the active one with this id; one is begun where there is none."""
    stack = _stack()
    if run_id is not None:
        return stack.find(run_id)
    return stack.top or stack.root or start_run()


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> SimpleNamespace:
    """The experiment that runs belong to from now on. In a step they are of the step's experiment, whatever is said here."""
    _chosen["experiment"] = experiment_name or experiment_id or ""
    return SimpleNamespace(name=_experiment(), experiment_id=_experiment())


def _experiment() -> str:
    around = enclosing()
    if around is not None:
        return str(around.meta.get("experiment", ""))
    return _chosen["experiment"] or os.environ.get("MLFLOW_EXPERIMENT_NAME", "") or "Default"


def start_run(  # noqa: PLR0913 - MLflow's
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    **_: Any,
) -> ActiveRun:
    """Begin a run; as a context manager it ends with the block. Other arguments of MLflow's are ignored.

    Raises RuntimeError where a run is active and `nested` is not said, ValueError for a `run_id`: a run that is over stays so.
    """
    if run_id is not None:
        raise ValueError(f"run {run_id} cannot be gone on with: in xrun a run that is over stays as it is; start one without `run_id`")
    stack = _stack()
    if stack.top is not None and not nested:
        raise RuntimeError(f"run {stack.top.info.run_id} is active; end it with end_run(), or start_run(nested=True) for a run within it")
    experiment = experiment_id or _experiment()
    if stack.top is not None:
        run: Run = child_of(stack.top.run, run_name)
    elif stack.root is None:
        run = Recorder(experiment, run_name or "")
    else:
        run = stack.root.run if stack.claim() else child_of(stack.root.run, run_name)
    active = stack.root if stack.root is not None and run is stack.root.run else ActiveRun(run, stack, experiment)
    active.info.run_name = run_name or active.info.run_name
    given = {"mlflow.runName": run_name, "mlflow.note.content": description, **(tags or {})}
    run.tags.update({key: str(value) for key, value in given.items() if value is not None})
    stack.push(active)
    return active


def end_run(status: str = "FINISHED") -> None:
    """End the active run, as FINISHED, FAILED or KILLED; nothing where there is none."""
    top = _stack().top
    if top is not None:
        top.end(status)


def active_run() -> ActiveRun | None:
    """The run that is logged to now; in a step there always is one."""
    stack = _stack()
    return stack.top or stack.root


def last_active_run() -> ActiveRun | None:
    """The active run, or else the one that has ended last."""
    return active_run() or _stack().last


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:  # noqa: ARG001 - MLflow's
    """A parameter; what is no plain data is kept as its text. Raises tracking.ParamConflictError where it has another value."""
    current().log_params({key: plain(value)})
    return value


def log_params(params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None) -> None:  # noqa: ARG001
    """Several parameters."""
    current(run_id).log_params({key: plain(value) for key, value in params.items()})


def log_metric(  # noqa: PLR0913 - MLflow's
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001
    timestamp: int | None = None,  # noqa: ARG001
    run_id: str | None = None,
    **_: Any,
) -> None:
    """A point of a metric, now. Without `step`: one more than the last."""
    current(run_id).log_metric(key, float(value) if isinstance(value, str) else value, step)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001
    run_id: str | None = None,
    timestamp: int | None = None,  # noqa: ARG001
    **_: Any,
) -> None:
    """A point of each of several metrics."""
    for key, value in metrics.items():
        log_metric(key, value, step, run_id=run_id)


def set_tag(key: str, value: Any) -> None:
    """A label of the run, as text."""
    current().run.tags[key] = str(value)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Several labels."""
    for key, value in tags.items():
        set_tag(key, value)


def delete_tag(key: str) -> None:
    """Take a label away."""
    del current().run.tags[key]
