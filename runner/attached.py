"""Runs of programs that xrun did not call as a function: a script that a step has started, or any program outside of xrun."""

import atexit
import functools
import json
import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from runner import codec, logged
from runner.flow import Flow
from runner.logged import Artifact, Child, Entries, Entry, Params, Points, Progress, Rows
from runner.run import Run
from runner.views import Kwargs, View

VARIABLE = "XRUN_RUN"
"""Names the file that describes the run to a script that a step has started."""

_outside: list[Run] = []


def outside() -> Run:
    """The run of this program: that of the step which started it, or one that prints. One for the whole program."""
    if not _outside:
        described = os.environ.get(VARIABLE)
        _outside.append(_attached(Path(described)) if described else _offline())
    return _outside[0]


class AttachedRun(Run):
    """The run of the step that started this program. What it logs goes to the worker through a file."""

    __slots__ = ("_spool",)

    _spool: Path

    @property
    def dir(self) -> Path:
        """The run's folder; it was emptied when the attempt began, and is not now."""
        if self._dir is None:
            self._dir = self._folders / self.id_run
            self._dir.mkdir(parents=True, exist_ok=True)
        return self._dir

    def close(self) -> None:
        """The program is over: hand on the rest, the fields and the tags."""
        entries = self.finish()
        if entries:
            _append(self._spool, json.dumps(logged.pack(entries)))
        if self.fields or self.tags:
            _append(self._spool, json.dumps({"fields": codec.dumps(self.fields), "tags": codec.dumps(self.tags)}))


def _attached(file: Path) -> Run:
    told = codec.loads(file.read_text(encoding="utf-8"))
    spool = Path(told["spool"])
    params = View(told["params"])
    run = AttachedRun(
        id_run=told["id_run"],
        kwargs=Kwargs(told["kwargs"], params),
        params=params,
        seed=told["seed"],
        meta=View(told["meta"]),
        folders=Path(told["dir"]).parent,
        epoch=told["epoch"],
        flow=lambda: Flow(lambda entries: _append(spool, json.dumps(logged.pack(entries)))),
        checkpoint=lambda: Path(told["checkpoint"]),
    )
    run._spool, run._emptied = spool, True
    pid = os.getpid()
    atexit.register(lambda: run.close() if os.getpid() == pid else None)
    os.register_at_fork(before=run.before_fork)
    return run


def _append(spool: Path, line: str) -> None:
    """One line, in one write, so that several processes may append."""
    descriptor = os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


class OfflineRun(Run):
    """A run of no experiment: it says what it is told, and keeps files only until the program ends or in a temporary folder."""

    __slots__ = ()


def _offline() -> Run:
    params = View()
    folders = _Later(functools.cache(lambda: Path(tempfile.mkdtemp(prefix="xrun-offline-"))))
    run = OfflineRun(
        id_run=str(uuid.uuid4()),
        kwargs=Kwargs({}, params),
        params=params,
        seed=0,
        meta=View({"experiment": "", "offline": True, "argv": list(sys.argv)}),
        folders=folders,  # type: ignore[arg-type]
        flow=_PrintingFlow,
        checkpoint=lambda: folders / "checkpoint",
    )
    atexit.register(lambda: _say(run.finish()))
    return run


class _Later:
    """A folder that is made when something is put into it."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make = make

    def __truediv__(self, name: str) -> Path:
        return self._make() / name


class _PrintingFlow(Flow):
    """Says everything at once."""

    def __init__(self) -> None:
        super().__init__(_say)

    def _flush(self, now: float) -> None:
        super()._flush(now)
        self._due = 0.0

    def in_fork(self) -> None:
        """A forked process says what it logs as well."""
        self.lock._at_fork_reinit()  # type: ignore[attr-defined]
        self._drop()


def _say(entries: Entries) -> None:
    for _, entry in entries:
        for line in _lines(entry):
            print(f"xrun (offline): {line}", flush=True)


def _lines(entry: Entry) -> list[str]:
    if isinstance(entry, Points):
        steps, values = entry.unpacked()
        shown = [f"{entry.name}[{step}] = {value:.6g}" for step, value in zip(steps[:10], values[:10], strict=True)]
        return [*shown, f"{entry.name}: ... {len(steps) - 10:,} more points"] if len(steps) > 10 else shown
    if isinstance(entry, Params):
        return [f"param {name} = {value!r}" for name, value in codec.loads(entry.content).items()]
    line = _line(entry)
    return [line] if line else []


def _line(entry: Entry) -> str:
    match entry:
        case Rows():
            return f"table {entry.table}: {entry.columns if len(entry.columns) <= 200 else f'{entry.count:,} rows'}"
        case Artifact():
            return f"{'image' if entry.kind == 'image' else 'artifact'} {entry.path} ({entry.size:,} bytes)"
        case Progress():
            return f"progress {entry.fraction:.0%} {entry.text}".rstrip()
        case Child():
            return f"child run {entry.name}: {entry.status.lower() or 'begun'}"
        case _:
            return ""
