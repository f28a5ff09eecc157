"""A small project of a user's own, xrun called in it, and what the store says afterwards."""

import json
import os
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests import calling
from tests.calling import XRUN

FILES = {
    "steps.py": """
        import helper


        def square(x: int, scale: float = 1.0) -> dict:
            return {"y": helper.twice(x) * x * scale}
        """,
    "helper.py": """
        FACTOR = 2


        def twice(x):
            return FACTOR * x
        """,
    "conf/experiment/squares.yaml": """
        # @package _global_
        name: squares
        kwargs: {scale: 1.0}
        params: {x: [1, 2, 3]}
        steps: [steps.square]
        """,
}


class Project:
    """A folder with an experiment `squares`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new))

    @property
    def environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [XRUN, *arguments], cwd=self.root, env=self.environment, text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )

    def xrun(self, *arguments: str, code: int = 0) -> str:
        """Call it, check how it ended, return what it printed; errors first."""
        done = calling.run([XRUN, *arguments], cwd=self.root, env=self.environment)
        assert done.returncode == code, f"exit {done.returncode}:\n{done.stderr}\n{done.stdout}"
        return done.stderr + done.stdout

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.xrun(*arguments, "--json").splitlines() if line.startswith("{")]

    def runs(self, experiment: str = "squares") -> list[dict[str, Any]]:
        """The runs as they were executed, one after the other."""
        return sorted(self.json("ls", experiment), key=lambda run: run["started"])

    def plan(self, *overrides: str) -> list[tuple[str, str]]:
        """State and reason of every run of the plan."""
        return [(line["state"], line.get("why", "")) for line in self.json("plan", "+experiment=squares", *overrides)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One whose runs are in the store, to be copied; it has more steps to choose from, and a file of data."""
    project = Project(tmp_path_factory.mktemp("finished"))
    with (project.root / "steps.py").open("a") as file:
        file.write("\n\ndef later(): pass\n\n\ndef other(x: int, scale: float = 1.0): return {}\n")
    project.write("data.csv", "a,b\n")
    project.xrun("+experiment=squares")
    return project
