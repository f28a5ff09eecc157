"""The installed `xrun` in a process of its own, in a project of its own, with no settings of this machine."""

import csv
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import calling


@dataclass(frozen=True)
class Project:
    """A project's root, where its results go, and the environment in which its commands run."""

    root: Path
    workspace: Path
    environment: dict[str, str]

    def call(self, program, *arguments, code=0, cwd=None, **variables):
        """What a program of this Python environment, or git, does at the root, or in `cwd`; its exit code must be `code`."""
        own = Path(sys.executable).with_name(program)
        done = calling.run(
            [str(own) if own.exists() else program, *map(str, arguments)],
            cwd=cwd or self.root,
            env=self.environment | {name: str(value) for name, value in variables.items()},
        )
        assert done.returncode == code, f"{program} exited with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        return done

    def xrun(self, *arguments, **options):
        """`xrun` with these arguments."""
        return self.call("xrun", *arguments, **options)

    def result(self, experiment, file):
        """A file of `results/`."""
        return self.workspace / "results" / experiment / file

    def manifest(self, experiment):
        """What manifest.json says."""
        return json.loads(self.result(experiment, "manifest.json").read_text())

    def rows(self, experiment):
        """The lines of table.csv, all values text."""
        with self.result(experiment, "table.csv").open(newline="") as lines:
            return list(csv.DictReader(lines))

    def write(self, files):
        """Write texts to paths below the root."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Environment variables without this machine's git, DVC and xrun settings."""
    home = tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_", "XRUN_", "XDG_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited["PATH"]])
    people = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "n"), ("EMAIL", "n@localhost"))}
    folders = {name: str(home / name) for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "DVC_NO_ANALYTICS": "1", "CI": "1"}  # CI: DVC does not look for updates
    return inherited | people | folders | quiet | {"HOME": str(home), "PATH": path}


@pytest.fixture(scope="module")
def make_project(environment):
    """A project at a root; its workspace lies elsewhere when one is given."""

    def make(root, workspace=None):
        variables = environment if workspace is None else environment | {"XRUN_WORKSPACE": str(workspace)}
        return Project(root, workspace or root, variables)

    return make


@pytest.fixture(scope="session")
def repository():
    """The root of this repository."""
    return Path(__file__).parents[2]
