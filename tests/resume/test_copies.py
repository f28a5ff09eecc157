"""Copies of a project that share one workspace: each judges the results by its own files, and the store has one record a run."""

import csv
import json
import os
import signal
import subprocess
import time

import pytest

from tests import calling
from tests.calling import XRUN

STEP = """
import importlib, time
from pathlib import Path

def step(n):
    factor = importlib.import_module("plug" + "ins.one").FACTOR
    here = Path(__file__).parent
    if (here / "hang").exists():
        (here / "begun").write_text("x")
        time.sleep(60)
    return {"value": n * factor}
"""


class Copy:
    """A copy of the project; `workspace` is that of all."""

    def __init__(self, root, workspace, factor):
        self.root, self.results = root, workspace / "results" / "e"
        for folder in ("conf/experiment", "plugins"):
            (root / folder).mkdir(parents=True)
        (root / "work.py").write_text(STEP)
        (root / "plugins" / "one.py").write_text(f"FACTOR = {factor}\n")  # imported under a name made at run time: no digest counts it
        (root / "conf" / "experiment" / "e.yaml").write_text("# @package _global_\nparams: {n: [1]}\nsteps: [work.step]\n")
        ours = {name: value for name, value in os.environ.items() if not name.startswith("XRUN_")}
        self.environment = {**ours, "XRUN_WORKSPACE": str(workspace)}

    def __call__(self, *arguments, code=0):
        done = calling.run([XRUN, *arguments], cwd=self.root, env=self.environment)
        assert done.returncode == code, done.stderr
        return done.stdout

    def state(self):
        """What the plan says of the run."""
        (line,) = map(json.loads, self("plan", "+experiment=e", "--json").splitlines())
        return line["state"], line["executes"]

    def record(self):
        """What the store has of it."""
        (line,) = map(json.loads, self("ls", "e", "--json").splitlines())
        return line["status"], line["fields"]["value"]

    def published(self):
        """Counts, and the values in the table."""
        with (self.results / "table.csv").open() as file:
            values = [row["value"] for row in csv.DictReader(file)]
        return json.loads((self.results / "manifest.json").read_text())["counts"], values

    def cut_off(self, *arguments):
        """Execute, and interrupt it twice within the step."""
        (self.root / "hang").touch()
        process = subprocess.Popen(
            [XRUN, "+experiment=e", *arguments], cwd=self.root, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + 60
        while not (self.root / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        (self.root / "hang").unlink()


@pytest.fixture
def copies(tmp_path):
    def made(first, second):
        return [Copy(tmp_path / name, tmp_path / "shared", factor) for name, factor in (("a", first), ("b", second))]

    return made


def test_a_copy_that_differs_and_is_cut_off_leaves_the_others_record_and_does_not_show_it_as_its_own(copies):
    one, other = copies(1, 2)
    one("+experiment=e")
    assert (one.state(), other.state()) == (("cached", False), ("changed", True))
    other.cut_off()
    assert other.published() == ({"CANCELLED": 1}, [])
    assert one.record() == other.record() == ("COMPLETED", 1)
    assert (one.state(), other.state()) == (("cached", False), ("changed", True))
    one("+experiment=e")
    assert one.published() == ({"COMPLETED": 1}, ["1"])
    other("+experiment=e")
    assert other.published() == ({"COMPLETED": 1}, ["2"])
    assert one.record() == other.record() == ("COMPLETED", 2)
    assert (one.state(), other.state()) == (("changed", True), ("cached", False))


def test_a_copy_that_is_equal_and_is_cut_off_shows_what_the_other_has_completed(copies):
    one, other = copies(1, 1)
    one("+experiment=e")
    other.cut_off("--force")
    assert other.published() == ({"COMPLETED": 1}, ["1"])
    assert one.record() == other.record() == ("COMPLETED", 1)
    assert one.state() == other.state() == ("cached", False)
