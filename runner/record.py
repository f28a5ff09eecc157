"""The outcome side: what happened, as frozen values. A Record is immutable once it is committed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from runner import codec
from runner.logged import Artifact, Entries, Prefix
from runner.quick import quick


class Status(StrEnum):
    """How a run ended."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    TIMED_OUT = "TIMED_OUT"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"

    @property
    def ok(self) -> bool:
        """Whether the run has results that count."""
        return self is Status.COMPLETED


class Standing(StrEnum):
    """What listings say of a run without a record, where others have their Status."""

    RUNNING = "RUNNING"
    LOST = "LOST"
    """The process that executed it is gone."""

    @property
    def ok(self) -> bool:
        """Whether the run has results that count."""
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why a run did not complete; text only, never an exception object."""

    kind: str
    """The exception's class (`ValueError`, `pkg.errors.Diverged`), or how the process died (`SIGSEGV`, `exit 3`)."""
    message: str = ""
    """At most 16 kB."""
    traceback: str = ""
    """The step's whole traceback, without xrun's own frames; of more than a million characters the beginning and the end."""
    where: str = ""
    """`file.py:12` of the innermost frame of the user's code."""
    step: str = ""
    """Name of the step that it happened in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one attempt at a run ended, as a worker or the executor above it reports it."""

    index: int
    """Position of the run in the plan."""
    status: Status
    fields: str = "{}"
    """The fields as JSON text (`runner.codec`)."""
    failure: Failure | None = None
    step: int = 0
    """Index of the last step that was begun."""
    started: float = 0.0
    """Wall-clock time of the start, Unix seconds; for display only."""
    seconds: float = 0.0
    """Duration by the monotonic clock."""
    tags: str = "{}"
    """The run's tags as JSON text."""
    cpu_seconds: float = 0.0
    """Of the process, and of those that it started and waited for."""
    max_rss: int = 0
    """Peak resident memory of the process, bytes; 0 where it is not known."""
    output: tuple[int, int] = (0, 0)
    """How far stdout and stderr reached, where an executor catches them, in bytes."""
    logged: Entries = ()
    """What the run logged since it was last heard of."""


def cancelled(index: int, since: float, step: int = 0) -> Outcome:
    """The end of a run that is cut off now, in a step that began at this monotonic time."""
    seconds = max(0.0, time.monotonic() - since)
    return Outcome(index=index, status=Status.CANCELLED, step=step, started=time.time() - seconds, seconds=seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What a run that still executes has logged since it was last heard of."""

    index: int
    """Position of the run in the plan."""
    logged: Entries


@dataclass(frozen=True, kw_only=True, slots=True)
class Trail:
    """What one attempt at a run, or at a child run, has logged, on its way to the store."""

    id_run: str
    experiment: str
    epoch: int
    attempt: int
    entries: Entries
    params_json: str = "{}"
    """For those who look while it executes; its record has them as well."""
    parent: str = ""
    """Of a child run: id_run of the run that made it."""
    name: str = ""
    """Of a child run."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know at once and that is no run's."""

    text: str
    waits_for: int = 0
    """Runs that may still finish, since somebody wishes to stop; 0: it is about something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where a run goes on: behind the first steps of an earlier one, which were the same."""

    prefix: Prefix
    id_run: str
    """The run that executed them; maybe this very one, an attempt before."""
    attempt: int
    """The store's number of the attempt that did."""
    points: int
    """The store's number of the last points that it had logged then."""
    parts: int
    """The same of rows of tables."""
    artifacts: tuple[Artifact, ...] = ()
    """What it had kept then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The immutable outcome of a run, as the store keeps it."""

    id_run: str
    """UUID (version 8) of the run's identity."""
    experiment: str
    """The experiment that executed it."""
    status: Status
    params_json: str = "{}"
    fields_json: str = "{}"
    tags_json: str = "{}"
    failure: Failure | None = None
    seed: int = 0
    attempt: int = 1
    started: float = 0.0
    """Unix seconds."""
    seconds: float = 0.0
    epoch: int = 0
    """The invocation of xrun that executed it; its provenance is kept under this number."""
    cached: bool = False
    """Whether this invocation found it in the store instead of executing it; not kept."""
    kwargs_json: str = "{}"
    logged_json: str = "{}"
    """Parameters that steps derived and logged (`run.log_param`), dotted names."""
    parent: str = ""
    """Of a child run: id_run of the run that made it."""
    name: str = ""
    """Of a child run."""
    cpu_seconds: float = 0.0
    """User and system time of the process and of those that it started and waited for."""
    max_rss: int = 0
    """Peak resident memory of the worker process during the run, bytes; 0 where it is not known."""
    troubles: int = 0
    """Calls of `run.log_...` whose data could not be kept (a full disk and the like)."""

    @property
    def params(self) -> dict[str, Any]:
        """The point, flat, dotted names."""
        return dict(codec.loads(self.params_json))

    @property
    def kwargs(self) -> dict[str, Any]:
        """The fixed parameters."""
        return dict(codec.loads(self.kwargs_json))

    @property
    def logged(self) -> dict[str, Any]:
        """Parameters that the steps derived and logged."""
        return dict(codec.loads(self.logged_json))

    @property
    def fields(self) -> dict[str, Any]:
        """What the steps wrote."""
        return dict(codec.loads(self.fields_json))

    @property
    def tags(self) -> dict[str, Any]:
        """The tags that the steps set."""
        return dict(codec.loads(self.tags_json))


QuickOutcome, QuickRecord = quick(Outcome), quick(Record)
"""The same values, for those who make one for every run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GitState:
    """The state of the git repository around the project root when the plan was made."""

    commit: str | None = None
    """Full SHA; None in a repository without commits."""
    branch: str | None = None
    """None on a detached head."""
    remote: str | None = None
    """URL of `origin` (or the only remote), without user name, password and token."""
    dirty: bool = False
    """Whether tracked files differ from the commit, or untracked files exist that are not ignored."""
    patch: str = ""
    """`git diff --binary HEAD` plus the untracked files; empty when clean. Written as changes.patch."""
    untracked: tuple[str, ...] = ()


class DataStatus(StrEnum):
    """A declared data entry, compared with what DVC has recorded of it."""

    CLEAN = "clean"
    MODIFIED = "modified"
    MISSING = "missing"
    UNTRACKED = "untracked"


@dataclass(frozen=True, kw_only=True, slots=True)
class DataState:
    """One entry of `data:`."""

    path: str
    """As declared, relative to the project root."""
    recorded: str | None = None
    """The hash that a .dvc file or dvc.lock holds; None when DVC does not track it."""
    actual: str | None = None
    """The hash of what lies there now, by DVC's own algorithm (a folder ends in `.dir`)."""
    size: int | None = None
    """Bytes."""
    files: int | None = None
    """Number of files, for a folder."""
    status: DataStatus
    source: str | None = None
    """The file that recorded the hash: `data/iris.csv.dvc` or `dvc.lock`."""
    source_hash: str | None = None
    """md5 of that file's bytes, so that a manifest pins the whole pipeline state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where the results of one invocation come from. Every part may be missing."""

    git: GitState | None = None
    data: tuple[DataState, ...] = ()
    python: str = ""
    platform: str = ""
    host: str = ""
    user: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution -> version of everything installed."""
    argv: tuple[str, ...] = ()
    cpus: int = 0
