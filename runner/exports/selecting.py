"""Which runs are exported: those of the plan that was asked for last, or all of the experiment, held against a condition."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner import manifest, reading, selectors, where
from runner.errors import IncompleteError, StoreError
from runner.exports.base import Source
from runner.selectors import Row
from runner.stores.base import Reader
from runner.workspace import Workspace


def select(reader: Reader, workspace: Workspace, experiment: str, *, condition: str | None = None, everything: bool = False) -> Source:
    """The runs of an experiment that results/ shows (all of them, where it shows none), or with `everything` all that the store has.

    `condition` is in the grammar of `runner.where`. Raises IncompleteError when no run is left, UsageError for a condition that cannot
    be understood.
    """
    reading.check_experiment(reader, experiment)
    parsed = where.parse(condition) if condition is not None else None
    published = None if everything else _published(workspace.results / experiment)
    ids, seed = published or (None, None)

    def rows() -> Iterator[Row]:
        return reading.summarised(reader, reader.records(experiment) if ids is None else reading.in_order(reader, ids))

    holds = parsed.bind(selectors.known(rows())) if parsed is not None else None

    def kept() -> Iterator[Row]:
        return rows() if holds is None else filter(holds, rows())

    if next(kept(), None) is None:
        notes = "; ".join(holds.notes()) if holds is not None else ""
        raise IncompleteError(f"no run of `{experiment}` {_what(condition, ids)}{notes and f': {notes}'}")
    results = workspace.results / experiment
    return Source(experiment=experiment, reader=reader, folder=workspace.artifacts, results=results, rows=kept, seed=seed)


def _what(condition: str | None, ids: Sequence[str] | None) -> str:
    if condition is not None:
        return f"is such that {condition}"
    return "is in the store" if ids is None else "that results/ shows is in the store; --all exports those that are"


def _published(results: Path) -> tuple[tuple[str, ...], int | None] | None:
    """The ids of the runs that a results folder shows, and the experiment's seed; None where nothing has been published."""
    try:
        told = manifest.read(results, str(results))
    except StoreError as error:
        raise StoreError(f"{error}\n  --all exports without it what the store has") from None
    if told is not None and told.runs is None:
        raise StoreError(f"{results / manifest.NAME} names no runs; run the experiment again, or export with --all")
    return (told.runs, told.seed) if told is not None and told.runs is not None else None
