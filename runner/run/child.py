"""A run within a run."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from time import time as wall_clock
from types import TracebackType
from typing import Any, Self

from runner import codec, identity
from runner.dotted import leaves
from runner.flow import Flow
from runner.logged import Child
from runner.run.run import Run
from runner.run.state import State, given
from runner.tracking import Ended, Tracker
from runner.views import View, ended


class ChildRun(Run):
    """A run within a run. It ends with its `with` block, or with its parent."""

    __slots__ = ("_begun", "_ended", "_parent", "_started", "name")

    def __init__(self, parent: State, flow: Flow, name: str, params: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(b"xrun-child-1" + parent.id_run.encode() + b"/" + name.encode()).digest()
        meta = View({**parent.meta, "parent": parent.id_run, "name": name})
        super().__init__(
            id_run=identity.uuid8(digest),
            kwargs=parent.kwargs,
            params=View(params),
            seed=parent.seed,
            meta=meta,
            folders=parent._folders,
            epoch=parent._invocation,
            flow=lambda: flow,
        )
        self.name, self._parent = name, parent
        self._started, self._begun, self._ended = wall_clock(), perf_counter(), False
        self._declared = parent._declared
        self._flow, self._tracker = flow, Tracker(flow, self.id_run, given(self), dict(leaves(self.kwargs)))
        told = Child(self.id_run, name, codec.dumps(dict(params)), parent=parent.id_run, started=self._started, seed=self.seed)
        flow.entry(self.id_run, told, at_once=True)

    def _hold_checkpoint(self) -> Path:
        """Below its parent's, which outlives it."""
        folder = self._parent.checkpoint / self.id_run
        folder.mkdir(exist_ok=True)
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end("COMPLETED" if kind is None else "FAILED")

    def end(self, status: str = "COMPLETED") -> None:
        """It is over; `status` is COMPLETED or FAILED. Raises as a step's end does for fields that are no plain data."""
        if self._ended:
            return
        self._ended = True
        self._conclude(status)
        told = Child(
            self.id_run,
            self.name,
            codec.dumps(dict(self.params)),
            parent=str(self.meta["parent"]),
            status=status,
            fields=codec.dumps(self.fields),
            tags=codec.dumps(self.tags),
            seed=self.seed,
            started=self._started,
            seconds=perf_counter() - self._begun,
        )
        assert self._flow is not None
        self._flow.entry(self.id_run, told, at_once=True)
        self.let_go()
        self._tracker, self.fields, self.tags = Ended(), ended(self.fields), ended(self.tags)
