"""Holds the steps of an experiment (signatures, scripts, commands) against what it provides, and tells what there is to know of them.

Runs where the user's code lives (a worker's parent process, or in-process for `serial`), never in the coordinator, which so needs none of
the user's imports and survives all of their accidents.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner import annotations, code
from runner.points import axis_names
from runner.spec import Axis, Experiment, Grid, Step, Variant, Zip
from runner.steps import foreign
from runner.steps.about import Parameter, StepInfo, argument_docs, describe_function, takes_run
from runner.steps.exposing import exposed
from runner.steps.foreign import ResolveError
from runner.steps.processes import inspect_process
from runner.steps.resolving import import_root, module_of, parameters, resolve
from runner.suggest import did_you_mean, nearest

__all__ = [
    "Inspection",
    "Parameter",
    "ResolveError",
    "StepInfo",
    "argument_docs",
    "import_root",
    "inspect_steps",
    "parameters",
    "resolve",
    "takes_run",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """Everything that the coordinator needs to know of the user's code."""

    problems: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """The key path of each problem."""
    notes: tuple[str, ...] = ()
    """What is odd, and no error."""
    steps: tuple[StepInfo, ...] = ()
    code: tuple[str, ...] = ()
    """The code digest of each step."""
    files: tuple[Mapping[str, str], ...] = ()
    """The files that each step's digest counts: path below the project root -> SHA-256."""
    exempt: tuple[str, ...] = ()
    """Files of the project that steps import and that their policies (`code: module`, `off`) do not count."""


def inspect_steps(experiment: Experiment) -> Inspection:
    """Import every function, check every signature against every axis and kwarg, look for every script, digest the code.

    Never raises for the user's code.
    """
    import_root(experiment.root)
    problems: list[tuple[str, str]] = []
    odd: list[str] = []
    infos: list[StepInfo] = []
    found: list[code.Code] = []
    sources = code.Sources(experiment.root, sys.path)
    for n, step in enumerate(experiment.steps):
        place, told = f"steps[{n}]", f"step `{step.name}` ({step.call})"
        if step.process is not None:
            inspected = inspect_process(step, step.process, experiment, sys.path)
            infos.append(inspected.info)
            found.append(inspected.code)
            problems.extend((place, f"{told}: {text}") for text in inspected.problems)
            odd.extend(inspected.notes)
            odd.extend(_exposed(step, name) for name in exposed(step.process, experiment, step.kwargs))
            continue
        try:
            foreign.refuse_reference(step.call, experiment.root, experiment.step_packages)
            function = resolve(step.call)
            params = parameters(function)
            foreign.refuse_function(function, step.call, experiment.root, experiment.step_packages)
        except ResolveError as error:
            problems.append((place, f"{told}: {error}"))
            continue
        infos.append(describe_function(step, function, params))
        found.append(_code(sources, step, function))
        problems.extend((place, f"{told}: {text}") for text in dict.fromkeys(_check(step, params, experiment)))
    notes = () if problems else (*odd, *_unused(infos, experiment))
    return Inspection(
        problems=tuple(text for _, text in problems),
        places=tuple(place for place, _ in problems),
        notes=notes,
        steps=tuple(infos),
        code=tuple(each.digest for each in found),
        files=tuple(each.files for each in found),
        exempt=tuple(sorted({file for each in found for file in each.exempt})),
    )


def _exposed(step: Step, name: str) -> str:
    what = f"the secret {name}" if name else "a secret"
    return f"step `{step.name}` has {what} in its command line, which everybody on this machine can read; `env` is for secrets"


def _unused(infos: list[StepInfo], experiment: Experiment) -> Iterator[str]:
    """Axes and kwargs that no signature names; none where a step can look at all of them (`run`, `**kwargs`)."""
    if any(info.sees_all for info in infos) or any(variant.kwargs_at for variant in experiment.variants):
        return
    taken = [parameter.name for info in infos for parameter in info.parameters]
    axes = {name.partition(".")[0] for variant in experiment.variants for grid in variant.grids for name in axis_names(grid)}
    kwargs = {name for variant in experiment.variants for name in variant.kwargs}
    for kind, names in (("axis", axes), ("kwarg", kwargs - axes)):
        for name in sorted(names - set(taken)):
            close = nearest(name, taken)
            yield f"no step takes the {kind} `{name}`" + (f"; did you mean `{close}`?" if close else "")


def _code(sources: code.Sources, step: Step, function: Callable[..., Any]) -> code.Code:
    """Of the module that the reference names, and of the one that says it defines the function, where that is another of the project's."""
    named, defining = module_of(step.call), getattr(function, "__module__", None)
    modules = [named, defining] if isinstance(defining, str) and sources.file(defining) is not None else [named]
    return code.of_modules(sources, modules, getattr(sys.modules[named], "__file__", None), step.code)


def _check(step: Step, params: list[inspect.Parameter], experiment: Experiment) -> Iterator[str]:
    if takes_run(params):
        return
    names = [p.name for p in params]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in params)
    if not open_ended:
        yield from (f"it has no parameter `{name}`; {did_you_mean(name, names, 'it has')}" for name in step.kwargs if name not in names)
    for variant in experiment.variants:
        for grid in variant.grids:
            yield from _check_grid(step, params, variant, grid, experiment)


def _check_grid(step: Step, params: list[inspect.Parameter], variant: Variant, grid: Grid, experiment: Experiment) -> Iterator[str]:
    axes = {axis.name: axis for factor in grid.factors for axis in (factor.axes if isinstance(factor, Zip) else (factor,))}
    kwargs = {**_kwargs(variant, grid), **step.kwargs}
    heads = {name.partition(".")[0] for name in axis_names(grid)}
    provided = {*heads, *kwargs, "run", *(["replicate"] if experiment.replicates is not None else [])}
    for p in params:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.name == "run":
            continue
        if p.name not in provided:
            if p.default is p.empty:
                others = sorted(provided - {"run"} - {q.name for q in params})
                yield f"nothing provides its parameter `{p.name}`; {did_you_mean(p.name, others, 'unused axes and kwargs')}"
        elif p.annotation is not p.empty:
            yield from _misfits(p, axes, kwargs, step.kwargs)


def _kwargs(variant: Variant, grid: Grid) -> Mapping[str, Any]:
    """The grid's kwargs, those of its first point where they depend on the point."""
    if variant.kwargs_at is None:
        return variant.kwargs
    first = {}
    for factor in grid.factors:
        for axis in factor.axes if isinstance(factor, Zip) else (factor,):
            first[axis.name] = axis.values[0]
    return variant.kwargs_at(first)


def _misfits(p: inspect.Parameter, axes: Mapping[str, Axis], kwargs: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    axis = axes.get(p.name)
    fixed = p.name in own or (p.name in kwargs and (axis is None or axis.role == "choice"))
    values = (kwargs[p.name],) if fixed else axis.values if axis is not None else ()
    where = f"kwargs.{p.name}" if fixed else f"params.{p.name}"
    for value in values:
        try:
            annotations.fit(p.annotation, value)
        except annotations.MisfitError as error:
            yield f"`{p.name}: {annotations.describe(p.annotation)}` does not accept {where}: {error}"
