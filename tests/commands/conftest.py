"""A small project of a user's own, and xrun called in it as a user calls it."""

import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import calling
from tests.calling import XRUN

STEPS = '''
import os
import enum


class Kind(enum.Enum):
    LINEAR = "linear"
    RBF = "rbf"


def square(x: int, scale: float = 1.0) -> dict:
    """Square a number.

    Args:
        x: the number.
        scale: what the square is multiplied with.
    """
    return {"y": x * x * scale}


def picky(x: int) -> dict:
    if x == 2:
        raise ValueError(f"no {x} here")
    if x == 3:
        os._exit(3)
    return {"y": x}


def late_field(x: int) -> dict:
    return {"y": x, **({"extra": "late"} if x == 3 else {})}


def wrong(x: int) -> dict:
    return {"y": -x}


def kinds(kind: Kind) -> dict:
    return {"name": kind.name}


def typed(n: int, ratio: float, mode: str = "a") -> dict:
    return {"n": n}
'''

EXPERIMENTS = {
    "squares": "params: {x: [1, 2, 3]}\nsteps: [steps.square]\n",
    "picky": "params: {x: [1, 2, 3, 4]}\nsteps: [steps.picky]\n",
    "late": "params: {x: [1, 2, 3]}\nsteps: [steps.late_field]\n",
    "wrong": """
        params: {x: [1, 2]}
        steps: [steps.wrong]
        results: {schema: {columns: {y: {dtype: int64, checks: {greater_than: -2}}}}}
        """,
    "typed": "kwargs: {ratio: abc}\nparams: {n: [1, 1.5, two]}\nsteps: [steps.typed, steps.missing, nowhere.at_all]\n",
    "kinds": "params: {kind: [LINEAR, rbf]}\nsteps: [steps.kinds]\n",
    "slow": "params: {x: [1]}\nsteps: [steps.square]\nreslts: {}\n",
}

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project lies that is the same for all tests of a module, once one of them has made it."""
    return tmp_path_factory.mktemp("template") / "made"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "steps.py").write_text(STEPS)
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    for name, text in EXPERIMENTS.items():
        (folder / f"{name}.yaml").write_text("# @package _global_\n" + textwrap.dedent(text).lstrip())
    return tmp_path


@pytest.fixture
def xrun(project: Path) -> Xrun:
    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")} | variables
        return calling.run([XRUN, *arguments], cwd=project, env=environment)

    return call
