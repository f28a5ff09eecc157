"""One process from its start to its end: its time, its output and, if it is watched, its memory and its open files."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PERIOD = 0.2
"""Seconds between two looks at a watched process."""
SHOWN = 3
"""Last lines that are shown of what a failed process said."""


class ProcessError(Exception):
    """A process that did not end well; the text is the end of what it said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a process took."""

    seconds: float
    output: str
    memory: float = 0.0
    """Peak of its resident memory in MB, without its children; 0 if it was not watched."""
    files: int = 0
    """Most files it had open at a time; 0 if it was not watched."""


def run(command: Sequence[str], *, cwd: Path, variables: Mapping[str, str], watched: bool = False) -> Usage:
    """Run a command and wait for it. Raises ProcessError when its exit code is not 0."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=_environment(variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watch = _Watch(process.pid) if watched else None
        output, errors = process.communicate()
        seconds = time.perf_counter() - begun
    if watch is not None:
        watch.ended.set()
        watch.join()
    if process.returncode:
        said = (errors or output).strip().splitlines()[-SHOWN:]
        raise ProcessError("\n  ".join([f"{' '.join(command)} exited with {process.returncode}", *said]))
    return Usage(seconds=seconds, output=output, memory=watch.memory if watch else 0.0, files=watch.files if watch else 0)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without settings of ours, and with these variables."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("XRUN_")}, **variables}


class _Watch(threading.Thread):
    """Looks at a process now and then, until it has ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._folder = Path("/proc") / str(pid)
        self.ended = threading.Event()
        self.memory, self.files = 0.0, 0
        self.start()

    def run(self) -> None:
        """Keep the peaks."""
        while not self.ended.wait(PERIOD):
            with suppress(OSError, StopIteration):  # it has just ended
                self.files = max(self.files, sum(1 for _ in (self._folder / "fd").iterdir()))
                peak = next(line for line in (self._folder / "status").read_text().splitlines() if line.startswith("VmHWM:"))
                self.memory = max(self.memory, int(peak.split()[1]) / 1024)
