"""Tables for people: aligned in a pipe, drawn by rich on a terminal."""

import os
import shutil
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from runner.table import Preview

MAX_CELL = 60


def with_gap(preview: "Preview") -> list[tuple[str, ...]]:
    """The rows, with one of dots where some are left out."""
    if not preview.elided:
        return [*preview.head, *preview.tail]
    gap = ("...",) * len(preview.columns)
    return [*preview.head, gap, *preview.tail]


def plain_table(head: Iterable[str], lines: Iterable[tuple[str, ...]]) -> str:
    """Aligned columns under their names."""
    return columns([tuple(head), *lines], head=1)


def columns(rows: Sequence[tuple[str, ...]], head: int = 0) -> str:
    """Aligned columns: numbers to the right, the rest to the left; the first `head` rows do not count as numbers or not."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [len(rows) > head and all(map(_numeric, column[head:])) for column in zip(*rows, strict=True)]
    texts = []
    for row in rows:
        parts = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)]
        texts.append("  ".join(parts).rstrip())
    return "\n".join(texts)


def _numeric(cell: str) -> bool:
    if cell in ("...", "", "nan", "inf", "-inf", "<NA>"):
        return True
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


def rich_table(preview: "Preview", out: TextIO) -> None:
    """A table as wide as the terminal, columns that do not fit left out."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size().columns
    body = [tuple(cell[:8] if n == 0 and len(cell) == 36 else shortened(cell) for n, cell in enumerate(row)) for row in with_gap(preview)]
    head = [shortened(name) for name in preview.columns]
    count = _fitting([head, *body], width)
    shown = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for n, name in enumerate(head[:count]):
        numeric = bool(body) and all(_numeric(row[n]) for row in body)
        shown.add_column(
            Text(name), justify="right" if numeric else "left", style="dim" if n == 0 else None, no_wrap=True, overflow="ellipsis"
        )
    for row in body:
        shown.add_row(*map(Text, row[:count]))
    console = RichConsole(file=out, width=width, color_system=None if os.environ.get("NO_COLOR") else "auto")
    console.print(shown)
    left_out = [f"{preview.elided:,} of {preview.rows:,} rows"] if preview.elided else []
    left_out += [f"{len(head) - count} of {len(head)} columns"] if count < len(head) else []
    if left_out:
        console.print(Text(f"left out: {' and '.join(left_out)}", style="dim"))


def _fitting(rows: Sequence[Sequence[str]], width: int) -> int:
    """How many columns fit into a terminal whole, the first two at least: two blanks between them, one at either edge."""
    from rich.cells import cell_len

    used = 0
    for n, column in enumerate(zip(*rows, strict=True)):
        used += max(map(cell_len, column)) + 2
        if used > width and n >= 2:
            return n
    return len(rows[0])


def shortened(text: str) -> str:
    """A cell as one short line: 60 characters at most."""
    plain = printable(text[: MAX_CELL + 1])
    return plain if len(plain) <= MAX_CELL else f"{plain[: MAX_CELL - 3]}..."


def printable(text: str) -> str:
    """A cell as one line, without control characters."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
