"""The executors by name. To add one: a module that satisfies `base.Executor`, one entry here, one YAML file in runner/conf/executor/."""

from collections.abc import Callable
from typing import Final

from runner.executors.base import Executor
from runner.executors.local import Local
from runner.executors.serial import Serial
from runner.spec import ExecutorSpec

EXECUTORS: Final[dict[str, Callable[[ExecutorSpec], Executor]]] = {"local": Local, "serial": Serial}


def open(spec: ExecutorSpec) -> Executor:  # noqa: A001 - `executors.open` is what it does
    """The executor that an experiment asks for."""
    return EXECUTORS[spec.name](spec)
