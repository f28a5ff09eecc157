"""Cells as text: exact in the CSV file, short on a console."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from runner import codec

if TYPE_CHECKING:
    import pandas as pd

Write = Callable[[Any], str]
_SPECIAL = re.compile(r'[",\r\n]').search


def csv(frame: "pd.DataFrame", *, rows: int = 65_536) -> Iterator[str]:
    r"""The table as CSV, some rows at a time: RFC 4180 with `\n`, quotes only where they are needed.

    A float is the shortest text that reads back exactly, `nan`, `inf` or `-inf`; null is empty, an empty string is `""`,
    a list is JSON.
    """
    yield ",".join(_quoted([str(name) for name in frame])) + "\n"
    for start in range(0, len(frame), rows):
        part = frame.iloc[start : start + rows]
        columns = [_cells(part[name], number=repr, other=_exact, quote=_quoted) for name in part]
        yield "\n".join(map(",".join, zip(*columns, strict=True))) + "\n"


def json_lines(frame: "pd.DataFrame") -> Iterator[str]:
    """One JSON object a row: null where a value is missing, NaN and the infinities as `runner.codec` writes them, times as ISO text."""
    names = [str(name) for name in frame]
    columns = [[_json(value) for value in present(frame[name])] for name in frame]
    for row in zip(*columns, strict=True):
        yield codec.dumps(dict(zip(names, row, strict=True)))


def present(column: "pd.Series[Any]") -> list[Any]:
    """The column's values as Python objects, None for the missing ones."""
    missing, values = nulls(column), column.tolist()
    return values if missing is None else [None if gone else value for value, gone in zip(values, missing, strict=True)]


def shown(column: "pd.Series[Any]") -> list[str]:
    """The column's values for a reader: floats with six significant digits, everything else in full."""
    return _cells(column, number=_six, other=_short, quote=list)


def nulls(column: "pd.Series[Any]") -> list[bool] | None:
    """Which values are missing; None when none is. A NaN is a value, and numpy's floats hold nothing else."""
    if str(column.dtype).startswith("float"):
        return None
    missing = column.isna()
    return missing.tolist() if missing.any() else None


def _cells(column: "pd.Series[Any]", *, number: Write, other: Write, quote: Callable[[list[str]], list[str]]) -> list[str]:
    missing, values, kind = nulls(column), column.tolist(), str(column.dtype).lower()
    write = number if kind.startswith("float") else str if kind.startswith(("int", "uint", "bool")) else None
    if missing is not None:
        present = [value for value, gone in zip(values, missing, strict=True) if not gone]
        texts = iter(_texts(present, write, other, quote))
        return ["" if gone else next(texts) for gone in missing]
    return _texts(values, write, other, quote)


def _texts(values: list[Any], write: Write | None, other: Write, quote: Callable[[list[str]], list[str]]) -> list[str]:
    if write is not None:
        return list(map(write, values))
    return quote([value if type(value) is str else other(value) for value in values])


def _quoted(texts: list[str]) -> list[str]:
    """`texts` as CSV cells; an empty one gets quotes, since nothing between two commas means null."""
    if not _SPECIAL("".join(texts)):  # one search instead of many
        return [text or '""' for text in texts]
    return ['"' + text.replace('"', '""') + '"' if not text or _SPECIAL(text) else text for text in texts]


def _six(number: float) -> str:
    return f"{number:.6g}"


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | list) else _short(value)


def _exact(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    return codec.dumps(value) if isinstance(value, list) else _short(value)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return _six(value)
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return value.isoformat() if hasattr(value, "isoformat") and not hasattr(value, "total_seconds") else str(value)
