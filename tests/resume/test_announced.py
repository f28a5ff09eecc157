"""What `xrun plan` announces is what the next run executes, whatever has happened in between."""

import json
import os
import random

import pytest
import yaml

from tests import calling
from tests.calling import XRUN

STEP = """
import importlib, os
from pathlib import Path
import helper

def step(run):
    with open(Path(__file__).with_name("trace"), "a") as file:
        file.write(run.id_run + " {name}\\n")
    if run.params.n == 3 and Path(__file__).with_name("fail").exists():
        raise ValueError("told to")
    run.fields.{name} = run.params.n * importlib.import_module("plug" + "ins.one").FACTOR
"""
BASE = {
    "params": {"n": [1, 2, 3]},
    "kwargs": {"K": 1, "junk": 0},
    "ignore": ["junk"],
    "data": ["data.csv"],
    "steps": [{"call": "first.step", "name": "first"}, {"call": "last.step", "name": "last"}],
}


class Sweep:
    """A project of two steps, of which run 3 has failed."""

    def __init__(self, root):
        self.root, self.tree = root, json.loads(json.dumps(BASE))
        for folder in ("conf/experiment", "plugins"):
            (root / folder).mkdir(parents=True)
        for name, text in {"data.csv": "a\n", "fail": "", "helper.py": "", "unrelated.py": "", "plugins/one.py": "FACTOR = 1\n"}.items():
            (root / name).write_text(text)
        for name in ("first", "last"):
            (root / f"{name}.py").write_text(STEP.replace("{name}", name))
        self.declare()

    def declare(self, name="e", **changes):
        text = f"# @package _global_\n{yaml.safe_dump({'name': name, **self.tree, **changes})}"
        (self.root / "conf" / "experiment" / f"{name}.yaml").write_text(text)

    def add(self, name, text="# edited\n"):
        with (self.root / name).open("a") as file:
            file.write(text)

    def call(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("XRUN_")}
        return calling.run([XRUN, *arguments], cwd=self.root, env=environment)

    def announced(self, *arguments):
        done = self.call("plan", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def executed(self, *arguments):
        """Call xrun; id -> the first step that was executed."""
        trace = self.root / "trace"
        trace.unlink(missing_ok=True)
        done = self.call(*arguments)
        assert done.returncode in (0, 1), done.stderr
        begun = {}
        for line in trace.read_text().splitlines() if trace.exists() else ():
            begun.setdefault(*line.split())
        return begun

    def planned_and_executed(self, *arguments):
        """The lines of the plan, and what was executed when it was carried out."""
        return self.announced("+experiment=e", *arguments), self.executed("+experiment=e", *arguments)


def due(plan):
    """The ids that the plan announces, each as often as it does."""
    return sorted(line["id_run"] for line in plan if line["executes"])


def words(plan):
    """What the plan says of each run, by n."""
    return {line["params"]["n"]: (line["state"], line["executes"]) for line in plan}


def assert_begun_where_announced(plan, begun):
    for line in plan:
        if line["executes"]:
            assert line.get("from_step", "first") == begun[line["id_run"]], line


@pytest.fixture
def sweep(tmp_path):
    made = Sweep(tmp_path / "project")
    plan, begun = made.planned_and_executed()
    assert words(plan) == dict.fromkeys((1, 2, 3), ("new", True))
    assert due(plan) == sorted(begun)
    (made.root / "fail").unlink()
    return made


def cached(**others):
    """What the plan says when runs 1 and 2 are completed and 3 has failed, but for `others`, by n."""
    return {1: ("cached", False), 2: ("cached", False), 3: ("failed", True), **{int(n[1:]): state for n, state in others.items()}}


ALL = {1: ("changed", True), 2: ("changed", True), 3: ("changed", True)}
THROUGH = dict.fromkeys((1, 2, 3), ("cached", False))
AGAIN = cached(n1=("again", True), n2=("again", True))


def other_experiment(sweep):
    sweep.declare("other", params={"n": [2, 4]})
    sweep.executed("+experiment=other")


def taken_back(sweep):
    (sweep.root / "plugins" / "one.py").write_text("FACTOR = 2\n")
    sweep.executed("+experiment=e", "n=9")  # so that the store has been told
    (sweep.root / "plugins" / "one.py").write_text("FACTOR = 1\n")


def behind_what_stands(sweep):
    taken_back(sweep)
    sweep.add("last.py")


def behind_what_fell(sweep):
    sweep.add("plugins/one.py")
    sweep.add("last.py")


def uncached(position):
    def edit(sweep):
        sweep.tree["steps"][position]["cache"] = False
        sweep.declare()

    return edit


def policy(code, edited):
    """Execute with such a policy, and then edit a file."""

    def edit(sweep):
        for step in sweep.tree["steps"]:
            step["code"] = code
        sweep.declare()
        sweep.executed("+experiment=e")
        sweep.add(edited)

    return edit


def version(sweep):
    sweep.tree["steps"][1]["version"] = 2
    sweep.declare()


def new_kwarg(sweep):
    sweep.tree["kwargs"]["q"], sweep.tree["default_ids"] = 0, {"q": 0}
    sweep.declare()


def at(**changes):
    return lambda sweep: sweep.declare(**changes)


SITUATIONS = {
    "nothing": (None, [], cached()),
    "a new point": (None, ["n=1,2,3,4"], cached(n4=("new", True))),
    "the first step edited": (lambda sweep: sweep.add("first.py"), [], ALL),
    "the last step edited": (lambda sweep: sweep.add("last.py"), [], ALL),
    "a helper edited": (lambda sweep: sweep.add("helper.py"), [], ALL),
    "a comment elsewhere": (lambda sweep: sweep.add("unrelated.py"), [], cached()),
    "a plug-in edited": (lambda sweep: sweep.add("plugins/one.py"), [], cached(n1=("changed", True), n2=("changed", True))),
    "a plug-in edited and taken back": (taken_back, [], cached()),
    "that, by force": (taken_back, ["--force-where", "n == 2"], cached(n2=("again", True))),
    "that, and the last step edited": (behind_what_stands, [], ALL),
    "a plug-in and the last step edited": (behind_what_fell, [], ALL),
    "code: module, its module edited": (policy("module", "last.py"), [], ALL),
    "code: module, a helper edited": (policy("module", "helper.py"), [], THROUGH),
    "code: off, its module edited": (policy("off", "last.py"), [], THROUGH),
    "code: off, a plug-in edited": (policy("off", "plugins/one.py"), [], THROUGH),
    "a new version": (version, [], ALL),
    "packages that count": (None, ["identity.packages=[numpy]"], ALL),
    "a new kwarg that always had that value": (new_kwarg, [], cached()),
    "a new kwarg with another value": (new_kwarg, ["q=1"], ALL),
    "the data changed": (lambda sweep: sweep.add("data.csv"), [], ALL),
    "an ignored kwarg": (None, ["junk=7"], cached()),
    "a kwarg": (None, ["K=2"], ALL),
    "the first step never cached": (uncached(0), [], AGAIN),
    "the last step never cached": (uncached(1), ["--no-retry-failed"], AGAIN),
    "failures stay": (None, ["--no-retry-failed"], cached(n3=("failed", False))),
    "force": (None, ["--force"], AGAIN),
    "force where": (None, ["--force-where", "n > 1", "--no-retry-failed"], cached(n2=("again", True), n3=("failed", False))),
    "force from": (None, ["--force-from", "last"], AGAIN),
    "another experiment's run": (other_experiment, ["n=1,2,3,4"], cached(n4=("cached", False))),
    "the same run twice": (
        at(default_ids={"r": 0}, params=[{"n": [1, 5]}, {"n": [6], "r": [0]}, {"r": [0], "n": [5]}]), [],
        {1: ("cached", False), 5: ("new", False), 6: ("new", True)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_announced_is_executed(sweep, situation):
    edit, arguments, expected = SITUATIONS[situation]
    if edit is not None:
        edit(sweep)
    plan, begun = sweep.planned_and_executed(*arguments)
    assert words(plan) == expected
    assert due(plan) == sorted(begun)
    assert_begun_where_announced(plan, begun)


@pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=pytest.mark.soak)])
def test_so_it_is_after_one_thing_and_another(sweep, rounds):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    for _ in range(rounds):
        edits = dice.sample([edit for edit, _, _ in SITUATIONS.values() if edit is not None], 2)
        for edit in edits:
            edit(sweep)
        if dice.random() < 0.3:
            (sweep.root / "fail").touch()
        arguments = dice.choice([arguments for _, arguments, _ in SITUATIONS.values() if "q=1" not in arguments])
        plan, begun = sweep.planned_and_executed(*arguments)
        assert due(plan) == sorted(begun), (arguments, plan)
        assert_begun_where_announced(plan, begun)
        (sweep.root / "fail").unlink(missing_ok=True)
