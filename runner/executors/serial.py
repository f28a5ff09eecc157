"""Runs in this process, one after the other: for a debugger, and for the smallest sweeps."""

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import ClassVar

from runner.executors.streams import Caught
from runner.record import Live, Outcome, cancelled
from runner.spec import ExecutorSpec, Experiment
from runner.steps import Inspection, inspect_steps
from runner.worker import Abandon, Item, Job, Performer


class Serial:
    """The executor `serial`. It enforces no timeout and survives no crash: there is nobody outside who could."""

    supervised: ClassVar = False

    def __init__(self, spec: ExecutorSpec) -> None:
        self._queue: deque[Item] = deque()
        self._performer: Performer | None = None
        self._cut_off: list[Outcome] = []
        self._signals = 0
        self._caught: Caught | None = None
        """None: a debugger may want the terminal, so that what steps print is left alone and not kept."""
        del spec

    def inspect(self, experiment: Experiment) -> Inspection:
        """As the seam says."""
        return inspect_steps(experiment)

    def start(self, job: Job) -> None:
        """As the seam says."""
        self._performer = Performer(job)
        if not (sys.stdin and sys.stdin.isatty()):
            self._caught = Caught(job.max_log)

    def room(self) -> int:
        """One run at a time, so that an interrupt has nothing to take back."""
        return 0 if self._queue else 1

    def submit(self, items: Sequence[Item]) -> None:
        """As the seam says."""
        self._queue.extend(items)

    def events(self, timeout: float) -> list[Outcome | Live]:
        """Perform the next run here and now."""
        del timeout
        if not self._queue or self._performer is None:
            return []
        item, begun = self._queue.popleft(), time.monotonic()
        try:
            with self._caught.printing() if self._caught else nullcontext(), self._signals_end_the_step():
                outcome = self._performer.perform(item)
            return [self._caught.complete(outcome) if self._caught else outcome]
        except Abandon as wish:
            self._cut_off.append(cancelled(item[0], begun))
            self._queue.clear()
            if wish.args:
                raise KeyboardInterrupt(*wish.args) from None
            return []

    @contextmanager
    def _signals_end_the_step(self) -> Iterator[None]:
        """While a step has this thread, nobody looks at what a signal asked for: the second one ends the step itself.

        Where a signal has Python's own handler, the first one does; a KeyboardInterrupt would be taken for one that the step raised.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def pierce(number: int, frame: FrameType | None) -> None:
            self._signals += 1
            handler = old[signal.Signals(number)]
            if handler is signal.default_int_handler:
                raise Abandon(number)
            if callable(handler):
                handler(number, frame)
            if self._signals > 1:
                raise Abandon

        old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        ours = [number for number, handler in old.items() if callable(handler)]
        for number in ours:
            signal.signal(number, pierce)
        try:
            yield
        finally:
            for number in ours:
                signal.signal(number, old[number])

    def drain(self) -> int:
        """As the seam says; nothing executes between two calls."""
        self._queue.clear()
        return 0

    def busy(self) -> bool:
        """As the seam says."""
        return bool(self._queue)

    def close(self) -> list[Outcome]:
        """As the seam says."""
        self._queue.clear()
        if self._caught is not None:
            self._caught.close()
            self._caught = None
        cut_off, self._cut_off = self._cut_off, []
        return cut_off
