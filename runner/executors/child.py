"""A worker process: reads batches from its socket, performs them, reports outcomes.

It is forked by `zygote.py`, or started afresh by it (`start: spawn`), leads its own process group, ignores SIGINT (the coordinator
decides), and dies with its parent.
"""

import contextlib
import faulthandler
import os
import random
import signal
import socket
from time import monotonic  # bound before any step's module can put another clock in its place

from runner import process
from runner.capture import Capture
from runner.executors import memory, parent, wire
from runner.executors.page import Page
from runner.journal import Journal
from runner.logged import Entries
from runner.record import Outcome
from runner.worker import Item, Job, Performer

FLUSH_SECONDS = 0.05
FLUSH_BYTES = 1 << 20
GIVE_BACK_SECONDS = 0.25
"""A batch was made for a fraction of this. Where its runs take longer than those before them, what has not begun goes back, so that
other workers can take it."""
HANDLED = (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM)
"""Signals that steps may have handlers for."""
DISCONNECTED = 113
"""Exit code of a worker whose socket a step has closed."""


def main(sock: socket.socket, page: Page, slot: int, fault: int, output: tuple[int, int]) -> None:
    """Serve until the coordinator closes the socket. Never returns.

    `fault` and `output` are descriptors: where the traceback of a fatal signal goes, and what the process prints.
    """
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which programs that a step starts would inherit
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable(fault)
    capture = Capture(output)
    _volunteer_for_oom()
    random.seed()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the coordinator is gone; there is nobody to tell
        _Worker(sock, page, slot, capture).serve()
    parent.flush_output()
    os._exit(0)  # neither the parent's atexit handlers nor the steps' own threads keep a worker alive


class _Worker:
    """Performs the batches that come out of a socket."""

    def __init__(self, sock: socket.socket, page: Page, slot: int, capture: Capture) -> None:
        self._sock, self._page, self._slot, self._capture = sock, page, slot, capture
        self._journal = Journal(page.journal(slot))
        self._output = (0, 0)
        self._memory: memory.Leftover | None = None
        """None: no step has a limit."""
        self._leftover = 0
        self._file = os.fstat(sock.fileno()).st_ino
        self._outcomes: list[tuple[Outcome, wire.Output]] = []
        self._bytes = 0

    def serve(self) -> None:
        """Until the end of the socket."""
        job = process.read(self._sock)
        if job is None:
            return
        unpacked: Job = process.unpack(job)
        performer = Performer(unpacked, self._report, self._journal)
        if any(step.max_memory is not None for step in unpacked.steps):
            self._memory = memory.Leftover()
        self._capture.redirect()  # only now: what modules print on import is no run's
        while (batch := process.read(self._sock)) is not None:
            self._perform(performer, process.unpack(batch))
            parent.flush_output()  # a worker ends by SIGKILL, which writes no buffer
            self._send(end=True)

    def _perform(self, performer: Performer, items: list[Item]) -> None:
        begun = flushed = monotonic()
        for item in items:
            if self._page.stopping:  # also before the first one: a batch that was sent ahead is none that executes
                return
            outcome = performer.perform(item, self._mark)
            self._check_socket()
            signal.setitimer(signal.ITIMER_REAL, 0)  # what a step has left on must not hit the next run
            now = monotonic()
            self._page.mark(self._slot, -1, 0, now)  # only now: what the step's objects do when they are freed is its own doing
            self._output = self._capture.mark()
            self._outcomes.append((outcome, self._output))
            self._bytes += len(outcome.fields) + 4096 * len(outcome.logged)
            if now - flushed > FLUSH_SECONDS or self._bytes > FLUSH_BYTES or not outcome.status.ok:  # `on_error: stop` waits for it
                self._send(end=False)
                flushed = now
            if now - begun > GIVE_BACK_SECONDS:
                return

    def _mark(self, index: int, step: int) -> None:
        if step == 0:
            self._journal.clear()  # what stands there is the last run's
            self._leftover = self._memory.bytes() if self._memory is not None else 0
        self._page.mark(self._slot, index, step, monotonic(), self._output, self._leftover)

    def _report(self, index: int, entries: Entries) -> None:
        """What a run has logged, on its way at once; what was finished before it goes first."""
        self._check_socket()
        if self._outcomes:
            self._send(end=False)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # a handler that raises would leave half a report
        try:
            self._sock.sendall(wire.pack_live(index, entries, self._journal.generation))
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)  # the coordinator is gone; nobody waits for this run
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _send(self, *, end: bool) -> None:
        data = wire.pack_outcomes(self._outcomes, end=end)
        self._outcomes, self._bytes = [], 0
        self._sock.sendall(data)

    def _check_socket(self) -> None:
        """A step that closes every descriptor cannot be told so; it must be the one that is blamed, not the next one."""
        try:
            if os.fstat(self._sock.fileno()).st_ino == self._file:
                return
        except OSError:
            pass
        os._exit(DISCONNECTED)


def _volunteer_for_oom() -> None:
    """When memory runs out, the kernel shall take a worker, not the coordinator."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - one write to a kernel file
            file.write("500")
    except OSError:
        pass


def spawned(sock: int, page: int, slot: int, descriptors: tuple[int, int, int], zygote: int) -> None:
    """Entry of a worker that is a fresh interpreter."""
    parent.die_with(zygote)
    fault, *output = descriptors
    main(socket.socket(fileno=sock), Page(page), slot, fault, (output[0], output[1]))
