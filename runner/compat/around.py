"""What the three shims share: the run around this code, files made on the way, and things that are said once."""

import functools
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from runner import codec
from runner.attached import OfflineRun
from runner.current import get_run
from runner.record import Status
from runner.recorder import Recorder
from runner.run import ChildRun, Run
from runner.suggest import did_you_mean


def enclosing() -> Run | None:
    """The run of the step that this code is executed by, in this process or as a script; None outside of xrun."""
    run = get_run()
    return None if isinstance(run, OfflineRun) else run


def child_of(run: Run, name: str | None) -> ChildRun:
    """A child run called `name` where it can be, which others allow twice and in any characters; else `child0`, `child1`, ..."""
    try:
        return run.child_run(name)
    except (ValueError, TypeError):
        return run.child_run()


def end(run: Run, status: Status, error: BaseException | None = None) -> None:
    """End a recorded run or a child run. How the run of a step ends is decided by what the step raises."""
    if isinstance(run, Recorder):
        run.end(status, error)
    elif isinstance(run, ChildRun):
        run.end("COMPLETED" if status.ok and error is None else "FAILED")
    elif not status.ok and error is None:
        run.tags["status"] = status.value
        say_once("a step's run ends as its step does: raise an exception to make it FAILED; the tag `status` is set instead")


def keep(run: Run, path: str, write: Callable[[Path], object]) -> None:
    """Keep as the artifact `path` the file that `write` makes."""
    with tempfile.TemporaryDirectory(prefix="xrun-") as folder:
        file = Path(folder, PurePosixPath(path).name or "file")
        write(file)
        run.log_artifact(file, path)


def plain(value: Any) -> Any:
    """A parameter as it is, if it is plain data, else its text: these libraries keep the text of everything."""
    try:
        codec.dumps(value)
    except codec.UnserialisableError:
        return str(value)
    return value


def absent(whose: str, name: str, names: Iterable[str]) -> AttributeError:
    """The error for what a shim does not have: the nearest that it has, and how runs are read back."""
    offered = sorted(known for known in names if not known.startswith("_"))
    return AttributeError(f"{whose} has no `{name}`; {did_you_mean(name, offered, 'it has')}; runner.load(...) reads runs back")


@functools.cache
def say_once(text: str) -> None:
    """A warning, once a process, on stderr: not a Python warning, which may be an error to code that was fine."""
    print(f"xrun: warning: {text}", file=sys.stderr)
