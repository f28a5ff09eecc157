"""The columns that `results.columns` chooses: selectors -> values of runs, for the table."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runner import codec, selectors
from runner.errors import ConfigError, UsageError
from runner.record import Record
from runner.stores.base import Reader

CHUNK = 512
ID = "id_run"
"""The table's first column."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Columns of the table behind `id_run` and the axes."""

    columns: tuple[tuple[str, selectors.Selector | None], ...]
    """Name and what it shows; None: nothing is called so."""
    notes: tuple[str, ...] = ()
    """What is odd about them, one sentence each."""
    metrics: tuple[str, ...] = ()
    """The metrics that they show, or are called like: `loss.mean` is each run's own, and not made of a column `loss`."""

    def fields(self, row: selectors.Row) -> str:
        """The row's columns as JSON text, null where the run has no such value."""
        values: dict[str, Any] = {}
        for name, selector in self.columns:
            value = selectors.MISSING if selector is None else selector.value(row)
            values[name] = None if value is selectors.MISSING else value
        return codec.dumps(values)


def check(columns: Sequence[tuple[str, str]], axes: Sequence[str] = ()) -> None:
    """Refuse a selector that cannot be one, and a name that the table's own columns have, before anything runs. Raises ConfigError."""
    for name, text in columns:
        key = f"results.columns.{name}"
        try:
            selectors.parse(text)
        except UsageError as error:
            raise ConfigError(str(error), key=key) from None
        if name in (ID, *axes) and not _is_own(name, text):
            what = "the id of the run" if name == ID else "an axis"
            free = f"{name}_{'value' if name == ID else 'result'}"
            raise ConfigError(
                f"the table has a column `{name}` already, {what}; give {selectors.said(text)} another name: {{{free}: {text}}}", key=key
            )


def _is_own(name: str, text: str) -> bool:
    """Whether the selector says the column that the table has under this name in any case: `id_run`, or an axis."""
    spellings = (f"run.{ID}",) if name == ID else (f"params.{selectors.quoted(name)}", f"params.{name}")
    return text.strip() in (name, selectors.quoted(name), *spellings)


def choose(columns: Sequence[tuple[str, str]], ids: Sequence[str], reader: Reader, axes: Sequence[str]) -> Choice:
    """What `columns` mean for these runs. `id_run` and the axes stand before them and are not shown twice: `lr` is the axis of that name,
    whatever else is called so.

    A selector that nothing answers to, or several things, is a column of nulls and a note: the runs are done, and must not be lost for it.
    Where no run has completed there is nothing to note.
    """
    names = selectors.known(rows(ids, reader))
    found: list[tuple[str, selectors.Selector | None]] = []
    notes = []
    for name, text in columns:
        if name in (ID, *axes) and _is_own(name, text):
            continue
        try:
            selector = selectors.resolve(text, names)
        except UsageError as error:
            notes.append(f"results.columns: {error}")
            found.append((name, None))
            continue
        if not (selector.kind == "params" and selector.name in axes and name in (text, selector.name)):
            found.append((name, selector))
    shown = {selector.name for _, selector in found if selector is not None and selector.kind == "metrics"}
    metrics = shown | names.metrics.intersection(name for name, _ in found)
    return Choice(tuple(found), tuple(notes) if next(rows(ids, reader), None) is not None else (), tuple(sorted(metrics)))


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
    shown = ", ".join(map(_in_yaml, names[:5])) + (", ..." if len(names) > 5 else "")
    return (f"no step wrote fields; to have metrics as columns: results: {{columns: [{shown}]}}",)


def _in_yaml(name: str) -> str:
    """The selector of a metric as an item of a list in YAML, where no plain text begins with a backtick."""
    text = selectors.quoted(name)
    return json.dumps(text, ensure_ascii=False) if "`" in text else text
