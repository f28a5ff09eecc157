from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner import plan
from runner.config.load import Request, load
from runner.errors import XrunError
from runner.spec import Experiment

HEAD = "# @package _global_\nname: x\nsteps: [pkg.mod.fn]\n"


@dataclass(frozen=True)
class Project:
    """A folder with a config directory."""

    root: Path

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))

    def load_all(self, *overrides: str, **options: Any) -> tuple[Experiment, ...]:
        return load(Request(cwd=self.root, overrides=overrides, **options))

    def load(self, *overrides: str, **options: Any) -> Experiment:
        if not any("experiment" in word for word in overrides) and "file" not in options:
            overrides = ("+experiment=x", *overrides)
        (found,) = self.load_all(*overrides, **options)
        return found

    def refusal(self, *overrides: str, **options: Any) -> str:
        """The text of the one error, the project's folder left out of it."""
        with pytest.raises(XrunError) as caught:
            self.load(*overrides, **options)
        assert caught.value.exit_code == 2
        text = str(caught.value).replace(f"{self.root}/conf/", "").replace(str(self.root), "ROOT")
        assert len(text.splitlines()) <= 2, text
        return text


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """`project(body)` makes conf/experiment/x.yaml with that body below a head; other files by path."""

    def make(body: str = "", files: dict[str, str] | None = None, *, head: str = HEAD) -> Project:
        made = Project(tmp_path)
        made.write({"experiment/x.yaml": head + body, **(files or {})})
        return made

    return make


@pytest.fixture
def grid() -> Callable[[Experiment], list[dict[str, Any]]]:
    """The points of an experiment in plan order."""
    return lambda experiment: [dict(run.params) for run in plan.expand(experiment, ("",) * len(experiment.steps))]


@pytest.fixture
def ids() -> Callable[[Experiment], list[str]]:
    return lambda experiment: [run.id_run for run in plan.expand(experiment, ("",) * len(experiment.steps))]
