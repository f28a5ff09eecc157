"""What a process writes, read while it runs."""

import contextlib
import fcntl
import os
import stat

TAIL = 64_000
"""Bytes at the end that are remembered."""
_CHUNK = 1 << 20


class Stream:
    """One standard stream of a child process, which inherits it.

    Where the descriptor is a file that can be read (the worker's capture), it is read beside the child. Where it is not (a terminal, a
    pipe), and `pipe` says so, the child gets a pipe instead and what comes out of it is passed on.
    """

    def __init__(self, descriptor: int, *, pipe: bool) -> None:
        self._descriptor = descriptor
        self.tail = b""
        """The last of what was read."""
        self.source: int | None = None
        """The reading end of the pipe, while there is one."""
        self.child: int | None = None
        """What the child gets in the descriptor's place; None: the descriptor itself."""
        self._offset = -1  # not a file that can be read
        if _is_readable_file(descriptor):
            self._offset = os.fstat(descriptor).st_size
        elif pipe:
            self.source, self.child = os.pipe()
            os.set_blocking(self.source, False)

    def started(self) -> None:
        """The child has its end."""
        if self.child is not None:
            os.close(self.child)
            self.child = None

    def read(self) -> bytes:
        """What was written since the last call, at most a few MB."""
        data = self._from_pipe() if self.source is not None else self._from_file() if self._offset >= 0 else b""
        self.tail = (self.tail + data)[-TAIL:]
        return data

    def close(self) -> None:
        """Let go of the pipe, if there is one."""
        self.started()
        if self.source is not None:
            os.close(self.source)
            self.source = None

    def _from_file(self) -> bytes:
        if (size := os.fstat(self._descriptor).st_size) < self._offset:
            self._offset = size  # somebody has truncated it
        data = os.pread(self._descriptor, _CHUNK, self._offset)
        self._offset += len(data)
        return data

    def _from_pipe(self) -> bytes:
        if self.source is None:
            return b""
        try:
            data = os.read(self.source, _CHUNK)
        except BlockingIOError:
            return b""
        if not data:  # nobody can write into it any more
            os.close(self.source)
            self.source = None
        rest = memoryview(data)
        with contextlib.suppress(OSError):  # nobody listens; the child shall not notice
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        return data


def _is_readable_file(descriptor: int) -> bool:
    try:
        mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and mode != os.O_WRONLY
    except OSError:  # it is closed
        return False
