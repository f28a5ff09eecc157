"""Which values of runs become columns, under which names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from runner.errors import UsageError
from runner.selectors import MISSING, Names, Row, Selector, quoted, resolve
from runner.stores.base import Reader
from runner.table.exported import Series

HIDDEN: Final = "system/"
"""Metrics with this prefix are shown only when they are named."""
_OWN: Final = ("id_run", "metric", "step", "time", "value")
"""Columns of a point."""
ID: Final = Selector("run", "id_run")


def default_columns(rows: Sequence[Row], names: Names) -> dict[str, Selector]:
    """Column name -> selector of what there is to say of these runs, when nobody says what: id, status, the point, kwargs in which they
    differ, fields, the last values of metrics, logged parameters.

    A column has the shortest name that stands for its value: `loss`, or `fields.loss` and `metrics.loss` where there are both.
    """
    found = [ID, Selector("run", "status")]
    found += [Selector("params", name) for name in _ordered(row.params for row in rows)]
    found += [Selector("kwargs", name) for name in differing_kwargs(rows)]
    found += [Selector("fields", name) for name in _ordered(row.fields for row in rows)]
    found += [Selector("metrics", name, "last") for name in _ordered(row.metrics for row in rows) if not name.startswith(HIDDEN)]
    found += [Selector("logged", name) for name in _ordered(row.logged for row in rows)]
    return {_shortest(selector, names): selector for selector in found}


def resolve_columns(columns: Iterable[str] | Mapping[str, str], names: Names) -> dict[str, Selector]:
    """Column name -> selector of the columns asked for, as they are named, or written but for backticks; in front of them `id_run`.

    Raises UsageError as `runner.selectors.resolve` does.
    """
    asked = dict(columns) if isinstance(columns, Mapping) else _plainly(list(columns))
    chosen = {name: resolve(text, names) for name, text in asked.items()}
    return chosen if ID in chosen.values() else {"id_run" if "id_run" not in chosen else ID.spelling: ID, **chosen}


def values(rows: Sequence[Row], columns: Mapping[str, Selector]) -> dict[str, list[Any]]:
    """Column name -> the value of every run, None where it has none."""
    found = {name: [selector.value(row) for row in rows] for name, selector in columns.items()}
    return {name: [None if value is MISSING else value for value in some] for name, some in found.items()}


def run_columns(rows: Sequence[Row], taken: Iterable[str] = _OWN) -> dict[str, list[Any]]:
    """What says to people which run it is, id and params, to stand beside columns of the names `taken`, which it leaves free."""
    others = {"id_run", *taken}
    names = _ordered(row.params for row in rows)
    chosen = {"id_run": ID} | {_free(name, others): Selector("params", name) for name in names}
    return values(rows, chosen)


def points_of(reader: Reader, rows: Sequence[Row], metrics: Sequence[str] | None) -> Iterator[Series]:
    """The points of these metrics (None: of all but the system's) of all runs, in parts; a run is known by its position."""
    for position, row in enumerate(rows):
        for name in row.metrics if metrics is None else metrics:
            if name in row.metrics and (metrics is not None or not name.startswith(HIDDEN)):
                for steps, found, times in reader.points(row.record.id_run, name):
                    yield position, name, steps, found, times


def _plainly(texts: Sequence[str]) -> dict[str, str]:
    """Column name -> selector: without its backticks, unless another one looks the same then."""
    names: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        plain = text.replace("`", "")
        names[text if plain in names or not plain else plain] = text
    return names


def varying(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names under which these mappings do not all have the same value."""
    names = _ordered(values)
    return [name for name in names if len({repr(one.get(name, MISSING)) for one in values}) > 1]


def _free(name: str, others: set[str]) -> str:
    while name in others:
        name = f"params.{name}"
    return name


def _ordered(names: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))


def differing_kwargs(rows: Sequence[Row]) -> list[str]:
    """Kwargs that are not the same in all runs."""
    different = list({row.record.kwargs_json: row.kwargs for row in rows}.values())
    return varying(different)


def _shortest(selector: Selector, names: Names) -> str:
    try:
        plain = resolve(quoted(selector.name), names) == selector
    except UsageError:
        plain = False
    return selector.name if plain else selector.spelling
