"""Performs runs. `Performer.perform` never raises for anything that a step does: its end is an Outcome."""

import contextlib
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter  # bound before any step can put another clock in its place
from time import time as wall_clock
from typing import Any

from runner import codec, current, identity, steps
from runner.calling import bind, keep
from runner.checkpoint import Sharing, place
from runner.describe import ProcessError, describe
from runner.flow import Flow
from runner.journal import Journal
from runner.logged import Entries, Loaded
from runner.record import Outcome, QuickOutcome, Start, Status
from runner.run import Kwargs, Run, View
from runner.seeds import Seeding
from runner.spec import Step
from runner.steps.loading import Expected, Guard
from runner.usage import Peak, cpu_seconds

MAX_RESULT = 256 << 20
"""Characters of a run's fields; a store has its limits, and one run must not end the sweep there."""


WORTH_SECONDS = 0.01
"""Steps that took longer are not executed again for want of a message about them; those of shorter ones goes with the next."""


CODE_CHANGED = "CodeChanged"
"""Kind of the failure of a run that would have mixed old code and new."""


class Abandon(BaseException):  # noqa: N818 - a signal like KeyboardInterrupt, not an error
    """Raised into a step by its executor to end it; never swallowed by `perform`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a worker needs to know once, before any run."""

    experiment: str
    root: Path
    steps: tuple[Step, ...]
    scopes: tuple[Mapping[str, Any], ...]
    """The kwargs of each scope (`plan.Plan.scopes`)."""
    choices: frozenset[str] = frozenset()
    """Axes whose values are names of config groups' options; a kwarg of that name goes before them as an argument."""
    folders: Path
    """Where `run.dir` is made."""
    epoch: int | None = None
    """The invocation's number in the store. None: there is no store, and what earlier attempts have left in a run's folder is of no use."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    """Whether trouble with what is logged is raised in the step."""
    max_log: int = 10_000_000
    """Bytes of each standard stream that a run keeps."""
    sharing: Sharing | None = None
    """What names the checkpoints that runs share; None: each run has its own."""
    system_seconds: float | None = None
    """Seconds between two samples of what a run uses of the machine; None: none are taken."""
    sources: Expected | None = None
    """The sources that the plan counts on; None: it is not looked whether they are what is executed."""


Item = tuple[int, str, dict[str, Any], int, int, Mapping[str, Any] | None, int, Start | None]
"""One run on its way to a worker: index, id_run, params, seed, scope, own kwargs or None, attempt, where it goes on or None."""

Mark = Callable[[int, int], None]
"""Called with (index, step) when a step begins."""

Report = Callable[[int, Entries], None]
"""Called with the run's index and what it has logged, about once a second."""


class Performer:
    """Holds the resolved steps of a job and performs its runs, one after the other."""

    def __init__(self, job: Job, report: Report | None = None, journal: Journal | None = None) -> None:
        """Import the steps. Raises steps.ResolveError, which plan-time inspection has excluded.

        What a run logs goes to `report` while it executes; without one it comes with the Outcome, whole.
        """
        steps.import_root(job.root)
        self._pid = os.getpid()
        self._job, self._report, self._journal = job, report, journal
        self._steps = [bind(step) for step in job.steps]
        self._meta = View({"experiment": job.experiment, "host": platform.node(), "root": str(job.root), **job.meta})
        self._peak = Peak()
        self._seeding = Seeding()
        self._step = 0
        """Of the run that is performed."""
        self._guard = Guard(job.sources) if job.sources is not None else None

    def perform(self, item: Item, mark: Mark = lambda *_: None) -> Outcome:
        """Perform one run. Whatever its steps raise, SystemExit and KeyboardInterrupt included, is in the Outcome."""
        collected: list[Entries] = []
        self._peak.reset()
        before = cpu_seconds()
        started, begun = wall_clock(), perf_counter()
        status, failure, run, self._step = Status.COMPLETED, None, None, 0
        try:
            run, provided = self._prepare(item, collected)
            current.enter(run)
            self._take_steps(run, provided, item, mark, collected)
            fields, tags = _dump("fields", run.fields), _dump("tags", run.tags) if run.tags else "{}"
            run.leave_end(len(self._steps))
            logged = run.finish()
        except Abandon:
            raise
        except BaseException as error:  # noqa: BLE001 - a step's failure is a result
            self._leave_if_forked()
            status = Status.CRASHED if isinstance(error, ProcessError) and error.died else Status.FAILED
            failure = describe(error, self._job.steps[self._step].name, self._job.root)
            fields, tags, logged = _left(run)
        finally:
            if run is not None:
                current.leave(run)
                run.let_go()
        return QuickOutcome(
            index=item[0],
            status=status,
            fields=fields,
            failure=failure,
            step=self._step,
            started=started,
            seconds=perf_counter() - begun,
            tags=tags,
            cpu_seconds=cpu_seconds() - before,
            max_rss=max(self._peak.bytes(), run.peak if run is not None else 0),
            logged=(*(entry for entries in collected for entry in entries), *logged) if collected else logged,
        )

    def _take_steps(self, run: Run, provided: dict[str, Any], item: Item, mark: Mark, collected: list[Entries]) -> None:
        """The steps in their order, those left out that an earlier run has executed. Raises what they raise."""
        index, seed, start = item[0], item[3], item[7]
        begun = perf_counter()
        first = run.go_on(start) if start is not None else 0
        with self._seeding as seeding:
            for k, bound in enumerate(self._steps[first:], first):
                self._step = k
                mark(index, k)
                if k:
                    run._seed = identity.seed_of_step(seed, k)
                seeding(run.seed)
                if self._guard is not None and (changed := self._guard.before(k)):
                    raise ProcessError(CODE_CHANGED, changed)
                result = bound(run, provided)
                self._leave_if_forked()
                self._hold_against_plan(index, k, collected)
                keep(run, bound, result)
                if k < len(self._steps) - 1:
                    run.leave_prefix(k + 1, at_once=perf_counter() - begun > WORTH_SECONDS)

    def _hold_against_plan(self, index: int, k: int, collected: list[Entries]) -> None:
        """What a step has loaded must be what the plan counts on; what no plan could foresee is reported at once. Raises ProcessError."""
        if self._guard is None:
            return
        if changed := self._guard.after(k):
            raise ProcessError(CODE_CHANGED, changed)
        if news := self._guard.news():
            entries = tuple(("", Loaded(path, digest)) for path, digest in news.items())
            (collected.append if self._report is None else lambda told: self._report(index, told))(entries)

    def _flow(self, index: int, collected: list[Entries]) -> Flow:
        """Where a run logs to, made when it logs something first."""
        report = self._report
        sink = collected.append if report is None else lambda entries: report(index, entries)
        return Flow(sink, self._journal, strict=self._job.strict)

    def _shared_checkpoint(self, kwargs: Mapping[str, Any], params: Mapping[str, Any]) -> Path:
        assert self._job.sharing is not None
        return place(self._job.folders) / self._job.sharing.key(kwargs, params)

    def _leave_if_forked(self) -> None:
        """A step has forked and its child came back from it: there must not be two that report, or two coordinators."""
        if os.getpid() != self._pid:
            os._exit(0)

    def _prepare(self, item: Item, collected: list[Entries]) -> tuple[Run, dict[str, Any]]:
        index, id_run, params, seed, scope, own, attempt, _ = item
        fixed: Mapping[str, Any] = self._job.scopes[scope] if own is None else own
        dotted = [name for name in params if "." in name]
        view = View(params)
        kwargs = Kwargs(_patched(fixed, params, dotted) if dotted else fixed, view)
        meta = self._meta.having(attempt=attempt, index=index)
        run = Run(
            id_run=id_run,
            kwargs=kwargs,
            params=view,
            seed=seed,
            meta=meta,
            folders=self._job.folders,
            epoch=self._job.epoch,
            flow=lambda: self._flow(index, collected),
            checkpoint=None if self._job.sharing is None else lambda: self._shared_checkpoint(fixed, params),
        )
        if all(bound.takes_run for bound in self._steps):
            return run, {}
        provided = {**kwargs, **{n: v for n, v in view.items() if not (n in self._job.choices and n in kwargs)}, "run": run}
        for name in dotted:
            head = name.partition(".")[0]
            provided[head] = kwargs[head] if head in kwargs else view[head]
        return run, provided


def _patched(kwargs: Mapping[str, Any], params: Mapping[str, Any], dotted: list[str]) -> dict[str, Any]:
    """The kwargs with this point's dotted axes in their places (`model.C` in the kwarg `model`)."""
    tree = dict(kwargs)
    for name in dotted:
        head, *path = name.split(".")
        if not isinstance(tree.get(head), Mapping):
            continue
        node = tree[head] = dict(tree[head])
        for part in path[:-1]:
            node[part] = dict(node[part]) if isinstance(node.get(part), Mapping) else {}
            node = node[part]
        node[path[-1]] = params[name]
    return tree


def _left(run: Run | None) -> tuple[str, str, Entries]:
    """What a run that failed leaves: fields and tags as far as they are plain data, and what it logged."""
    fields = tags = "{}"
    logged: Entries = ()
    if run is not None:
        with contextlib.suppress(Exception):
            fields = _dump("fields", run.fields)
        with contextlib.suppress(Exception):
            tags = _dump("tags", run.tags)
        with contextlib.suppress(Exception):
            logged = run.finish(completed=False)
    return fields, tags, logged


def _dump(what: str, value: Mapping[str, Any]) -> str:
    try:
        text = codec.dumps(value)
    except codec.UnserialisableError as error:
        error.args = (str(error).replace("$", what, 1),)
        raise
    if len(text) > MAX_RESULT:
        raise ValueError(f"{what}: {len(text) >> 20} MB of text, of at most {MAX_RESULT >> 20}; keep what is large as a file in run.dir")
    return text
