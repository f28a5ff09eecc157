"""A worker process: reads batches from its socket, performs them, reports outcomes.

It is forked by `zygote.py`, or started afresh by it (`start: spawn`), leads its own process group, ignores SIGINT (the coordinator
decides), and dies with its parent.
"""

import faulthandler
import os
import random
import signal
import socket
import sys
import time

from runner.executors import wire
from runner.executors.page import Page
from runner.worker import Performer

FLUSH_SECONDS = 0.05


def main(sock: socket.socket, page: Page, slot: int, fault: int) -> None:
    """Serve until the coordinator closes the socket. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.enable(fault)
    _volunteer_for_oom()
    random.seed()
    try:
        _serve(sock, page, slot)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the coordinator is gone; there is nobody to tell
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # neither the parent's atexit handlers nor the steps' own threads keep a worker alive


def _serve(sock: socket.socket, page: Page, slot: int) -> None:
    pid = os.getpid()
    job = wire.read(sock)
    if job is None:
        return
    performer = Performer(wire.unpack(job))

    def mark(index: int, step: int) -> None:
        page.mark(slot, index, step, time.monotonic())

    while (batch := wire.read(sock)) is not None:
        outcomes = []
        flushed = time.monotonic()
        for item in wire.unpack(batch):
            if page.stopping:
                break
            outcomes.append(performer.perform(item, mark))
            if os.getpid() != pid:
                os._exit(0)  # a step forked and its child came back from it
            now = time.monotonic()
            if now - flushed > FLUSH_SECONDS:
                sock.sendall(wire.pack_outcomes(outcomes, end=False))
                outcomes, flushed = [], now
        sock.sendall(wire.pack_outcomes(outcomes, end=True))


def _volunteer_for_oom() -> None:
    """When memory runs out, the kernel shall take a worker, not the coordinator."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - one write to a kernel file
            file.write("500")
    except OSError:
        pass


def spawned(sock: int, page: int, slot: int, fault: int) -> None:
    """Entry of a worker that is a fresh interpreter."""
    main(socket.socket(fileno=sock), Page(page), slot, fault)
