"""Length-prefixed frames over sockets. What a process that holds user code sends is JSON; it is never unpickled."""

from dataclasses import asdict
from json import dumps, loads  # bound: in a worker, a step may put other functions in their places

from runner import logged
from runner.logged import Entries
from runner.process import HEADER, frame
from runner.record import Failure, Live, Outcome, QuickOutcome, Status

MAX_FRAME = 1 << 32
"""More than any report; a greater length is not one, but something that a step wrote into the socket."""


_STATUSES = {status.value: status for status in Status}


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


Output = tuple[int, int]
"""How far stdout and stderr reached at the end of a run."""


def pack_outcomes(outcomes: list[tuple[Outcome, Output]], *, end: bool) -> bytes:
    """A frame of outcomes; `end`: the batch is over."""
    rows = [
        [
            o.index, o.status.value, o.fields, o.step, o.started, o.seconds, o.tags, asdict(o.failure) if o.failure else None,
            o.cpu_seconds, o.max_rss, output, logged.pack(o.logged) if o.logged else None,
        ]
        for o, output in outcomes
    ]  # fmt: skip
    return frame(dumps([end, rows]).encode())


def pack_live(index: int, entries: Entries, generation: int) -> bytes:
    """A frame of what a run has logged that still executes, and stood in the journal in this generation."""
    return frame(dumps([index, logged.pack(entries), generation]).encode())


def unpack(payload: bytes) -> tuple[Live, int] | tuple[list[Outcome], bool]:
    """What `pack_live` or `pack_outcomes` made. Raises ValueError or TypeError for what they did not make."""
    try:
        first, second, *rest = loads(payload)
    except RecursionError:
        raise ValueError("too deep for a report") from None
    if rest:
        return Live(index=int(first), logged=logged.unpack(second)), int(rest[0])
    return [
        QuickOutcome(
            index=index, status=_STATUSES[status], fields=fields, step=step, started=started, seconds=seconds, tags=tags,
            failure=Failure(**failure) if failure else None, cpu_seconds=cpu_seconds, max_rss=max_rss, output=tuple(output),
            logged=logged.unpack(entries) if entries else (),
        )
        for index, status, fields, step, started, seconds, tags, failure, cpu_seconds, max_rss, output, entries in second
    ], bool(first)  # fmt: skip
