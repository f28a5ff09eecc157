"""How a script or command fails."""

import signal
from pathlib import PurePath

from runner.describe import ProcessError

MAX_LINES = 20
"""Lines of a failed process's output that its error tells."""


class ScriptError(ProcessError):
    """A script or command that did not do its work. `kind` is `exit 3`, `SIGSEGV`, `not started` or `metrics`."""


def not_started(error: OSError, program: str) -> ScriptError:
    """The process could not be made."""
    reason = error.strerror or str(error)
    return ScriptError("not started", f"{error.filename or program}: {reason[:1].lower()}{reason[1:]}")


def ended(code: int, what: str, errors: bytes, output: bytes) -> ScriptError:
    """The process ended with that code (negative: a signal), having written that last."""
    kind = f"exit {code}" if code >= 0 else _signal(-code)
    lines = _last_lines(errors) or _last_lines(output)
    return ScriptError(kind, "\n".join([f"{PurePath(what).name or what} ended with {kind}", *lines]))


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _last_lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    return [line.rpartition("\r")[2] for line in text.rstrip().replace("\r\n", "\n").split("\n")[-MAX_LINES:]] if text.strip() else []
