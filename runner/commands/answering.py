"""Answers who wishes to stop while a step has the very thread that would.

Python runs signal handlers in the main thread, between two instructions: not while a step is in C code. This thread hears of signals all
the same, and can act whenever that code has let go of the interpreter, as numpy and input and output do.
"""

import fcntl
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from runner.stop import Stop

PATIENCE = 0.7
"""Seconds that a step is given at the second wish."""
LOOK = 0.05
"""Seconds between two looks, once there is a wish."""
_END = b"\xff"
"""Nobody listens any more. Not the end of the pipe: a process that a step has forked may hold it open."""
_WIPED, _CURSOR = "\r\x1b[2K", "\x1b[?25h"
"""Of a terminal: the progress line and its ^C taken away; the cursor shown again, which that line hides."""


@contextmanager
def answered(stop: Stop, asking: Collection[int], ending: Callable[[int], tuple[int, str]], *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Meanwhile, while `stop.lent`: the first of the signals `asking` is answered on stderr unless `quiet`, and when a step goes on at the
    second one, the process is ended, with the exit code and the last words that `ending` has for the first signal.

    Yields what a handler of these signals is to call: steps may take away the way on which the thread hears of them by itself. A process
    that a step forks begins with the signals as Python has them: it is none that anybody would ask to stop in this way.
    """
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    error = _copied(2)  # the step's own goes to a file
    old = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    thread = threading.Thread(target=_Answering(stop, asking, ending, ours, error, quiet=quiet).listen, name="answering", daemon=True)
    thread.start()
    meanwhile = [True]

    def in_a_fork() -> None:
        if meanwhile:
            signal.set_wakeup_fd(-1)
            for number in asking:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    os.register_at_fork(after_in_child=in_a_fork)

    def write(byte: bytes) -> None:
        with suppress(OSError):
            os.write(theirs, byte)

    try:
        yield lambda: write(b"\0")  # which is no signal
    finally:
        meanwhile.clear()
        signal.set_wakeup_fd(old)
        write(_END)
        thread.join()
        for descriptor in (ours, theirs, error):
            os.close(descriptor)


def _copied(descriptor: int) -> int:
    """A copy of it under a high number, where so many files may be open: macOS allows 256."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 512)
    except OSError:
        return os.dup(descriptor)


class _Answering:
    def __init__(
        self,
        stop: Stop,
        asking: Collection[int],
        ending: Callable[[int], tuple[int, str]],
        source: int,
        error: int,
        *,
        quiet: bool,
    ) -> None:
        self._stop, self._asking, self._ending, self._source, self._error = stop, asking, ending, source, error
        self._heard: list[int] = []
        self._told = quiet
        self._second = float("inf")
        """Monotonic time of the second wish."""

    def listen(self) -> None:
        """Until `_END` comes."""
        while True:
            wishes = max(len(self._heard), self._stop.level)
            if select.select([self._source], [], [], LOOK if wishes else None)[0]:
                data = os.read(self._source, 4096)
                if _END in data:
                    return
                self._heard += [number for number in data if number in self._asking]
            self._act(max(len(self._heard), self._stop.level))

    def _act(self, wishes: int) -> None:
        if wishes > 1:
            self._second = min(self._second, time.monotonic())
        if not wishes or not self._stop.lent:
            return
        number = self._heard[0] if self._heard else self._stop.signal
        if wishes == 1 and not self._told:
            self._told = True
            again = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            self._say(f"stopping: what executes may finish; a second {again} ends it at once")
        if time.monotonic() > self._second + PATIENCE:
            code, words = self._ending(number)
            _end_children()
            self._say(words)
            os._exit(code)

    def _say(self, text: str) -> None:
        terminal = os.isatty(self._error)
        line = f"{_WIPED if terminal else ''}xrun: {text}\n{_CURSOR if terminal else ''}"
        with suppress(OSError):
            os.write(self._error, line.encode(errors="backslashreplace"))


def _end_children() -> None:
    """What this process has started, a launcher's workers and what steps have called, goes with it."""
    import psutil

    with suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
