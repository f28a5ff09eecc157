import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner import scripts
from runner.flow import Flow
from runner.logged import Entries, Points
from runner.run import Run
from runner.spec import Process, Step
from runner.views import Kwargs, View


@dataclass
class Project:
    """A folder with scripts, and what their runs logged."""

    root: Path
    runs: int = 0
    logged: dict[str, list[Entries]] = field(default_factory=dict)

    def write(self, files: dict[str, str]) -> "Project":
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return self

    def run(self, params: dict[str, Any] | None = None, kwargs: dict[str, Any] | None = None) -> Run:
        self.runs += 1
        logged = self.logged[f"run-{self.runs}"] = []
        point = View(params or {})
        return Run(
            id_run=f"run-{self.runs}",
            kwargs=Kwargs(kwargs or {}, point),
            params=point,
            seed=7,
            meta=View({"experiment": "x", "attempt": 1, "root": str(self.root)}),
            folders=self.root / ".xrun" / "artifacts",
            flow=lambda: Flow(logged.append),
        )

    def perform(self, run: Run | None = None, kwargs: Any = None, report: Any = lambda: None, **process: Any) -> Any:
        step = Step(call=process.get("script") or str(process["command"]), name="s", kwargs=kwargs or {}, process=Process(**process))
        return scripts.perform(step, run or self.run(), self.root, report)

    def entries(self, run: Run, *, end: bool = True) -> list[Any]:
        """What the run has logged."""
        if end:
            self.logged[run.id_run].append(run.finish())
        return [entry for part in self.logged[run.id_run] for _, entry in part]

    def points(self, run: Run, *, end: bool = True) -> dict[str, list[tuple[int, float]]]:
        """The metrics that the run has logged: name -> (step, value)."""
        found: dict[str, list[tuple[int, float]]] = {}
        for entry in self.entries(run, end=end):
            if isinstance(entry, Points):
                found.setdefault(entry.name, []).extend(zip(*entry.unpacked(), strict=True))
        return found


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """`project(files)` makes a project with those files."""
    return lambda files=None: Project(tmp_path).write(files or {})


@pytest.fixture
def python() -> str:
    return sys.executable
