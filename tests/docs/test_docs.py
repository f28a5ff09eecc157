"""Every command that README and docs/ show is executed; what they promise in tables exists."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from runner.commands import COMMANDS
from runner.config.schema import TOP_LEVEL
from tests import calling
from tests.calling import XRUN

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "SECURITY.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
NOT_OURS = ("make ", "pip ")


def blocks(page: str) -> list[str]:
    return re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def commands(page: str) -> list[str]:
    lines = [line[2:].split("  #")[0].strip() for block in blocks(page) for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in lines if not line.startswith(NOT_OURS)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example project, so that the repository's own results stay as they are."""
    for folder in ("conf", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def commit(project: Path) -> None:
    (project / ".gitignore").write_text("__pycache__/\n")
    for words in ("init --quiet", "add --all", "-c user.name=a -c user.email=a@b.c commit --quiet -m x"):
        subprocess.run(["git", *words.split()], cwd=project, check=True)


Started = set[tuple[str, ...]]


@pytest.fixture(scope="module")
def started() -> Started:
    """Which commands, with which options, were really started: one of each is, which tests/calling.py relies on."""
    return set()


def xrun(project: Path, line: str, started: Started) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(line)
    assert program == "xrun", line
    command = (*(word for word in words[:1] if word in COMMANDS), *sorted(word.partition("=")[0] for word in words if word.startswith("-")))
    call = calling.run if command in started else calling.real
    started.add(command)
    return call([XRUN, *words], cwd=project, env={k: v for k, v in os.environ.items() if not k.startswith("XRUN_")})


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works_in_order(page: str, project: Path, started: Started) -> None:
    shown = commands(page)
    if page in ("README.md", "docs/reproduce.md"):  # what is not committed cannot be reproduced
        commit(project)
    if shown:  # in the README it is `make run` that does
        assert xrun(project, "xrun +experiment=coins -q", started).returncode == 0
    for line in shown:
        done = xrun(project, line, started)
        assert done.returncode == 0, f"{page}: {line}\n{done.stdout}{done.stderr}"


def test_readme_shows_what_its_first_command_prints(project: Path, started: Started) -> None:
    done = xrun(project, "xrun +experiment=coins -m N=10,100", started)
    shown = blocks("README.md")[0]
    for line in done.stdout.splitlines():
        assert line in shown
    assert "make run" in shown
    assert "make test" in shown


def test_readme_shows_the_example_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text()
    declared = re.search(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    assert declared
    strip = lambda text: [re.sub(r"\s*#.*", "", line) for line in text.splitlines() if not line.startswith("#")]  # noqa: E731
    shown = [line for line in strip(declared[1]) if line.strip()]
    real = [
        line for line in strip((ROOT / "conf/experiment/coins.yaml").read_text()) if line.strip() and not line.startswith("description")
    ]
    assert real == shown


def test_the_key_reference_names_every_key() -> None:
    text = (ROOT / "docs/experiment-file.md").read_text()
    missing = [key for key in TOP_LEVEL if f"`{key}" not in text]
    assert missing == []


def test_the_command_reference_names_every_sub_command() -> None:
    text = (ROOT / "docs/command-line.md").read_text()
    missing = [name for name in COMMANDS if f"xrun {name}" not in text]
    assert missing == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_sub_command_has_help_with_an_example(name: str, project: Path, started: Started) -> None:
    done = xrun(project, f"xrun {name} --help", started)
    assert done.returncode == 0
    assert "example: xrun" in done.stdout


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES[1:]])
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_the_architecture_names_every_module_of_every_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    modules = [module.strip() for layer in contracts[0]["layers"] for module in layer.split("|")]
    page = (ROOT / "ARCHITECTURE.md").read_text().partition("## Layers")[2].partition("## Processes")[0]
    assert [module for module in modules if not re.search(rf"`{module}/?`", page)] == []
