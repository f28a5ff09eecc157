"""A project on a server, as a bare git repository would be, and machines that clone it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]

STEPS = """
import random


def train(model, run):
    quality = {"cnn": 0.90, "svm": 0.80}[model]
    return {"acc": quality + random.Random(run.seed).gauss(0, 0.01)}
"""
MODELS = """\
# @package _global_
name: models
params: {model: [cnn, svm]}
replicates: 8
steps: [training.train]
checks: [acc.min >= 0.5, {metric: acc, direction: max, n_sigma: 3}]
"""


@dataclass(frozen=True)
class Machine:
    """A clone, and the environment of its shell."""

    root: Path
    environment: dict[str, str]

    def sh(self, line: str, code: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """A line of bash, as a CI job runs it; `code` None: any exit code."""
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", line],
            cwd=self.root,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert code is None or done.returncode == code, f"{line}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    @property
    def executed(self) -> int:
        """How many runs the last xrun has executed."""
        manifest = json.loads((self.root / "results/models/manifest.json").read_text())
        return sum(manifest["counts"].values()) - manifest["cached"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nothing of this machine's settings of git and xrun, nor of a CI that these tests may run in."""
    home = tmp_path_factory.mktemp("home")
    foreign = ("GIT_", "GITHUB_", "XRUN_", "XDG_", "PRE_COMMIT")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    people = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "n"), ("EMAIL", "n@localhost"))}
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(home)}
    return inherited | people | quiet | {"PATH": os.pathsep.join([str(BIN), inherited["PATH"]])}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Machine:
    """The repository on the server: `main` has an experiment and its results; `.xrun` of whoever made them lies there, git ignores it."""
    made = Machine(tmp_path_factory.mktemp("origin"), environment)
    made.write({"training.py": STEPS, "conf/experiment/models.yaml": MODELS, ".gitignore": "__pycache__/\n"})
    made.sh("git init -q -b main && xrun +experiment=models -q && git add . && git commit -q -m models")
    return made
