"""Limits on the memory of runs: what a worker and all that its steps started use, looked at from outside.

What earlier runs have left behind in a worker (a library's cache, memory that the allocator keeps) is no later run's fault: the worker
measures it when a run begins.
"""

import contextlib
import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

LOOK_SECONDS = 0.1
"""Between two looks. What a run allocates meanwhile comes on top of its limit: the kernel's own limits are the ones that are exact."""
MAX_SHARE = 0.05
"""Of the coordinator's time that looking may take, on a machine with very many processes."""


class Watch:
    """Finds the workers that use more than the step of their run may.

    While no step has a limit it costs nothing, not even the import of psutil.
    """

    def __init__(self, limits: Sequence[int | None]) -> None:
        """`limits`: bytes that each step may use; None: as much as there is."""
        self._limits = limits
        self.needed = any(limit is not None for limit in limits)
        """Whether there is anything to look at."""
        self._next = 0.0

    def excess(self, executing: Collection[tuple[int, int]]) -> dict[int, tuple[int, int]]:
        """Of the runs that execute, as (pid of the worker, step): pid -> bytes used and the limit, where that is exceeded.

        Resident memory of the worker's process group, which is what a kill ends. Pages that its processes share count once for each.
        """
        limited = {pid: limit for pid, step in executing if pid and (limit := self._limits[step]) is not None}
        begun = time.monotonic()
        if not limited or begun < self._next:
            return {}
        used = resident(limited)
        now = time.monotonic()
        self._next = now + max(LOOK_SECONDS, (now - begun) / MAX_SHARE)
        return {pid: (used[pid], limit) for pid, limit in limited.items() if used[pid] > limit}


class Leftover:
    """A worker's measure of what its runs have left behind: more memory than it had before its first one."""

    def __init__(self) -> None:
        self._first = _own()

    def bytes(self) -> int:
        """That much now."""
        return max(0, _own() - self._first)


def _own() -> int:
    """Bytes of this process; 0 where the kernel does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def resident(groups: Collection[int]) -> dict[int, int]:
    """Bytes of resident memory of each of these process groups."""
    import psutil

    used = dict.fromkeys(groups, 0)
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):  # it has ended meanwhile
            if (group := os.getpgid(pid)) in used:
                used[group] += psutil.Process(pid).memory_info().rss
    return used


def shown(size: int) -> str:
    """Bytes for people, in thousands: 2.1 GB."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.3g} {unit}"
