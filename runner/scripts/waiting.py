"""Follows a process to its end, and ends it with all that it has started when the waiting itself is ended."""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from runner.scripts.streams import Stream

TICK_SECONDS = 1.0
GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""
_MOST_READS = 1000
"""Of what is left when the process has ended; what it has started may go on writing for ever."""


@dataclass(frozen=True, slots=True)
class End:
    """How a process has ended."""

    code: int
    """The exit code; negative: a signal."""
    peak: int
    """Bytes of resident memory: the most that it had at once, or one of those that it started and waited for."""


def wait(process: "subprocess.Popen[bytes]", streams: Sequence[Stream], look: Callable[[], bool], tick: Callable[[], None]) -> End:
    """How the process has ended, once it has.

    `look` reads some of what is there of the streams and says whether there was anything; it is called when something comes through a
    pipe, and at the end. `tick` is called about once a second. Whatever is raised here ends the process and its descendants first, by
    SIGTERM, then SIGKILL.
    """
    try:
        return _wait(process, streams, look, tick)
    except BaseException:
        end(process)
        raise


def _wait(process: "subprocess.Popen[bytes]", streams: Sequence[Stream], look: Callable[[], bool], tick: Callable[[], None]) -> End:
    descriptor = os.pidfd_open(process.pid)
    try:
        due = monotonic() + TICK_SECONDS
        while (peak := _reap(process)) is None:
            pipes = [stream.source for stream in streams if stream.source is not None]
            _sleep([descriptor, *pipes], due - monotonic())
            if pipes:
                look()
            if monotonic() >= due:
                tick()
                due = monotonic() + TICK_SECONDS
    finally:
        os.close(descriptor)
    for _ in range(_MOST_READS):
        if not look():
            break
    assert process.returncode is not None
    return End(process.returncode, peak)


def _reap(process: "subprocess.Popen[bytes]") -> int | None:
    """End.peak if the process has ended, else None. As `Popen.poll`, which drops what the kernel says of the process's memory."""
    try:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    except ChildProcessError:  # somebody else has waited for it
        process.poll()
        return 0
    if not pid:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss << 10


def _sleep(descriptors: list[int], seconds: float) -> None:
    """Until one of them has something to say, for so long at most."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    poller.poll(max(0.0, seconds) * 1000)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it has started."""
    import psutil  # nothing else needs it here, and most processes end by themselves

    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(process.pid).children(recursive=True)
    try:
        for descendant in found:
            with contextlib.suppress(psutil.Error):
                descendant.terminate()
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    finally:  # a second wish to end arrives here as well
        for descendant in found:
            with contextlib.suppress(psutil.Error):
                descendant.kill()
        process.kill()
        process.wait()
