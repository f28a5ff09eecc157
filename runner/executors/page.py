"""A page of shared memory: which run and step each worker executes now, and whether it should stop after it.

The coordinator reads it when a worker died or may be late; a worker writes its own slot before every step (under 1 us). It is
what makes the blame for a death exact inside a batch.
"""

import mmap
import os
import struct
import tempfile
from dataclasses import dataclass

_SLOT = struct.Struct("<dqq")  # monotonic start of the step, step, run index + 1 (0: none)
_STOP = 0


@dataclass(frozen=True, slots=True)
class Current:
    """What a worker executes."""

    index: int
    step: int
    since: float
    """Monotonic seconds; the clock is one for all processes of a machine."""


def anonymous(name: str) -> int:
    """A file descriptor of a file without a name, in memory where that is possible."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def create(slots: int) -> int:
    """A file descriptor of a page for this many workers."""
    descriptor = anonymous("xrun-page")
    os.ftruncate(descriptor, _SLOT.size * (slots + 1))
    return descriptor


class Page:
    """The page as one process maps it."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)

    def mark(self, slot: int, index: int, step: int, now: float) -> None:
        """Worker: this is what I execute; index -1: nothing.

        The fields are written one after the other, the index last: who reads in between may see the run before with a start that is too
        young, never a run with the start of another, which might look late.
        """
        _SLOT.pack_into(self._map, _SLOT.size * (slot + 1), now, step, index + 1)

    def current(self, slot: int) -> Current | None:
        """Coordinator: what the worker executes. Read twice, because the worker may be writing."""
        while True:
            first = self._map[_SLOT.size * (slot + 1) : _SLOT.size * (slot + 2)]
            if first == self._map[_SLOT.size * (slot + 1) : _SLOT.size * (slot + 2)]:
                break
        since, step, index = _SLOT.unpack(first)
        return Current(index - 1, step, since) if index else None

    def stop(self) -> None:
        """Coordinator: start no further run."""
        self._map[_STOP] = 1

    @property
    def stopping(self) -> bool:
        """Worker: whether to start another run."""
        return bool(self._map[_STOP])

    def close(self) -> None:
        """Unmap."""
        self._map.close()
