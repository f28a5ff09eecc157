"""What a run is made of: its identity, parameters and results, its folders, and the way to its tracker."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import checkpoint, replaced
from runner.dotted import leaves
from runner.flow import Flow
from runner.tracking import Tracker
from runner.views import Bunch, Fields, Kwargs, Tags, View

if TYPE_CHECKING:
    from runner.run.child import ChildRun

_opening = threading.Lock()
"""Two threads that log first at the same time share one tracker."""
_holding = threading.Lock()
"""Two threads that ask for the checkpoint first at the same time hold it once."""
for _lock in (_opening, _holding):
    os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]


class State:
    """The part of a Run that is there when nothing is logged."""

    __slots__ = (
        "_checkpoint",
        "_checkpoint_place",
        "_children",
        "_declared",
        "_dir",
        "_emptied",
        "_flow",
        "_folders",
        "_hold",
        "_invocation",
        "_kept",
        "_open_flow",
        "_outputs_are_kept",
        "_replaced",
        "_seed",
        "_tracker",
        "fields",
        "id_run",
        "kwargs",
        "meta",
        "params",
        "peak",
        "tags",
        "vars",
    )

    id_run: str
    """UUID of the run's identity: the same code, parameters, seed and data have the same id, on any machine."""
    kwargs: View
    """Fixed parameters; read-only, by attribute and by item."""
    params: View
    """This point: one value of each axis; read-only, by attribute and by item."""
    fields: Bunch
    """The results: the columns of the table. Plain data, numpy scalars and arrays, dates."""
    vars: Bunch
    """Scratch that later steps of this run see; never kept."""
    tags: dict[str, Any]
    """Labels of the run: texts, numbers, true, false and None; kept."""
    meta: View
    """experiment, step names, attempt, host, ...: for information, no input to results."""
    peak: int
    """Bytes of resident memory: the most that a script or command of the run had, or a process that it waited for; 0 without any."""

    def __init__(  # noqa: PLR0913 - its fields
        self,
        *,
        id_run: str,
        kwargs: View,
        params: View,
        seed: int,
        meta: View,
        folders: Path,
        flow: Callable[[], Flow],
        checkpoint: Callable[[], Path] | None = None,
        epoch: int | None = None,
    ) -> None:
        """`folders`: where `dir` is made, for the invocation of that `epoch`; `flow` is called when the run logs something first,
        `checkpoint` for the path of that folder.
        """
        self.id_run, self.kwargs, self.params, self._seed, self.meta = id_run, kwargs, params, seed, meta
        self.fields, self.vars, self.tags, self.peak = Fields(), Bunch(), Tags(), 0
        self._folders, self._open_flow = folders, flow
        self._dir: Path | None = None
        self._checkpoint_place = checkpoint
        self._checkpoint: Path | None = None
        self._hold: int | None = None
        self._invocation = epoch
        self._emptied = False
        self._replaced: int | None = None
        """Held while this attempt has put aside what an earlier one had left in `dir`."""
        self._flow: Flow | None = None
        self._tracker: Tracker | None = None
        self._children: dict[str, ChildRun] = {}
        self._kept: set[str] = set()
        self._outputs_are_kept = False
        """Whether nothing has been executed since what lies in `outputs` was measured."""
        self._declared = kwargs
        """The experiment's kwargs, which its record tells, without those that the step alone has which executes."""

    @contextmanager
    def having(self, kwargs: Mapping[str, Any]) -> Iterator[None]:
        """Let a step's own kwargs win over the experiment's while it runs."""
        common = self.kwargs
        self._give(Kwargs({**common, **kwargs}, self.params))
        try:
            yield
        finally:
            self._give(common)

    def _give(self, kwargs: View) -> None:
        self.kwargs = kwargs
        if self._tracker is not None:
            self._tracker.of_step = dict(leaves(kwargs))

    @property
    def seed(self) -> int:
        """0 <= seed < 2**32, from the experiment's seed, the point and the replicate; each step has its own. `random`, numpy and torch
        (the latter two if imported) are seeded with it before every step.
        """
        return self._seed

    @property
    def dir(self) -> Path:
        """A folder of this run's own, made when first asked for, empty at the start of every attempt; it outlives the run.

        Artifacts are kept in it; what lies in `dir/outputs` at the end of the run is an artifact as well.
        """
        if self._dir is None:
            self._empty()
            place = self._folders / self.id_run
            place.mkdir(parents=True, exist_ok=True)
            self._dir = place
        return self._dir

    @property
    def checkpoint(self) -> Path:
        """A folder to go on from, made when first asked for: later attempts at this run find in it what earlier ones left there.

        It survives failures, kills and restarts of everything, and goes when the run has completed, unless `checkpoint: keep`. Runs that
        share one (`checkpoint: {exclude: [epochs]}`) take turns. A kill may come at any time: write a file under another name, rename it.
        """
        if self._checkpoint is None:
            self._checkpoint = self._hold_checkpoint()
        return self._checkpoint

    @property
    def checkpoint_place(self) -> Path:
        """Where `checkpoint` is or would be made; makes nothing."""
        return self._checkpoint_place() if self._checkpoint_place is not None else checkpoint.place(self._folders) / self.id_run

    def _hold_checkpoint(self) -> Path:
        folder = self.checkpoint_place
        holder = f"run {self.id_run}, attempt {self.meta.get('attempt', 1)} of process {self.meta.get('xrun_pid', os.getpid())}"
        with _holding:
            if self._checkpoint is None:
                self._hold, self._checkpoint = checkpoint.hold(folder, holder), folder
        return folder

    def let_go(self) -> None:
        """The attempt is over: others may use the checkpoint, and decide whose files count."""
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None
        if self._replaced is not None:
            os.close(self._replaced)
            self._replaced = None
        if self._children:
            for child in self._children.values():
                child.let_go()

    def _empty(self) -> None:
        if not self._emptied:
            self._replaced = replaced.put_aside(self._folders, self.id_run, self._invocation)
            self._emptied = True

    def before_fork(self) -> None:
        """The process is about to fork: its children must not empty the folder, and what they log must be known to be theirs."""
        self._empty()
        if self._tracker is None:
            self._track()
        for child in tuple(self._children.values()):
            child.before_fork()

    def _track(self) -> Tracker:
        with _opening:
            if self._tracker is None:
                self._flow = self._open_flow()
                self._tracker = Tracker(self._flow, "", given(self), dict(leaves(self.kwargs)))
            return self._tracker


def given(run: "State") -> dict[str, Any]:
    """The parameters that a run has by declaration, flat."""
    return {**dict(leaves(run._declared)), **dict(leaves(run.params))}
