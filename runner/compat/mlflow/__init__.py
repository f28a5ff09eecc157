"""MLflow's tracking functions, over xrun: `import runner.compat.mlflow as mlflow`.

Differences, all on purpose: a metric without a step counts 0, 1, 2, ... (MLflow: always 0); infinities stay infinite; a parameter keeps
its type, so that 1 and "1" differ; nothing is cut off; a run whose program dies of an exception is FAILED, not FINISHED.

In a step, the first `start_run` is the step's run and later ones are child runs of it.
"""

from pathlib import Path
from typing import Any

from runner.compat.around import say_once
from runner.compat.mlflow import models, sklearn
from runner.compat.mlflow.active import ActiveRun
from runner.compat.mlflow.files import (
    get_artifact_uri,
    log_artifact,
    log_artifacts,
    log_dict,
    log_figure,
    log_image,
    log_table,
    log_text,
)
from runner.compat.mlflow.others import (
    IGNORED,
    REFUSED,
    create_experiment,
    flush_async_logging,
    get_experiment_by_name,
    get_registry_uri,
    ignored,
)
from runner.compat.mlflow.runs import (
    active_run,
    delete_tag,
    end_run,
    last_active_run,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    set_experiment,
    set_tag,
    set_tags,
    start_run,
)
from runner.compat.mlflow.sklearn import autolog
from runner.suggest import did_you_mean

__all__ = [
    "ActiveRun",
    "active_run",
    "autolog",
    "create_experiment",
    "delete_tag",
    "end_run",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment_by_name",
    "get_registry_uri",
    "get_tracking_uri",
    "last_active_run",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "models",
    "set_experiment",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "start_run",
]


def set_tracking_uri(uri: str | Path) -> None:
    """Accepted and of no effect, which is said once."""
    say_once(f"runs are recorded by xrun, not at {uri}; `xrun export mlflow EXPERIMENT --uri {uri}` sends them there")


def get_tracking_uri() -> str:
    """Empty: there is no server."""
    return ""


def __getattr__(name: str) -> Any:
    if name in IGNORED:
        return ignored(name)
    if name in REFUSED:
        raise AttributeError(f"runner.compat.mlflow has no `{name}`; {REFUSED[name]}")
    raise AttributeError(f"runner.compat.mlflow has no `{name}`; {did_you_mean(name, __all__, 'it has')}; runner.load(...) reads runs back")
