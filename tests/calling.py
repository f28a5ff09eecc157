"""xrun and DVC called to their end without Python's imports: a sweep of three runs takes 0.3 s of CPU time and not 0.9 s.

`run` is `subprocess.run` for tests that look at the exit code, at what was printed and at the files. The call is a process of its own with
arguments, folder, environment and streams of its own, forked from one that has the program and its libraries imported (tests/warmed.py; one
a pytest process and program). No call sees anything of another one: they are forks of the same beginning.

What such a fork hides, so that other tests must see it, with `real`:

- An import that is missing, where something else has imported the same module: what tests/warmed.py names and all of our own modules
  are there from the beginning. The processes that execute steps are started as ever and import what they need; of the commands, tests/docs
  really starts one of every kind that a page shows.
- What a library reads from the environment, or warns of, when it is imported. Variables that say something to the interpreter or to such a
  library (`AT_START`) lead to a real start; so does a PATH with another git, which GitPython looks for when it is imported.
- What depends on whether a library is imported already: where the executor is serial, numpy is seeded from the first run on.
- The order of sets: a pytest process has one seed of hashes for all of its calls (the workers' processes have others).
- Start-up: its time, its imports, its memory; the flags of the interpreter; the command line that `ps` shows.
- The end of the interpreter, after what is registered for it: objects that complain when they are freed.

Not for signals, kills and terminals either: those tests start xrun themselves.
"""

import atexit
import functools
import io
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

XRUN = Path(sys.executable).with_name("xrun")
DVC = Path(sys.executable).with_name("dvc")
AT_START = ("PYTHON", "COVERAGE_", "LC_", "LANG", "LD_", "MALLOC_", "OMP_", "OPENBLAS_", "MKL_", "GIT_PYTHON_", "FSSPEC_")
"""Beginnings of variables that count when Python or a library starts."""
LATER = "PYTHONDONTWRITEBYTECODE"
"""The one of them that can be obeyed later."""
BEGINNING = dict(os.environ)
"""Before any test has changed it."""
Done = subprocess.CompletedProcess[str]


def run(
    command: Sequence[str | Path], *, cwd: Path | str, env: Mapping[str, str] | None = None, timeout: float = 120, errors: str = "strict"
) -> Done:
    """`XRUN ARGUMENTS` or `DVC ARGUMENTS`, without input. Raises TimeoutExpired, and has killed it then.

    Another program, and these where a fork is not the same or while another thread's call is under way, is really started.
    """
    environment = dict(os.environ if env is None else env)
    if Path(command[0]) in (XRUN, DVC) and _alike(environment) and (warmed := _warmed(Path(command[0]).name)).free.acquire(blocking=False):
        try:
            return warmed.run([str(word) for word in command], str(cwd), environment, timeout, errors)
        finally:
            warmed.free.release()
    return real(command, cwd=cwd, env=environment, timeout=timeout, errors=errors)


def real(
    command: Sequence[str | Path], *, cwd: Path | str, env: Mapping[str, str] | None = None, timeout: float = 120, errors: str = "strict"
) -> Done:
    """The same of any program, in a process that is really started."""
    return subprocess.run(
        command, cwd=cwd, env=env, timeout=timeout, errors=errors, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )  # fmt: skip


def _alike(environment: Mapping[str, str]) -> bool:
    """Whether what was imported ahead would have been the same under this environment."""
    here, there = (
        {name: value for name, value in variables.items() if name.startswith(AT_START) and name != LATER}
        for variables in (environment, BEGINNING)
    )
    measured = any(name.startswith("COVERAGE_") for name in here)
    return here == there and not measured and _git(environment.get("PATH")) == _git(BEGINNING.get("PATH"))


@functools.cache
def _git(path: str | None) -> str | None:
    return shutil.which("git", path=path)


class Warmed:
    """The process that has imported what `xrun` or `dvc` does."""

    def __init__(self, program: str) -> None:
        self.free = threading.Lock()
        self._calls, theirs = socket.socketpair()
        command = [sys.executable, Path(__file__).with_name("warmed.py"), str(theirs.fileno()), program]
        environment = {**BEGINNING, "OPENBLAS_NUM_THREADS": "1"}  # no threads: it forks
        null = subprocess.DEVNULL
        with theirs:
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=null, stdout=null, env=environment)
        atexit.register(self.close)

    def run(self, words: list[str], cwd: str, environment: dict[str, str], timeout: float = 120, errors: str = "strict") -> Done:
        """One call, its three descriptors being /dev/null and two pipes."""
        call = json.dumps({"words": words, "cwd": cwd, "environment": environment, "umask": _umask()}).encode()
        with ExitStack() as files:
            null = files.enter_context(open(os.devnull, "rb"))  # noqa: PTH123
            ends = [tuple(map(files.enter_context, _pipe())) for _ in range(2)]
            socket.send_fds(self._calls, [len(call).to_bytes(8)], [null.fileno(), *(theirs.fileno() for _, theirs in ends)])
            self._calls.sendall(call)
            for _, theirs in ends:
                theirs.close()
            told = {file.fileno(): b"" for file in (*(ours for ours, _ in ends), self._calls)}
            *texts, answers = self._read(told, words, timeout)
        out, err = (io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", errors=errors).read() for text in texts)
        return subprocess.CompletedProcess(words, int(answers.split()[1]), out, err)

    def _read(self, told: dict[int, bytes], words: list[str], timeout: float) -> list[bytes]:
        """What arrives at these descriptors: to the end of the first two, and two lines at the last one, `_calls`."""
        deadline, answers = time.monotonic() + timeout, self._calls.fileno()
        with selectors.DefaultSelector() as selector:
            for descriptor in told:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    os.kill(int(told[answers].split()[0]), signal.SIGKILL)
                    while told[answers].count(b"\n") < 2:
                        told[answers] += os.read(answers, 1 << 16)
                    raise subprocess.TimeoutExpired(words, timeout, *list(told.values())[:2])
                for key, _ in ready:
                    piece = os.read(key.fd, 1 << 16)
                    assert piece or key.fd != answers, "the process that has the libraries is gone"
                    told[key.fd] += piece
                    if not piece or (key.fd == answers and told[answers].count(b"\n") == 2):
                        selector.unregister(key.fd)
        return list(told.values())

    def close(self) -> None:
        """Let it leave; idempotent."""
        self._calls.close()
        self._process.wait()


@functools.cache
def _warmed(program: str) -> Warmed:
    return Warmed(program)


def _pipe() -> tuple[io.FileIO, io.FileIO]:
    ours, theirs = os.pipe()
    return io.FileIO(ours), io.FileIO(theirs, "w")


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask
