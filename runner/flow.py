"""The way of what a run logs, out of its process: buffered here, sent on about once a second, journaled against a sudden death.

There is no thread. A call of `run.log_...` that finds something due sends everything that is buffered; until then each point also stands
in a journal, a piece of memory that outlives the process, so that a SIGKILL between two calls loses nothing.

A process that a step forks must write neither to its parent's journal nor to where that sends: what it logs is lost, which it says, and
which is counted in a page of memory that it shares with its parent.
"""

import contextlib
import mmap
import os
import struct
import sys
import threading
from array import array
from collections.abc import Callable
from time import monotonic, time
from weakref import ref

from runner import logged
from runner.journal import Journal, Series, pack_point
from runner.logged import FLOAT, INT, Entries, Entry, Points, Prefix

FLUSH_POINTS = 4096
FLUSH_SECONDS = 1.0
BURST = 8
"""Flushes that may follow each other at once after a quiet time, so that a step that logs rarely is seen at once."""
FORKED = "a process that a step forked cannot log; log in the process that the step runs in"
OVER = "the run is over"
ENDED = "this child run has ended"

_COUNT = struct.Struct("<q")

Sink = Callable[[Entries], None]
"""Takes what a run has logged; an OSError that it raises is trouble, counted and told."""


class Flow:
    """Buffers what one attempt at a run logs, its child runs included."""

    def __init__(self, sink: Sink, journal: Journal | None = None, *, strict: bool = False) -> None:
        self.strict = strict
        """Raise what goes wrong with files and devices instead of counting it."""
        self.lock = threading.RLock()
        self._sink, self._journal = sink, journal
        self._over = ""
        """Why nothing is taken any more."""
        self._lost: mmap.mmap | None = None
        """Shared with forked processes: how many calls each has lost."""
        self._pending: list[tuple[str, Entry]] = []
        self._dirty: list[Series] = []
        """Series with points that have not been sent."""
        self._count = 0
        self._due = self._last = 0.0
        self._clock = time() - monotonic()
        self._troubles, self._told, self._first_trouble = 0, 0, ""
        if journal is not None:
            journal.clear()
        _flows.add(ref(self, _flows.discard))

    def point(self, series: Series, step: int, value: float) -> None:
        """One more point; the caller holds the lock. Costs well below a microsecond unless something is due."""
        now = monotonic()
        if now >= self._due or self._count >= FLUSH_POINTS:
            self._point_and_flush(series, step, value, now)
            return
        when = now + self._clock
        series.steps.append(step)  # first: a step may be too large
        if not series.values:
            series.begun = when
            self._dirty.append(series)
        series.values.append(value)
        series.ended = when
        self._last = now
        self._count += 1
        journal = self._journal
        if journal is not None:
            if series.number >= 0 and journal.end < journal.full:  # Journal.point without the call
                pack_point(journal.memory, journal.end, series.number, step, value, when, journal.generation)
                journal.end += 32
            elif not journal.point(series, step, value, when):
                self._flush(now)

    def _point_and_flush(self, series: Series, step: int, value: float, now: float) -> None:
        if self._count and now - self._last > FLUSH_SECONDS:
            self._cut()  # so that the times of what is buffered are not spread over the pause
        when = now + self._clock
        series.steps.append(step)
        if not series.values:
            series.begun = when
            self._dirty.append(series)
        series.ended, self._last = when, now
        series.values.append(value)
        self._count += 1
        self._flush(now)

    def points(self, series: Series, steps: "array[int]", values: "array[float]") -> None:
        """Many points at once; the caller holds the lock."""
        self._cut()  # what was logged before goes before
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

    def prefix(self, entry: Prefix, *, at_once: bool) -> None:
        """The state of the run here: behind everything that was logged before it. `at_once`: it is worth more than a flush costs."""
        with self.lock:
            self._cut()
            self._pending.append(("", entry))
            if at_once:
                self._flush(monotonic())

    def trouble(self, error: OSError) -> None:
        """Something could not be kept. Raises it where the experiment is strict; the first one is told on stderr, all are counted."""
        with self.lock:
            self._note(error)
            self.flush()  # so that it is known whatever happens to this process

    def _note(self, error: OSError) -> None:
        if self.strict:
            raise error
        self._troubles += 1
        if self._over == FORKED and self._lost is not None:
            cell = os.getpid() * _COUNT.size % len(self._lost)
            _COUNT.pack_into(self._lost, cell, _COUNT.unpack_from(self._lost, cell)[0] + 1)
        if self._troubles == 1:
            self._first_trouble = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
            with contextlib.suppress(Exception):  # a step may have closed or replaced it
                print(f"xrun: warning: what the run logs is lost in part: {self._first_trouble}", file=sys.stderr)

    def _news_of_trouble(self) -> None:
        new, self._told = self._troubles - self._told, self._troubles
        if new:
            self._pending.append(("", logged.Trouble(new, self._first_trouble)))

    def finish(self) -> Entries:
        """What has not been sent yet; from now on nothing is taken any more: a thread that goes on logging is told so."""
        with self.lock:
            if self._over:
                return ()
            self._cut()
            if self._lost is not None and (lost := sum(count for (count,) in _COUNT.iter_unpack(self._lost))):
                self._troubles += lost
                self._first_trouble = self._first_trouble or FORKED
            self._news_of_trouble()
            entries = tuple(self._pending)
            self._stop(OVER)
            return entries

    def flush(self) -> None:
        """Send everything now."""
        with self.lock:
            self._flush(monotonic())

    def before_fork(self) -> None:
        """The process is about to fork."""
        if self._lost is None and not self._over:
            self._lost = mmap.mmap(-1, mmap.PAGESIZE)

    def in_fork(self) -> None:
        """The process is a fork of the flow's own; the threads of that one, which may hold the lock, do not exist here."""
        self.lock._at_fork_reinit()  # type: ignore[attr-defined]
        self._troubles = self._told = 0
        self._stop(FORKED)

    def _stop(self, why: str) -> None:
        """Take nothing any more. The journal is the next run's, or another process's."""
        self._over, self._journal = why, None
        self._drop()

    def _drop(self) -> None:
        for series in self._dirty:
            series.steps, series.values, series.number = array(INT), array(FLOAT), -1
        self._dirty, self._pending, self._count = [], [], 0
        self._due = 0.0  # so that each call is told

    def _cut(self) -> None:
        for series in self._dirty:
            self._pending.append((series.child, series.take()))
            series.number = -1
        self._dirty.clear()
        self._count = 0

    def _flush(self, now: float) -> None:
        if self._over:
            asked = self._count or self._pending
            self._drop()
            if asked:
                self._note(OSError(self._over))
            return
        self._cut()
        told = self._told
        self._news_of_trouble()
        self._due = max(self._due, now - BURST * FLUSH_SECONDS) + FLUSH_SECONDS
        entries, self._pending = tuple(self._pending), []
        try:
            if entries:
                self._sink(entries)
        except OSError as error:
            self._told = told
            self._note(error)
        finally:
            if self._journal is not None:
                self._journal.clear()


_flows: "set[ref[Flow]]" = set()
"""Those of this process."""


def _before_fork() -> None:
    for found in tuple(_flows):
        if (flow := found()) is not None:
            flow.before_fork()


def _in_fork() -> None:
    for found in tuple(_flows):
        if (flow := found()) is not None:
            flow.in_fork()


os.register_at_fork(before=_before_fork, after_in_child=_in_fork)
