"""Scripts as runs: submitted, followed and read back."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from runner import stores
from runner.compat.azureml.values import Values
from runner.config import place
from runner.errors import IncompleteError, UsageError
from runner.record import Record, Status
from runner.suggest import did_you_mean
from runner.workspace import locate

LOOK_SECONDS: Final = 0.2
_WORDS: Final = {Status.COMPLETED: "Completed", Status.CANCELLED: "Canceled"}
_CALL: Final = "from runner.compat.azureml.submitted import main; main()"


class ActivityFailedException(Exception):  # noqa: N818 - Azure's name
    """A submitted script has failed; the text says how."""


class RunConfiguration(SimpleNamespace):
    """A placeholder that takes any attribute."""

    def __init__(self, *_: Any, **options: Any) -> None:
        super().__init__(environment=SimpleNamespace(), target="local")
        self.__dict__.update(options)


@dataclass(kw_only=True)
class ScriptRunConfig:
    """What to run: a script with arguments, or a command."""

    source_directory: str | Path = "."
    """It works in a folder of its own, made of links to what is in here; what it writes to `outputs/` is kept."""
    script: str | None = None
    arguments: Sequence[Any] = ()
    command: Sequence[Any] | str = ""
    max_run_duration_seconds: float | None = None
    run_config: Any = field(default_factory=RunConfiguration)
    compute_target: Any = None
    environment: Any = None


class Estimator(ScriptRunConfig):
    """A script with its arguments as a mapping."""

    def __init__(
        self,
        source_directory: str | Path = ".",
        *,
        entry_script: str | None = None,
        script_params: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        words = [word for flag, value in (script_params or {}).items() for word in (flag, *([] if value in ("", None) else [value]))]
        super().__init__(source_directory=source_directory, script=entry_script, arguments=words)


class SubmittedRun:
    """A script that runs in a process of its own. What it logs is read from the store."""

    def __init__(self, experiment: Any, id_run: str, process: "subprocess.Popen[str]") -> None:
        self.experiment, self.id, self._process = experiment, id_run, process
        self._store = locate(place.find(Path.cwd()).root, None).store

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,  # noqa: ARG002 - Azure's
        raise_on_error: bool = True,
    ) -> dict[str, Any]:
        """Its details, once it has ended; meanwhile `show_output` prints what it prints, a second later.

        Raises ActivityFailedException where it has failed, unless `raise_on_error` is False. Ctrl-C ends the waiting, not the run.
        """
        seen = {"stdout": 0, "stderr": 0}
        while show_output and self._process.poll() is None:
            time.sleep(LOOK_SECONDS)
            self._show(seen)
        self._process.wait()
        if show_output:
            self._show(seen)
        record = self._record()
        if raise_on_error and (record is None or not record.status.ok):
            failure = record.failure if record else None
            raise ActivityFailedException(f"{failure.kind}: {failure.message}" if failure else f"the run is {self.get_status()}")
        return self.get_details()

    def _show(self, seen: dict[str, int]) -> None:
        with self._reader() as reader:
            for stream in seen if reader else ():
                for number, text in reader.output(self.id, stream, seen[stream]):
                    seen[stream] = number
                    print(text, end="", flush=True, file=getattr(sys, stream))

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        """The store's reader, or None while there is no store."""
        try:
            reader = stores.read(self._store)
        except IncompleteError:
            yield None
            return
        try:
            yield reader
        finally:
            reader.close()

    def _record(self) -> Record | None:
        with self._reader() as reader:
            return reader.find([self.id]).get(self.id) if reader else None

    def cancel(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

    def get_status(self) -> str:
        """Running, Completed, Failed or Canceled."""
        if self._process.poll() is None:
            return "Running"
        record = self._record()
        return _WORDS.get(record.status, "Failed") if record else "Failed"

    def get_details(self) -> dict[str, Any]:
        """Id, status and labels."""
        return {"runId": self.id, "status": self.get_status(), "tags": self.get_tags()}

    def get_tags(self) -> dict[str, Any]:
        """The labels, once it has ended."""
        record = self._record()
        return record.tags if record else {}

    def get_metrics(self, name: str | None = None, recursive: bool = False, **_: Any) -> dict[str, Any]:
        """What it has logged: one value is a scalar, several are a list. `recursive`: by id, with the child runs', always lists."""
        with self._reader() as reader:
            if reader is None:
                return {}
            told = {self.id: _values(reader, self.id).told(name, lists=recursive)}
            for child in reader.children(self.id) if recursive else ():
                told[child.id_run] = _values(reader, child.id_run).told(name, lists=True)
        return told if recursive else told[self.id]

    def get_file_names(self) -> list[str]:
        """Paths of the files that it keeps."""
        with self._reader() as reader:
            return sorted(artifact.path for artifact in reader.artifacts([self.id]).get(self.id, [])) if reader else []


def _values(reader: Any, id_run: str) -> Values:
    values = Values()
    for name in reader.summaries([id_run]).get(id_run, {}):
        for _, part, _ in reader.points(id_run, name):
            values.add(name, part.tolist())
    for name, parts in reader.tables(id_run).items():
        for part in parts:
            values.add_rows(name, part)
    record = reader.find([id_run]).get(id_run)
    for name, value in (record.fields if record else {}).items():
        values.add(name, value if isinstance(value, list) else [value])
    return values


def submit(experiment: Any, config: ScriptRunConfig, tags: Mapping[str, str]) -> SubmittedRun:
    """Start the process that runs a script and records it. Raises UsageError where there is no such script."""
    folder = Path(config.source_directory).absolute()
    if not config.command and not (config.script and (folder / config.script).is_file()):
        known = sorted(file.name for file in folder.glob("*.py"))
        raise UsageError(f"there is no script {config.script!r} in {folder}; {did_you_mean(str(config.script), known, 'there is')}")
    told = {
        "id_run": str(uuid.uuid4()),
        "experiment": experiment.name,
        "folder": str(folder),
        "script": "" if config.command else config.script,
        "arguments": [str(word) for word in config.arguments],
        "command": config.command if isinstance(config.command, str) else [str(word) for word in config.command],
        "seconds": config.max_run_duration_seconds,
        "tags": dict(tags),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _CALL],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the waiting, not the run
        env={name: value for name, value in os.environ.items() if name != "XRUN_RUN"},
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(json.dumps(told))
    return SubmittedRun(experiment, str(told["id_run"]), process)
