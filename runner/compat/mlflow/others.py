"""What MLflow offers besides tracking. Calls that only concern its server say once that they do nothing; those that a program lives by are
refused with what there is instead.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from runner.compat.around import say_once

IGNORED: Final = {
    "register_model": "there is no registry; a model is an artifact of its run",
    "set_registry_uri": "there is no registry",
    "log_input": "declare data with `data:` in the experiment file",
    "log_inputs": "declare data with `data:` in the experiment file",
    "set_experiment_tag": "tags are those of runs and of the experiment file",
    "set_experiment_tags": "tags are those of runs and of the experiment file",
    "enable_system_metrics_logging": "xrun looks at CPU and memory by itself",
    "disable_system_metrics_logging": "`tracking: {system_seconds: null}` in the experiment file turns it off",
    "enable_async_logging": "what is logged is never waited for",
    "set_system_metrics_sampling_interval": "that is `tracking: {system_seconds: 10}` in the experiment file",
}
"""Functions that do nothing -> why."""

REFUSED: Final = {
    "MlflowClient": "runner.load('EXPERIMENT') reads runs back; log with mlflow.log_metric, log_param",
    "search_runs": "runner.load('EXPERIMENT').runs(where=\"lr < 0.1\") is a data frame of runs, `xrun ls` shows it",
    "get_run": "runner.load('EXPERIMENT').runs() reads runs back",
    "search_experiments": "`xrun ls` lists experiments",
    "load_table": "runner.load('EXPERIMENT').rows('TABLE') reads it back",
    "evaluate": "compute it and log it with mlflow.log_metrics",
    "pyfunc": "models are files: runner.load('EXPERIMENT').artifacts() says where they lie",
    "tracing": "log with mlflow.log_metric",
}
"""What there is not -> what there is instead."""


def ignored(name: str) -> Callable[..., None]:
    """A function that says once that it does nothing."""

    def call(*_: Any, **__: Any) -> None:
        say_once(f"mlflow.{name}() does nothing here: {IGNORED[name]}")

    call.__name__ = call.__qualname__ = name
    return call


def create_experiment(name: str, *_: Any, **__: Any) -> str:
    """The experiment's id, which is its name; there is nothing to create."""
    return name


def get_experiment_by_name(name: str) -> SimpleNamespace:
    """An experiment; there is one of every name."""
    return SimpleNamespace(name=name, experiment_id=name, lifecycle_stage="active")


def get_registry_uri() -> str:
    """Empty: there is no registry."""
    return ""


def flush_async_logging(*_: Any, **__: Any) -> None:
    """Nothing to do: what is logged is sent on about once a second, and at the end."""
