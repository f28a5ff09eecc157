"""Completed runs -> the data frame: one row a run, one typed column a parameter or field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from runner import codec
from runner.quick import quick
from runner.selectors import flat
from runner.table.collection import no_collection
from runner.table.column import texts, typed

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 4096  # runs whose fields exist as Python dictionaries at the same time


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One completed run."""

    id_run: str
    params: Mapping[str, Any]
    """The point: flat, dotted names. An axis that it lacks (a union of grids) is null."""
    fields_json: str
    """What the steps wrote, `runner.codec`."""


QuickRow = quick(Row)
"""The same, for those who make one for every run."""


def build(rows: Iterable[Row], axes: tuple[str, ...]) -> "pd.DataFrame":
    """The table of `rows`, in their order: `id_run`, then `axes`, then the fields in the order of their first appearance.

    A field that only some runs have is null in the others. A mapping inside a field becomes columns with dotted names;
    `runner.table.column` says what type a column gets. A field whose name is taken gets the prefix `fields.`.
    """
    import pandas as pd

    with no_collection():
        return pd.DataFrame(_columns(rows, axes), copy=False)


def _columns(rows: Iterable[Row], axes: tuple[str, ...]) -> dict[str, Any]:
    ids: list[str] = []
    points: dict[str, list[Any]] = {axis: [] for axis in axes}
    fields: dict[str, list[Any]] = {}
    source = iter(rows)
    while chunk := list(islice(source, _CHUNK)):
        for axis, values in points.items():
            values += [row.params.get(axis) for row in chunk]
        decoded = _fields([row.fields_json for row in chunk])
        for name in dict.fromkeys(chain.from_iterable(decoded)):
            fields.setdefault(name, [None] * len(ids))
        for name, values in fields.items():
            values += [run.get(name) for run in decoded]
        ids += [row.id_run for row in chunk]
    columns = {"id_run": texts(ids)}
    for prefix, group in (("params.", points), ("fields.", fields)):
        for name in tuple(group):
            columns[_free(name, columns, prefix)] = typed(group.pop(name))  # a list and its array together for no longer than needed
    return columns


def _free(name: str, taken: Mapping[str, Any], prefix: str) -> str:
    while name in taken:
        name = prefix + name
    return name


def _fields(texts: list[str]) -> list[dict[str, Any]]:
    """The fields of some runs, flat. One document is decoded faster than many."""
    runs: list[dict[str, Any]] = codec.loads(f"[{','.join(texts)}]")
    return [flat(run) if text.count("{") > 1 else run for run, text in zip(runs, texts, strict=True)]
