"""What this process takes of the machine."""

import contextlib
import os
import resource
import sys
import time


def cpu_seconds() -> float:
    """CPU time of this process, and of those that it started and waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Peak:
    """The peak of this process's resident memory, which Linux lets a process set back to what it has now."""

    def __init__(self) -> None:
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
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10
