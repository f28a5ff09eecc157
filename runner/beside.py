"""A helper process that imports heavy libraries while the coordinator composes, plans and executes, then does one piece of work.

pandas and pandera take half a second to import, as long as a whole small sweep. A thread would not help (imports hold the GIL); a process on
another core does. It is forked before the coordinator has threads, imports or files of its own, and dies with it.
"""

import gc
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from runner.executors import wire
from runner.executors.zygote import die_with_parent

T = TypeVar("T")


class Helper:
    """A process beside this one; `call` runs a module-level function in it, or here when there is no such process."""

    def __init__(self, warm: Callable[[], None]) -> None:
        """Fork it, if this is the only thread; it calls `warm` at once."""
        self._pid = 0
        self._sock: socket.socket | None = None
        if not hasattr(os, "fork") or threading.active_count() > 1:
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

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The function's value, or the exception that it raised. Arguments and value are the coordinator's own plain values."""
        if self._sock is not None:
            try:
                self._sock.sendall(wire.pack((function, arguments)))
                answer = wire.read(self._sock)
            except OSError:
                answer = None
            if answer is not None:
                value, error = wire.unpack(answer)
                if error is not None:
                    raise error
                return value  # type: ignore[no-any-return]
            self.close()  # it was killed (memory?); the work can be done here as well
        return function(*arguments)

    def close(self) -> None:
        """End it; idempotent."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            try:
                os.kill(self._pid, signal.SIGKILL)  # it may be in the middle of an import that nobody waits for
            except ProcessLookupError:
                pass
            os.waitpid(self._pid, 0)


def _serve(sock: socket.socket, warm: Callable[[], None], parent: int) -> None:
    """The helper's life; never returns."""
    code = 1
    try:
        die_with_parent()
        if os.getppid() == parent:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # the coordinator decides
            gc.disable()  # imports make no garbage worth a collection
            warm()
            gc.freeze()
            gc.enable()
            while (request := wire.read(sock)) is not None:
                sock.sendall(_answer(*wire.unpack(request)))
            code = 0
    finally:
        os._exit(code)


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return wire.pack((function(*arguments), None))
    except Exception as error:  # noqa: BLE001 - it is raised again where the call was made
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return wire.pack((None, error))
