"""Calls steps: what a function takes of what there is, and what its result is good for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import annotations, steps
from runner.run import Run
from runner.spec import Step
from runner.views import View


@dataclass(slots=True)
class Bound:
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
        """Call it; `provided` are the params and kwargs, by name."""
        if not self.step.kwargs:
            return self._call(run, provided)
        with run.having(self.step.kwargs):
            return self._call(run, provided)

    def _call(self, run: Run, provided: dict[str, Any]) -> Any:
        if self.takes_run:
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


def bind(step: Step) -> Bound:
    """The step as something to call. Raises steps.ResolveError."""
    if step.process is not None:
        return Bound(
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
    return Bound(
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


def keep(run: Run, bound: Bound, result: Any) -> None:
    """Make what a function returned the run's fields."""
    if result is None:
        return
    if isinstance(result, Mapping):
        run.fields.update(result)
    elif not bound.takes_run:
        raise TypeError(f"step `{bound.step.name}` returned {type(result).__name__}; a plain function returns a mapping of fields, or None")
