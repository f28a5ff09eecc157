"""Lists of anything, as people and programs want them: aligned columns, CSV, one JSON object a line."""

import argparse
import base64
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from runner import codec, reading, stores
from runner.commands import options as shared
from runner.console import columns
from runner.reading import Selection
from runner.selectors import MISSING

NARROWEST: Final = 12
"""So many characters of a cell are shown in a terminal at least."""
SHORT_ID: Final = 8
"""Characters of an id in a terminal; enough for every command."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPECIAL = re.compile(r'[",\r\n]')


def add_formats(parser: argparse.ArgumentParser) -> None:
    """--json and --csv."""
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="one JSON object a line")
    formats.add_argument("--csv", action="store_true", help="CSV; null is empty, an empty text is quoted")


def show(head: Sequence[str], lines: Iterable[Sequence[Any]], chosen: argparse.Namespace, limit: int = 0) -> None:
    """Print lines in the format chosen. Aligned columns show at most `limit` lines (0: all) and say how many more there are."""
    if chosen.json:
        for line in lines:
            print(codec.dumps({name: None if value is MISSING else value for name, value in zip(head, line, strict=True)}))
    elif chosen.csv:
        for line in (head, *lines) if isinstance(lines, list) else _after(head, lines):
            print(",".join(map(_exact, line)))
    else:
        kept: list[tuple[str, ...]] = [tuple(map(cell, head))]
        total = 0
        for total, line in enumerate(lines, 1):  # noqa: B007 - counted
            if not limit or total <= limit:
                kept.append(tuple(map(cell, line)))
        print(fitted(kept))
        if total >= len(kept):
            print(f"... and {total + 1 - len(kept):,} more; --limit 0 lists them")


def _after(head: Sequence[Any], lines: Iterable[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    yield head
    yield from lines


def cell(value: Any) -> str:
    """A value in a line for people: six digits of a float, those before the point in any case, nothing for what is missing."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}" if 1e6 <= abs(value) < 1e10 else f"{value:.6g}"  # times are in Unix seconds
    text = codec.dumps(value) if isinstance(value, list | dict) else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _exact(value: Any) -> str:
    """A value in CSV, as `runner.table.text.csv` has it."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    text = repr(value) if isinstance(value, float) else codec.dumps(value) if isinstance(value, list | dict) else str(value)
    return '"' + text.replace('"', '""') + '"' if not text or _SPECIAL.search(text) else text


def fitted(rows: list[tuple[str, ...]], *, indent: int = 0) -> str:
    """Aligned columns; in a terminal with short ids, the longest cells cut so that a line fits, columns left out if need be."""
    if not sys.stdout.isatty():
        return columns(rows, head=1)
    width = shutil.get_terminal_size().columns - indent
    rows = [tuple(text[:SHORT_ID] if _ID.fullmatch(text) else text for text in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > NARROWEST:
        most = max(widths)
        next_most = max([w for w in widths if w < most], default=NARROWEST)
        over = sum(widths) + 2 * (len(widths) - 1) - width
        widest = [n for n, w in enumerate(widths) if w == most]
        less = max(1, min(most - max(next_most, NARROWEST), over // len(widest)))
        for n in widest:
            widths[n] -= less
    count = len(widths)
    while count > 2 and sum(widths[:count]) + 2 * (count - 1) > width:
        count -= 1
    kept = [tuple(_cut(t, w) for t, w in zip(row[:count], widths, strict=False)) for row in rows]
    lines = columns(kept, head=1).split("\n")
    text = "\n".join(_spilt(line, row[:count], kept, width) for line, row in zip(lines, rows, strict=True))
    return text if count == len(widths) else f"{text}\n({len(widths) - count} of {len(widths)} columns do not fit; --csv has all)"


def _spilt(line: str, row: tuple[str, ...], kept: list[tuple[str, ...]], width: int) -> str:
    """A line whose last text was cut for the sake of cells behind it that are empty in this row: the text goes on into their place."""
    last = max((n for n, text in enumerate(row) if text), default=0)
    start = sum(max(len(cells[n]) for cells in kept) + 2 for n in range(last))
    return line[:start] + _cut(row[last], width - start) if line.endswith("...") and last < len(row) - 1 else line


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def size(count: int) -> str:
    """Bytes for people: `1.2 MB`."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.4g} TB"


@contextmanager
def logged(chosen: argparse.Namespace) -> Iterator[tuple[stores.SqliteReader, Selection, str]]:
    """What the options of `options.add_logged` choose: the store, open until the end of the block, the runs, and in words whose they are.

    What there is to say of the condition is said. Raises UsageError for one that cannot be, IncompleteError where there are no such runs.
    """
    reader = stores.read(shared.workspace(chosen).store)
    try:
        selection, whose = reading.targets(reader, chosen.target, chosen.where, children=chosen.children)
        remark(selection, chosen.where)
        yield reader, selection, whose
    finally:
        reader.close()


def remark(chosen: Selection, condition: str | None) -> None:
    """What there is to say of a condition, on stderr: that no run meets it, and what looks like a mistake."""
    if condition is not None and not chosen.rows:
        print(f"xrun: no run of {chosen.total:,} meets the condition", file=sys.stderr)
    for note in chosen.notes:
        print(f"xrun: warning: {note}", file=sys.stderr)
