"""The terminal: progress while runs come in, the table at the end, failures grouped. Plain lines in a pipe."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runner.console.display import Display, duration
from runner.console.tables import plain_table, printable, rich_table, with_gap
from runner.console.verdicts import ranked_table
from runner.logged import Output
from runner.record import Notice, Record, Status, Trail
from runner.watch import Group, Watch

if TYPE_CHECKING:
    from runner.results import Tabulated
    from runner.table import Preview

PROGRESS_AFTER = 0.7
"""Seconds before a progress bar appears; short sweeps need none."""
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
        display: Display | None = None
        live = not self.quiet and self.err.isatty() and os.environ.get("TERM") != "dumb"
        shown = begun
        try:
            for record in records:
                if isinstance(record, Trail):
                    watch.hear(record)
                    if output and not self.quiet:
                        self._output(record, display, several=watch.total > 1)
                elif isinstance(record, Notice):
                    watch.heed(record)
                    self._notice(record, display)
                else:
                    watch.note(record)
                now = time.monotonic()
                due = now - shown > 0.1 or isinstance(record, Notice)  # who has pressed Ctrl-C is to see what it did
                if live and due and now - begun > PROGRESS_AFTER:
                    display = display or Display(self.err, watch, name, begun)
                    display.update(now)
                    shown = now
                if isinstance(record, Record):
                    yield record
        finally:
            if display is not None:
                display.close()

    def _output(self, trail: Trail, display: Display | None, *, several: bool) -> None:
        """What a run has printed; where there are several runs, each line with the beginning of the id."""
        for text in (entry.text for _, entry in trail.entries if isinstance(entry, Output)):
            shown = "".join(f"{trail.id_run[:8]} | {line}" for line in text.splitlines(keepends=True)) if several else text
            self._line(shown, display)

    def _notice(self, notice: Notice, display: Display | None) -> None:
        """A warning, or the answer to a wish to stop; on a terminal, that takes the place of the ^C which the terminal has written."""
        if not notice.waits_for:
            self._line(f"xrun: warning: {notice.text}\n", display)
        elif not self.quiet:
            start = "\r" if display is None and self.err.isatty() else ""
            self._line(f"{start}xrun: {notice.text}\n", display)

    def _line(self, text: str, display: Display | None) -> None:
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

    def table(self, made: "Tabulated") -> None:
        """The result table, its middle left out when it is long."""
        if not self.quiet:
            self.preview(made.preview)

    def preview(self, preview: "Preview") -> None:
        """A table's head and tail."""
        if self.out.isatty():
            rich_table(preview, self.out)
        else:
            print(plain_table(map(printable, preview.columns), (tuple(map(printable, row)) for row in with_gap(preview))), file=self.out)

    def verdicts(self, head: Sequence[str], lines: Sequence[Sequence[str]], expendable: Sequence[str], styles: Mapping[str, str]) -> None:
        """A table whose last column says how each line ended; as `ranked_table`, plain in a pipe."""
        if self.out.isatty():
            width = shutil.get_terminal_size().columns
            ranked_table(head, lines, self.out, width=width, expendable=expendable, styles=styles)
        else:
            print(plain_table(map(printable, head), (tuple(map(printable, line)) for line in lines)), file=self.out)

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

    def violations(self, made: "Tabulated") -> None:
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


def summary(watch: Watch, name: str, seconds: float) -> str:
    """One line on how it went."""
    parts = [f"{watch.counts[s.value]:,} {s.value.lower().replace('_', ' ')}" for s in Status if watch.counts[s.value]]
    runs = "1 run" if watch.total == 1 else f"{watch.total:,} runs"
    cached = f" ({watch.cached:,} cached)" if watch.cached else ""
    return f"{name}: {runs}, {', '.join(parts) or 'none executed'}{cached} in {duration(seconds)}"


def here(path: Path) -> str:
    """A path as short as it can be said from the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
