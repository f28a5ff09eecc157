"""What a process writes to stdout and stderr, caught at the file descriptors, so that C code and programs that it starts are caught too.

Each stream goes to a file without a name, which everybody appends to: who holds a descriptor of it, in this process or another, reads
it by offset (follow.py). Nothing is copied while the process writes, and nothing that was written is lost when it dies.
"""

import contextlib
import fcntl
import functools
import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

STREAMS = ("stdout", "stderr")
_NUMBERS = (1, 2)
_MOVED = 8 << 20
"""Bytes at the end of a truncated stream that are kept."""
_only = threading.Lock()
"""A process has one descriptor 1 and one descriptor 2."""


def anonymous(name: str) -> int:
    """A file descriptor of a file without a name, in memory where that is possible."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def flush(*streams: Any) -> None:
    """Write what these streams, Python's and C's stdout hold back. A step may have closed or replaced them, or their reader may be gone."""
    for stream in (*_streams(), *streams):
        try:  # noqa: SIM105 - a suppress() takes longer than the rest, and this happens for every run
            stream.flush()
        except Exception:  # noqa: BLE001 - it may be anything
            pass
    _c_stdout()[0]()


class Capture:
    """The two files, and the ways to write into them."""

    def __init__(self, descriptors: tuple[int, int] | None = None) -> None:
        """Over new files, or over those of another Capture, in this process or another."""
        self.descriptors = descriptors or (anonymous("xrun-stdout"), anonymous("xrun-stderr"))
        """Of stdout's file and stderr's; their positions mean nothing."""
        for descriptor in self.descriptors:
            os.set_inheritable(descriptor, False)
            fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
        self._files = tuple(_file(os.fstat(descriptor)) for descriptor in self.descriptors)
        self._ends = [os.fstat(descriptor).st_size for descriptor in self.descriptors]
        self._streams: tuple[Any, ...] = ()
        """Python's streams, once `redirect` was called."""

    def redirect(self) -> None:
        """Catch everything that this process writes from now on."""
        flush()
        for descriptor, number in zip(self.descriptors, _NUMBERS, strict=True):
            os.dup2(descriptor, number)
        for name, number in zip(STREAMS, _NUMBERS, strict=True):
            for stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
                if _ends_at(stream, number):
                    stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
            if getattr(sys, name) is None:
                setattr(sys, name, _stream(number))
        self._streams = (sys.stdout, sys.stderr)
        _, by_line = _c_stdout()
        by_line()  # or a crash takes along what C code has printed

    @contextlib.contextmanager
    def during(self) -> Iterator[None]:
        """Catch what this process writes meanwhile. Within another such block nothing changes: what is written is that one's."""
        if not _only.acquire(blocking=False):
            yield
            return
        try:
            with self._exchanged():
                yield
        finally:
            _only.release()

    @contextlib.contextmanager
    def _exchanged(self) -> Iterator[None]:
        flush()
        streams = _streams()
        ours: tuple[Any, ...] = ()
        saved = [_duplicate(number) for number in _NUMBERS]
        try:
            for descriptor, number in zip(self.descriptors, _NUMBERS, strict=True):
                os.dup2(descriptor, number)
            sys.stdout, sys.stderr = ours = _stream(1), _stream(2)  # what was there may not end at the descriptors: a notebook's
            yield
        finally:
            flush(*ours, *streams)
            for number, before in zip(_NUMBERS, saved, strict=True):
                _restore(number, before)
            sys.stdout, sys.stderr = (_reopened(s, n) for s, n in zip(streams, _NUMBERS, strict=True))

    def mark(self) -> tuple[int, int]:
        """How far both files reach: what one run wrote lies between two marks. Mends what a step has done to the streams."""
        if self._untouched():
            return self._ends[0], self._ends[1]
        if self._streams:
            flush(*(old for old, new in zip(self._streams, _streams(), strict=True) if old is not new))
            self._streams = (sys.stdout, sys.stderr) = _reopened(self._streams[0], 1), _reopened(self._streams[1], 2)
        self._ends = [self._end(0), self._end(1)]
        return self._ends[0], self._ends[1]

    def _untouched(self) -> bool:
        """The common case, quickly: both streams are where they were put."""
        if not self._streams or _streams() != self._streams or self._streams[0].closed or self._streams[1].closed:
            return False
        flush()
        out, err = _stat(1), _stat(2)
        if out is None or err is None or (_file(out), _file(err)) != self._files:
            return False
        if out.st_size < self._ends[0] or err.st_size < self._ends[1]:
            return False
        self._ends = [out.st_size, err.st_size]
        return True

    def close(self) -> None:
        """Close the descriptors; what was redirected stays so."""
        for descriptor in self.descriptors:
            os.close(descriptor)

    def _end(self, which: int) -> int:
        descriptor, number, file = self.descriptors[which], _NUMBERS[which], self._files[which]
        here, stat = (number, _stat(number)) if self._streams else (descriptor, _stat(descriptor))
        if _file(stat) != file and self._streams and _file(stat := _stat(descriptor)) == file:
            os.dup2(descriptor, number)
        if stat is None or _file(stat) != file:
            return self._ends[which]  # the step has closed everything
        end = self._ends[which]
        return stat.st_size if stat.st_size >= end else self._moved(here, stat.st_size, end)

    def _moved(self, descriptor: int, size: int, end: int) -> int:
        """Somebody opened /dev/stdout, which truncates the file: what was written since goes where it would be otherwise."""
        with contextlib.suppress(OSError):
            data = os.pread(descriptor, _MOVED, max(0, size - _MOVED))
            os.ftruncate(descriptor, 0)
            os.ftruncate(descriptor, end)
            return end + os.write(descriptor, data)
        return end


def _streams() -> tuple[Any, Any]:
    """Python's streams now; a step may have deleted one."""
    return getattr(sys, "stdout", None), getattr(sys, "stderr", None)


def _stat(descriptor: int) -> os.stat_result | None:
    """What it is a descriptor of; None if of nothing."""
    try:
        return os.fstat(descriptor)
    except OSError:
        return None


def _file(stat: os.stat_result | None) -> tuple[int, int] | None:
    """Which file that is."""
    return None if stat is None else (stat.st_dev, stat.st_ino)


def _stream(number: int) -> io.TextIOWrapper:
    return open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - it stays


def _ends_at(stream: Any, number: int) -> bool:
    try:
        return isinstance(stream, io.TextIOWrapper) and stream.fileno() == number
    except ValueError:  # it is closed
        return False


def _reopened(stream: Any, number: int) -> Any:
    """The stream, or a new one if a step has closed it."""
    return _stream(number) if getattr(stream, "closed", False) else stream


def _duplicate(number: int) -> int | None:
    """Another descriptor of its file, None if it is closed. A large number: steps that close what is not theirs begin at 3."""
    with contextlib.suppress(OSError):
        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 512)
    with contextlib.suppress(OSError):
        return os.dup(number)  # no such number is allowed here
    return None


def _restore(number: int, before: int | None) -> None:
    with contextlib.suppress(OSError):
        if before is None:
            os.close(number)
        else:
            os.dup2(before, number)
            os.close(before)


@functools.cache
def _c_stdout() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Flushing C's stdout, and having it written line by line. Not fflush(NULL): that waits for threads which wait for input."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import ctypes

        libc = ctypes.CDLL(None)
        stream = ctypes.c_void_p.in_dll(libc, "__stdoutp" if sys.platform == "darwin" else "stdout")
        libc.setvbuf.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
        libc.fflush.argtypes = (ctypes.c_void_p,)
        line_by_line = 1  # _IOLBF
        return functools.partial(libc.fflush, stream), functools.partial(libc.setvbuf, stream, None, line_by_line, 0)
    return (lambda: None), (lambda: None)
