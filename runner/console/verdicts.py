"""A table of which some columns must be seen: on a narrow terminal others go first, and what stays is folded over lines."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from runner.console.tables import printable

if TYPE_CHECKING:
    from rich.table import Table

LEAST: Final = 12
"""Characters that a folded column has at least, where it has so many."""
ENOUGH: Final = 32
"""Characters of a long column that are enough: a column that says more is folded before another one is left out."""
_GAP: Final = 2


def ranked_table(
    head: Sequence[str],
    lines: Iterable[Sequence[str]],
    out: TextIO,
    *,
    width: int,
    expendable: Sequence[str],
    styles: Mapping[str, str],
) -> None:
    """Draw a table with rich. `expendable`: columns that may be left out, the first one first. `styles`: first word of a cell in the last
    column -> how the cell looks.
    """
    from rich.console import Console as RichConsole
    from rich.text import Text

    body = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    kept = _kept(head, widths, width, expendable)
    names = [head[n] for n in kept]
    shown = _drawn(names, [[line[n] for n in kept] for line in body], _folded(names, [widths[n] for n in kept], width), styles)
    console = RichConsole(file=out, width=width, color_system=None if os.environ.get("NO_COLOR") else "auto")
    console.print(shown)
    if gone := [name for n, name in enumerate(head) if n not in kept]:
        console.print(Text(f"left out: {', '.join(gone)}; --json has all", style="dim"), soft_wrap=True)


def _drawn(head: Sequence[str], body: Sequence[Sequence[str]], widths: Sequence[int], styles: Mapping[str, str]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for n, name in enumerate(head):
        left = _is_text(head, n) or n == len(head) - 1
        shown.add_column(Text(name), justify="left" if left else "right", width=widths[n], overflow="fold")
    for line in body:
        *cells, last = line
        words = last.split()
        shown.add_row(*map(Text, cells), Text(last, style=styles.get(words[0].rstrip(":"), "") if words else ""))
    return shown


def _kept(head: Sequence[str], widths: Sequence[int], room: int, expendable: Sequence[str]) -> list[int]:
    """The columns that are shown: as few are left out as must be for the others to have room."""
    kept = list(range(len(head)))
    for name in expendable:
        if _total([min(widths[n], ENOUGH) for n in kept]) <= room:
            break
        kept = [n for n in kept if head[n] != name]
    return kept


def _folded(head: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """The widths that fit: the widest text gives way to the next, and so on, down to LEAST; only then numbers do."""
    fitting = list(widths)
    for some in ([n for n in range(len(head)) if _is_text(head, n)], range(len(head))):
        while _total(fitting) > room and fitting[widest := max(some, key=fitting.__getitem__)] > LEAST:
            fitting[widest] -= 1
    return fitting


def _is_text(head: Sequence[str], n: int) -> bool:
    return n == 0 or head[n] == "group"


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)
