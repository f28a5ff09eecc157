"""A table's head and tail as plain text, for a console to print without pandas."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.table.text import shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a console shows of a table; plain data, so that it can cross processes."""

    columns: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: int
    """How many the table has."""
    head: tuple[tuple[str, ...], ...]
    """The first rows, as they are shown: floats with six significant digits, everything else in full."""
    tail: tuple[tuple[str, ...], ...]
    """The last rows; empty when `head` holds all of them."""

    @property
    def elided(self) -> int:
        """How many rows in the middle are not shown."""
        return self.rows - len(self.head) - len(self.tail)


def summarise(frame: "pd.DataFrame", limit: int = 20) -> Preview:
    """The first and last rows of `frame`, at most `limit` of them."""
    rows = len(frame)
    last = 0 if rows <= limit else limit // 2
    first = min(rows, limit - last)
    return Preview(
        columns=tuple(map(str, frame.columns)),
        dtypes=tuple(map(str, frame.dtypes)),
        rows=rows,
        head=_rows(frame.iloc[:first]),
        tail=_rows(frame.iloc[rows - last :]),
    )


def _rows(frame: "pd.DataFrame") -> tuple[tuple[str, ...], ...]:
    return tuple(zip(*(shown(frame[name]) for name in frame), strict=True))
