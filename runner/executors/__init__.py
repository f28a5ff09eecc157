"""The executors by name. To add one: a module that satisfies `base.Executor`, one entry here, one YAML file in runner/conf/executor/."""

from collections.abc import Callable
from typing import Final

from runner.executors.base import Executor
from runner.executors.local import Local
from runner.executors.plugin import Plugin
from runner.executors.serial import Serial
from runner.spec import ExecutorSpec, Experiment

EXECUTORS: Final[dict[str, Callable[[ExecutorSpec], Executor]]] = {"local": Local, "serial": Serial}


def open(experiment: Experiment) -> Executor:  # noqa: A001 - `executors.open` is what it does
    """The executor that an experiment asks for; a Hydra launcher plugin takes its place where one is named."""
    if experiment.launch is not None:
        return Plugin(experiment.launch)
    return EXECUTORS[experiment.executor.name](experiment.executor)
