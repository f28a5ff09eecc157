"""The logging part of Azure ML's SDK v1, over xrun: `from runner.compat.azureml import Experiment, Run, ScriptRunConfig, RunDetails`.

Differences, all on purpose: outside of a submitted script `Run.get_context()` is a recorded run, not one that prints; values are logged
with a step or without, in any order; a text that is logged is a field of the run; of `outputs/` that is kept which was written since the
run began; `RunConfiguration` and `Workspace` are placeholders: scripts run here, at once, with this Python.

In a step, the first `start_logging` is the step's run and later ones are child runs of it.
"""

from typing import Any

from runner.compat import around
from runner.compat.azureml.experiment import Experiment, RunDetails, Workspace
from runner.compat.azureml.run import Run
from runner.compat.azureml.submit import ActivityFailedException, Estimator, RunConfiguration, ScriptRunConfig, SubmittedRun

__all__ = [
    "ActivityFailedException",
    "Estimator",
    "Experiment",
    "Run",
    "RunConfiguration",
    "RunDetails",
    "ScriptRunConfig",
    "SubmittedRun",
    "Workspace",
]


def __getattr__(name: str) -> Any:
    raise around.absent("runner.compat.azureml", name, __all__)
