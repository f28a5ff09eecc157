"""What a worker prints, as the output of the runs that it performs one after the other."""

import os
from contextlib import AbstractContextManager
from dataclasses import replace

from runner.capture import STREAMS, Capture
from runner.follow import Reader
from runner.logged import Entry, Output
from runner.record import Outcome
from runner.worker import Item, Performer


class Streams:
    """The files that catch a worker's stdout and stderr, and how far they have been read."""

    def __init__(self, max_log: int, capture: Capture | None = None) -> None:
        """`max_log`: bytes of each stream that a run keeps, half of them its beginning and half its end."""
        self.descriptors = (capture or Capture()).descriptors
        self._readers = [Reader(descriptor, head=max_log // 2, tail=max_log // 2) for descriptor in self.descriptors]
        self._ends = (0, 0)

    def complete(self, outcome: Outcome) -> Outcome:
        """The outcome with what its run has printed and was not heard of yet."""
        if outcome.output == self._ends:
            return outcome
        self._ends = outcome.output
        texts = [reader.finish(end, outcome.index) for reader, end in zip(self._readers, outcome.output, strict=True)]
        return replace(outcome, logged=(*outcome.logged, *_entries(texts)))

    def sizes(self) -> tuple[int, int]:
        """How far the files reach now."""
        return self._readers[0].size(), self._readers[1].size()

    def poll(self, index: int, starts: tuple[int, int], ends: tuple[int, int]) -> tuple[tuple[str, Entry], ...]:
        """What a run has printed since the last look: its output begins at `starts`, and `ends` were the sizes while it executed."""
        return _entries([reader.poll(index, *part) for reader, *part in zip(self._readers, starts, ends, strict=True)])

    def rest(self, index: int, starts: tuple[int, int]) -> tuple[tuple[str, Entry], ...]:
        """What a run has printed whose process is dead; nothing of runs before it that had ended and were not heard of."""
        return _entries(
            [
                "" if reader.size() == start else reader.poll(index, start) + reader.finish(None, index)
                for reader, start in zip(self._readers, starts, strict=True)
            ]
        )

    def close(self) -> None:
        """Free the files."""
        for descriptor in self.descriptors:
            os.close(descriptor)


class Caught:
    """Performs runs in this very process, and catches what they print."""

    def __init__(self, max_log: int) -> None:
        self._capture = Capture()
        self._streams = Streams(max_log, self._capture)

    def printing(self) -> AbstractContextManager[None]:
        """Catches what this process prints."""
        return self._capture.during()

    def complete(self, outcome: Outcome) -> Outcome:
        """The outcome with what was printed since the last one."""
        return self._streams.complete(replace(outcome, output=self._capture.mark()))

    def perform(self, performer: Performer, item: Item) -> Outcome:
        """As the performer does; the outcome holds what was printed."""
        with self.printing():
            outcome = performer.perform(item)
        return self.complete(outcome)

    def close(self) -> None:
        """Free the files."""
        self._streams.close()


def _entries(texts: list[str]) -> tuple[tuple[str, Entry], ...]:
    return tuple(("", Output(stream, text)) for stream, text in zip(STREAMS, texts, strict=True) if text)
