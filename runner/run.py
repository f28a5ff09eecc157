"""The Run that a step sees."""

import contextlib
import hashlib
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self

from runner import artifacts, checkpoint, codec, files, identity, images
from runner.flow import Flow
from runner.logged import Artifact, Child, Entries, Prefix
from runner.record import Start
from runner.tracking import Ended, Tracker, check_name, checked_params
from runner.views import Bunch, Elsewhere, Fields, Kwargs, Tags, View, ended

__all__ = ["Bunch", "ChildRun", "Kwargs", "Run", "View"]

_opening = threading.Lock()
"""Two threads that log first at the same time share one tracker."""
_holding = threading.Lock()
"""Two threads that ask for the checkpoint first at the same time hold it once."""
for _lock in (_opening, _holding):
    os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]


class Run:
    """One run, as its steps see it.

    Only `id_run`, `fields`, `tags` and what `log_...` keeps outlive the run. Nothing is pickled. A mistake in a call of `log_...` is
    raised there; trouble with files and disks is counted and told, and never ends a step, unless `tracking.strict` says so.
    """

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
        "_kept",
        "_open_flow",
        "_outputs_are_kept",
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

    if not TYPE_CHECKING:  # no __getattr__, which would make each call of log_metric a tenth slower; describe.py knows what was meant
        log, log_figure, log_artifacts, log_text, log_dict, log_batch, set_tag, set_tags = map(
            Elsewhere,
            (
                "log_metric takes a name and a number, log_metrics a mapping",
                "log_image takes figures",
                "log_artifact takes folders as well",
                "run.fields keeps a text, log_artifact a file",
                "run.fields keeps plain data, log_params parameters, log_artifact a file",
                "log_metrics and log_params take mappings",
                "run.tags is a mapping",
                "run.tags is a mapping",
            ),
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
    ) -> None:
        """`folders`: where `dir` is made; `flow` is called when the run logs something first, `checkpoint` for the path of that folder."""
        self.id_run, self.kwargs, self.params, self._seed, self.meta = id_run, kwargs, params, seed, meta
        self.fields, self.vars, self.tags, self.peak = Fields(), Bunch(), Tags(), 0
        self._folders, self._open_flow = folders, flow
        self._dir: Path | None = None
        self._checkpoint_place = checkpoint
        self._checkpoint: Path | None = None
        self._hold: int | None = None
        self._emptied = False
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
        self.kwargs = Kwargs({**common, **kwargs}, self.params)
        try:
            yield
        finally:
            self.kwargs = common

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
        """The attempt is over: others may use the checkpoint."""
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None

    def _empty(self) -> None:
        if not self._emptied:
            shutil.rmtree(self._folders / self.id_run, ignore_errors=True)
            self._emptied = True

    def before_fork(self) -> None:
        """The process is about to fork: its children must not empty the folder, and what they log must be known to be theirs."""
        self._empty()
        if self._tracker is None:
            self._track()
        for child in tuple(self._children.values()):
            child.before_fork()

    # -- metrics ------------------------------------------------------------------------------------------------------

    def log_metric(self, name: str, value: Any, step: int | None = None) -> None:
        """One point of a metric, kept as a 64-bit float; NaN and the infinities as they are. About a microsecond.

        Args:
            name: 1 to 250 letters, digits, `_ . / - :` and spaces; `/` groups.
            value: a number: of Python's, numpy's and torch's scalars.
            step: any whole number, in any order, none is ever dropped; None: what `set_step` said, else one more than the metric's last.

        Raises TypeError and ValueError for what is no number, name or step.

        """
        (self._tracker or self._track()).metric(name, value, step)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """One point of each of several metrics; none where one of them is wrong."""
        (self._tracker or self._track()).metrics(metrics, step)

    def set_step(self, step: int | None) -> None:
        """The step of the points that are given none from now on; None: each metric counts for itself again."""
        (self._tracker or self._track()).set_step(step)

    def log_list(self, name: str, values: Iterable[Any], step: int | None = None) -> None:
        """Many points of a metric at consecutive steps, the first of them `step`; of any length."""
        (self._tracker or self._track()).values(name, values, step)

    # -- parameters and tables ----------------------------------------------------------------------------------------

    def log_param(self, name: str, value: Any) -> None:
        """A parameter that a step derived, with its type. The same value again changes nothing; another raises ParamConflictError."""
        (self._tracker or self._track()).param(name, value)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Several parameters; nested mappings become dotted names. None is kept where one of them conflicts."""
        (self._tracker or self._track()).params(params)

    def log_row(self, name: str, /, *wrong: Never, **columns: Any) -> None:
        """One row of the run's table `name`. A column that other rows lack is null there."""
        if wrong:
            raise TypeError(f"columns are keywords: log_row({name!r}, a=1); log_table takes a dict")
        (self._tracker or self._track()).row(name, columns)

    def log_table(self, name: str, data: Any) -> None:
        """Rows of the run's table `name`, behind those that it has: a dict of columns, a list of dicts, or a data frame."""
        (self._tracker or self._track()).table(name, data)

    # -- files --------------------------------------------------------------------------------------------------------

    def log_artifact(self, local: str | Path, path: str | None = None) -> None:
        """Keep a file or a folder, with its size and SHA-256.

        Args:
            local: what to keep; it is copied, unless it lies in `run.dir` already.
            path: the target, relative to `run.dir`; with a `/` at its end the folder to put it in. Default: the name of `local`.

        Raises FileNotFoundError where there is nothing to keep, ValueError for a path that leaves the folder.

        """
        self._keep(lambda: artifacts.keep(local, path, self.dir))

    def log_image(self, name: str, image: Any, step: int | None = None) -> None:
        """Keep an image as `images/<name>/<step>.png`: a file, an array, a PIL image, a figure of matplotlib or plotly.

        `step` as in `log_metric`. Raises TypeError for anything else.
        """
        tracker = self._tracker or self._track()
        series = f"images/{check_name(name, 'image')}"
        number = tracker.step_of(series, step)

        def write() -> list[Artifact]:
            with artifacts.held(self.dir / series, self.dir) as folder:
                file = images.write(image, folder / str(number))
                return [artifacts.measure(file, f"{series}/{file.name}", "image", number)]

        self._keep(write)

    def _keep(self, write: Callable[[], list[Artifact]]) -> None:
        tracker = self._tracker or self._track()
        flow = tracker.flow  # of a child run that has ended this raises, before anything is written
        try:
            kept = write()
        except files.SourceError:
            raise
        except OSError as error:
            flow.trouble(error)
        else:
            self._kept.update(artifact.path for artifact in kept)
            for n, artifact in enumerate(kept, 1):
                flow.entry(tracker.child, artifact, at_once=n == len(kept))

    # -- the rest -----------------------------------------------------------------------------------------------------

    def child_run(self, name: str | None = None, params: Mapping[str, Any] | None = None) -> "ChildRun":
        """A run within this one, with fields, metrics and files of its own: `with run.child_run("fold0", {"fold": 0}) as child: ...`.

        Its id comes from this run's and `name` (default: `child0`, `child1`, ...), of which there is one each. Raises ValueError.
        Once it has ended, its calls of `log_...` raise RuntimeError, and its fields and tags cannot be changed.
        """
        tracker = self._tracker or self._track()
        given = checked_params(params, "child_run takes a name, and a mapping of params")
        with tracker.flow.lock:
            if name is None:
                name = next(free for n in itertools.count(len(self._children)) if (free := f"child{n}") not in self._children)
            if check_name(name, "child run") in self._children:
                raise ValueError(f"there is a child run `{name}` already")
            child = ChildRun(self, tracker.flow, name, given)
            self._children[name] = child
        return child

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far this run is, 0 to 1, and what it is about, for those who watch."""
        (self._tracker or self._track()).progress(fraction, text)

    def flush(self) -> None:
        """Send what was logged on its way now; it goes by itself, about once a second."""
        if self._flow is not None:
            self._flow.flush()

    def relay(self, entries: Entries) -> None:
        """Keep what a process that this run started has logged in its name."""
        tracker = self._tracker or self._track()
        tracker.relay(entries)

    def leave_prefix(self, steps: int, *, at_once: bool) -> None:
        """Keep the state after the first `steps` steps, if it is whole: no `vars`, no child runs, no file that is not an artifact."""
        self._keep_outputs()
        if self._whole():
            self._leave(steps, at_once=at_once)

    def _leave(self, steps: int, *, at_once: bool) -> None:
        tracker = self._tracker or self._track()
        try:
            prefix = Prefix(steps, codec.dumps(self.fields), codec.dumps(self.tags), codec.dumps(tracker.state))
        except codec.UnserialisableError:  # a later step may still replace it
            return
        tracker.flow.prefix(prefix, at_once=at_once)

    def leave_end(self, steps: int) -> None:
        """At the end of all `steps` steps: keep the state for runs with one more, or the note that it is not whole.

        A run that has logged nothing and left nothing needs neither: its record is its state. `finish` is the next that is called.
        """
        self._keep_outputs()
        self._outputs_are_kept = True
        if not self._whole():
            (self._tracker or self._track()).flow.prefix(Prefix(0, "{}", "{}", "{}"), at_once=False)
        elif self._tracker is not None:
            self._leave(steps, at_once=False)

    def _whole(self) -> bool:
        return not self.vars and not self._children and self._files_are_kept()

    def go_on(self, start: Start) -> None:
        """Take over the state behind the first steps of an earlier run. Raises StaleError where a file of it is not what it was."""
        self._kept = {artifact.path for artifact in start.artifacts}
        if start.artifacts:
            artifacts.inherit(self._folders / start.id_run, self._folders / self.id_run, start.artifacts)
        else:
            self._empty()
        self._emptied = True
        self.fields.update(codec.loads(start.prefix.fields))
        self.tags.update(codec.loads(start.prefix.tags))
        self._track().resume(codec.loads(start.prefix.tracker))

    def _files_are_kept(self) -> bool:
        if not self._emptied:
            return True
        place = self._folders / self.id_run
        return all(Path(folder, name).relative_to(place).as_posix() in self._kept for folder, _, names in os.walk(place) for name in names)

    def _track(self) -> Tracker:
        with _opening:
            if self._tracker is None:
                self._flow = self._open_flow()
                self._tracker = Tracker(self._flow, "", _given(self), lambda: _flat(self.kwargs))
            return self._tracker

    def finish(self, *, completed: bool = True) -> Entries:
        """The end of the run: what has not been sent of what it logged. Child runs that nobody ended end as it does."""
        if self._tracker is None and not self._emptied:
            return ()
        with contextlib.nullcontext() if completed else contextlib.suppress(Exception):  # a run fails for one reason
            self._conclude("COMPLETED" if completed else "FAILED")
        return self._flow.finish() if self._flow is not None else ()

    def _conclude(self, status: str) -> None:
        for child in self._children.values():
            child.end(status)
        if not self._outputs_are_kept:
            self._keep_outputs()

    def _keep_outputs(self) -> None:
        outputs = self._folders / self.id_run / "outputs" if self._emptied else None  # also where a forked process made it
        if outputs is not None and outputs.is_dir():
            self._keep(lambda: artifacts.scan(outputs))

    def __repr__(self) -> str:
        return f"Run({self.id_run}, {', '.join(f'{k}={v!r}' for k, v in self.params.items())})"


class ChildRun(Run):
    """A run within a run. It ends with its `with` block, or with its parent."""

    __slots__ = ("_begun", "_ended", "_parent", "_started", "name")

    def __init__(self, parent: Run, flow: Flow, name: str, params: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(b"xrun-child-1" + parent.id_run.encode() + b"/" + name.encode()).digest()
        meta = View({**parent.meta, "parent": parent.id_run, "name": name})
        super().__init__(
            id_run=identity.uuid8(digest),
            kwargs=parent.kwargs,
            params=View(params),
            seed=parent.seed,
            meta=meta,
            folders=parent._folders,
            flow=lambda: flow,
        )
        self.name, self._parent = name, parent
        self._started, self._begun, self._ended = time.time(), time.perf_counter(), False
        self._declared = parent._declared
        self._flow, self._tracker = flow, Tracker(flow, self.id_run, _given(self), lambda: _flat(self.kwargs))
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
            seconds=time.perf_counter() - self._begun,
        )
        assert self._flow is not None
        self._flow.entry(self.id_run, told, at_once=True)
        self._tracker, self.fields, self.tags = Ended(), ended(self.fields), ended(self.tags)


def _given(run: Run) -> dict[str, Any]:
    """The parameters that a run has by declaration, flat."""
    return {**_flat(run._declared), **_flat(run.params)}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) and value else {f"{prefix}{name}": value})
    return flat
