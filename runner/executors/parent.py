"""What the processes of one invocation owe each other: to die with the parent, to take their groups along, to lose no output."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

_PR_SET_PDEATHSIG = 1


@functools.cache
def _libc() -> "ctypes.CDLL":
    """Loaded once, by the zygote before it has workers."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def death_signal(number: int) -> None:
    """Ask the kernel for this signal when the thread that forked us ends (Linux; elsewhere the sockets' ends must do). 0: for none."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, number)


def die_with(parent: int) -> None:
    """Be killed when this process, our parent, dies; now, if that has happened already."""
    death_signal(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def kill_group(pid: int) -> None:
    """SIGKILL to a process, even if it has left its group, and to all that it started, unless that left the group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def flush_output() -> None:
    """Write what was printed. A step may have closed or replaced the streams, or their reader may be gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def interpreter_flags() -> list[str]:
    """Options of this interpreter that a child needs too (-W, -X, ...), and two of ours.

    -P: the folder one happens to be in is not imported from. -u: what a step prints is not held back in its process, so that a kill takes
    nothing along, an unfinished line neither.
    """
    return [*subprocess._args_from_interpreter_flags(), "-P", "-u"]  # type: ignore[attr-defined]
