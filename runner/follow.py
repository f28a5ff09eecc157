"""Reads what a captured process writes to one stream, from any process that has a descriptor of the file (capture.py).

What was read, or will not be kept, is freed: a process that prints 10 GB holds the head and the tail that are kept, and what it has printed
since somebody looked.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.collapse import Collapser

HEAD = TAIL = 5 << 20
"""Bytes."""
_PART = 1 << 20
_LEAST = 1 << 12
_PAGE = 1 << 16
"""Pages may be that large."""
_FREE = 1 << 18
"""So much is freed at a time: each time is a system call."""
_PUNCH_HOLE_KEEP_SIZE = 0x03


@dataclass(slots=True)
class _Text:
    """How far the output of one run has been read."""

    start: int
    position: int
    """Of the first byte that has not been read."""
    freed: int
    kept: int = 0
    """Bytes of text that were handed out as head."""
    collapser: Collapser = field(default_factory=Collapser)


class Reader:
    """Follows one stream through the runs that write to it one after the other."""

    def __init__(self, descriptor: int, *, head: int = HEAD, tail: int = TAIL, start: int = 0) -> None:
        """The first run's output starts at this offset. Of a run's output the first `head` bytes and the last `tail` bytes are kept."""
        self._descriptor, self._head, self._tail = descriptor, head, tail
        self._start = start
        self._freed = _up(start)
        self._texts: dict[object, _Text] = {}

    def size(self) -> int:
        """How far the file reaches now."""
        return os.fstat(self._descriptor).st_size

    def poll(self, run: object = None, start: int | None = None, end: int | None = None) -> str:
        """What the run that executes has written since the last call: whole lines, and nothing once the head is full.

        `start` is where its output starts, `run` what the caller calls it, here and in `finish`: what lies before `start` is of runs that
        have finished, and is left for their `finish`. None, for both: it is the run after the last `finish`. `end` (None: now) is what
        `size` told before the caller found out which run executes; without it, what the next run writes may be taken for this one's.
        """
        end = self.size() if end is None else end
        text = self._texts.get(run)
        if text is None:
            start = self._start if start is None else start
            if end <= start:
                return ""
            text = self._texts[run] = _Text(start, start, _up(start))
        if end <= text.position:  # if it is less, the step has truncated it, and only `finish` knows what that means
            return ""
        new = self._read_head(text, end)
        self._free(text, max(text.position, end - self._tail))
        return new

    def finish(self, end: int | None = None, run: object = None) -> str:
        """The rest of what a run wrote, up to the offset `end` (None: everything there is). The next run's output starts there."""
        text = self._texts.pop(run, None)
        if end is None:
            end = self.size()
        if text is None:
            if end == self._start:
                return ""
            text = _Text(self._start, self._start, _up(self._start))
        if end < text.position:
            text.position = text.start if end >= text.start else 0  # it was truncated
        rest = self._read_head(text, end) + self._read_tail(text, end)
        self._start = end
        self._freed = min(self._freed, _up(end))
        if _down(end) - self._freed >= _FREE:
            _punch(self._descriptor, self._freed, _down(end))
            self._freed = _down(end)
        return rest

    def _read_head(self, text: _Text, end: int) -> str:
        new: list[str] = []
        while text.position < end and text.kept < self._head:
            wanted = min(_PART, end - text.position, max(_LEAST, self._head - text.kept))
            data = os.pread(self._descriptor, wanted, text.position)
            if not data:
                break
            text.position += len(data)
            shown = text.collapser.feed(data)
            text.kept += len(shown) if shown.isascii() else len(shown.encode())
            new.append(shown)
        return "".join(new)

    def _read_tail(self, text: _Text, end: int) -> str:
        """What follows the head, which may be nothing: all of it, or its last bytes behind a line that says how many are missing."""
        new: list[str] = []
        skipped = end - text.position - self._tail
        if skipped > 0:
            line = text.collapser.finish()
            new += (line, "\n" if line else "", f"... {skipped:,} bytes left out ...\n")
            text.position += skipped
        while text.position < end:
            data = os.pread(self._descriptor, min(_PART, end - text.position), text.position)
            if not data:
                break
            text.position += len(data)
            if skipped > 0:
                skipped, data = 0, _from_character(data)
            new.append(text.collapser.feed(data))
        new.append(text.collapser.finish())
        return "".join(new)

    def _free(self, text: _Text, end: int) -> None:
        end = _down(end)
        if end - text.freed >= _FREE:
            _punch(self._descriptor, text.freed, end)
            text.freed = end


def _from_character(data: bytes) -> bytes:
    """Without the rest of a UTF-8 character that begins before."""
    first = next((n for n in range(min(4, len(data))) if data[n] & 0xC0 != 0x80), 0)
    return data[first:]


def _down(offset: int) -> int:
    return offset // _PAGE * _PAGE


def _up(offset: int) -> int:
    return -(-offset // _PAGE) * _PAGE


def _punch(descriptor: int, start: int, end: int) -> None:
    """Free the memory of a part of the file, which keeps its size; nothing where the system cannot."""
    fallocate = _fallocate()
    if fallocate is not None:
        fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, start, end - start)


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        libc = ctypes.CDLL(None)
        function = getattr(libc, "fallocate64", None) or libc.fallocate
        function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        return function
    return None
