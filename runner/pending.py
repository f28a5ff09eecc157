"""What has happened and is not in the store yet. A full disk is waited for: what has finished stays in memory meanwhile."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from runner.record import Notice, Record, Trail
from runner.stores import FullError
from runner.stores.base import Store

COMMIT_RECORDS = 4096
COMMIT_TRAILS = 1024
"""Of at most about 100 kB each."""
COMMIT_BYTES = 32 << 20
"""Of results: they are not to pile up while a slow disk is given time, since a run may have 10 MB of them."""
COMMIT_SECONDS = 0.05
RETRY_SECONDS = 5.0
"""Between two attempts to write to a full disk."""
MAX_HELD = 64 << 20
"""Bytes of records and trails that are kept in memory while the disk is full."""


@dataclass(slots=True)
class Pending:
    """Records and trails that wait for their commit."""

    wait_if_full: bool = True
    """Whether a full disk is waited for. If not, it ends the invocation, as any other trouble with the store does."""
    records: list[Record] = field(default_factory=list)
    trails: list[Trail] = field(default_factory=list)
    full: bool = False
    """Whether the disk was full when they were to be written last: nothing new is to be started."""
    _since: float = 0.0
    _commit_seconds: float = 0.0
    _retry: float = 0.0
    _counted: int = 0
    """How many of the records `_bytes` counts."""
    _bytes: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.records or self.trails)

    def begin(self, begun: float) -> None:
        """Something is about to be added that began at this monotonic time."""
        self._since = min(self._since, begun) if self else begun

    @property
    def due(self) -> float:
        """When to commit: 50 ms after the oldest began, or ten times what the last commit took: a slow disk takes a tenth of the time."""
        return self._retry if self.full else self._since + max(COMMIT_SECONDS, 10 * self._commit_seconds)

    def ripe(self, *, idle: bool) -> bool:
        """Whether to commit now; `idle`: nothing executes, so that there is no use in waiting for more."""
        if not self:
            return False
        if self.full:
            return time.monotonic() >= self._retry
        many = len(self.records) >= COMMIT_RECORDS or len(self.trails) >= COMMIT_TRAILS
        return idle or many or self._heavy() or time.monotonic() >= self.due

    def _heavy(self) -> bool:
        self._bytes += sum(len(record.fields_json) for record in self.records[self._counted :])
        self._counted = len(self.records)
        return self._bytes >= COMMIT_BYTES

    def commit(self, store: Store, *, last: bool = False) -> tuple[list[Record], Notice | None]:
        """Write everything; returns the records that are in the store now, and what is to be told.

        With `wait_if_full` and unless it is the `last` chance, a full disk is no error: everything stays here, to be written in 5 s.
        Raises StoreError, in which case nothing of it was written, and nothing is tried again.
        """
        records, self.records, trails, self.trails = self.records, [], self.trails, []
        self._counted = self._bytes = 0
        begun = time.monotonic()
        try:
            store.append(records, trails)
        except FullError as error:
            if last or not self.wait_if_full or _size(records) + _size(trails) > MAX_HELD:
                raise
            self.records, self.trails, was_full, self.full = records, trails, self.full, True
            self._retry = time.monotonic() + RETRY_SECONDS
            told = f"{error}; nothing is started until there is room, what has finished waits in memory (or --on-disk-full exit)"
            return [], None if was_full else Notice(told)
        self._commit_seconds = time.monotonic() - begun
        told, self.full = "there is room on the disk again; going on" if self.full else "", False
        return records, Notice(told) if told else None


def _size(values: Iterable[Any]) -> int:
    """About how many bytes these frozen values hold."""
    return sum(_held(value) for value in values)


def _held(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value) + 50
    if isinstance(value, tuple):
        return 50 + sum(_held(part) for part in value)
    if hasattr(value, "__dataclass_fields__"):
        return 50 + sum(_held(getattr(value, part.name)) for part in fields(value))
    return 8
