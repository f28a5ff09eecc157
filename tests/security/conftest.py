"""A project of a user's own, and xrun called in it as a user calls it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import calling
from tests.calling import XRUN

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]


def call(
    folder: Path, *arguments: str, start: Callable[..., calling.Done] = calling.run, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """`xrun ARGUMENTS` in a folder, with these variables on top of a plain environment."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")} | variables
    return start([XRUN, *arguments], cwd=folder, env=environment, errors="replace")


def write(root: Path, files: dict[str, str]) -> None:
    """Files of a project; below `conf/experiment/` without the line on the package."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(("# @package _global_\n" if name.startswith("conf/experiment/") else "") + text)


@pytest.fixture(scope="session")
def anywhere() -> Xrun:
    """`anywhere(folder, *arguments, **variables)`."""
    return call


@pytest.fixture(scope="session")
def written() -> Callable[[Path, dict[str, str]], None]:
    """`written(root, files)`."""
    return write


@pytest.fixture
def xrun(tmp_path: Path) -> Xrun:
    return lambda *arguments, **variables: call(tmp_path, *arguments, **variables)
