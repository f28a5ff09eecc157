"""pandera's complaints -> violations that name the run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.table.text import present

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One way in which a table breaks its schema."""

    id_run: str | None = None
    """The run that wrote the value; None where the column, or the table, is wrong as a whole."""
    column: str
    """`*`: a check of whole rows or of the whole table."""
    value: str = ""
    """The value's repr; of a column with the wrong type that type; empty where there is no one value."""
    check: str
    """As pandera names it: `greater_than_or_equal_to(0)`, `not_nullable`, `dtype('float64')`, `column_in_dataframe`."""
    row: int | None = None
    """Position in the table."""


def violations(errors: Iterable[Any], frame: "pd.DataFrame") -> Iterator[Violation]:
    """Each of pandera's SchemaErrors (or what a user's check raised) in terms of `frame`, in their order."""
    errors = list(errors)
    mistyped = {_column(error) for error in errors if _reason(error) == "WRONG_DATATYPE"}
    cells = _Cells(frame)
    for error in errors:
        reason = _reason(error)
        if reason == "CHECK_ERROR" and _column(error) in mistyped:
            continue  # of course it cannot be computed
        if reason == "WRONG_DATATYPE":
            yield Violation(column=_column(error), value=cells.dtype(_column(error)), check=_check(error))
            yield from _culprits(error, cells)
        elif not hasattr(getattr(error, "failure_cases", None), "columns"):
            yield _whole(error, reason)
        elif reason == "DATAFRAME_CHECK" and hasattr(error.schema, "columns"):
            yield from _rows(error, cells)
        else:
            yield from _single(error, cells)


class _Cells:
    """The values of a frame as Python objects, by row and column."""

    def __init__(self, frame: "pd.DataFrame") -> None:
        self._frame = frame
        self._lists: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self._frame)

    def dtype(self, column: str) -> str:
        return str(self._frame[column].dtype)

    def id_run(self, row: object) -> str | None:
        return self.column("id_run")[row] if isinstance(row, int) else None

    def value(self, row: object, column: str, otherwise: object) -> str:
        return repr(self.column(column)[row] if isinstance(row, int) and column in self._frame else otherwise)

    def column(self, column: str) -> list[Any]:
        if column not in self._lists:
            self._lists[column] = present(self._frame[column])
        return self._lists[column]


def _whole(error: Any, reason: str) -> Violation:
    """A complaint about a column or the table."""
    case = getattr(error, "failure_cases", None)
    if reason == "":
        return Violation(column="*", check=f"{type(error).__name__}: {error}")
    if reason.startswith(("COLUMN_NOT", "ADD_MISSING")):
        return Violation(column=str(case), check=_check(error))
    column = _column(error)
    if reason in ("CHECK_ERROR", "INVALID_COLUMN_NAME"):
        return Violation(column=column, check=f"{_check(error)}: {case}")
    return Violation(column=column, value="" if case is None else repr(case), check=_check(error))


def _single(error: Any, cells: _Cells) -> Iterator[Violation]:
    """A complaint about values."""
    cases, check = error.failure_cases, _check(error)
    names = cases["column"].tolist() if "column" in cases else [_column(error)] * len(cases)
    for row, name, case in zip(cases["index"].tolist(), names, cases["failure_case"].tolist(), strict=True):
        column = str(name)
        yield Violation(
            id_run=cells.id_run(row),
            column=column,
            value=cells.value(row, column, case),
            check=check,
            row=row if isinstance(row, int) else None,
        )


def _culprits(error: Any, cells: _Cells) -> Iterator[Violation]:
    """The values for whose sake a column of numbers became text; none where all of it is text."""
    column = _column(error)
    if cells.dtype(column) != "string":
        return
    found = [(row, text) for row, text in enumerate(cells.column(column)) if text is not None and not _is_number(text)]
    for row, text in found if len(found) < len(cells) else ():
        yield Violation(id_run=cells.id_run(row), column=column, value=repr(text), check=_check(error), row=row)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.startswith('{"$f":')
    return True


def _rows(error: Any, cells: _Cells) -> Iterator[Violation]:
    """A complaint about rows, which pandera repeats for each column."""
    for row in dict.fromkeys(error.failure_cases["index"].tolist()):
        yield Violation(id_run=cells.id_run(row), column="*", check=_check(error), row=row if isinstance(row, int) else None)


def _reason(error: Any) -> str:
    code = getattr(error, "reason_code", None)
    return "" if code is None else str(code.name)


def _column(error: Any) -> str:
    name = getattr(getattr(error, "schema", None), "name", None)
    return "*" if name is None or hasattr(error.schema, "columns") else str(name)


def _check(error: Any) -> str:
    check = error.check
    return check if isinstance(check, str) else str(check.error or check.name or check)
