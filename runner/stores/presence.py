"""Which process writes to the store, said so that others can tell whether it is still there."""

import os
from pathlib import Path
from typing import Final

_UNKNOWN: Final = "-"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_STATE, _STARTED = 0, 19
"""Positions in /proc/PID/stat behind the command."""


def this_process() -> str:
    """The process that calls: the machine since it was started, the namespace of process ids, the id, and since when it is that one's."""
    pid = os.getpid()
    told = _stat(pid)
    return f"{_boot()} {_namespace()} {pid} {told[_STARTED] if told else _UNKNOWN}"


def gone(process: str | None, *, remote: bool = False) -> bool:
    """Whether the process that `this_process` told is no more.

    False where nobody can tell from here: it may be in another container or, where the store is `remote`, on another machine.
    """
    try:
        boot, namespace, number, started = (process or "").split()
        pid = int(number)
    except ValueError:
        return False
    if boot != _boot():  # a local store is used on one machine, which has been started again
        return not remote
    if namespace != _namespace():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    told = _stat(pid)
    return bool(told) and (told[_STATE] in ("Z", "X") or started not in (_UNKNOWN, told[_STARTED]))  # an id is used again


def _boot() -> str:
    try:
        return _BOOT.read_text().strip() or _UNKNOWN
    except OSError:
        return _UNKNOWN


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return _UNKNOWN


def _stat(pid: int) -> list[str]:
    """What Linux says of a process behind its command, which may hold blanks and brackets; empty where it says nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
