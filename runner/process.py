"""What processes that belong together share: frames on their sockets, and dying with the parent. Imports next to nothing."""

import pickle
import signal
import socket
import struct
import sys
from typing import Any

HEADER = struct.Struct(">Q")
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the thread that forked us ends (Linux; elsewhere the end of the socket must do)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def frame(payload: bytes) -> bytes:
    """A payload behind its length."""
    return HEADER.pack(len(payload)) + payload


def read(sock: socket.socket) -> bytes | None:
    """One frame from a blocking socket; None at the end of the stream."""
    header = exactly(sock, HEADER.size)
    return None if header is None else exactly(sock, HEADER.unpack(header)[0])


def exactly(sock: socket.socket, count: int) -> bytes | None:
    """`count` bytes from a blocking socket; None when the stream ends before."""
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def pack(value: Any) -> bytes:
    """A frame of xrun's own values, for a process that holds nobody else's code."""
    return frame(pickle.dumps(value, protocol=5))


def unpack(payload: bytes) -> Any:
    """The value of a frame that `pack` made. Never for what a process with user code sends."""
    return pickle.loads(payload)
