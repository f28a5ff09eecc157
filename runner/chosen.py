"""The columns that `results.columns` chooses: selectors -> values of runs, for the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runner import codec, selectors
from runner.errors import ConfigError, UsageError
from runner.record import Record
from runner.stores.base import Reader

CHUNK = 512


@dataclass(frozen=True, slots=True)
class Choice:
    """Columns of the table behind `id_run` and the axes."""

    columns: tuple[tuple[str, selectors.Selector | None], ...]
    """Name and what it shows; None: nothing is called so."""
    notes: tuple[str, ...] = ()
    """What is odd about them, one sentence each."""

    def fields(self, row: selectors.Row) -> str:
        """The row's columns as JSON text, null where the run has no such value."""
        values: dict[str, Any] = {}
        for name, selector in self.columns:
            value = selectors.MISSING if selector is None else selector.value(row)
            values[name] = None if value is selectors.MISSING else value
        return codec.dumps(values)


def check(columns: Sequence[tuple[str, str]]) -> None:
    """Refuse a selector that cannot be one, before anything runs. Raises ConfigError."""
    for name, text in columns:
        try:
            selectors.parse(text)
        except UsageError as error:
            raise ConfigError(str(error), key=f"results.columns.{name}") from None


def choose(columns: Sequence[tuple[str, str]], ids: Sequence[str], reader: Reader, axes: Sequence[str]) -> Choice:
    """What `columns` mean for these runs. An axis is not shown twice.

    A selector that nothing answers to, or several things, is a column of nulls and a note: the runs are done, and must not be lost for it.
    """
    names = selectors.known(rows(ids, reader))
    found: list[tuple[str, selectors.Selector | None]] = []
    notes = []
    for name, text in columns:
        try:
            selector = selectors.resolve(text, names)
        except UsageError as error:
            notes.append(f"results.columns: {error}")
            found.append((name, None))
            continue
        if not (selector.kind == "params" and selector.name in axes and name in (text, selector.name)):
            found.append((name, selector))
    return Choice(tuple(found), tuple(notes) if ids else ())


def rows(ids: Sequence[str], reader: Reader) -> Iterator[selectors.Row]:
    """The completed ones of these runs, in their order, with their metrics."""
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        found: dict[str, Record] = reader.find(part)
        summaries = reader.summaries(part)
        yield from (
            selectors.Row(record, summaries.get(id_run, {}))
            for id_run in part
            if (record := found.get(id_run)) is not None and record.status.ok
        )


def hint(ids: Sequence[str], reader: Reader) -> tuple[str, ...]:
    """What to say where no run has fields: the metrics that could be columns."""
    names = sorted({name for metrics in reader.summaries(ids[:CHUNK]).values() for name in metrics if not name.startswith("system/")})
    if not names:
        return ()
    shown = ", ".join(map(selectors.quoted, names[:5])) + (", ..." if len(names) > 5 else "")
    return (f"no step wrote fields; to have metrics as columns: results: {{columns: [{shown}]}}",)
