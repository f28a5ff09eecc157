"""The coordinator's side of the zygote: starts it, has it import and inspect the steps, orders workers, hears of births and deaths."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from runner import process
from runner.errors import WorkerStartError
from runner.executors import wire
from runner.executors.parent import interpreter_flags
from runner.spec import Experiment
from runner.steps import Inspection, Parameter, StepInfo

GONE = "the process that starts the workers is gone"
LEAVE_SECONDS = 1.0


class Nursery:
    """A zygote process. Its socket is blocking until the steps have been inspected."""

    def __init__(self, page: int, environment: dict[str, str]) -> None:
        """Start it. Raises WorkerStartError."""
        self.sock, theirs = socket.socketpair()
        self._inbox = wire.Inbox()
        call = f"from runner.executors.zygote import main; main({theirs.fileno()}, {page}, {os.getpid()})"
        try:
            self._process = subprocess.Popen(
                [sys.executable, *interpreter_flags(), "-c", call],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), page),
                env=environment,
                start_new_session=True,  # a Ctrl-C at the terminal is the coordinator's alone
            )
        except OSError as error:
            self.sock.close()
            raise WorkerStartError(f"no process can be started: {error.strerror}") from None
        finally:
            theirs.close()

    def inspect(self, experiment: Experiment) -> Inspection:
        """Have the steps imported and checked. Raises WorkerStartError when that ends the process."""
        self._tell(("inspect", experiment), [])
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                raise WorkerStartError(
                    f"importing the steps ended the process ({self._end()}): {', '.join(s.call for s in experiment.steps)}"
                )
            for payload in self._inbox.feed(data):
                return _inspection(json.loads(payload)["inspection"])

    def spawn(self, slot: int, sock: socket.socket, descriptors: Sequence[int], *, fresh: bool) -> None:
        """Order a worker that serves this end of a socket; `descriptors` are what `child.main` wants besides."""
        self.sock.setblocking(True)
        self._tell(("spawn", {"slot": slot, "fresh": fresh}), [sock.fileno(), *descriptors])
        self.sock.setblocking(False)

    def news(self) -> Iterator[dict[str, Any]]:
        """What it has to tell: {"born": slot, "pid"}, {"died": slot, "pid", "status", "taken": [CPU seconds, peak of memory]}.

        Raises WorkerStartError when it cannot go on.
        """
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            raise WorkerStartError(GONE)
        for payload in self._inbox.feed(data):
            message = json.loads(payload)
            if "unborn" in message:
                raise WorkerStartError(f"a worker process cannot be started: {message['why']}")
            yield message

    def close(self) -> None:
        """End it; it takes every worker's process group along."""
        self.sock.close()
        self._end()

    def _end(self) -> str:
        """Wait until it has left, make it leave if it does not; how it ended."""
        try:
            code = self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit {code}"

    def _tell(self, message: tuple[str, Any], descriptors: list[int]) -> None:
        data = process.pack(message)
        try:
            socket.send_fds(self.sock, [data[: process.HEADER.size]], descriptors)
            self.sock.sendall(data[process.HEADER.size :])
        except (BrokenPipeError, ConnectionResetError):
            raise WorkerStartError(GONE) from None


def _inspection(tree: dict[str, Any]) -> Inspection:
    infos = tuple(StepInfo(**{**info, "parameters": tuple(Parameter(**p) for p in info["parameters"])}) for info in tree["steps"])
    return Inspection(
        problems=tuple(tree["problems"]),
        places=tuple(tree["places"]),
        notes=tuple(tree["notes"]),
        steps=infos,
        code=tuple(tree["code"]),
        files=tuple(tree["files"]),
        exempt=tuple(tree["exempt"]),
    )
