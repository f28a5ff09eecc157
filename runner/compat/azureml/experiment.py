"""Experiments, the place they are in, and what a notebook shows of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.compat import around
from runner.compat.azureml.run import Run, of_step, summary
from runner.compat.azureml.submit import ScriptRunConfig, SubmittedRun, submit


@dataclass
class Workspace:
    """A placeholder: runs are kept in the workspace of the project."""

    name: str = field(default_factory=lambda: Path.cwd().name)
    subscription_id: str = ""
    resource_group: str = ""
    location: str = "here"

    @classmethod
    def from_config(cls, *_: Any, **__: Any) -> "Workspace":
        """A workspace called as the working directory; no file is read."""
        return cls()

    @classmethod
    def get(cls, name: str, *_: Any, **__: Any) -> "Workspace":
        """A workspace of that name."""
        return cls(name)


@dataclass
class Experiment:
    """A named process that makes runs."""

    workspace: Any = None
    name: str = "default"

    def start_logging(self, *_: Any, display_name: str = "", **__: Any) -> Run:
        """Begin a run in this program. In a step the first is the step's run and later ones are child runs of it."""
        step = around.enclosing()
        if step is None:
            return Run.begin(self.name, display_name)
        run = of_step(step)
        if run.claimed:
            return run.child_run(display_name or None)
        run.claimed = True
        return run

    def submit(self, config: ScriptRunConfig, tags: dict[str, str] | None = None, **_: Any) -> SubmittedRun:
        """Run a script in a process of its own, which this does not wait for. Raises UsageError where there is no such script."""
        return submit(self, config, tags or {})

    def __getattr__(self, name: str) -> Any:
        raise around.absent("runner.compat.azureml's Experiment", name, dir(type(self)))


class RunDetails:
    """What a notebook shows of a run."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def show(self, **_: Any) -> None:
        """Print a summary."""
        print(summary(self._run))
