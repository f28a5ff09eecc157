"""A worker process as the coordinator sees it: its socket, and what it was given and has not reported."""

import os
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence

from runner import journal as journals
from runner import process
from runner.capture import anonymous
from runner.executors import wire
from runner.executors.child import DISCONNECTED
from runner.executors.page import Current
from runner.executors.parent import kill_group
from runner.executors.sampling import taken
from runner.executors.streams import Streams
from runner.logged import Entries
from runner.oom import OUT_OF_MEMORY
from runner.record import Failure, Live, Outcome, Status
from runner.worker import Item

MAX_TRACE = 64_000

GARBLED = 114
"""Stands for the end of a worker that was killed because something else than its reports came from it."""


class Worker:
    """One worker, from the order for it to its burial."""

    def __init__(self, slot: int, max_log: int) -> None:
        self.slot = slot
        self.sock, self.theirs = socket.socketpair()
        self.sock.setblocking(False)
        self.fault = anonymous("xrun-fault")
        """Descriptor of the file that a fatal signal's traceback goes to."""
        self.streams = Streams(max_log)
        """What it prints."""
        self.pid = 0
        """0 until its birth has been reported."""
        self.batches: deque[dict[int, Item]] = deque()
        """What it was given and has not reported, oldest batch first."""
        self.late: Current | None = None
        """The run that it is being killed for."""
        self._sentence = (Status.TIMED_OUT, "", "")
        """What that run is recorded as: status, kind, message."""
        self.bloated = False
        """It is being killed because its runs have left too much memory behind; the one that it is in is not to blame."""
        self.garbled = False
        """Something else than its reports has come from it."""
        self._cpu_seconds, self._max_rss = 0.0, 0
        self._reported_seconds = 0.0
        """Of the CPU, by the runs that it has reported."""
        self._received = -1
        """Generation of the journal that has come last."""
        self._inbox = wire.Inbox()
        self._outbox = bytearray()

    def pending(self) -> list[Item]:
        """Runs that it has not reported."""
        return [item for batch in self.batches for item in batch.values()]

    def give(self, items: Sequence[Item]) -> None:
        """Add a batch to its work."""
        self.batches.append({item[0]: item for item in items})
        self.send(process.pack(list(items)))

    def send(self, frame: bytes) -> None:
        """Send it as far as the socket takes it, keep the rest."""
        self._outbox += frame
        self.flush()

    def flush(self) -> None:
        """Send what was kept."""
        try:
            while self._outbox:
                sent = self.sock.send(self._outbox[: 1 << 20])
                del self._outbox[:sent]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self._outbox.clear()  # it is dead; the news is under way

    @property
    def waits_to_send(self) -> bool:
        """Whether the socket did not take everything."""
        return bool(self._outbox)

    def receive(self) -> tuple[list[bytes], bool]:
        """The frames that have come, and whether more may: False at the end of its stream."""
        frames: list[bytes] = []
        try:
            while data := self.sock.recv(1 << 20):
                frames.extend(self._inbox.feed(data))
        except BlockingIOError:
            return frames, True
        except ConnectionResetError:
            pass
        return frames, False

    def report(self, frame: bytes) -> tuple[list[Outcome | Live], list[Item]]:
        """The news of runs that are its own in a frame of it, and what it gives back because a batch takes longer than was thought."""
        told, more = wire.unpack(frame)
        if isinstance(told, Live):
            self._received = more
            return [told] if self.has(told.index) else [], []
        ours: list[Outcome | Live] = [self.streams.complete(outcome) for outcome in told if self._over(outcome.index)]
        self._reported_seconds += sum(outcome.cpu_seconds for outcome in told)
        returned = list(self.batches.popleft().values()) if more and self.batches else []
        return ours, returned

    def has(self, index: int) -> bool:
        """Whether the run is among what it was given and has not reported."""
        return any(index in batch for batch in self.batches)

    def _over(self, index: int) -> bool:
        """Take a run out of what is pending; whether it was there."""
        return any(batch.pop(index, None) is not None for batch in self.batches)

    def kill(self) -> None:
        """SIGKILL to the worker and all that its steps started."""
        if self.pid:
            kill_group(self.pid)

    def condemn(self, current: Current, status: Status, kind: str, message: str) -> None:
        """Kill it for what this run does. It may complete before the signal arrives; then its result counts, and nobody is to blame."""
        self.late, self._sentence = current, (status, kind, message)
        self.has_taken(*taken(self.pid))
        self.kill()

    def has_taken(self, cpu_seconds: float, max_rss: int) -> None:
        """What it has taken of the machine in its life, shortly before its end or after it; the peak in bytes is its last run's."""
        self._cpu_seconds, self._max_rss = max(self._cpu_seconds, cpu_seconds), max(self._max_rss, max_rss)

    def verdict(self, status: int, current: Current, journal: bytes, *, oom: bool) -> Outcome:
        """What its death, with this wait status, means for the run that it was in; `journal` holds what that has logged last.

        `oom`: the kernel has just killed a process because memory ran out.
        """
        seconds = max(0.0, time.monotonic() - current.since)
        if self.late is current:
            (how, kind, message), trace = self._sentence, ""
        else:
            how, trace = Status.CRASHED, os.pread(self.fault, MAX_TRACE, 0).decode("utf-8", "replace")
            kind, message = end_of_process(status, oom=oom)
        failure = Failure(kind=kind, message=message, traceback=trace)
        return Outcome(
            index=current.index,
            status=how,
            failure=failure,
            step=current.step,
            started=time.time() - seconds,
            seconds=seconds,
            cpu_seconds=max(0.0, self._cpu_seconds - self._reported_seconds),
            max_rss=self._max_rss,
            logged=(*self._recovered(journal), *self.streams.rest(current.index, current.output)),
        )

    def _recovered(self, journal: bytes) -> Entries:
        """What a dead worker's run had logged since it was last heard of; a step may have written anything into foreign memory."""
        try:
            return journals.recover(journal) if journals.generation_of(journal) != self._received else ()  # it died before it cleared it
        except (ValueError, TypeError, IndexError, struct.error):
            return ()

    def close(self) -> None:
        """Free what it held here."""
        self.sock.close()
        self.theirs.close()
        self.streams.close()
        os.close(self.fault)


def end_of_process(status: int, *, oom: bool = False) -> tuple[str, str]:
    """How a process ended, as a kind and a sentence."""
    if oom and status == -signal.SIGKILL:
        return OUT_OF_MEMORY, "the kernel ended the process, because memory ran out; `max_memory` of the step ends it before that"
    if status == DISCONNECTED:
        return "Disconnected", "the step closed file descriptors that are not its own, the one among them that its worker reports with"
    if status == GARBLED:
        return "Garbled", "the step wrote into a file descriptor that is not its own, the one that its worker reports with"
    if status >= 0:
        return f"exit {status}", f"the step ended its process with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = "; if nobody sent it, the kernel did, because memory ran out" if name == "SIGKILL" else ""
    return name, f"the process was ended by {name}{hint}"
