"""Performs runs. `Performer.perform` never raises for anything that a step does: its end is an Outcome."""

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import annotations, codec, current, identity, seeds, steps
from runner.describe import describe
from runner.flow import Flow, Journal
from runner.logged import Entries
from runner.record import Outcome, Status
from runner.run import Kwargs, Run, View
from runner.spec import Step

MAX_RESULT = 256 << 20
"""Characters of a run's fields; a store has its limits, and one run must not end the sweep there."""


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
    meta: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    """Whether trouble with what is logged is raised in the step."""
    max_log: int = 10_000_000
    """Bytes of each standard stream that a run keeps."""
    system_seconds: float | None = None
    """Seconds between two samples of what a run uses of the machine; None: none are taken."""


Item = tuple[int, str, dict[str, Any], int, int, Mapping[str, Any] | None, int]
"""One run on its way to a worker: index, id_run, params, seed, scope, own kwargs or None, attempt."""

Mark = Callable[[int, int], None]
"""Called with (index, step) when a step begins."""

Report = Callable[[int, Entries], None]
"""Called with the run's index and what it has logged, about once a second."""


@dataclass(slots=True)
class _Bound:
    """A step, resolved and ready to be called."""

    step: Step
    function: Callable[..., Any]
    takes_run: bool
    positional: list[str]
    named: list[str]
    open_ended: bool
    defaults: dict[str, Any]
    converted: dict[str, Any]
    """Parameter -> annotation, where a plain value is turned into something else."""

    def __call__(self, run: Run, provided: dict[str, Any]) -> Any:
        if self.takes_run:
            if not self.step.kwargs:
                return self.function(run)
            with run.having(self.step.kwargs):
                return self.function(run)
        positional, named = self._arguments(provided)
        return self.function(*positional, **named)

    def _arguments(self, provided: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What the signature names of what there is: the step's own kwargs first, each call's a copy of its own."""
        given = {**provided, **View(self.step.kwargs)} if self.step.kwargs else provided
        positional = [given[name] if name in given else self.defaults[name] for name in self.positional]
        if self.open_ended:
            named = {k: v for k, v in given.items() if k not in self.positional and (k != "run" or "run" in self.named)}
        else:
            named = {name: given[name] for name in self.named if name in given}
        for n, name in enumerate(self.positional):
            if name in self.converted and name in given:
                positional[n] = annotations.fit(self.converted[name], positional[n])
        for name in self.converted.keys() & named.keys():
            named[name] = annotations.fit(self.converted[name], named[name])
        return positional, named


def _bind(step: Step) -> _Bound:
    if step.process is not None:
        return _Bound(
            step=step,
            function=lambda run: _perform_process(step, run),
            takes_run=True,
            positional=[],
            named=[],
            open_ended=False,
            defaults={},
            converted={},
        )
    function = steps.resolve(step.call)
    params = steps.parameters(function)
    plain = (p for p in params if p.annotation is not p.empty)
    return _Bound(
        step=step,
        function=function,
        takes_run=steps.takes_run(params),
        positional=[p.name for p in params if p.kind is p.POSITIONAL_ONLY],
        named=[p.name for p in params if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)],
        open_ended=any(p.kind is p.VAR_KEYWORD for p in params),
        defaults={p.name: p.default for p in params if p.default is not p.empty},
        converted={p.name: p.annotation for p in plain if p.annotation not in (int, float, str, bool, Any)},
    )


def _perform_process(step: Step, run: Run) -> Any:
    from runner import scripts

    return scripts.perform(step, run, Path(run.meta["root"]), run.flush)


class Performer:
    """Holds the resolved steps of a job and performs its runs, one after the other."""

    def __init__(self, job: Job, report: Report | None = None, journal: Journal | None = None) -> None:
        """Import the steps. Raises steps.ResolveError, which plan-time inspection has excluded.

        What a run logs goes to `report` while it executes; without one it comes with the Outcome, whole.
        """
        steps.import_root(job.root)
        self._pid = os.getpid()
        self._job, self._report, self._journal = job, report, journal
        self._steps = [_bind(step) for step in job.steps]
        self._meta = {"experiment": job.experiment, "host": platform.node(), "root": str(job.root), **job.meta}
        self._peak = _Peak()

    def perform(self, item: Item, mark: Mark = lambda *_: None) -> Outcome:
        """Perform one run. Whatever its steps raise, SystemExit and KeyboardInterrupt included, is in the Outcome."""
        index = item[0]
        collected: list[Entries] = []
        self._peak.reset()
        before = _cpu_seconds()
        started, begun = time.time(), time.perf_counter()
        status, failure, run, k = Status.COMPLETED, None, None, 0
        try:
            run, provided = self._prepare(item, collected)
            current.enter(run)
            with seeds.latecomers() as seed:
                for k, bound in enumerate(self._steps):
                    mark(index, k)
                    if k:
                        run.seed = identity.seed_of_step(item[3], k)
                    seed(run.seed)
                    result = bound(run, provided)
                    self._leave_if_forked()
                    _keep(run, bound, result)
            fields, tags = _dump("fields", run.fields), _dump("tags", run.tags) if run.tags else "{}"
            logged = run.finish()
        except Abandon:
            raise
        except BaseException as error:  # noqa: BLE001 - a step's failure is a result
            self._leave_if_forked()
            status = Status.FAILED
            failure = describe(error, self._job.steps[k].name, self._job.root)
            fields, tags, logged = _left(run)
        finally:
            if run is not None:
                current.leave(run)
        return Outcome(
            index=index,
            status=status,
            fields=fields,
            failure=failure,
            step=k,
            started=started,
            seconds=time.perf_counter() - begun,
            tags=tags,
            cpu_seconds=_cpu_seconds() - before,
            max_rss=self._peak.bytes(),
            logged=(*(entry for entries in collected for entry in entries), *logged) if collected else logged,
        )

    def _flow(self, index: int, collected: list[Entries]) -> Flow:
        """Where a run logs to, made when it logs something first."""
        report = self._report
        sink = collected.append if report is None else lambda entries: report(index, entries)
        return Flow(sink, self._journal, strict=self._job.strict)

    def _leave_if_forked(self) -> None:
        """A step has forked and its child came back from it: there must not be two that report, or two coordinators."""
        if os.getpid() != self._pid:
            os._exit(0)

    def _prepare(self, item: Item, collected: list[Entries]) -> tuple[Run, dict[str, Any]]:
        index, id_run, params, seed, scope, own, attempt = item
        fixed: Mapping[str, Any] = self._job.scopes[scope] if own is None else own
        dotted = [name for name in params if "." in name]
        view = View(params)
        kwargs = Kwargs(_patched(fixed, params, dotted) if dotted else fixed, view)
        meta = View({**self._meta, "attempt": attempt, "index": index})
        run = Run(
            id_run=id_run,
            kwargs=kwargs,
            params=view,
            seed=seed,
            meta=meta,
            folders=self._job.folders,
            flow=lambda: self._flow(index, collected),
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


def _keep(run: Run, bound: _Bound, result: Any) -> None:
    if result is None:
        return
    if isinstance(result, Mapping):
        run.fields.update(result)
    elif not bound.takes_run:
        raise TypeError(
            f"step `{bound.step.name}` returned a {type(result).__name__}; a plain function returns a mapping of fields, or None"
        )


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


def _cpu_seconds() -> float:
    """CPU time of this process, and of those that it started and waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class _Peak:
    """The peak of this process's resident memory, which Linux lets a process set back to what it has now."""

    def __init__(self) -> None:
        self._reset: int | None = None
        with contextlib.suppress(OSError):
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)

    def reset(self) -> None:
        """A run begins. Elsewhere than on Linux the peak is the process's own."""
        if self._reset is not None:
            try:
                os.pwrite(self._reset, b"5", 0)
            except OSError:  # a step has closed the descriptor
                self._reset = None

    def bytes(self) -> int:
        """The peak since then."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def _dump(what: str, value: Mapping[str, Any]) -> str:
    try:
        text = codec.dumps(value)
    except codec.UnserialisableError as error:
        error.args = (str(error).replace("$", what, 1),)
        raise
    if len(text) > MAX_RESULT:
        raise ValueError(f"{what}: {len(text) >> 20} MB of text, of at most {MAX_RESULT >> 20}; keep what is large as a file in run.dir")
    return text
