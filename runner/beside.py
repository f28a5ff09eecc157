"""A helper process that imports heavy libraries while the coordinator composes, plans and executes, then does one piece of work.

pandas and pandera take half a second to import, as long as a whole small sweep. A thread would not help (imports hold the GIL); a
process on another core does. It is forked before the coordinator has threads, imports or files of its own, and dies with it.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from runner import process
from runner.errors import ConfigError, IncompleteError, StoreError, UsageError, XrunError

T = TypeVar("T")
_NO_ANSWER = "the process that makes the table sent what is no answer; the runs are kept, running again publishes them"
_ENDED = "the process that imports `results.schema` and makes the table has ended, killed or by that module; what has completed is kept"


class Helper:
    """A process beside this one; `begin` runs a module-level function in it, or here when there is no such process."""

    def __init__(self, warm: str | None) -> None:
        """Fork it, if this is the only thread; it calls `warm`, a function's `package.module:name`, at once. None: no process."""
        self._pid = 0
        self._begun = self._told = 0
        self._ended = False
        """Whether there was a process, and it ended by itself."""
        self._answers: dict[int, tuple[Any, Any]] = {}
        """Number of a question -> value and error, where they came before they were asked for."""
        self._sock: socket.socket | None = None
        if warm is None or not hasattr(os, "fork") or threading.active_count() > 1:
            return
        self._sock, theirs = socket.socketpair()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12+ counts native threads, of which there is none of ours
            self._pid = os.fork()
        if self._pid == 0:
            self._sock.close()
            _serve(theirs, warm, parent)
        theirs.close()

    def begin(self, function: Callable[..., T], read: Callable[[Any], T], *arguments: Any, foreign: bool = False) -> Callable[[], T]:
        """Start a module-level function in it, after what was begun before; the value of this call waits for its value.

        Arguments are xrun's own plain values. The value is None or a frozen value of plain data; `read` makes it of its fields, which
        come as JSON, since the function may have imported a module of the user's. An XrunError is raised where the value is asked for,
        any other exception as a RuntimeError. Without a process, or when it was killed meanwhile, the function is called here, then; not so
        where it executes `foreign` code, the user's, by which the process may have ended as well: that is a StoreError.
        """
        self._begun = number = self._begun + 1
        if self._sock is not None:
            try:
                self._sock.sendall(process.pack((number, function, arguments)))
            except OSError:
                self._lose()
        return lambda: self._answer(number, function, read, *arguments, foreign=foreign)

    def _answer(self, number: int, function: Callable[..., T], read: Callable[[Any], T], *arguments: Any, foreign: bool) -> T:
        while self._sock is not None and number not in self._answers:
            try:
                answer = process.read(self._sock)
            except OSError:
                answer = None
            if answer is None:  # it was killed (memory?); the work can be done here as well
                self._lose()
                break
            told, value, error = _read(answer)
            if told != self._told + 1:  # every question has one answer, in their order
                raise StoreError(_NO_ANSWER)
            self._told = told
            self._answers[told] = value, error  # one that nobody waits for any more is left, and belongs to no other question
        if number not in self._answers:
            if foreign and self._ended:
                raise StoreError(_ENDED)
            return function(*arguments)
        value, error = self._answers.pop(number)
        if error is not None:
            raise _error(error)
        try:
            return read(value)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StoreError(_NO_ANSWER) from None

    def _lose(self) -> None:
        self._ended = True
        self.close()

    def close(self) -> None:
        """End it; idempotent."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # it may be in the middle of an import that nobody waits for
            os.waitpid(self._pid, 0)


def _serve(sock: socket.socket, warm: str, parent: int) -> None:
    """The helper's life; never returns."""
    code = 1
    try:
        process.die_with_parent()
        if os.getppid() == parent:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # the coordinator decides
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a table needs none, and starting them takes time
            gc.disable()  # imports make no garbage worth a collection
            module, _, name = warm.partition(":")
            getattr(importlib.import_module(module), name)()
            gc.freeze()
            gc.enable()
            while (request := process.read(sock)) is not None:
                sock.sendall(_answer(*process.unpack(request)))
            code = 0
    finally:
        os._exit(code)


def _answer(number: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        value = function(*arguments)
        return process.frame(json.dumps([number, None if value is None else asdict(value), None]).encode())
    except Exception as error:  # noqa: BLE001 - it is raised again where the call was made
        parts = [error.problem, error.where, error.key, error.hint] if isinstance(error, ConfigError) else None
        code = error.exit_code if isinstance(error, XrunError) else None
        return process.frame(json.dumps([number, None, [type(error).__name__, str(error), code, parts]]).encode())


def _read(answer: bytes) -> tuple[int, Any, Any]:
    """Number, value and error of an answer. Raises StoreError for what is none."""
    try:
        number, value, error = json.loads(answer)
        return int(number), value, error
    except (ValueError, TypeError, RecursionError):
        raise StoreError(_NO_ANSWER) from None


def _error(told: Any) -> Exception:
    """The exception that was told by its kind, text, exit code and the parts of its text."""
    try:
        kind, text, code, parts = told
        if code is None:
            return RuntimeError(f"{kind}: {text}")
        if parts is not None:
            problem, where, key, hint = parts
            return ConfigError(problem, where=where, key=key, hint=hint)
    except (ValueError, TypeError):
        return StoreError(_NO_ANSWER)
    kinds = {each.__name__: each for each in (UsageError, IncompleteError, StoreError)}
    return kinds.get(str(kind), StoreError if code == StoreError.exit_code else XrunError)(str(text))
