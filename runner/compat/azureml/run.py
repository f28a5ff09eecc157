"""Azure's Run: one that was begun here, or the run of the step around."""

import atexit
import functools
import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from runner.compat import around
from runner.compat.azureml.told import Told
from runner.errors import UsageError
from runner.record import Status
from runner.recorder import Recorder
from runner.run import ChildRun
from runner.run import Run as XrunRun

OUTPUTS: Final = "outputs"
SLACK_SECONDS: Final = 0.1
"""By which a file's time may be behind the clock."""
_begun: "list[Run]" = []
"""The run that this program began last, unless it has ended."""


class Run(Told):
    """A run: what it is told, its child runs, its end."""

    def __init__(self, run: XrunRun, parent: "Run | None" = None, name: str | None = None) -> None:
        super().__init__(run)
        self.parent = parent
        """Of a child run, the run that made it."""
        self.id = run.id_run
        self.name = name or str(run.meta.get("name", ""))
        self.claimed = False
        """Whether `start_logging` has given it away."""
        self._status = "Running"
        self._children: list[Run] = []
        self._since, self._outputs = time.time() - SLACK_SECONDS, Path(OUTPUTS).absolute()

    @classmethod
    def begin(cls, experiment: str, name: str = "") -> "Run":
        """A run of this program's own; it ends with `complete`, or with the program."""
        run = cls(Recorder(experiment, name), name=name)
        atexit.register(run._collect)  # before the Recorder's own end, since the last registered goes first
        _begun[:] = [run]
        return run

    @classmethod
    def get_context(cls, allow_offline: bool = True, **_: Any) -> "Run":
        """The run around this code: that of a step, or of the script that was submitted, or the one that this program has begun.

        Where there is none, one is begun, of an experiment called as the program; with `allow_offline=False` UsageError is raised.
        """
        step = around.enclosing()
        if step is not None:
            return of_step(step)
        if _begun:
            return _begun[0]
        if not allow_offline:
            raise UsageError("this program was not started by xrun: there is no run around it; allow_offline=True begins one")
        return cls.begin(Path(sys.argv[0]).stem or "interactive")

    @property
    def experiment(self) -> Any:
        """The experiment that it belongs to."""
        from runner.compat.azureml.experiment import Experiment

        return Experiment(name=str(self.run.meta.get("experiment", "")))

    def child_run(self, name: str | None = None, **_: Any) -> "Run":
        """A run within this one."""
        child = Run(around.child_of(self.run, name), self, name)
        self._children.append(child)
        return child

    def get_children(self, **_: Any) -> "list[Run]":
        """The runs within this one."""
        return list(self._children)

    def get_metrics(self, name: str | None = None, recursive: bool = False, **_: Any) -> dict[str, Any]:
        """What was logged by this object: one value is a scalar, several are a list.

        `recursive`: by id of run, of the child runs as well, and always lists.
        """
        told = self._told(name, lists=recursive)
        if not recursive:
            return told
        within = {self.id: told}
        for child in self._children:
            within.update(child.get_metrics(name, recursive=True))
        return within

    def complete(self) -> None:
        """It is over and well."""
        self._end(Status.COMPLETED)

    def fail(self, error_details: Any = None, error_code: str | None = None, **_: Any) -> None:
        """It is over and not well. In a step, whose end decides, this is the tag `status`."""
        text = ": ".join(str(part) for part in (error_code, error_details) if part) or "the program said so"
        self._end(Status.FAILED, error_details if isinstance(error_details, BaseException) else RuntimeError(text))

    def cancel(self) -> None:
        """It is over and was not meant to be."""
        self._end(Status.CANCELLED)

    def _end(self, status: Status, error: BaseException | None = None) -> None:
        if self._status != "Running":
            return
        self._collect()
        self._status = {Status.COMPLETED: "Completed", Status.CANCELLED: "Canceled"}.get(status, "Failed")
        if self in _begun:
            _begun.clear()
        if isinstance(self.run, Recorder | ChildRun):
            around.end(self.run, status, error)
        elif not status.ok:
            around.end(self.run, status)
            self.run.tags["error"] = str(error or "")

    def _collect(self) -> None:
        """Keep what the program has written to `outputs/` since the run began."""
        atexit.unregister(self._collect)
        if not isinstance(self.run, Recorder) or self._status != "Running" or self.run.ended:
            return
        for file in sorted(self._outputs.rglob("*")):
            if file.is_file() and file.stat().st_mtime >= self._since:
                self.run.log_artifact(file, f"{OUTPUTS}/{file.relative_to(self._outputs).as_posix()}")

    def get_status(self) -> str:
        """Running, Completed, Failed or Canceled."""
        return self._status

    def get_details(self) -> dict[str, Any]:
        """Id, status and labels."""
        return {"runId": self.id, "status": self._status, "tags": self.get_tags()}

    @property
    def status(self) -> str:
        """As `get_status`."""
        return self._status

    def get_portal_url(self) -> str:
        """There is no portal: the command that shows the run."""
        return f"xrun show {self.id}"

    def register_model(self, model_name: str = "", *_: Any, **__: Any) -> None:
        """Does nothing, and says so once."""
        around.say_once(f"the model {model_name!r} is not registered: there is no registry; upload_file keeps its file with the run")

    @property
    def input_datasets(self) -> dict[str, Any]:
        """Empty, which is said once."""
        around.say_once("run.input_datasets is empty here: declare data with `data:` in the experiment file, read it from its path")
        return {}

    def __getattr__(self, name: str) -> Any:
        raise around.absent("runner.compat.azureml's Run", name, dir(type(self)))

    def wait_for_completion(self, **_: Any) -> dict[str, Any]:
        """Nothing to wait for: it is this program."""
        return self.get_details()

    def start(self) -> None:
        """It has begun already."""

    def flush(self, **_: Any) -> None:
        """Nothing to do: what is logged is sent on about once a second, and at the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end(Status.COMPLETED if error is None else Status.FAILED, error)

    def __repr__(self) -> str:
        return f"Run(Experiment: {self.experiment.name}, Id: {self.id}, Status: {self._status})"


@functools.lru_cache(maxsize=4)
def of_step(step: XrunRun) -> Run:
    """The run of a step, the same for all that ask."""
    return Run(step)


def summary(run: Any) -> str:
    """A run in a few lines."""
    lines = [f"{run.experiment.name}  {run.id}  {run.get_status()}", json.dumps(run.get_metrics(), indent=2), *run.get_file_names()]
    return "\n".join(lines)
