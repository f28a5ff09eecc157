"""How a script or command fails."""

import signal

from runner.describe import ProcessError
from runner.oom import OUT_OF_MEMORY

MAX_LINES = 20
"""Lines of a failed process's output that its error tells."""
MAX_SHOWN = 1000
"""Characters of a command that its error tells."""


class ScriptError(ProcessError):
    """A script or command that did not do its work. `kind` is `exit 3`, `SIGSEGV`, `oom`, `not started` or `metrics`."""


def not_started(error: OSError, program: str) -> ScriptError:
    """The process could not be made."""
    reason = error.strerror or str(error)
    return ScriptError("not started", f"{error.filename or program}: {reason[:1].lower()}{reason[1:]}")


def ended(code: int, step: str, command: str, errors: bytes, output: bytes, *, oom: bool = False) -> ScriptError:
    """The process of a step ended with that code (negative: a signal), having written that last.

    `oom`: the kernel has killed a process meanwhile, because memory ran out. A shell tells such an end of what it has started as 137.
    Where it ended by itself, the last line that it wrote to stderr comes first: with most programs that is the reason.
    """
    killed = oom and code in (-signal.SIGKILL, 128 + signal.SIGKILL)
    kind = OUT_OF_MEMORY if killed else f"exit {code}" if code >= 0 else _signal(-code)
    what = (command if len(command) <= MAX_SHOWN else f"{command[: MAX_SHOWN - 3]}...").replace("\n", "\\n")
    hint = "; if nobody sent it, the kernel did, because memory ran out" if kind == "SIGKILL" else ""
    sentence = f"step `{step}`, `{what}`, ended with {kind}{hint}"
    if killed:
        sentence = f"the kernel ended step `{step}`, `{what}`, because memory ran out; `max_memory` of the step ends it before that"
    said = _last_lines(errors)
    first = [said[-1].strip(), sentence] if said and code > 0 and not killed else [sentence]
    lines = said or _last_lines(output)
    return ScriptError(kind, "\n".join([*first, *(lines if lines != first[:1] else ())]), died=code < 0 or killed)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _last_lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    return [line.rpartition("\r")[2] for line in text.rstrip().replace("\r\n", "\n").split("\n")[-MAX_LINES:]] if text.strip() else []
