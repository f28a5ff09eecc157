"""Whatever an experiment file declares, its experiment.yaml declares it again: the same experiment, the same plan, the same text."""

import dataclasses
import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runner import plan
from runner.config.load import Request, load

GROUPS = {"model/svm.yaml": "kind: svm\nC: 1.0\n", "model/tree.yaml": "kind: tree\ndepth: '${kwargs.depth}'\n"}

NAMES = st.sampled_from(["a", "b", "N", "lr", "n", "on", "1", "a-b", "grün", "x y"])
TEXTS = st.one_of(
    st.sampled_from(
        ["", "no", "010", "1e3", " s ", "a: b # c", "~", "null", "'", "${kwargs.depth}", "${oc.env:XRUN_NOT_SET,none}", "ä😀\n\tb"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="$\\\x00", exclude_categories=("Cc", "Cs")), max_size=6),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXTS)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4)
POINTS = st.lists(st.one_of(st.integers(-9, 9), st.floats(-1, 1, allow_nan=False), st.text("abc", max_size=2)), min_size=1, max_size=3)


class Quoted(yaml.SafeDumper):
    """Every text in quotation marks: PyYAML and OmegaConf do not agree on which texts are numbers."""


Quoted.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def distinct(values: list) -> list:
    return list({(type(value).__name__, repr(value)): value for value in values}.values())


@st.composite
def grids(draw):
    """One product: axes, maybe a zip, maybe a point left out."""
    names = draw(st.lists(st.sampled_from(["p", "q", "o.lr", "o.m", "deep.er.z"]), unique=True, max_size=3))
    grid = {name: distinct(draw(POINTS)) for name in names}
    grid |= draw(st.sampled_from([{}, {"r": "range(0,5,2)"}, {"s": {"linspace": [0, 1, 3]}}]))
    if draw(st.booleans()):
        size = draw(st.integers(1, 3))
        grid["zip"] = {"y": list(range(size)), "z": [f"z{n}" for n in range(size)]}
    if draw(st.booleans()) and len(grid.get("p", [])) > 1:
        grid["exclude"] = [{"p": grid["p"][0]}]
    return grid


CHECKS = st.one_of(
    st.sampled_from(["error.mean <= 0.1", "val/loss.min <= 1.05 * baseline"]),
    st.fixed_dictionaries(
        {"metric": st.sampled_from(["loss.min", "`a b`.last"])},
        optional={"direction": st.sampled_from(["min", "max"]), "rtol": st.sampled_from(["1%", 0.5]), "n_sigma": st.integers(1, 5)},
    ),
)
SCHEMAS = st.one_of(
    st.none(),
    st.just("checks.Table"),
    st.dictionaries(
        NAMES, st.fixed_dictionaries({"dtype": st.just("float64")}, optional={"checks": st.just({"isin": [1, 2.5]})}), max_size=2
    ).map(lambda columns: {"columns": columns}),
)
EXPERIMENTS = st.fixed_dictionaries(
    {
        "kwargs": st.dictionaries(NAMES, VALUES, max_size=3).map(lambda kwargs: {"depth": 2, "swept": 0, **kwargs}),
        "params": st.one_of(grids(), st.lists(grids(), min_size=1, max_size=2)),
        "steps": st.just(["a.b", {"call": "c.d", "kwargs": {"q": [1, None]}, "timeout": "1h"}, {"command": "echo ${params.p} $HOME"}]),
    },
    optional={
        "description": TEXTS.filter(lambda text: "depth" not in text),
        "tags": st.lists(st.text("ab ", max_size=3), max_size=2),
        "seed": st.integers(-(2**40), 2**40),
        "replicates": st.integers(1, 3),
        "checks": st.lists(CHECKS, max_size=3),
        "results": st.fixed_dictionaries({"schema": SCHEMAS}, optional={"columns": st.just([{"best": "loss.min"}, "params.p"])}),
        "executor": st.fixed_dictionaries({"name": st.sampled_from(["local", "serial"])}, optional={"workers": st.integers(1, 4)}),
        "hydra": st.just({"job": {"name": "mine"}, "sweeper": {"params": {"swept": "1,2"}}}),
    },
)
LINES = st.lists(
    st.sampled_from(["+model=svm,tree", "+M=1,2", "seed=3", "replicates=2", "executor=serial", "depth=3,4"]), unique=True, max_size=3
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
@given(EXPERIMENTS, LINES)
def test_an_experiment_comes_back_from_its_file(declared, lines):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        text = "# @package _global_\n" + yaml.dump(declared, Dumper=Quoted, allow_unicode=True, sort_keys=False)
        for name, content in {"experiment/x.yaml": text, **GROUPS}.items():
            (root / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "conf" / name).write_text(content)
        (first,) = load(Request(cwd=root, overrides=("+experiment=x", *lines)))
        file = root / "results" / "x" / "experiment.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(first.yaml)
        (second,) = load(Request(cwd=root, file=file))
    assert repr(unsaid(second)) == repr(unsaid(first))  # repr: NaN is not equal to itself
    assert second.yaml == first.yaml
    assert [run.id_run for run in expanded(second)] == [run.id_run for run in expanded(first)]


def unsaid(experiment):
    """Without the words of the command line, which are in the file as what they did."""
    return dataclasses.replace(
        experiment, overrides=(), variants=tuple(dataclasses.replace(v, kwargs_at=None) for v in experiment.variants)
    )


def expanded(experiment):
    return plan.expand(experiment, ("",) * len(experiment.steps))
