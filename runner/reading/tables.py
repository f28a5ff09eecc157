"""The tables that runs log row by row: which there are, and the rows of one of them over several runs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from runner.errors import IncompleteError
from runner.reading.columns import run_columns
from runner.selectors import Row
from runner.stores.base import Reader
from runner.suggest import did_you_mean

Part: TypeAlias = dict[str, list[Any]]
"""Some rows: column -> values."""


def sizes(parts: Mapping[str, Sequence[Part]]) -> dict[str, int]:
    """Number of rows of each table of a run."""
    return {name: sum(map(_count, some)) for name, some in parts.items()}


def rows_of(reader: Reader, rows: Sequence[Row], name: str, whose: str) -> dict[str, list[Any]]:
    """The rows that these runs logged to the table `name`, by column: `id_run`, the params, the table's own; None where a row lacks one.

    Raises IncompleteError, with the nearest one, where there is no such table; `whose` says where it is not.
    """
    logged: list[tuple[int, Part]] = []
    known: dict[str, None] = {}
    for position, row in enumerate(rows):
        tables = reader.tables(row.record.id_run)
        known |= dict.fromkeys(tables)
        logged += [(position, part) for part in tables.get(name, ())]
    if not logged:
        raise IncompleteError(f"{whose} have logged no table `{name}`; {did_you_mean(name, known, 'tables')}")
    return _stacked(rows, logged)


def _stacked(rows: Sequence[Row], parts: Sequence[tuple[int, Part]]) -> dict[str, list[Any]]:
    """Parts of logged tables as one, beside what says which run each is of: its position."""
    names = list(dict.fromkeys(name for _, part in parts for name in part))
    counts = [_count(part) for _, part in parts]
    stacked: dict[str, list[Any]] = {
        name: [of_runs[position] for (position, _), count in zip(parts, counts, strict=True) for _ in range(count)]
        for name, of_runs in run_columns(rows, names).items()
    }
    for name in names:
        values = [value for (_, part), count in zip(parts, counts, strict=True) for value in part.get(name, [None] * count)]
        stacked["rows.id_run" if name == "id_run" else name] = values
    return stacked


def _count(part: Part) -> int:
    return max(map(len, part.values()), default=0)
