"""Length-prefixed frames over sockets. What a process that holds user code sends is JSON; it is never unpickled."""

import json
import pickle
import socket
import struct
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from runner.record import Failure, Outcome, Status

_HEADER = struct.Struct(">Q")


def frame(payload: bytes) -> bytes:
    """A payload behind its length."""
    return _HEADER.pack(len(payload)) + payload


def read(sock: socket.socket) -> bytes | None:
    """One frame from a blocking socket; None at the end of the stream."""
    header = _exactly(sock, _HEADER.size)
    return None if header is None else _exactly(sock, _HEADER.unpack(header)[0])


def _exactly(sock: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


class Inbox:
    """Collects the bytes of a non-blocking socket and gives back whole frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add what was received; yield every frame that is complete."""
        self._bytes += data
        start = 0
        while len(self._bytes) - start >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._bytes, start)
            end = start + _HEADER.size + length
            if len(self._bytes) < end:
                break
            yield bytes(self._bytes[start + _HEADER.size : end])
            start = end
        del self._bytes[:start]


def pack(value: Any) -> bytes:
    """A frame of the coordinator's own values, for processes that it started."""
    return frame(pickle.dumps(value, protocol=5))


def unpack(payload: bytes) -> Any:
    """The value of a frame that the coordinator sent."""
    return pickle.loads(payload)


def pack_outcomes(outcomes: list[Outcome], *, end: bool) -> bytes:
    """A frame of outcomes; `end`: the batch is over."""
    rows = [
        [o.index, o.status.value, o.fields, o.step, o.started, o.seconds, o.tags, asdict(o.failure) if o.failure else None]
        for o in outcomes
    ]
    return frame(json.dumps([end, rows]).encode())


def unpack_outcomes(payload: bytes) -> tuple[list[Outcome], bool]:
    """What `pack_outcomes` made."""
    end, rows = json.loads(payload)
    return [
        Outcome(
            index=index,
            status=Status(status),
            fields=fields,
            step=step,
            started=started,
            seconds=seconds,
            tags=tags,
            failure=Failure(**failure) if failure else None,
        )
        for index, status, fields, step, started, seconds, tags, failure in rows
    ], end
