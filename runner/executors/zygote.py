"""The parent of the workers: imports the steps once, inspects them, forks a worker in a millisecond whenever one is needed.

A process of its own, so that the coordinator never imports user code, so that a respawned worker needs no imports, and so that the code is
frozen at the start of the sweep. Not multiprocessing's forkserver: that one re-imports the caller's `__main__` in every worker, adds
a resource tracker process, and cannot say which signal ended a worker's group.

While it imports user code, which may hang anywhere, it dies with the coordinator by the kernel's hand (PR_SET_PDEATHSIG). From then on
it leaves when its socket ends, because then it has something to do first: to kill the process groups of its workers.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
import warnings
from dataclasses import asdict
from typing import Any

from runner import capture
from runner.executors import child
from runner.executors.page import Page
from runner.executors.parent import death_signal, die_with, flush_output, interpreter_flags, kill_group
from runner.process import HEADER, exactly, frame, unpack
from runner.steps import inspect_steps


def main(control: int, page: int, parent: int) -> None:
    """Serve the coordinator until its end of the socket is closed."""
    die_with(parent)
    Zygote(socket.socket(fileno=control), page).serve()


class Zygote:
    """Forks workers and reports their deaths."""

    def __init__(self, control: socket.socket, page: int) -> None:
        self._control, self._page_fd, self._page = control, page, Page(page)
        self._pid = os.getpid()
        self._workers: dict[int, int] = {}
        self._wake, self._wake_end = socket.socketpair()
        self._wake.setblocking(False)
        self._wake_end.setblocking(False)
        self._take_signals()

    def _take_signals(self) -> None:
        """Handlers that do nothing, rather than SIG_IGN, which programs started by a step would inherit."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # workers inherit it: a blocked SIGCHLD would hide their deaths
        signal.set_wakeup_fd(self._wake_end.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """The loop. It ends, with all workers and their process groups, when the coordinator is gone."""
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._wake, selectors.EVENT_READ)
        alive = True
        while alive:
            for key, _ in selector.select():
                if key.fileobj is self._wake:
                    self._drain_wake()
                    self._reap()
                else:
                    alive = self._command()
        for pid in self._workers:
            kill_group(pid)
        for pid in self._workers:
            os.waitpid(pid, 0)
        os._exit(0)

    def _drain_wake(self) -> None:
        try:
            while self._wake.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _command(self) -> bool:
        try:
            header, descriptors, _, _ = socket.recv_fds(self._control, HEADER.size, 4)
        except ConnectionResetError:
            return False
        if len(header) < HEADER.size:
            return False
        payload = exactly(self._control, HEADER.unpack(header)[0])
        if payload is None:
            return False
        name, argument = unpack(payload)
        if name == "inspect":
            self._inspect(argument)
        elif name == "spawn":
            self._spawn(argument["slot"], descriptors, fresh=argument["fresh"] or threading.active_count() > 1)
        return True

    def _inspect(self, experiment: Any) -> None:
        inspection = inspect_steps(experiment)
        if os.getpid() != self._pid:
            os._exit(0)  # a module forked on import, and its child came back from it
        death_signal(0)
        self._take_signals()  # a module may have taken them
        gc.collect()
        gc.freeze()  # what is imported now is shared with every worker, and stays so if the collector leaves it alone
        self._reply({"inspection": asdict(inspection)})

    def _spawn(self, slot: int, descriptors: list[int], *, fresh: bool) -> None:
        """A new worker; `descriptors`: its socket, and what `child.main` wants.

        A preloaded module that has started threads makes forking unsafe; then the worker is a fresh interpreter.
        """
        try:
            pid = self._start_fresh(slot, descriptors) if fresh else self._fork(slot, descriptors)
        except OSError as error:  # too many processes, or no memory
            self._reply({"unborn": slot, "why": str(error.strerror)})
        else:
            self._workers[pid] = slot
            self._reply({"born": slot, "pid": pid})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _start_fresh(self, slot: int, descriptors: list[int]) -> int:
        sock, *others = descriptors
        for descriptor in (*descriptors, self._page_fd):
            os.set_inheritable(descriptor, True)
        call = f"from runner.executors.child import spawned; spawned({sock}, {self._page_fd}, {slot}, {others}, {self._pid})"
        command = [sys.executable, *interpreter_flags(), "-c", call]
        return os.posix_spawn(sys.executable, command, os.environ, setpgroup=0)

    def _fork(self, slot: int, descriptors: list[int]) -> int:
        capture.flush()  # or every worker writes what the modules printed once more
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12+ counts native threads; OpenBLAS's know how to be forked
            pid = os.fork()
        if pid == 0:
            self._become_worker(slot, *descriptors)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has died, or did it itself
            os.setpgid(pid, pid)
        return pid

    def _become_worker(self, slot: int, sock: int, fault: int, out: int, err: int) -> None:
        try:
            os.setpgid(0, 0)
            die_with(self._pid)
            signal.set_wakeup_fd(-1)
            for end in (self._control, self._wake, self._wake_end):
                end.close()
            child.main(socket.socket(fileno=sock), self._page, slot, fault, (out, err))
        except BaseException:  # noqa: BLE001 - a child must never return into the zygote's loop
            sys.excepthook(*sys.exc_info())
            flush_output()
        os._exit(70)

    def _reap(self) -> None:
        """Report who has died, its group's remains being killed before the kernel can give its number to somebody else."""
        for pid in list(self._workers):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                kill_group(pid)
                _, status, usage = os.wait4(pid, 0)
                taken = [usage.ru_utime + usage.ru_stime, usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss << 10]
                self._reply({"died": self._workers.pop(pid), "pid": pid, "status": os.waitstatus_to_exitcode(status), "taken": taken})

    def _reply(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the end of the socket is noticed by the loop
            self._control.sendall(frame(json.dumps(message).encode()))
