"""A schema and a table brought together, where they differ in storage only and not in what they mean."""

import copy
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runner.table.column import exact
from runner.table.kinds import kind

if TYPE_CHECKING:
    import pandas as pd

_INTEGERS = frozenset({"int64", "uint64"})
_EMPTY = {"int64": "Int64", "uint64": "UInt64", "float64": "Float64", "bool": "boolean", "text": "string"}
"""The type of a column that holds nothing but null, by the kind that its schema declares."""


def widened(frame: "pd.DataFrame", spec: Any) -> "pd.DataFrame":
    """`frame` with whole numbers as float64 where `spec` says so and it is exact, and with typed columns of nulls."""
    changed = {}
    for name, column in _columns(spec, frame):
        if name in frame and column.dtype is not None and (series := _widened(frame[name], column.dtype)) is not None:
            changed[name] = series
    return frame.assign(**changed) if changed else frame


def fitted(spec: Any, frame: "pd.DataFrame") -> Any:
    """A copy of the pandera schema `spec` that makes no fuss about storage: `Int64` is an int64, any text type a str.

    It asks for no types of columns without values, for no columns of a table without rows, and drops no rows.
    """
    fit = _copied(spec)
    fit.columns = {}
    for name, column in _columns(spec, frame):
        if name not in frame:
            column.required = column.required and len(frame) > 0
        elif _same(column, frame[name]):
            column.dtype = None
        column.drop_invalid_rows = False
        if name in fit.columns:  # declared by name and by pattern
            column.checks = [*fit.columns[name].checks, *column.checks]
        fit.columns[name] = column
    if fit.columns:
        fit.dtype = None
    fit.strict = spec.strict is True  # "filter" would take columns away: they stay
    fit.drop_invalid_rows = False
    return fit


def _columns(spec: Any, frame: "pd.DataFrame") -> Iterator[tuple[str, Any]]:
    """Copies of the schema's columns: a pattern as one column for each that it matches, the schema's own type in each."""
    for name, column in spec.columns.items():
        matches = [str(found) for found in frame if re.match(name, str(found))] if column.regex else []
        for found in matches or [name]:
            single = _copied(column)
            if matches:
                single.regex, single.name = False, found
            if spec.dtype is not None:
                single.dtype = spec.dtype
            yield found, single


def _copied(part: Any) -> Any:
    """A shallow copy. In older panderas `copy.copy` alone makes a second object with the very same attributes."""
    twin = copy.copy(part)
    twin.__dict__ = dict(part.__dict__)
    return twin


def _same(column: Any, series: "pd.Series[Any]") -> bool:
    if column.dtype is None or series.isna().all():
        return True
    declared = kind(column.dtype)
    if declared.startswith("datetime64") and column.coerce:
        return False
    return declared in ("object", kind(series.dtype))


def _widened(series: "pd.Series[Any]", dtype: Any) -> "pd.Series[Any] | None":
    """`series` as `dtype` if that is exact and not done yet, else None."""
    declared, actual = kind(dtype), kind(series.dtype)
    if actual == "object" and series.isna().all():
        target: Any = str(dtype) if declared.startswith(("datetime64", "timedelta64")) else _EMPTY.get(declared)
        return series.astype(target) if target else None
    if declared != "float64" or actual not in _INTEGERS or not all(map(exact, series.dropna().tolist())):
        return None
    exact_type: Any = "Float64" if series.isna().any() else "float64"
    return series.astype(exact_type)
