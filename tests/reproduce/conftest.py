"""A user's project under git and DVC, and what must not change in it."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import calling

BIN = Path(sys.executable).parent
STEPS = """
import os
from pathlib import Path

HERE = Path(__file__).parent


def square(x: int, scale: float = 1.0) -> dict:
    return {"y": x * x * scale}


def picky(x: int) -> dict:
    if x == 2:
        raise ValueError("no 2 here")
    return {"y": x}


def shaky(x: int) -> dict:
    return {"same": x, "other": os.urandom(4).hex() if x == 2 else "", "more": int.from_bytes(os.urandom(6)) if x == 2 else 1}


def noisy(x: int) -> dict:
    return {"y": x + float(os.environ.get("NOISE", "0")), "both": [x, float(os.environ.get("NOISE", "0"))]}


def total(x: int) -> dict:
    return {"y": x * sum(map(int, (HERE / "data/numbers.txt").read_text().split()))}


def lucky(run) -> None:
    import random

    run.fields.y = random.random()


def secret(x: int, token: str) -> dict:
    return {"y": x * len(token)}


def gated(x: int) -> dict:
    import time

    if mark := os.environ.get("MARK"):
        Path(mark).write_text("here")
        while not Path(f"{mark}.go").exists():
            time.sleep(0.05)
    return {"y": x}


def near(x: int) -> dict:
    return {"y": x + int(Path("number.txt").read_text())}


def waiting(x: int) -> dict:
    import time

    if mark := os.environ.get("MARK"):
        Path(mark).write_text(str(HERE))
        time.sleep(60)
    return {"y": x}
"""
EXPERIMENTS = {
    "gated": "params: {x: [1, 2]}\nsteps: [steps.gated]\n",
    "near": "params: {x: [1, 2]}\nsteps: [steps.near]\n",
    "squares": "params: {x: [1, 2, 3]}\nsteps: [steps.square]\n",
    "picky": "params: {x: [1, 2, 3]}\nsteps: [steps.picky]\n",
    "shaky": "params: {x: [1, 2]}\nsteps: [steps.shaky]\n",
    "noisy": "params: {x: [1, 2]}\nsteps: [steps.noisy]\n",
    "total": "params: {x: [1, 2]}\nsteps: [steps.total]\ndata: [data/numbers.txt]\n",
    "modelled": "params: {x: [1, 2]}\nsteps: [steps.square]\nresults: {schema: schemas.Table}\n",
    "strict": "params: {x: [1, 2]}\nsteps: [steps.total]\ndata: [data/numbers.txt]\nprovenance: {require: {git: clean, data: clean}}\n",
    "lucky": "params: {x: [1, 2]}\nreplicates: 2\nsteps: [steps.lucky]\nresults: {columns: [y, run.seconds]}\n",
    "secret": "params: {x: [1]}\nkwargs: {token: '${oc.env:TOKEN}'}\nsteps: [steps.secret]\n",
    "waiting": "params: {x: [1]}\nsteps: [steps.waiting]\n",
    "checked": "params: {x: [1, 2]}\nsteps: [steps.square]\n"
    "results: {schema: {columns: {y: {dtype: float64, checks: {greater_than: 0}}}}}\n",
}
SCHEMAS = """
import pandera.pandas as pa


class Table(pa.DataFrameModel):
    y: float = pa.Field(gt=0)
"""
Snapshot = Mapping[str, tuple[int, int, bytes | str]]


@dataclass(frozen=True)
class Project:
    """A project of a user's, in a repository of its own."""

    root: Path
    home: Path

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XRUN_", "GIT_", "DVC_", "PYTHONPATH"))}
        who = {f"GIT_{role}_{part}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        dvc = {name: str(self.home / name) for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
        places = {"HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        return {**kept, **who, **dvc, **places, "GIT_CONFIG_NOSYSTEM": "1", "DVC_NO_ANALYTICS": "1", **variables}

    def call(
        self, *command: str, code: int | None = 0, cwd: Path | None = None, timeout: float = 240, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        done = calling.run(command, cwd=cwd or self.root, env=self.environment(**variables), timeout=timeout)
        assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        return self.call("git", *arguments, cwd=cwd).stdout.strip()

    def dvc(self, *arguments: str, code: int = 0) -> str:
        return self.call(str(BIN / "dvc"), *arguments, code=code).stdout

    def xrun(self, *arguments: str, code: int = 0, cwd: Path | None = None, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.call(str(BIN / "xrun"), *arguments, code=code, cwd=cwd, **variables)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def manifest(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.root / "results" / name / "manifest.json").read_text())
        return told

    def worktrees(self) -> list[str]:
        return [line for line in self.git("worktree", "list", "--porcelain").splitlines() if line.startswith("worktree ")]

    def snapshot(self) -> Snapshot:
        """Every file of the tree, of git, of DVC and its cache, of .xrun/: kind and mode, when it was changed, content."""
        found: dict[str, tuple[int, int, bytes | str]] = {}
        for folder, folders, files in os.walk(self.root):
            for path in (Path(folder) / name for name in (*folders, *files)):
                info = path.lstat()
                if stat.S_ISDIR(info.st_mode):
                    found[str(path)] = (info.st_mode, 0, "")
                else:
                    content = str(path.readlink()) if path.is_symlink() else path.read_bytes()
                    found[str(path)] = (info.st_mode, info.st_mtime_ns, content)
        return found

    def reproduce(self, *arguments: str, code: int = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        """`xrun reproduce`; whatever comes of it, nothing of the user's has changed, and nothing is left."""
        trees = self.worktrees()
        before = self.snapshot()
        done = self.xrun("reproduce", *arguments, code=code, **variables)
        after = self.snapshot()
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        assert changed == []
        assert self.worktrees() == trees
        if "--keep" not in arguments:
            assert list((self.home / "tmp").glob("xrun-*")) == []
        return done


def _begun(root: Path, home: Path) -> Project:
    project = Project(root, home)
    (home / "tmp").mkdir(parents=True)
    root.mkdir(parents=True)
    project.git("init", "--quiet", "--initial-branch=trunk")
    files = {f"conf/experiment/{name}.yaml": f"# @package _global_\nname: {name}\n{text}" for name, text in EXPERIMENTS.items()}
    project.write({**files, "steps.py": STEPS, "schemas.py": SCHEMAS, ".gitignore": "__pycache__/\n/ignored/\n/results/\n"})
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Committed, without DVC."""
    made = _begun(tmp_path / "project", tmp_path / "home")
    made.commit()
    return made


@pytest.fixture(scope="session")
def _tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose data DVC tracks, in two versions, each with its commit; made once, because DVC takes seconds."""
    folder = tmp_path_factory.mktemp("tracked")
    made = _begun(folder / "project", folder / "home")
    made.dvc("init", "--quiet")
    made.write({"data/numbers.txt": "1 2 3\n"})
    made.dvc("add", "--quiet", "data/numbers.txt")
    made.commit()
    made.dvc("remote", "add", "--quiet", "--default", "store", "../remote")
    made.dvc("push", "--quiet")
    made.commit()
    made.xrun("+experiment=total", "-q")
    made.write({"data/numbers.txt": "40 50\n"})
    made.dvc("add", "--quiet", "data/numbers.txt")
    made.commit()
    return folder


@pytest.fixture
def tracked(_tracked: Path, tmp_path: Path) -> Project:
    """A project with results of its first version of the data; the working tree has the second, DVC's cache both."""
    shutil.copytree(_tracked, tmp_path / "t", symlinks=True)
    made = Project(tmp_path / "t" / "project", tmp_path / "t" / "home")
    made.git("status")  # times of files are those of the copy
    return made
