"""A helper process that imports heavy libraries while the coordinator composes, plans and executes, then does one piece of work.

pandas and pandera take half a second to import, as long as a whole small sweep. A thread would not help (imports hold the GIL); a
process on another core does. It is forked before the coordinator has threads, imports or files of its own, and dies with it.
"""

import contextlib
import gc
import importlib
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from runner import process

T = TypeVar("T")


class Helper:
    """A process beside this one; `call` runs a module-level function in it, or here when there is no such process."""

    def __init__(self, warm: str | None) -> None:
        """Fork it, if this is the only thread; it calls `warm`, a function's `package.module:name`, at once. None: no process."""
        self._pid = 0
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

    def begin(self, function: Callable[..., T], *arguments: Any) -> Callable[[], T]:
        """Start a module-level function in it, after what was begun before; the value of this call waits for its value.

        Arguments and value are xrun's own plain values; an exception is raised where the value is asked for. Without a process, or
        when it was killed meanwhile, the function is called here, then.
        """
        if self._sock is not None:
            try:
                self._sock.sendall(process.pack((function, arguments)))
            except OSError:
                self.close()
        return lambda: self._answer(function, *arguments)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The function's value."""
        return self.begin(function, *arguments)()

    def _answer(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._sock is None:
            return function(*arguments)
        try:
            answer = process.read(self._sock)
        except OSError:
            answer = None
        if answer is None:  # it was killed (memory?); the work can be done here as well
            self.close()
            return function(*arguments)
        value, error = process.unpack(answer)
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]

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


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return process.pack((function(*arguments), None))
    except Exception as error:  # noqa: BLE001 - it is raised again where the call was made
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return process.pack((None, error))
