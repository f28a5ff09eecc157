"""xrun in a process of its own, which ends when we are to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

GRACE: Final = 10.0
"""Seconds that it is given to end."""
_START: Final = """\
import sys
from runner.executors.parent import die_with
die_with(int(sys.argv.pop(1)))
from runner.cli import main
main()
"""
"""xrun, which does not outlive us when we are killed."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What has become of it."""

    code: int
    """Its exit code; 128 + signal where one ended it."""
    out: str
    """What it has written to stdout."""


def call(python: Path, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Ended:
    """Run `xrun ARGUMENTS` in `cwd`; its stderr is ours. A signal that interrupts us is passed on, and waits for its end.

    A process group of its own, so that Ctrl-C comes to it once and from us; no module of `cwd` is taken for one of Python's (-P).
    """
    process = subprocess.Popen(
        [str(python), "-P", "-c", _START, str(os.getpid()), *arguments],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
    )
    try:
        out, _ = process.communicate()
    except BaseException as interrupt:
        number = interrupt.args[0] if isinstance(interrupt, KeyboardInterrupt) and interrupt.args else signal.SIGINT
        _end(process, number)
        raise
    code = process.returncode
    return Ended(code=code if code >= 0 else 128 - code, out=out)


def _end(process: "subprocess.Popen[str]", number: int) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, the first of them; what is cleaned up afterwards is not interrupted again."""

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        sys.stderr.flush()
        raise KeyboardInterrupt(number)

    asking = [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN]  # nohup means it
    old = {number: signal.signal(number, interrupt) for number in asking}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
