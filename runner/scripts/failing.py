"""How a script or command fails."""

import signal

from runner.describe import ProcessError

MAX_LINES = 20
"""Lines of a failed process's output that its error tells."""
MAX_SHOWN = 1000
"""Characters of a command that its error tells."""


class ScriptError(ProcessError):
    """A script or command that did not do its work. `kind` is `exit 3`, `SIGSEGV`, `not started` or `metrics`."""


def not_started(error: OSError, program: str) -> ScriptError:
    """The process could not be made."""
    reason = error.strerror or str(error)
    return ScriptError("not started", f"{error.filename or program}: {reason[:1].lower()}{reason[1:]}")


def ended(code: int, step: str, command: str, errors: bytes, output: bytes) -> ScriptError:
    """The process of a step ended with that code (negative: a signal), having written that last.

    Where it ended by itself, the last line that it wrote to stderr comes first: with most programs that is the reason.
    """
    kind = f"exit {code}" if code >= 0 else _signal(-code)
    what = (command if len(command) <= MAX_SHOWN else f"{command[: MAX_SHOWN - 3]}...").replace("\n", "\\n")
    hint = "; if nobody sent it, the kernel did, because memory ran out" if kind == "SIGKILL" else ""
    sentence = f"step `{step}`, `{what}`, ended with {kind}{hint}"
    said = _last_lines(errors)
    first = [said[-1].strip(), sentence] if said and code > 0 else [sentence]
    lines = said or _last_lines(output)
    return ScriptError(kind, "\n".join([*first, *(lines if lines != first[:1] else ())]), died=code < 0)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _last_lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    return [line.rpartition("\r")[2] for line in text.rstrip().replace("\r\n", "\n").split("\n")[-MAX_LINES:]] if text.strip() else []
