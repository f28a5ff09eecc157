"""The run that executes now, found from anywhere: `runner.get_run()`."""

import os

from runner.run import Run

_running: list[Run] = []
"""A process performs one run at a time; what it started, threads included, belongs to that run."""


def _before_fork() -> None:
    for run in tuple(_running):
        run.before_fork()


os.register_at_fork(before=_before_fork)


def enter(run: Run) -> None:
    """`run` is the current run from now on, until `leave`."""
    _running.append(run)


def leave(run: Run) -> None:
    """It is over."""
    _running.remove(run)


def get_run() -> Run:
    """The run that executes now, wherever this is called in a step.

    In a script or command that a step has started it is that step's run. In a program outside of xrun it is an offline run, which
    prints what it is told.
    """
    if _running:
        return _running[-1]
    from runner.attached import outside

    return outside()
