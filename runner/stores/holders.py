"""Which processes have a store open, by the locks that the kernel tells of. Nobody is asked, and no file is opened."""

import os
from pathlib import Path
from typing import Final

_LOCKS: Final = Path("/proc/locks")
_PENDING: Final = 0x40000000
"""Where SQLite's locks on a database begin."""
_READ_MARKS: Final = range(123, 128)
"""Bytes of the `-shm` file that those who read a WAL have locked."""


def holders(store: Path) -> list[int]:
    """Processes other than this one that have the store open, sorted."""
    return _locking(store, range(_PENDING, _PENDING + 512))


def readers(store: Path) -> list[int]:
    """Processes other than this one that read the store in this moment, sorted."""
    return _locking(store.with_name(f"{store.name}-shm"), _READ_MARKS)


def _locking(file: Path, places: range) -> list[int]:
    try:
        node, lines = str(file.stat().st_ino), _LOCKS.read_text().splitlines()
    except OSError:
        return []
    found = set()
    for line in lines:
        fields = line.split()  # 7: POSIX ADVISORY READ 1234 fe:00:131072 1073741826 1073742335; `->` before POSIX: waits for it
        if len(fields) == 8 and fields[1] == "POSIX" and fields[5].endswith(f":{node}") and int(fields[6]) in places:
            found.add(int(fields[4]))
    return sorted(found - {os.getpid(), -1, 0})


def named(processes: list[int]) -> str:
    """Processes in words, with what they execute."""
    return ", ".join(f"process {pid}{_command(pid)}" for pid in processes)


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    text = b" ".join(words).decode(errors="replace").strip()
    return f" ({text[:80]})" if text else ""
