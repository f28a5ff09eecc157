"""A project in a git repository that DVC knows; xrun, git and dvc called as users call them."""

import hashlib
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import calling
from tests.calling import DVC, XRUN

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROGRAMS = {"xrun": XRUN, "dvc": DVC}


@dataclass(frozen=True)
class Project:
    root: Path
    environment: dict[str, str]

    def sh(self, line: str, code: int = 0) -> str:
        """What a line of shell prints on stdout; its exit code must be `code`."""
        program, *arguments = shlex.split(line)
        alone = program in PROGRAMS and not re.search("[^\\w '/.,:=+-]", line)  # nothing that a shell has to do
        command = [PROGRAMS[program], *arguments] if alone else ["sh", "-c", line]
        done = calling.run(command, cwd=self.root, env=self.environment, timeout=300)
        assert done.returncode == code, f"{line}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def xrun(self, *arguments: str) -> None:
        """`xrun ARGUMENTS`, which must go well."""
        done = calling.run([XRUN, *arguments], cwd=self.root, env=self.environment)
        assert done.returncode == 0, f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"

    def copied(self, root: Path) -> "Project":
        """The same at another place."""
        made = Project(shutil.copytree(self.root, root, symlinks=True, dirs_exist_ok=True), self.environment)
        made.sh("git status")  # times of files are those of the copy
        return made

    def corrupt(self) -> list[str]:
        """The files of DVC's cache whose content is not what their name says. There must be some files at all."""
        files = [file for file in (self.root / ".dvc" / "cache" / "files" / "md5").glob("*/*") if file.is_file()]
        assert files
        wrong = lambda file: hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() != digest(file)  # noqa: E731
        return [str(file) for file in files if wrong(file)]

    def content(self, folder: str) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in sorted((self.root / folder).iterdir())}


def digest(file: Path) -> str:
    return (file.parent.name + file.name).removesuffix(".dir")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nothing of this machine's settings of git, DVC and xrun."""
    home = tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_", "XRUN_", "XDG_"))}
    people = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "n"), ("EMAIL", "n@localhost"))}
    folders = {name: str(home / name) for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "DVC_NO_ANALYTICS": "1", "CI": "1", "PAGER": "cat", "HOME": str(home)}
    return inherited | people | folders | quiet | {"PATH": os.pathsep.join([str(BIN), inherited["PATH"]])}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Project:
    """The examples, committed; git does not ignore `results/`. To be copied, because DVC takes seconds."""
    root = tmp_path_factory.mktemp("template")
    for folder in ("conf", "examples"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".gitignore").write_text("__pycache__/\n")
    made = Project(root, environment)
    made.sh("git init --quiet -b main && dvc init --quiet && git add --all && git commit --quiet -m project")
    return made


@pytest.fixture
def project(tmp_path: Path, template: Project) -> Project:
    """A copy of the template."""
    return template.copied(tmp_path)
