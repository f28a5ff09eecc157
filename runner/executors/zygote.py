"""The parent of the workers: imports the steps once, inspects them, forks a worker in a millisecond whenever one is needed.

A process of its own, so that the coordinator never imports user code, so that a respawned worker needs no imports, and so that the code is
frozen at the start of the sweep. Not multiprocessing's forkserver: that one re-imports the caller's `__main__` in every worker, adds
a resource tracker process, and cannot say which signal ended a worker's group. Workers die with it (PR_SET_PDEATHSIG), it dies
with the coordinator (end of its socket), and takes every process group of its workers along.
"""

import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import Any

from runner.executors import child, wire
from runner.executors.page import Page
from runner.steps import inspect_steps

HEADER = struct.Struct(">Q")
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the thread that forked us ends (Linux; elsewhere the sockets' ends must do)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(control: int, page: int, parent: int) -> None:
    """Serve the coordinator until its end of the socket is closed."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)  # the coordinator died before the kernel knew of us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Zygote(socket.socket(fileno=control), page).serve()


class Zygote:
    """Forks workers and reports their deaths."""

    def __init__(self, control: socket.socket, page: int) -> None:
        self._control, self._page_fd, self._page = control, page, Page(page)
        self._workers: dict[int, int] = {}
        self._spawn = False
        self._wake, wake = socket.socketpair()
        self._wake.setblocking(False)
        wake.setblocking(False)
        self._wake_end = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)

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
            _kill_group(pid)
        os._exit(0)

    def _drain_wake(self) -> None:
        try:
            while self._wake.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _command(self) -> bool:
        try:
            header, descriptors, _, _ = socket.recv_fds(self._control, HEADER.size, 2)
        except ConnectionResetError:
            return False
        if len(header) < HEADER.size:
            return False
        payload = wire._exactly(self._control, HEADER.unpack(header)[0])
        if payload is None:
            return False
        name, argument = wire.unpack(payload)
        if name == "inspect":
            inspection = inspect_steps(argument)
            gc.collect()
            gc.freeze()  # what is imported now is shared with every worker, and stays so if the collector leaves it alone
            self._reply({"inspection": asdict(inspection)})
        elif name == "spawn":
            self._fork(argument["slot"], spawn=argument["fresh"] or threading.active_count() > 1, sock=descriptors[0], fault=descriptors[1])
        return True

    def _fork(self, slot: int, *, spawn: bool, sock: int, fault: int) -> None:
        """A new worker. A preloaded module that has started threads makes forking unsafe; then the worker is a fresh interpreter."""
        pid = os.fork()
        if pid == 0:
            self._become_worker(slot, spawn=spawn, sock=sock, fault=fault)
        os.close(sock)
        os.close(fault)
        try:
            os.setpgid(pid, pid)
        except (ProcessLookupError, PermissionError):
            pass  # it has died, or executed another program, and did it itself
        self._workers[pid] = slot
        self._reply({"born": slot, "pid": pid})

    def _become_worker(self, slot: int, *, spawn: bool, sock: int, fault: int) -> None:
        try:
            zygote = os.getppid()
            os.setpgid(0, 0)
            die_with_parent()
            if os.getppid() != zygote:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            self._control.close()
            if spawn:
                for descriptor in (sock, fault, self._page_fd):
                    os.set_inheritable(descriptor, True)
                call = f"from runner.executors.child import spawned; spawned({sock}, {self._page_fd}, {slot}, {fault})"
                os.execv(sys.executable, [sys.executable, *interpreter_flags(), "-c", call])
            self._wake.close()
            self._wake_end.close()
            child.main(socket.socket(fileno=sock), self._page, slot, fault)
        except BaseException:  # noqa: BLE001 - a child must never return into the zygote's loop
            sys.excepthook(*sys.exc_info())
            os._exit(70)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            slot = self._workers.pop(pid, None)
            if slot is not None:
                _kill_group(pid)  # what its steps have started and left
                self._reply({"died": slot, "pid": pid, "status": os.waitstatus_to_exitcode(status)})

    def _reply(self, message: dict[str, Any]) -> None:
        try:
            self._control.sendall(wire.frame(json.dumps(message).encode()))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the end of the socket is noticed by the loop


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def interpreter_flags() -> list[str]:
    """Options of this interpreter that a child needs as well (-W, -X, ...), and -P: the folder one happens to be in is not imported from."""
    return [*subprocess._args_from_interpreter_flags(), "-P"]  # type: ignore[attr-defined]
