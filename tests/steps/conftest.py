import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.spec import Axis, Experiment, Grid, Step, Variant
from runner.steps import Inspection, inspect_steps

COUNTER = itertools.count()


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`package(files)` writes a fresh package and returns its name; `PKG` in the files stands for it."""
    path, modules = list(sys.path), set(sys.modules)

    def make(files: dict[str, str]) -> str:
        name = f"xrun_steps_{next(COUNTER)}"
        for file, text in {"__init__.py": "", **files}.items():
            target = tmp_path / name / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(text).replace("PKG", name))
        if str(tmp_path) not in sys.path:
            sys.path.insert(0, str(tmp_path))
        return name

    yield make
    sys.path[:] = path
    for module in set(sys.modules) - modules:
        if module.startswith("xrun_steps_"):
            del sys.modules[module]


@pytest.fixture
def check(package: Callable[..., str], tmp_path: Path) -> Callable[..., Inspection]:
    """Inspect `f` of a module with that source, with these axes and kwargs."""

    def run(source: str, axes: dict[str, list[Any]] | None = None, kwargs: Any = None, call: str = "f", **changes: Any) -> Inspection:
        name = package({"mod.py": source})
        factors = tuple(Axis(name=axis, values=tuple(values)) for axis, values in (axes or {}).items())
        step = Step(call=f"{name}.mod.{call}", name="f", kwargs=changes.pop("step_kwargs", {}))
        variant = Variant(kwargs=kwargs or {}, grids=(Grid(factors=factors),))
        whole: dict[str, Any] = {"name": "x", "steps": (step,), "variants": (variant,), "root": tmp_path, "yaml": "", **changes}
        return inspect_steps(Experiment(**whole))

    return run
