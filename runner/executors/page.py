"""A page of shared memory: which run and step each worker executes now, and whether it should stop after it.

The coordinator reads it when a worker died or may be late; a worker writes its own slot before every step (under 1 us). It is
what makes the blame for a death exact inside a batch.
"""

import contextlib
import mmap
import os
import struct
from dataclasses import dataclass

from runner.capture import anonymous
from runner.journal import JOURNAL_BYTES

_SLOT = struct.Struct("<dqqqqq")
"""Monotonic start of the step, step, ends of stdout and stderr before the run, leftover, run index + 1 (0: none)."""


@dataclass(frozen=True, slots=True)
class Current:
    """What a worker executes."""

    index: int
    step: int
    since: float
    """Monotonic seconds; the clock is one for all processes of a machine."""
    output: tuple[int, int] = (0, 0)
    """Where its output to stdout and stderr begins in the files that catch it."""
    leftover: int = 0
    """Bytes of memory that earlier runs have left in the worker; 0 while no step has a limit."""


def create(slots: int) -> int:
    """A file descriptor of a page for this many workers; journals come first, which take memory only when they are used."""
    descriptor = anonymous("xrun-page")
    os.ftruncate(descriptor, slots * JOURNAL_BYTES + _SLOT.size * (slots + 1))
    return descriptor


class Page:
    """The page as one process maps it."""

    def __init__(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        self._map = mmap.mmap(descriptor, size)
        self._slots = (size - _SLOT.size) // (JOURNAL_BYTES + _SLOT.size)
        self._start = self._slots * JOURNAL_BYTES

    def mark(  # noqa: PLR0913 - the fields of a slot
        self, slot: int, index: int, step: int, now: float, output: tuple[int, int] = (0, 0), leftover: int = 0
    ) -> None:
        """Worker: this is what I execute; index -1: nothing.

        The fields are written one after the other, the index last: who reads in between may see the run before with a start that is too
        young, never a run with the start of another, which might look late.
        """
        _SLOT.pack_into(self._map, self._start + _SLOT.size * (slot + 1), now, step, *output, leftover, index + 1)

    def current(self, slot: int) -> Current | None:
        """Coordinator: what the worker executes. Read twice, because the worker may be writing."""
        start = self._start + _SLOT.size * (slot + 1)
        while True:
            first = self._map[start : start + _SLOT.size]
            if first == self._map[start : start + _SLOT.size]:
                break
        since, step, out, err, leftover, index = _SLOT.unpack(first)
        return Current(index - 1, step, since, (out, err), leftover) if index else None

    def journal(self, slot: int) -> memoryview:
        """The memory that a worker's journal is in."""
        return memoryview(self._map)[slot * JOURNAL_BYTES : (slot + 1) * JOURNAL_BYTES]

    def stop(self) -> None:
        """Coordinator: start no further run."""
        self._map[self._start] = 1

    @property
    def stopping(self) -> bool:
        """Worker: whether to start another run."""
        return bool(self._map[self._start])

    def close(self) -> None:
        """Unmap, unless a journal is in use."""
        with contextlib.suppress(BufferError):
            self._map.close()
