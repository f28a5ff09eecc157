"""What was logged, in the shapes of Azure's `get_metrics`: one value is itself, several are a list; a table of one row has no lists."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Values:
    """The values that a run has logged by this shim."""

    def __init__(self) -> None:
        self._lists: dict[str, list[Any]] = {}
        self._tables: dict[str, dict[str, list[Any]]] = {}

    def add(self, name: str, values: Iterable[Any]) -> list[Any]:
        """More values under a name; all that are there now."""
        known = self._lists.setdefault(name, [])
        known.extend(value.item() if hasattr(value, "item") else value for value in values)
        return known

    def add_rows(self, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """More rows of a table. What a row lacks is None."""
        table = self._tables.setdefault(name, {})
        before = max(map(len, table.values()), default=0)
        more = max(map(len, columns.values()), default=0)
        for column in (*table, *(column for column in columns if column not in table)):
            known = table.setdefault(column, [None] * before)
            known.extend(columns.get(column, [None] * more))

    def told(self, name: str | None = None, *, lists: bool = False) -> dict[str, Any]:
        """All of it, or what has that name; `lists`: also single values as lists."""
        told: dict[str, Any] = {key: _shaped(values, lists=lists) for key, values in self._lists.items()}
        for key, table in self._tables.items():
            told[key] = {column: _shaped(values, lists=lists) for column, values in table.items()}
        return told if name is None else {key: value for key, value in told.items() if key == name}


def _shaped(values: list[Any], *, lists: bool) -> Any:
    return values[0] if len(values) == 1 and not lists else list(values)
