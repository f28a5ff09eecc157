"""The way of what a run logs, out of its process: buffered here, sent on about once a second, journaled against a sudden death.

There is no thread. A call of `run.log_...` that finds something due sends everything that is buffered; until then each point also stands
in a journal, a piece of memory that outlives the process, so that a SIGKILL between two calls loses nothing.
"""

import json
import os
import struct
import threading
from array import array
from collections.abc import Callable
from time import monotonic, time

from runner import logged
from runner.logged import FLOAT, INT, Entries, Entry, Points

FLUSH_POINTS = 4096
FLUSH_SECONDS = 1.0
BURST = 8
"""Flushes that may follow each other at once after a quiet time, so that a step that logs rarely is seen at once."""
JOURNAL_BYTES = 160 << 10
"""More than FLUSH_POINTS points and the names of their metrics."""

_HEAD = struct.Struct("<I")  # generation: which records are of this flush
_POINT = struct.Struct("<Iiqdd")  # generation, number of the series in this journal, step, value, Unix time
_TEXT = struct.Struct("<Iii")  # generation, _SERIES or _ENTRY, bytes of JSON that follow
_SERIES, _ENTRY = -1, -2
_START = 8
_GENERATIONS = 1 << 32

_pack_point = _POINT.pack_into

Sink = Callable[[Entries], None]
"""Takes what a run has logged; an OSError that it raises is trouble, counted and told."""


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
    clearing is another.
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
        self.generation = (self.generation + 1) % _GENERATIONS
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
        _pack_point(self.memory, self.end, self.generation, series.number, step, value, when)
        self.end = end
        return True

    def entry(self, child: str, entry: Entry) -> bool:
        """Add something else; False where there is no room."""
        return self._text(_ENTRY, logged.pack(((child, entry),)))

    def _text(self, kind: int, content: object) -> bool:
        data = json.dumps(content).encode()
        start, end = self.end + _TEXT.size, self.end + _TEXT.size + len(data)
        if end > self.size:
            return False
        self.memory[start:end] = data
        _TEXT.pack_into(self.memory, self.end, self.generation, kind, len(data))  # last, so that half a record is none
        self.end = end
        return True


def recover(memory: bytes) -> Entries:
    """What stands in the journal of a process that has died."""
    (generation,) = _HEAD.unpack_from(memory)
    found: list[Series] = []
    entries: list[tuple[str, Entry]] = []
    at = _START
    while at + _POINT.size <= len(memory):
        mark, number, length = _TEXT.unpack_from(memory, at)
        if mark != generation:
            break
        if number < 0:
            at += _TEXT.size + length
            content = json.loads(memory[at - length : at])
            if number == _SERIES:
                found.append(Series(*content))
            else:
                entries.extend(logged.unpack(content))
            continue
        _, _, step, value, when = _POINT.unpack_from(memory, at)
        series, at = found[number], at + _POINT.size
        series.begun, series.ended = series.begun if series.values else when, when
        series.steps.append(step)
        series.values.append(value)
    return (*entries, *((series.child, series.take()) for series in found if series.values))


class Flow:
    """Buffers what one attempt at a run logs, its child runs included."""

    def __init__(self, sink: Sink, journal: Journal | None = None, *, strict: bool = False) -> None:
        self.strict = strict
        """Raise what goes wrong with files and devices instead of counting it."""
        self.lock = threading.RLock()
        self.closed = False
        self._sink, self._journal = sink, journal
        self._pending: list[tuple[str, Entry]] = []
        self._dirty: list[Series] = []
        """Series with points that have not been sent."""
        self._count = 0
        self._due = self._last = 0.0
        self._clock = time() - monotonic()
        self._troubles, self._first_trouble = 0, ""
        if journal is not None:
            journal.clear()

    def point(self, series: Series, step: int, value: float) -> None:
        """One more point; the caller holds the lock. Costs well below a microsecond unless something is due."""
        now = monotonic()
        if now >= self._due or self._count >= FLUSH_POINTS:
            self._point_and_flush(series, step, value, now)
            return
        when = now + self._clock
        if not series.values:
            series.begun = when
            self._dirty.append(series)
        series.steps.append(step)
        series.values.append(value)
        series.ended = when
        self._last = now
        self._count += 1
        journal = self._journal
        if journal is not None:
            if series.number >= 0 and journal.end < journal.full:  # Journal.point without the call
                _pack_point(journal.memory, journal.end, journal.generation, series.number, step, value, when)
                journal.end += 32
            elif not journal.point(series, step, value, when):
                self._flush(now)

    def _point_and_flush(self, series: Series, step: int, value: float, now: float) -> None:
        if self._count and now - self._last > FLUSH_SECONDS:
            self._cut()  # so that the times of what is buffered are not spread over the pause
        when = now + self._clock
        if not series.values:
            series.begun = when
            self._dirty.append(series)
        series.ended, self._last = when, now
        series.steps.append(step)
        series.values.append(value)
        self._count += 1
        self._flush(now)

    def points(self, series: Series, steps: "array[int]", values: "array[float]") -> None:
        """Many points at once; the caller holds the lock."""
        when = monotonic() + self._clock
        for start in range(0, len(values), 1 << 16):
            part = slice(start, start + (1 << 16))
            self._pending.append((series.child, Points.of(series.name, steps[part], values[part], when, when)))
        self._flush(monotonic())

    def entry(self, child: str, entry: Entry, *, at_once: bool = False) -> None:
        """Something that is no point. `at_once`: it is rare, or large."""
        with self.lock:
            now = monotonic()
            if not self._pending and not self._count:
                self._last = now
            self._pending.append((child, entry))
            if (
                at_once
                or now >= self._due
                or len(self._pending) > FLUSH_POINTS
                or (self._journal is not None and not self._journal.entry(child, entry))
            ):
                self._flush(now)

    def trouble(self, error: OSError) -> None:
        """Something could not be kept. Raises it where the experiment is strict; the first one is told on stderr, all are counted."""
        if self.strict:
            raise error
        import sys

        self._troubles += 1
        if self._troubles == 1:
            self._first_trouble = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
            print(f"xrun: warning: what the run logs is lost in part: {self._first_trouble}", file=sys.stderr)

    def finish(self) -> Entries:
        """What has not been sent yet; from now on nothing is taken any more."""
        with self.lock:
            self._cut()
            self.closed = True
            if self._troubles:
                self._pending.append(("", logged.Trouble(self._troubles, self._first_trouble)))
            entries, self._pending = tuple(self._pending), []
            return entries

    def flush(self) -> None:
        """Send everything now."""
        with self.lock:
            self._flush(monotonic())

    def _cut(self) -> None:
        for series in self._dirty:
            self._pending.append((series.child, series.take()))
            series.number = -1
        self._dirty.clear()
        self._count = 0

    def _flush(self, now: float) -> None:
        self._cut()
        self._due = max(self._due, now - BURST * FLUSH_SECONDS) + FLUSH_SECONDS
        entries, self._pending = tuple(self._pending), []
        if entries and not self.closed:
            try:
                self._sink(entries)
            except OSError as error:
                self.trouble(error)
        if self._journal is not None:
            self._journal.clear()
