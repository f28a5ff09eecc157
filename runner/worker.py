"""Performs runs. `Performer.perform` never raises for anything that a step does: its end is an Outcome."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import annotations, codec, identity, seeds, steps
from runner.describe import describe
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


Item = tuple[int, str, dict[str, Any], int, int, Mapping[str, Any] | None, int]
"""One run on its way to a worker: index, id_run, params, seed, scope, own kwargs or None, attempt."""

Mark = Callable[[int, int], None]
"""Called with (index, step) when a step begins."""


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


class Performer:
    """Holds the resolved steps of a job and performs its runs, one after the other."""

    def __init__(self, job: Job) -> None:
        """Import the steps. Raises steps.ResolveError, which plan-time inspection has excluded."""
        steps.import_root(job.root)
        self._pid = os.getpid()
        self._job = job
        self._steps = [_bind(step) for step in job.steps]
        self._meta = {"experiment": job.experiment, "host": platform.node(), **job.meta}

    def perform(self, item: Item, mark: Mark = lambda *_: None) -> Outcome:
        """Perform one run. Whatever its steps raise, SystemExit and KeyboardInterrupt included, is in the Outcome."""
        index = item[0]
        started, begun = time.time(), time.perf_counter()
        status, text, tags, failure, k = Status.COMPLETED, "{}", "{}", None, 0
        try:
            run, provided = self._prepare(item)
            with seeds.latecomers() as seed:
                for k, bound in enumerate(self._steps):
                    mark(index, k)
                    if k:
                        run.seed = identity.seed_of_step(item[3], k)
                    seed(run.seed)
                    result = bound(run, provided)
                    self._leave_if_forked()
                    _keep(run, bound, result)
            text = _dump("fields", run.fields)
            tags = _dump("tags", run.tags) if run.tags else "{}"
        except Abandon:
            raise
        except BaseException as error:  # noqa: BLE001 - a step's failure is a result
            self._leave_if_forked()
            status, text = Status.FAILED, "{}"
            failure = describe(error, self._job.steps[k].name, self._job.root)
        return Outcome(
            index=index,
            status=status,
            fields=text,
            failure=failure,
            step=k,
            started=started,
            seconds=time.perf_counter() - begun,
            tags=tags,
        )

    def _leave_if_forked(self) -> None:
        """A step has forked and its child came back from it: there must not be two that report, or two coordinators."""
        if os.getpid() != self._pid:
            os._exit(0)

    def _prepare(self, item: Item) -> tuple[Run, dict[str, Any]]:
        index, id_run, params, seed, scope, own, attempt = item
        fixed: Mapping[str, Any] = self._job.scopes[scope] if own is None else own
        dotted = [name for name in params if "." in name]
        view = View(params)
        kwargs = Kwargs(_patched(fixed, params, dotted) if dotted else fixed, view)
        meta = View({**self._meta, "attempt": attempt, "index": index})
        run = Run(id_run=id_run, kwargs=kwargs, params=view, seed=seed, meta=meta, folders=self._job.folders)
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


def _dump(what: str, value: Mapping[str, Any]) -> str:
    try:
        text = codec.dumps(value)
    except codec.UnserialisableError as error:
        error.args = (str(error).replace("$", what, 1),)
        raise
    if len(text) > MAX_RESULT:
        raise ValueError(f"{what}: {len(text) >> 20} MB of text, of at most {MAX_RESULT >> 20}; keep what is large as a file in run.dir")
    return text
