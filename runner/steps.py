"""From step references to callables: resolves them, and holds their signatures against what the experiment provides.

Runs where the user's code lives (a worker's parent process, or in-process for `serial`), never in the coordinator, which so needs none of
the user's imports and survives all of their accidents.
"""

import importlib
import inspect
import sys
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import annotations, code
from runner.errors import XrunError
from runner.plan import axis_names
from runner.spec import Axis, Experiment, Grid, Step, Variant, Zip
from runner.suggest import did_you_mean

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class ResolveError(XrunError):
    """A step's reference leads nowhere; the text says where it ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a step's function, as text."""

    name: str
    type: str = ""
    default: str | None = None
    """repr of the default; None: it must be given."""
    doc: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepInfo:
    """What there is to tell about a step's function; plain data, sent between processes."""

    call: str
    doc: str = ""
    takes_run: bool = False
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """Everything that the coordinator needs to know of the user's code."""

    problems: tuple[str, ...] = ()
    steps: tuple[StepInfo, ...] = ()
    code: tuple[str, ...] = ()
    """The code digest of each step."""


def import_root(root: Path) -> None:
    """Put the project root first on `sys.path`."""
    text = str(root)
    if not sys.path or sys.path[0] != text:
        sys.path.insert(0, text)


def resolve(call: str) -> Callable[..., Any]:
    """The callable that `pkg.module.function` or `pkg.module:function` names. Raises ResolveError."""
    module_name, _, attribute = call.partition(":")
    if not attribute:
        module_name, _, attribute = call.rpartition(".")
    try:
        found = _import(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ResolveError(f"there is no module `{missing}` on the path ({sys.path[0]} comes first)") from None
        raise ResolveError(_import_failure(module_name)) from None
    except AttributeError:
        names = [name for name, value in vars(sys.modules[module_name]).items() if callable(value) and not name.startswith("_")]
        raise ResolveError(f"`{module_name}` has no `{attribute}`; {did_you_mean(attribute, names, 'it has')}") from None
    except XrunError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's module does on import becomes one of the plan's problems
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ResolveError(_import_failure(module_name)) from None
    if not callable(found):
        raise ResolveError(f"`{call}` is a {type(found).__name__}, which cannot be called")
    if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found) or inspect.isgeneratorfunction(found):
        raise ResolveError(f"`{call}` is a generator or coroutine function; a step must return its fields")
    return typing.cast("Callable[..., Any]", found)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        head, _, tail = name.rpartition(".")
        if head and error.name == name:  # `pkg.module.Class.method`
            parent = _import(head)
            if hasattr(parent, tail):
                return getattr(parent, tail)
        raise


def _import_failure(module: str) -> str:
    lines = traceback.format_exc().rstrip().splitlines()
    start = next((n for n, line in enumerate(lines) if "importlib" not in line and line.startswith("  File") and __file__ not in line), 0)
    return "\n      ".join([f"importing `{module}` failed:", *lines[max(start, len(lines) - 12) :]])


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters by which a step's function is called; annotations resolved where they can be."""
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):
        raise ResolveError("its signature cannot be read; wrap it in a Python function") from None
    target = function if inspect.isroutine(function) else getattr(type(function), "__call__", function)
    if inspect.isclass(function):
        target = function.__init__  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001 - names that exist under TYPE_CHECKING only; then there is nothing to check against
        hints = {}
    return [
        p.replace(annotation=hints.get(p.name, p.annotation if not isinstance(p.annotation, str) else p.empty))
        for p in found.parameters.values()
    ]


def takes_run(params: list[inspect.Parameter]) -> bool:
    """Whether the function's single parameter is `run`."""
    return len(params) == 1 and params[0].name == "run"


def inspect_steps(experiment: Experiment) -> Inspection:
    """Import every step, check every signature against every axis and kwarg, digest the code. Never raises for the user's code."""
    import_root(experiment.root)
    problems: list[str] = []
    infos: list[StepInfo] = []
    digests: list[str] = []
    sources = code.Sources(experiment.root, sys.path)
    for step in experiment.steps:
        try:
            function = resolve(step.call)
            params = parameters(function)
        except ResolveError as error:
            problems.append(f"step `{step.name}` ({step.call}): {error}")
            continue
        infos.append(_describe(step, function, params))
        module = getattr(function, "__module__", None) or step.call.partition(":")[0].rpartition(".")[0]
        digests.append(code.digest(sources, module, getattr(sys.modules.get(module), "__file__", None), step.code))
        problems.extend(f"step `{step.name}` ({step.call}): {text}" for text in dict.fromkeys(_check(step, params, experiment)))
    return Inspection(problems=tuple(problems), steps=tuple(infos), code=tuple(digests))


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
            yield from _misfits(p, axes, kwargs)


def _kwargs(variant: Variant, grid: Grid) -> Mapping[str, Any]:
    """The grid's kwargs, those of its first point where they depend on the point."""
    if variant.kwargs_at is None:
        return variant.kwargs
    first = {}
    for factor in grid.factors:
        for axis in factor.axes if isinstance(factor, Zip) else (factor,):
            first[axis.name] = axis.values[0]
    return variant.kwargs_at(first)


def _misfits(p: inspect.Parameter, axes: Mapping[str, Axis], kwargs: Mapping[str, Any]) -> Iterator[str]:
    axis = axes.get(p.name)
    fixed = p.name in kwargs and (axis is None or axis.role == "choice")
    values = (kwargs[p.name],) if fixed else axis.values if axis is not None else ()
    where = f"kwargs.{p.name}" if fixed else f"params.{p.name}"
    for value in values:
        try:
            annotations.fit(p.annotation, value)
        except annotations.MisfitError as error:
            yield f"`{p.name}: {annotations.describe(p.annotation)}` does not accept {where}: {error}"


def _describe(step: Step, function: Callable[..., Any], params: list[inspect.Parameter]) -> StepInfo:
    doc = inspect.getdoc(function) or ""
    about = argument_docs(doc)
    return StepInfo(
        call=step.call,
        doc=doc.split("\n\n")[0].replace("\n", " "),
        takes_run=takes_run(params),
        parameters=tuple(
            Parameter(
                name=p.name,
                type="" if p.annotation is p.empty else annotations.describe(p.annotation),
                default=None if p.default is p.empty else repr(p.default),
                doc=about.get(p.name, ""),
            )
            for p in params
            if p.kind in (*_BY_NAME, p.POSITIONAL_ONLY) and p.name != "run"
        )
        or tuple(Parameter(name=name, doc=text) for name, text in about.items()),
    )


def argument_docs(doc: str) -> dict[str, str]:
    """What a docstring says of each argument: Google's `Args:`, numpy's `Parameters`, or Sphinx' `:param x:`."""
    found: dict[str, str] = {}
    section, name = False, ""
    for line in doc.splitlines():
        text = line.strip()
        if text.startswith(":param "):
            name, _, about = text.removeprefix(":param ").partition(":")
            found[name.split()[-1]] = about.strip()
        elif text in ("Args:", "Arguments:", "Parameters", "Parameters:"):
            section = True
        elif section and text and not set(text) <= {"-"}:
            if not line.startswith(" ") and text.endswith(":") and " " not in text:
                section = False
                continue
            head, colon, about = text.partition(":")
            word = head.split("(")[0].strip()
            if colon and word.isidentifier():
                name = word
                found[name] = about.strip() if "(" in head or line.startswith(" ") else ""
            elif name:
                found[name] = f"{found[name]} {text}".strip()
    return found
