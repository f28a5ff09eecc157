"""Steps that are processes of their own: scripts and commands.

arguments  the command line and the environment
folder     a working directory of a run's own
spool      the way from `runner.get_run()` in the process to the run
streams    what the process writes, while it runs
metrics    lines and files that are metrics
waiting    follows the process, and ends it with all that it has started
failing    exit codes and signals as an error
"""

import functools
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from runner import oom, templates
from runner.capture import flush
from runner.run import Run
from runner.scripts import arguments, failing, metrics
from runner.scripts.failing import ScriptError
from runner.scripts.folder import working_folder
from runner.scripts.spool import Spool
from runner.scripts.streams import Stream
from runner.scripts.waiting import wait
from runner.spec import Process, Step
from runner.steps.placing import folder_of

__all__ = ["ScriptError", "perform"]

Report = Callable[[], object]
"""Called about once a second while the process runs, so that what was logged is sent on."""
_counter = functools.cache(oom.counter)


def perform(step: Step, run: Run, root: Path, report: Report = lambda: None) -> dict[str, Any] | None:
    """Execute a step that is a script or command, and wait for its end.

    The process belongs to this process's group, reads nothing from stdin, and writes to our stdout and stderr. What it logs reaches `run`
    while it goes on; returned are the fields that it has set by `runner.get_run()`, None if none. Raises ScriptError when it fails, and
    whatever is raised into the waiting, after the process and all that it has started have ended.
    """
    if step.process is None:
        raise ValueError(f"step `{step.name}` is a function")
    if not step.kwargs:
        return _perform(step, step.process, run, root, report)
    with run.having(step.kwargs):
        return _perform(step, step.process, run, root, report)


def _perform(step: Step, process: Process, run: Run, root: Path, report: Report) -> dict[str, Any] | None:
    lookup = arguments.lookup_of(run)
    named = root / templates.word(templates.fill(process.cwd, lookup)) if process.cwd else folder_of(process, root)
    if not named.is_dir():
        raise ScriptError("not started", f"its cwd {named} is not a folder")
    metrics_path = templates.word(templates.fill(process.metrics_file, lookup))
    with ExitStack() as stack:
        folder = stack.enter_context(working_folder(run, named, process.outputs, metrics_path))
        spool = Spool(run, root)
        stack.callback(spool.close)
        file = metrics.MetricsFile(run, metrics.file_of(metrics_path, folder)) if metrics_path else None
        scalars = metrics.Scalars(run, process.scalars) if process.scalars else None
        output, errors = Stream(1, pipe=scalars is not None), Stream(2, pipe=True)
        stack.callback(output.close)
        stack.callback(errors.close)
        words = arguments.command_of(process, run, root, (named, folder))
        kernel = oom.Watch(_counter())
        child = _start(words, folder, arguments.environment_of(process, run, root, spool.description), (output, errors))

        def look() -> bool:
            written = [stream.read() for stream in (output, errors)]
            if scalars is not None:
                scalars.feed(written[0])
            return any(written)

        def tick() -> None:
            while look():
                pass
            spool.read()
            if file is not None:
                file.follow()
            report()

        end = wait(child, (output, errors), look, tick)
        run.peak = max(run.peak, end.peak)
        spool.read()
        if scalars is not None:
            scalars.finish()
        if end.code:
            run.fields.update(spool.fields or {})
            told = arguments.shown(process, words)
            raise failing.ended(end.code, step.name, told, errors.tail, output.tail, oom=kernel.has_killed())
        if file is not None:
            file.finish()
        return spool.fields


def _start(words: list[str], folder: Path, environment: dict[str, str], streams: tuple[Stream, Stream]) -> "subprocess.Popen[bytes]":
    flush()  # what this process has printed comes first
    try:
        return subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=streams[0].child, stderr=streams[1].child
        )
    except OSError as error:
        raise failing.not_started(error, words[0]) from None
    finally:
        for stream in streams:
            stream.started()
