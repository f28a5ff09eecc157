"""The live progress line, drawn by rich."""

import os
from contextlib import suppress
from typing import Final, TextIO

from runner.record import Status
from runner.watch import Watch

SPARE: Final = 5
"""Columns left free at the end of the line: `^C^C`, and the cursor."""


class Display:
    """One line, which stays the last one."""

    def __init__(self, err: TextIO, watch: Watch, name: str, begun: float) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn

        self._watch, self._begun, self._err = watch, begun, err
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None, complete_style="green", finished_style="green"),
            TextColumn("{task.fields[told]}"),
            console=RichConsole(file=err, color_system=None if os.environ.get("NO_COLOR") else "auto"),
            auto_refresh=False,
            expand=True,
            transient=True,
        )
        self._fit()
        self._progress.start()
        self._task = self._progress.add_task(name, total=watch.total, told="")

    def update(self, now: float) -> None:
        """Draw the present state."""
        watch = self._watch
        executed = watch.reached - watch.cached
        rate = executed / max(now - self._begun, 1e-9)
        left = watch.total - watch.reached
        eta = duration(left / rate) if rate > 0 else "-"
        done = watch.counts[Status.COMPLETED.value] - watch.cached
        failed = watch.seen - watch.counts[Status.COMPLETED.value]
        red = f"[red]{failed:,} failed[/]" if failed else "0 failed"
        pace = f"{rate:.2f}/s" if rate < 10 else f"{rate:,.0f}/s"
        told = f"{watch.seen:,}/{watch.total:,}  {done:,} done  {red}  {watch.cached:,} cached"
        rest = f"{pace}  ETA {eta}" if watch.last is None else f"stopping: {max(0, watch.last - watch.seen):,} left"
        told = f"{told}  {rest}"
        if watch.progress and watch.last is None:
            texts = [progress.text for progress in watch.progress.values() if progress.text]
            told = f"{told}  {texts[-1][:30] if len(texts) == 1 else ''}".rstrip()
        self._fit()
        self._progress.update(self._task, completed=watch.reached, told=told, refresh=True)

    def _fit(self) -> None:
        """As wide as the terminal is now, less what two Ctrl-C may write there: in the last column, they would begin a line below, and
        this one would never be wiped off.
        """
        with suppress(OSError):
            self._progress.console.width = max(20, os.get_terminal_size(self._err.fileno()).columns - SPARE)

    def print(self, text: str) -> None:
        """Lines above the progress line."""
        from rich.text import Text

        self._progress.console.print(Text(text.removesuffix("\n")), soft_wrap=True)

    def close(self) -> None:
        """Remove it."""
        self._progress.stop()


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever says it shortest."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
