"""The terminal: progress while runs come in, the table at the end, failures grouped. Plain lines in a pipe."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from runner.logged import Output
from runner.record import Notice, Record, Status, Trail
from runner.results import Tabulated
from runner.table import Preview
from runner.watch import Group, Watch

PROGRESS_AFTER = 0.7
"""Seconds before a progress bar appears; short sweeps need none."""
MAX_CELL = 60
MAX_GROUPS = 5


class Console:
    """Writes for people: results to stdout, everything else to stderr."""

    def __init__(self, *, quiet: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.quiet = quiet
        self.out, self.err = out or sys.stdout, err or sys.stderr

    def say(self, text: str = "") -> None:
        """A line for people, unless they want quiet."""
        if not self.quiet:
            print(text, file=self.err)

    def progress(self, records: Iterable[Record | Trail | Notice], watch: Watch, name: str, *, output: bool = False) -> Iterator[Record]:
        """Pass the records on; show how far they are, once they take more than a moment, and with `output` what the runs print."""
        begun = time.monotonic()
        display: _Display | None = None
        live = not self.quiet and self.err.isatty() and os.environ.get("TERM") != "dumb"
        shown = begun
        try:
            for record in records:
                if isinstance(record, Trail):
                    watch.hear(record)
                    if output and not self.quiet:
                        self._output(record, display, several=watch.total > 1)
                elif isinstance(record, Notice):
                    self._line(f"xrun: warning: {record.text}\n", display)
                else:
                    watch.note(record)
                now = time.monotonic()
                if live and now - shown > 0.1 and now - begun > PROGRESS_AFTER:
                    display = display or _Display(self.err, watch, name, begun)
                    display.update(now)
                    shown = now
                if isinstance(record, Record):
                    yield record
        finally:
            if display is not None:
                display.close()

    def _output(self, trail: Trail, display: "_Display | None", *, several: bool) -> None:
        """What a run has printed; where there are several runs, each line with the beginning of the id."""
        for text in (entry.text for _, entry in trail.entries if isinstance(entry, Output)):
            shown = "".join(f"{trail.id_run[:8]} | {line}" for line in text.splitlines(keepends=True)) if several else text
            self._line(shown, display)

    def _line(self, text: str, display: "_Display | None") -> None:
        """Whole lines, above the progress line where there is one."""
        if display is not None:
            display.print(text)
        else:
            self.err.write(text if text.endswith("\n") else f"{text}\n")
            self.err.flush()

    def troubles(self, watch: Watch) -> None:
        """What could not be kept of what the runs logged."""
        if watch.troubles:
            calls = "1 log call" if watch.troubles == 1 else f"{watch.troubles:,} log calls"
            print(f"\nxrun: warning: {calls} could not keep what they were given, first: {watch.first_trouble}", file=self.err)

    def table(self, made: Tabulated) -> None:
        """The result table, its middle left out when it is long."""
        if not self.quiet:
            self.preview(made.preview)

    def preview(self, preview: Preview) -> None:
        """A table's head and tail."""
        if self.out.isatty():
            _rich_table(preview, self.out)
        else:
            print(plain_table(map(_cell, preview.columns), (tuple(map(_cell, row)) for row in _with_gap(preview))), file=self.out)

    def failures(self, watch: Watch) -> None:
        """What did not complete: one block per cause, with the traceback of its first run."""
        for number, group in enumerate(sorted(watch.groups.values(), key=lambda g: -g.count)):
            if number == MAX_GROUPS:
                self.say(f"... and {len(watch.groups) - MAX_GROUPS} more kinds of failure; `xrun ls` lists every run")
                return
            self._failure(group)

    def _failure(self, group: Group) -> None:
        record, failure = group.first, group.first.failure
        runs = "1 run" if group.count == 1 else f"{group.count:,} runs"
        if failure is None:
            print(f"\n{record.status.value}: {runs}", file=self.err)
            return
        where = f" at {failure.where}" if failure.where else ""
        print(f"\n{record.status.value}: {runs}, {failure.kind}{where} in step `{failure.step}`", file=self.err)
        point = ", ".join(f"{k}={v!r}" for k, v in record.params.items())
        print(f"  first: {record.id_run}  {point}", file=self.err)
        for line in (failure.traceback or failure.message).rstrip().splitlines():
            print(f"  | {line}", file=self.err)

    def violations(self, made: Tabulated) -> None:
        """The table's breaches of its schema, as a table."""
        if not made.violations:
            return
        count = len(made.violations)
        print(
            f"\nthe table is invalid: {count:,} {'value breaches' if count == 1 else 'values breach'} its schema",
            file=self.err,
        )
        head = ("run", "column", "value", "check")
        lines = [(v.id_run or "-", v.column, v.value, v.check) for v in made.violations[:20]]
        print(plain_table(head, lines), file=self.err)
        if len(made.violations) > 20:
            print(f"... and {len(made.violations) - 20:,} more", file=self.err)


class _Display:
    """The live progress line, drawn by rich."""

    def __init__(self, err: TextIO, watch: Watch, name: str, begun: float) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn

        self._watch, self._begun = watch, begun
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None, complete_style="green", finished_style="green"),
            TextColumn("{task.fields[told]}"),
            console=RichConsole(file=err, color_system=None if os.environ.get("NO_COLOR") else "auto"),
            auto_refresh=False,
            expand=True,
            transient=True,
        )
        self._progress.start()
        self._task = self._progress.add_task(name, total=watch.total, told="")

    def update(self, now: float) -> None:
        """Draw the present state."""
        watch = self._watch
        executed = watch.reached - watch.cached
        rate = executed / max(now - self._begun, 1e-9)
        left = watch.total - watch.reached
        eta = _duration(left / rate) if rate > 0 else "-"
        done = watch.counts[Status.COMPLETED.value] - watch.cached
        failed = watch.seen - watch.counts[Status.COMPLETED.value]
        red = f"[red]{failed:,} failed[/]" if failed else "0 failed"
        pace = f"{rate:.2f}/s" if rate < 10 else f"{rate:,.0f}/s"
        told = f"{watch.seen:,}/{watch.total:,}  {done:,} done  {red}  {watch.cached:,} cached  {pace}  ETA {eta}"
        if watch.progress:
            texts = [progress.text for progress in watch.progress.values() if progress.text]
            told = f"{told}  {texts[-1][:30] if len(texts) == 1 else ''}".rstrip()
        self._progress.update(self._task, completed=watch.reached, told=told, refresh=True)

    def print(self, text: str) -> None:
        """Lines above the progress line."""
        from rich.text import Text

        self._progress.console.print(Text(text.removesuffix("\n")), soft_wrap=True)

    def close(self) -> None:
        """Remove it."""
        self._progress.stop()


def summary(watch: Watch, name: str, seconds: float) -> str:
    """One line on how it went."""
    parts = [f"{watch.counts[s.value]:,} {s.value.lower().replace('_', ' ')}" for s in Status if watch.counts[s.value]]
    runs = "1 run" if watch.total == 1 else f"{watch.total:,} runs"
    cached = f" ({watch.cached:,} cached)" if watch.cached else ""
    return f"{name}: {runs}, {', '.join(parts) or 'none executed'}{cached} in {_duration(seconds)}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def _with_gap(preview: Preview) -> list[tuple[str, ...]]:
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


def _rich_table(preview: Preview, out: TextIO) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size().columns
    body = [tuple(cell[:8] if n == 0 and len(cell) == 36 else _cell(cell) for n, cell in enumerate(row)) for row in _with_gap(preview)]
    head = [_cell(name) for name in preview.columns]
    count = _fitting([head, *body], width)
    shown = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
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
    """How many columns fit into a terminal, the first two at least."""
    used = 0
    for n, column in enumerate(zip(*rows, strict=True)):
        used += max(map(len, column)) + 2
        if used > width and n >= 2:
            return n
    return len(rows[0])


def _cell(text: str) -> str:
    """A cell as one short line: no control characters, 60 characters at most."""
    plain = text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:MAX_CELL])
    return plain if len(plain) <= MAX_CELL else f"{plain[: MAX_CELL - 3]}..."
