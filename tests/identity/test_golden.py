"""Ids that were given out once stay: a change of golden.json makes every stored result of every user stale.

To add cases, append to CASES and run this file as a script; never change or remove what is there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner import plan
from runner.spec import Axis, Experiment, Grid, Process, Step, Variant, Zip

FILE = Path(__file__).with_name("golden.json")
FN = Step(call="pkg.mod.fn", name="fn")


def case(
    *factors: Any, kwargs: Any = None, code: tuple[str, ...] = ("c0de",), data: Any = None, **changes: Any
) -> tuple[Experiment, Any, Any]:
    variant = Variant(kwargs=kwargs or {}, grids=(Grid(factors=factors, exclude=changes.pop("exclude", ())),))
    whole: dict[str, Any] = {"name": "x", "steps": (FN,), "variants": (variant,), "root": Path("/"), "yaml": "", **changes}
    return Experiment(**whole), code, data or {}


def axis(name: str, *values: Any) -> Axis:
    return Axis(name=name, values=values)


CASES: dict[str, tuple[Any, ...]] = {
    "no axis": case(),
    "coins": case(axis("N", 1, 25, 50, 100), kwargs={"P": 0.8, "K": 100}, seed=1),
    "types": case(axis("v", 1, 1.0, True, "1", None, 0.0, -0.0, float("nan"), float("inf"), 2**70, -1)),
    "texts": case(axis("v", "", "a", "é", "e\u0301", "😀", "a\nb", "1e3")),
    "containers": case(axis("v", [], [1, [2]], {}, {"a": 1}, {"a": {"b": [None]}}, {"b": 1, "a": 2})),
    "two axes": case(axis("b", 1, 2), axis("a", "x", "y")),
    "zip": case(Zip(axes=(axis("a", 1, 2), axis("b", 3, 4))), axis("c", 0)),
    "exclude": case(axis("a", 1, 2), axis("b", 1, 2), exclude=({"a": 1, "b": 2},)),
    "dotted": case(axis("model.C", 1, 10), kwargs={"model": {"C": 5, "kind": "svm"}}),
    "choice": case(Axis(name="model", values=("svm",), role="choice"), kwargs={"model": {"kind": "svm"}}),
    "replicates": case(axis("a", 1), replicates=3),
    "seed": case(axis("a", 1), seed=-5),
    "kwargs": case(kwargs={"z": 1, "a": {"é": [1.5, None]}, "1": {1: "x"}}),
    "ignored kwarg": case(kwargs={"a": 1, "workers": 8}, ignore=frozenset({"workers"})),
    "data": case(axis("a", 1), data={"data/train.csv": "d41d8cd98f00b204e9800998ecf8427e", "data/img": "0f.dir"}),
    "two steps": case(axis("a", 1), steps=(FN, Step(call="pkg.mod:other", name="o")), code=("c0de", "beef")),
    "step kwargs": case(steps=(Step(call="pkg.mod.fn", name="fn", kwargs={"q": [1]}),)),
    "step version": case(steps=(Step(call="pkg.mod.fn", name="fn", version=2),)),
    "no code": case(code=("",)),
    "union": (
        Experiment(
            name="x", steps=(FN,), root=Path("/"), yaml="",
            variants=(Variant(grids=(Grid(factors=(axis("a", 1, 2),)), Grid(factors=(axis("a", 2, 3),)))),),
        ),
        ("c0de",),
        {},
    ),
    "script": case(
        axis("lr", 0.1),
        steps=(Step(call="a/train.py", name="t", process=Process(script="a/train.py", args=(("--lr", "${params.lr}"),))),),
    ),
    "command": case(
        axis("lr", 0.1),
        steps=(Step(call="make it", name="m", process=Process(command="make it", env=(("A", "1"),), outputs="out")),),
    ),
    "words": case(steps=(Step(call="ls -l", name="ls", process=Process(command=("ls", "-l"), args="params", scalars=True)),)),
    "default ids": case(axis("N", 1), axis("K", 50, 100), kwargs={"m": {"C": 1, "d": 3}}, seed=3, default_ids={"K": 100, "m.d": 3}),
    "packages": (*case(axis("a", 1), data={"d": "0f"}), {"numpy": "2.1.0", "hydra-core": "1.3.7"}),
}  # fmt: skip


def found() -> dict[str, list[list[Any]]]:
    return {name: [[run.id_run, run.seed] for run in plan.expand(*arguments)] for name, arguments in CASES.items()}


def test_ids_and_seeds_are_what_they_always_were():
    assert found() == json.loads(FILE.read_text())


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_they_are_the_same_in_another_process_with_another_hash_seed_and_directory(seed, tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C"}
    done = subprocess.run([sys.executable, __file__, "--print"], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    assert json.loads(done.stdout) == json.loads(FILE.read_text())


if __name__ == "__main__":
    text = json.dumps(found(), indent=1) + "\n"
    if "--print" in sys.argv:
        sys.stdout.write(text)
    else:
        FILE.write_text(text)
