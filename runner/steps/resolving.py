"""From step references to callables and their parameters: imports the user's code, and says in one sentence why that fails."""

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.steps import loading
from runner.steps.foreign import ResolveError
from runner.suggest import did_you_mean, nearest


def import_root(root: Path) -> None:
    """Put the project root first on `sys.path`, and note from now on what is loaded from it."""
    loading.watch(root)
    text = str(root)
    if not sys.path or sys.path[0] != text:
        sys.path.insert(0, text)


def resolve(call: str) -> Callable[..., Any]:
    """The callable that `pkg.module.function` or `pkg.module:function` names. Raises ResolveError."""
    if call.partition(":")[0].split(".")[0] == "runner":
        raise ResolveError("`runner` is the name of xrun's own package, so that yours of that name cannot be imported; rename it")
    name, attributes = _locate(call)
    found: Any = sys.modules[name]
    for n, attribute in enumerate(attributes):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            owner = ".".join([name, *attributes[:n]])
            names = [key for key in dir(found) if callable(getattr(found, key, None)) and not key.startswith("_")]
            names += [module.name for module in pkgutil.iter_modules(getattr(found, "__path__", ()))]
            raise ResolveError(f"`{owner}` has no `{attribute}`; {did_you_mean(attribute, names, 'it has')}") from None
        except Exception as error:  # noqa: BLE001 - a module's own __getattr__
            raise ResolveError(_failure(f"reading `{attribute}` of `{name}`", error)) from None
    if not callable(found):
        raise ResolveError(f"it is a value of type {type(found).__name__}, which cannot be called")
    if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found) or inspect.isgeneratorfunction(found):
        raise ResolveError("it is a generator or coroutine function; a step must return its fields")
    return typing.cast("Callable[..., Any]", found)


def module_of(call: str) -> str:
    """The module that a reference, once resolved, was found in."""
    return _locate(call)[0]


def _locate(call: str) -> tuple[str, list[str]]:
    """The module of a reference, imported, and the attributes below it."""
    module, colon, rest = call.partition(":")
    if colon:
        _import(module)
        return module, rest.split(".")
    parts = call.split(".")
    for n in range(1, len(parts)):  # `pkg.module.Class.method`: as many parts as there are modules
        name = ".".join(parts[:n])
        if n > 1 and not _is_module(name):
            return ".".join(parts[: n - 1]), parts[n - 1 :]
        _import(name)
    return ".".join(parts[:-1]), parts[-1:]


def _is_module(name: str) -> bool:
    """Whether the parent, which is imported, has such a module rather than an attribute of that name."""
    parent = sys.modules[name.rpartition(".")[0]]
    return name in sys.modules or (hasattr(parent, "__path__") and importlib.util.find_spec(name) is not None)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if name != missing and not name.startswith(f"{missing}."):
            raise ResolveError(_failure(f"importing `{name}`", error)) from None
        parent, _, leaf = missing.rpartition(".")
        paths = getattr(sys.modules.get(parent), "__path__", None) if parent else sys.path[:1]
        close = nearest(leaf, [module.name for module in pkgutil.iter_modules(paths)])
        hint = f"; did you mean `{'.'.join(filter(None, [parent, close]))}`?" if close else f" on the path ({sys.path[0]} comes first)"
        raise ResolveError(f"there is no module `{missing}`{hint}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's module does on import becomes one of the plan's problems
        raise ResolveError(_failure(f"importing `{name}`", error)) from None


def _failure(what: str, error: BaseException) -> str:
    """The user's part of the traceback: from the first line of theirs on."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith("<frozen importlib") and frame.filename != importlib.__file__]
    while theirs and theirs[0].filename == __file__:
        theirs.pop(0)
    lines = [line for entry in traceback.format_list(theirs)[-5:] for line in entry.rstrip().splitlines()]
    lines += [line for entry in traceback.format_exception_only(error) for line in entry.rstrip().splitlines()][-6:]
    return "\n      ".join([f"{what} failed:", *lines])


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters by which a step's function is called; annotations resolved where they can be."""
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):
        raise ResolveError("its signature cannot be read; wrap it in a Python function") from None
    hints = _hints(function)
    return [
        p.replace(annotation=hints.get(p.name, p.annotation if not isinstance(p.annotation, str) else p.empty))
        for p in found.parameters.values()
    ]


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    if inspect.isclass(target):
        target = target.__init__
    elif not inspect.isroutine(target):
        target = type(target).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001 - names that exist under TYPE_CHECKING only; the others still count
        return _hints_one_by_one(inspect.unwrap(target))


def _hints_one_by_one(target: Any) -> dict[str, Any]:
    found = {}
    for name, annotation in getattr(target, "__annotations__", {}).items():
        holder = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            found.update(typing.get_type_hints(holder, globalns=getattr(target, "__globals__", {}), include_extras=True))
        except Exception:  # noqa: BLE001, S112, PERF203 - then there is nothing to check this one against
            continue
    return found
