"""The store seam: where records live.

Requirements that every implementation keeps, tested by tests/stores/test_suite.py over all of them:

- `append` is atomic and durable: when it returns, the records survive a power cut; when it raises StoreError, none of them is there;
- at most one record per id_run; a later one replaces an earlier one, except that CANCELLED says nothing about a run that is COMPLETED;
  nor does what child runs of that attempt did;
- values come back bit-exact: NaN, infinities, -0.0, integers of any size; so do the points of metrics;
- what an attempt logged is the run's once a record of that attempt is there; what earlier attempts logged is gone in the same moment;
- of two invocations that execute one experiment, the earlier one appends nothing any more, and hears of it by LockedError;
- readers work while a writer writes, and need no part of the writer's process.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runner.logged import Artifact, Entries, Summary
from runner.record import Provenance, Record, Start, Trail


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """An attempt at a run, or at a child run, that has logged something and has no end in the store."""

    id_run: str
    experiment: str
    """The one that executes it."""
    params_json: str
    parent: str
    """Of a child run: id_run of the run that made it; otherwise empty."""
    name: str
    """Of a child run."""
    started: float
    """When the first that it has logged came to the store, Unix seconds."""
    lost: bool
    """Whether the process that executed it is gone, so that there will be no end."""


class Reader(Protocol):
    """Reads records."""

    def find(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of these runs, by id; runs that it does not have are left out."""
        ...

    def results(self, ids: Sequence[str]) -> dict[str, str]:
        """The fields, as JSON text, of those of these runs that are COMPLETED, by id."""
        ...

    def records(self, experiment: str | None = None, *, children: bool = False) -> Iterator[Record]:
        """All records, or those of one experiment, in the order in which they were committed; child runs only if asked for."""
        ...

    def children(self, id_run: str) -> list[Record]:
        """The child runs of a run."""
        ...

    def lookup(self, prefix: str, limit: int = 3) -> list[Record]:
        """Records whose id starts with `prefix`, at most `limit`."""
        ...

    def executing(self, prefix: str = "", limit: int = 3) -> list[str]:
        """Ids of runs that execute now and have logged something, those that start with `prefix`, at most `limit`."""
        ...

    def unfinished(self, experiment: str | None = None, prefix: str = "") -> list[Unfinished]:
        """The latest attempts at runs that execute now, or did when their process died: of this experiment, whose ids start with `prefix`.

        A run of which there is a record as well executes again. Runs that have not logged anything yet are not known.
        """
        ...

    def experiments(self) -> list[tuple[str, dict[str, int], float]]:
        """Name, count by status, and start of the last invocation of every experiment; the latest first."""
        ...

    def summaries(self, ids: Sequence[str]) -> dict[str, dict[str, Summary]]:
        """What is known of the metrics of these runs: id -> name -> summary; runs without metrics are left out."""
        ...

    def points(self, id_run: str, name: str) -> Iterator[tuple["array[int]", "array[float]", "array[float]"]]:
        """Steps, values and Unix times of a metric, in parts, in the order in which they were logged."""
        ...

    def artifacts(self, ids: Sequence[str]) -> dict[str, list[Artifact]]:
        """The files that these runs keep, by id."""
        ...

    def tables(self, id_run: str) -> dict[str, list[dict[str, list[Any]]]]:
        """The tables that a run logged: name -> parts, each a mapping of column -> values."""
        ...

    def output(self, id_run: str, stream: str, after: int = 0) -> Iterator[tuple[int, str]]:
        """What a run wrote to `stdout` or `stderr`, in parts with growing numbers, those behind number `after`."""
        ...

    def provenance(self, epoch: int) -> Provenance | None:
        """Where the results of an invocation come from."""
        ...

    def evidence(self, epoch: int) -> str | None:
        """What the identity of an invocation's runs was made of (`evidence.loads`); None where it is not known."""
        ...

    def source(self, digest: str) -> bytes | None:
        """A source file by its SHA-256; None when it is not kept."""
        ...

    def prefixes(self, links: Sequence[str]) -> dict[str, Start]:
        """Where runs can go on that begin with the same steps as earlier ones: link (`plan.Run.links`) -> what those left."""
        ...

    def behind(self, start: Start) -> Entries | None:
        """What had been logged up to there: parameters, points, rows, artifacts; and which sources that rests on, as its invocation had
        loaded them. None where it has gone since it was found.
        """
        ...

    def owners(self, ids: Sequence[str]) -> dict[str, int | None]:
        """The invocation whose files count, by run: that of its record or, where it has none, of the longest row of first steps from which
        it can go on. None where damage hides it; runs that have neither are left out.
        """
        ...

    def over(self, epochs: Iterable[int]) -> set[int]:
        """Those of these invocations that commit nothing any more: their process is gone, or another one executes their experiment."""
        ...

    def close(self) -> None:
        """Free it; idempotent."""
        ...


class Store(Reader, Protocol):
    """The one writer."""

    def begin(self, experiment: str, started: float, *, alone: bool = True) -> int:
        """Register an invocation of xrun; its number is the `epoch` of the records that it will append.

        `alone`: nobody else executes this experiment, so that what attempts without an end have logged is of no more use.
        """
        ...

    def describe(self, epoch: int, provenance: Provenance) -> None:
        """Keep where an invocation's results come from."""
        ...

    def explain(self, epoch: int, evidence: str, sources: Mapping[str, bytes], *, held: float | None = None) -> None:
        """Keep, together with the invocation's first records, what their identities are made of (`Evidence.dumps`), and source files by
        their SHA-256. `held`: Unix time until which declared data was seen to be what the identity says; None: there is none.
        """
        ...

    def lacking(self, digests: Iterable[str]) -> set[str]:
        """Those of these SHA-256 of which no source is kept."""
        ...

    def hold(self, epoch: int, until: float | None) -> None:
        """Until when an invocation's data was seen unchanged; None: to its end."""
        ...

    def void(self, fallen: Mapping[int, float], others: Collection[int] = ()) -> None:
        """Results that stand no more, all of them: invocation -> Unix time; those that ended later count as not there in `find`, `results`
        and `prefixes`. For whom else reads the store, this changes nothing of `others`: invocations that another project has to judge.
        """
        ...

    def append(self, records: Iterable[Record], trails: Iterable[Trail] = ()) -> None:
        """Commit records, and what runs have logged: of runs that are over together with their records, of others while they execute.

        Raises LockedError when an invocation that has begun `alone` since then executes the experiment.
        """
        ...

    def share(self, experiment: str, ids: Sequence[str]) -> None:
        """Note that runs which another experiment executed belong to this one as well."""
        ...
