"""The store seam: where records live.

Requirements that every implementation keeps, tested by tests/stores/test_suite.py over all of them:

- `append` is atomic and durable: when it returns, the records survive a power cut; when it raises StoreError, none of them is there;
- at most one record per id_run; a later one replaces an earlier one, except that CANCELLED says nothing about a run that is COMPLETED;
- values come back bit-exact: NaN, infinities, -0.0, integers of any size;
- readers work while a writer writes, and need no part of the writer's process.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from runner.record import Provenance, Record


class Reader(Protocol):
    """Reads records."""

    def find(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of these runs, by id; runs that it does not have are left out."""
        ...

    def results(self, ids: Sequence[str]) -> dict[str, str]:
        """The fields, as JSON text, of those of these runs that are COMPLETED, by id."""
        ...

    def records(self, experiment: str | None = None) -> Iterator[Record]:
        """All records, or those of one experiment, in the order in which they were committed."""
        ...

    def provenance(self, epoch: int) -> Provenance | None:
        """Where the results of an invocation come from."""
        ...

    def close(self) -> None:
        """Free it; idempotent."""
        ...


class Store(Reader, Protocol):
    """The one writer."""

    def begin(self, experiment: str, started: float) -> int:
        """Register an invocation of xrun; its number is the `epoch` of the records that it will append."""
        ...

    def describe(self, epoch: int, provenance: Provenance) -> None:
        """Keep where an invocation's results come from."""
        ...

    def append(self, records: Iterable[Record]) -> None:
        """Commit records."""
        ...

    def share(self, experiment: str, ids: Sequence[str]) -> None:
        """Note that runs which another experiment executed belong to this one as well."""
        ...
