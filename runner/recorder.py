"""A run that a program records by itself, without xrun: `with Recorder("iris") as run: run.log_metric("loss", 0.1)`."""

import atexit
import functools
import os
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runner import codec, plan, stores
from runner.config import place
from runner.describe import describe
from runner.dotted import leaves
from runner.errors import StoreError, UsageError
from runner.flight import Flight
from runner.flow import Flow
from runner.lock import Presence
from runner.logged import Entries
from runner.provenance import environment
from runner.provenance import git as git_provenance
from runner.record import GitState, Outcome, Status
from runner.run import Run
from runner.secret import shown_as
from runner.spec import Experiment, Grid, Variant
from runner.usage import cpu_seconds, peak_memory
from runner.views import View
from runner.workspace import locate


class Recorder(Run):
    """A run whose id is random: nothing is known of the code that makes it, so that no two are the same.

    What it logs goes to the store of the project around the working directory about once a second, its record when it ends: with `end`,
    with its `with` block, or with the program. A program that is killed leaves what was logged and no record.
    """

    __slots__ = ("_begun", "_cpu", "_epoch", "_flight", "_pid", "_plan", "_presence", "_root", "_started", "_store", "ended", "name")

    def __init__(
        self,
        experiment: str,
        name: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str | None] | None = None,
        *,
        id_run: str | None = None,
    ) -> None:
        """Begin a run of `experiment`, any text. `name` is for people; `params` are what the run varies, plain data.

        Raises UsageError for an experiment without a name, StoreError when the store cannot be written.
        """
        if not experiment.strip() or not experiment.isprintable():
            raise UsageError(f"{experiment!r} cannot be the name of an experiment; any other text can")
        self._root = place.find(Path.cwd()).root
        workspace = locate(self._root, None)
        workspace.prepare()
        self._started, self._begun, self._cpu, self._pid = time.time(), time.perf_counter(), cpu_seconds(), os.getpid()
        super().__init__(
            id_run=id_run or str(uuid.uuid4()),
            kwargs=View(),
            params=View(params or {}),
            seed=0,
            meta=View({"experiment": experiment, "attempt": 1, "argv": sys.argv, "root": str(self._root)}),
            folders=workspace.artifacts,
            flow=lambda: Flow(self._send),
        )
        self.tags.update(tags or {})
        self.name, self.ended = name, False
        variant = Variant(grids=(Grid(),), kwargs={})
        self._plan = plan.Plan(Experiment(name=experiment, steps=(), variants=(variant,), root=self._root, yaml=""), ())
        self._flight = Flight(plan.Run(0, self.id_run, {name: shown_as(name, value) for name, value in leaves(self.params)}, 0, 0), 1)
        self._presence = Presence(workspace)
        try:
            self._store = stores.open(workspace.store)
        except BaseException:
            self._presence.close()
            raise
        self._epoch = self._store.begin(experiment, self._started, alone=False)
        self._store.describe(
            self._epoch, environment.provenance(git=_git(self._root, workspace.results, workspace.folder), data=(), argv=tuple(sys.argv))
        )
        atexit.register(self._at_exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end(error=error)

    def end(self, status: Status = Status.COMPLETED, error: BaseException | None = None) -> None:
        """The run is over: its record is committed. With an error it is FAILED for that reason, or CANCELLED for a KeyboardInterrupt.

        Does nothing when it is over already. Raises StoreError when it cannot be committed, and codec.UnserialisableError for fields or
        tags that are no plain data, after the run has been recorded as FAILED for that.
        """
        if self.ended or os.getpid() != self._pid:
            return
        self.ended = True
        atexit.unregister(self._at_exit)
        unkept: codec.UnserialisableError | None = None
        fields = tags = "{}"
        try:
            fields, tags = codec.dumps(self.fields), codec.dumps(self.tags)
        except codec.UnserialisableError as wrong:
            unkept = wrong
        failed = unkept or _failure(error)
        if failed:
            status = Status.CANCELLED if isinstance(failed, KeyboardInterrupt) else Status.FAILED
        outcome = Outcome(
            index=0,
            status=status,
            fields=fields,
            tags=tags,
            failure=describe(failed, "", self._root) if failed else None,
            started=self._started,
            seconds=time.perf_counter() - self._begun,
            cpu_seconds=cpu_seconds() - self._cpu,
            max_rss=peak_memory(),
        )
        self._commit(outcome, self.finish(completed=status.ok))
        if unkept is not None:
            raise unkept

    def _commit(self, outcome: Outcome, entries: Entries) -> None:
        try:
            trails = self._flight.take(entries, self._plan.experiment.name, self._epoch)
            *children, record = self._flight.land(outcome, self._plan, self._epoch)
            self._store.append([*children, replace(record, name=self.name)], trails)
        finally:
            self._store.close()
            self._presence.close()

    def _send(self, entries: Entries) -> None:
        if os.getpid() != self._pid:
            raise OSError("a process that was forked from the one that records the run cannot log to it")
        try:
            self._store.append((), self._flight.take(entries, self._plan.experiment.name, self._epoch))
        except StoreError as error:
            raise OSError(str(error)) from error  # trouble, as with any other file

    def _at_exit(self) -> None:
        """The program ends without having ended the run. What it has not caught is the reason of the failure."""
        error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)  # a notebook's last error may be hours old
        try:
            self.end(error=error)
        except (StoreError, codec.UnserialisableError) as wrong:
            print(f"xrun: the run {self.id_run} is lost: {wrong}", file=sys.stderr)


def _failure(error: BaseException | None) -> BaseException | None:
    """`error`, unless it is `sys.exit(0)`."""
    return None if isinstance(error, SystemExit) and not error.code else error


@functools.lru_cache(maxsize=8)
def _git(root: Path, *ours: Path) -> GitState | None:
    """The repository when the program recorded its first run: what was edited since is not what it has imported."""
    return git_provenance.state(root, exclude=git_provenance.own(root, *ours))
