"""Which functions are nobody's step: those of Python's standard library and of the machinery below xrun.

A reference in an experiment file names the user's own code, or a library's that the user has chosen to install. `os.system`,
`subprocess.call` or `builtins.eval` are neither: they are what a config that somebody else wrote would name. Who means it says so in
pyproject.toml. This is no sandbox: a step may do what its user may.
"""

import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from runner.errors import XrunError

MACHINERY = frozenset(("hydra", "omegaconf", "antlr4", "yaml", "pip", "setuptools", "pkg_resources", "cloudpickle", "dill", "joblib"))
"""Packages that call, import or unpickle whatever they are told to."""


class ResolveError(XrunError):
    """A step's reference leads nowhere, or where no step is; the text says where it ends."""


def refuse_reference(call: str, root: Path, named: Sequence[str]) -> None:
    """Raises ResolveError where `package.module.function` is to be looked for in a package of which nothing is imported as a step."""
    if _is_foreign(module := _module(call), root, named):
        raise ResolveError(_problem(module))


def refuse_function(function: Callable[..., Any], call: str, root: Path, named: Sequence[str]) -> None:
    """Raises ResolveError for a function of such a package that the reference reaches by another module: `steps.os.system`."""
    if not _is_named(_module(call), named) and isinstance(
        function, types.FunctionType | types.BuiltinFunctionType | types.MethodType | type
    ):
        module = getattr(function, "__module__", None)
        if isinstance(module, str) and _is_foreign(module, root, named):
            raise ResolveError(_problem(module))


def _module(call: str) -> str:
    return call.replace(":", ".").rpartition(".")[0]


def _is_named(module: str, named: Sequence[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in named)


def _is_foreign(module: str, root: Path, named: Sequence[str]) -> bool:
    top = module.partition(".")[0]
    return (
        not _is_named(module, named) and (top in sys.stdlib_module_names or top in MACHINERY or top == "posix") and not _is_below(top, root)
    )


def _is_below(top: str, root: Path) -> bool:
    """Whether the project has a package of that name, which comes first on the path."""
    known = sys.modules.get(top)
    try:
        spec: ModuleSpec | None = known.__spec__ if known is not None else importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return False
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec is not None else []
    return any(Path(place).is_relative_to(root) and "site-packages" not in place for place in places if place)


def _problem(module: str) -> str:
    top = module.partition(".")[0]
    whose = (
        "is part of Python's standard library"
        if top in sys.stdlib_module_names or top == "posix"
        else "calls whatever a config tells it to"
    )
    advice = f'write a function that calls it, or name it in pyproject.toml: [tool.xrun] steps = ["{top}"]'
    return f"`{top}` {whose}, so that nothing in it is taken for a step; {advice}"
