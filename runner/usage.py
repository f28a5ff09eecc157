"""What this process may take of the machine, and what it takes."""

import contextlib
import os
import resource
import sys
import time


def cpus() -> int:
    """How many processors this process may use, which in a batch system is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_seconds() -> float:
    """CPU time of this process, and of those that it started and waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_memory() -> int:
    """The peak of this process's resident memory, bytes: its own, where `ru_maxrss` may be that of the process that started it."""
    return _high_water() or _ru_maxrss()


class Peak:
    """The peak of this process's resident memory, which Linux lets a process set back to what it has now."""

    def __init__(self) -> None:
        peak, high = _ru_maxrss(), _high_water()
        self._inherited = peak if high is not None and peak > high else 0
        """What Linux takes over from the process that started this one, a notebook say: less than that `getrusage` does not tell."""
        self._reset: int | None = None
        with contextlib.suppress(OSError):
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)

    def reset(self) -> None:
        """A run begins. Elsewhere than on Linux the peak is the process's own."""
        if self._reset is not None:
            try:
                os.pwrite(self._reset, b"5", 0)
            except OSError:  # a step has closed the descriptor
                self._reset = None

    def bytes(self) -> int:
        """The peak since then."""
        peak = _ru_maxrss()
        return peak if peak > self._inherited else _high_water() or peak


def _ru_maxrss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def _high_water() -> int | None:
    """The peak of this program alone, bytes; None where /proc does not tell. Takes fifty times as long."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - its path would be made anew each time
            return next((int(line.split()[1]) << 10 for line in status if line.startswith(b"VmHWM:")), None)
    except (OSError, ValueError):
        return None
