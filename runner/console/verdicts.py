"""A table of which some columns must be seen: on a narrow terminal others go first, and what stays is folded over lines."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from runner.console.tables import printable

if TYPE_CHECKING:
    from rich.table import Table

LEAST: Final = 12
"""Characters that a folded column has at least, where it has so many."""
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
    shown = _drawn([head[n] for n in kept], [[line[n] for n in kept] for line in body], _folded([widths[n] for n in kept], width), styles)
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
        left = n in (0, len(head) - 1) or name == "group"
        shown.add_column(Text(name), justify="left" if left else "right", width=widths[n], overflow="fold")
    for line in body:
        *cells, last = line
        words = last.split()
        shown.add_row(*map(Text, cells), Text(last, style=styles.get(words[0].rstrip(":"), "") if words else ""))
    return shown


def _kept(head: Sequence[str], widths: Sequence[int], room: int, expendable: Sequence[str]) -> list[int]:
    """The columns that are shown, so that the others need not be folded or as little as there is left to leave out."""
    kept = list(range(len(head)))
    for name in expendable:
        if _total([widths[n] for n in kept]) <= room:
            break
        kept = [n for n in kept if head[n] != name]
    return kept


def _folded(widths: Sequence[int], room: int) -> list[int]:
    """The widths that fit: the widest gives way to the next, and so on, down to LEAST."""
    fitting = list(widths)
    while _total(fitting) > room and max(fitting) > LEAST:
        fitting[fitting.index(max(fitting))] -= 1
    return fitting


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)
