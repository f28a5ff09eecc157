"""A project whose steps leave a line whenever they are executed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner import stores
from runner.record import Record
from tests import calling
from tests.calling import XRUN

HEAD = """
import os
import pathlib
import random

def executed(step, run):
    with open(os.environ["TRACE"], "a") as file:
        file.write(f"{step} {run.params.n}\\n")
"""


@dataclass
class Project:
    """The folder, and xrun called in it."""

    root: Path
    trace: Path

    def steps(self, **functions: str) -> None:
        """A module for each step, so that an edit of one is no edit of the others."""
        for name, body in functions.items():
            lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
            (self.root / f"{name}.py").write_text(f"from common import *\ndef step(run):\n    executed('{name}', run)\n{lines}")

    def experiment(self, *steps: Any, **more: Any) -> None:
        tree = {"name": "e", "params": {"n": [1, 2]}, "steps": [f"{s}.step" if isinstance(s, str) else s for s in steps], **more}
        (self.root / "conf" / "experiment" / "e.yaml").write_text(f"# @package _global_\n{yaml.safe_dump(tree)}")

    def run(self, *arguments: str, code: int = 0, workspace: Path | None = None) -> list[str]:
        """Call xrun; the steps that were executed, sorted."""
        self.trace.write_text("")
        place = ["--workspace", str(workspace)] if workspace else []
        done = calling.run([XRUN, "+experiment=e", *place, *arguments], cwd=self.root)
        assert done.returncode == code, done.stderr
        return sorted(self.trace.read_text().splitlines())

    def records(self) -> dict[int, Record]:
        """The runs of the plan that was asked for last, by n."""
        with self.reader() as reader:
            found: dict[int, Record] = {}
            for record in reader.records("e"):
                found[record.params["n"]] = record  # the later one wins
            return found

    def reader(self) -> Any:
        from contextlib import closing

        return closing(stores.read(self.root / ".xrun" / "xrun.db"))

    def table(self, workspace: Path | None = None) -> str:
        return ((workspace or self.root) / "results" / "e" / "table.csv").read_text()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project] | Project:
    root = tmp_path / "project"
    (root / "conf" / "experiment").mkdir(parents=True)
    (root / "common.py").write_text(HEAD)
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    return Project(root, tmp_path / "trace")
