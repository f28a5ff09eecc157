"""What was logged since the last flush, in memory that outlives the process that logs.

One process writes it; another reads it when the first has died between two flushes.
"""

import os
import struct
from array import array
from json import dumps, loads  # bound: in a worker, a step may put other functions in their places
from typing import Any

from runner import logged
from runner.logged import FLOAT, INT, Entries, Entry, Points

JOURNAL_BYTES = 160 << 10
"""More than FLUSH_POINTS points and the names of their metrics."""

_HEAD = struct.Struct("<I")  # generation: which records are of this flush
_POINT = struct.Struct("<iqddI")  # number of the series in this journal, step, value, Unix time, generation
_TEXT = struct.Struct("<iiI")  # _SERIES or _ENTRY, bytes of JSON that follow, generation
_SERIES, _ENTRY = -1, -2
_START = 8
_LAST_GENERATION = (1 << 32) - 1

pack_point = _POINT.pack_into


class Series:
    """The points of one metric that have not been sent."""

    __slots__ = ("begun", "child", "ended", "name", "next", "number", "steps", "values")

    def __init__(self, child: str, name: str) -> None:
        self.child, self.name = child, name
        self.next = 0
        """The step of the next point that is given none: one after the last point's."""
        self.begun = self.ended = 0.0
        self.number = -1
        """In the journal; -1: not in it."""
        self.steps: array[int] = array(INT)
        self.values: array[float] = array(FLOAT)

    def take(self) -> Points:
        """Its points, packed; then it has none."""
        points = Points.of(self.name, self.steps, self.values, self.begun, self.ended)
        self.steps, self.values = array(INT), array(FLOAT)
        return points


class Journal:
    """Memory in which what was logged since the last flush stands, written by one process and read by another when the first has died.

    Records follow each other; each carries the generation that stands at the beginning of the memory, so that adding one is one write and
    clearing is another. A record's generation is written last, so that half a record is none.
    """

    __slots__ = ("end", "full", "generation", "memory", "series", "size")

    def __init__(self, memory: memoryview) -> None:
        self.memory, self.size = memory, len(memory)
        self.full = self.size - _POINT.size
        self.generation = int.from_bytes(os.urandom(4), "little")
        self.clear()

    def clear(self) -> None:
        """Everything has been sent."""
        self.end, self.series = _START, 0
        self.generation = self.generation % _LAST_GENERATION + 1  # never 0, which is in memory that nobody has written to
        _HEAD.pack_into(self.memory, 0, self.generation)

    def point(self, series: Series, step: int, value: float, when: float) -> bool:
        """Add a point; False where there is no room."""
        if series.number < 0:
            if not self._text(_SERIES, [series.child, series.name]):
                return False
            series.number, self.series = self.series, self.series + 1
        end = self.end + 32
        if end > self.size:
            return False
        pack_point(self.memory, self.end, series.number, step, value, when, self.generation)
        self.end = end
        return True

    def entry(self, child: str, entry: Entry) -> bool:
        """Add something else; False where there is no room."""
        return self._text(_ENTRY, logged.pack(((child, entry),)))

    def _text(self, kind: int, content: object) -> bool:
        data = dumps(content).encode()
        start, end = self.end + _TEXT.size, self.end + _TEXT.size + len(data)
        if end > self.size:
            return False
        self.memory[start:end] = data
        _TEXT.pack_into(self.memory, self.end, kind, len(data), self.generation)
        self.end = end
        return True


def generation_of(memory: bytes) -> int:
    """Which flush the journal in this memory is for: one that has been received holds nothing that is not known."""
    return int(_HEAD.unpack_from(memory)[0])


def recover(memory: bytes) -> Entries:
    """What stands in the journal of a process that has died.

    Raises ValueError, TypeError, IndexError or struct.error for what is no journal.
    """
    generation = generation_of(memory)
    if not generation:  # nobody has written, or the process died while it cleared it
        return ()
    found: list[Series] = []
    entries: list[tuple[str, Entry]] = []
    at = _START
    while at + _TEXT.size <= len(memory):
        number, length, mark = _TEXT.unpack_from(memory, at)
        if number < 0:
            if mark != generation:
                break
            at += _TEXT.size + length
            content = _content(memory[at - length : at])
            if number == _SERIES:
                found.append(_series(*content))
            else:
                entries.extend(logged.unpack(content))
            continue
        if at + _POINT.size > len(memory):
            break
        _, step, value, when, mark = _POINT.unpack_from(memory, at)
        if mark != generation:
            break
        series, at = found[number], at + _POINT.size
        series.begun, series.ended = series.begun if series.values else when, when
        series.steps.append(step)
        series.values.append(value)
    return (*entries, *((series.child, series.take()) for series in found if series.values))


def _content(data: bytes) -> list[Any]:
    try:
        content = loads(data)
    except RecursionError:
        raise ValueError("too deep for what is logged") from None
    if not isinstance(content, list):
        raise TypeError(f"a list, not a {type(content).__name__}")
    return content


def _series(child: str, name: str) -> Series:
    if not isinstance(child, str) or not isinstance(name, str):  # type: ignore[redundant-expr] # whatever stood there
        raise TypeError("a series has a name")
    return Series(child, name)
