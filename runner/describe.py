"""What a step has raised, as text. Nothing that the exception itself does can make this fail."""

import os
import traceback
from pathlib import Path

from runner import codec
from runner.record import Failure
from runner.suggest import nearest

MAX_MESSAGE = 16_000
MAX_TRACEBACK = 1_000_000
_OURS = f"{Path(__file__).parent}{os.sep}"


class ProcessError(Exception):
    """A process that a step has started did not do its work. `kind` says how it ended: `exit 3`, `SIGSEGV`.

    `died`: a signal has ended it; its run is CRASHED and not FAILED.
    """

    def __init__(self, kind: str, message: str, *, died: bool = False) -> None:
        self.kind, self.died = kind, died
        super().__init__(message)


def describe(error: BaseException, step: str, root: Path) -> Failure:
    """An exception as text: its class, message, the step's traceback without xrun's own frames, and where it happened."""
    if isinstance(error, ProcessError):  # where in xrun it was noticed is of no interest
        return Failure(kind=_valid(error.kind), message=_clip(_text(error), MAX_MESSAGE), step=step)
    _say_what_was_meant(error)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_OURS)]
    inside = [f for f in frames if f.filename.startswith(f"{root}{os.sep}") and "site-packages" not in f.filename]
    last = next(iter([*reversed(inside), *reversed(frames)]), None)
    kind = type(error)
    name = _valid(kind.__qualname__ if kind.__module__ in ("builtins", codec.__name__) else f"{kind.__module__}.{kind.__qualname__}")
    return Failure(
        kind=name,
        message=_clip(_text(error), MAX_MESSAGE),
        traceback=_clip(_formatted(error, frames, name), MAX_TRACEBACK),
        where=_valid(f"{_relative(last.filename, root)}:{last.lineno}") if last else "",
        step=step,
    )


def _say_what_was_meant(error: BaseException) -> None:
    """A misspelt attribute of an object of ours: `run.log_metrc`. Python says so itself only where it prints the traceback."""
    if isinstance(error, AttributeError) and type(error.obj).__module__.startswith(f"{__package__}.") and len(error.args) == 1:
        meant = nearest(str(error.name), (name for name in dir(error.obj) if not name.startswith("_")))
        if meant and meant != error.name and "did you mean" not in str(error.args[0]):
            error.args = (f"{error.args[0]}; did you mean `{meant}`?",)
            error.name = None  # or newer Pythons say it again


def _text(error: BaseException) -> str:
    try:
        return _valid(str(error))
    except BaseException as second:  # noqa: BLE001 - an exception whose __str__ raises
        return f"(its text cannot be had: {type(second).__name__})"


def _formatted(error: BaseException, frames: list[traceback.FrameSummary], name: str) -> str:
    try:
        whole = traceback.TracebackException.from_exception(error)
        whole.stack = traceback.StackSummary.from_list(frames)
        return _valid("".join(whole.format()))
    except BaseException:  # noqa: BLE001 - as above
        return _valid("Traceback (most recent call last):\n" + "".join(traceback.format_list(frames)) + name)


def _valid(text: str) -> str:
    """The text with lone surrogates spelled out; nothing else can be stored or printed."""
    return text.encode("utf-8", "backslashreplace").decode()


def _clip(text: str, limit: int) -> str:
    """The head and the tail of a text that is too long."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"


def _relative(filename: str, root: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(root)) if path.is_relative_to(root) else filename
