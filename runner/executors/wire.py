"""Length-prefixed frames over sockets. What a process that holds user code sends is JSON; it is never unpickled."""

import json
from dataclasses import asdict

from runner.process import HEADER, frame
from runner.record import Failure, Outcome, Status

MAX_FRAME = 1 << 32
"""More than any report; a greater length is not one, but something that a step wrote into the socket."""


class Inbox:
    """Collects the bytes of a non-blocking socket and gives back whole frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add what was received; every frame that is complete. Raises ValueError for what cannot be a frame."""
        self._bytes += data
        frames, start = [], 0
        while len(self._bytes) - start >= HEADER.size:
            (length,) = HEADER.unpack_from(self._bytes, start)
            if length > MAX_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            end = start + HEADER.size + length
            if len(self._bytes) < end:
                break
            frames.append(bytes(self._bytes[start + HEADER.size : end]))
            start = end
        del self._bytes[:start]
        return frames


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
