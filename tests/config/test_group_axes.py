"""Config groups that the YAML sweeps are what the command line sweeps: one plan, the same ids."""

from pathlib import Path

import pytest

from runner import plan
from runner.config.load import Request, load
from runner.errors import ConfigError

MODELS = {"svm": "C: 1\n", "tree": "depth: 2\n", "knn": "k: 3\n"}


@pytest.fixture
def declare(tmp_path: Path):
    """Write an experiment that has the group `model` in its defaults list, and list its runs: (params, kwargs, id)."""
    for name, text in MODELS.items():
        (tmp_path / "conf/model").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"conf/model/{name}.yaml").write_text(text)
    (tmp_path / "conf/experiment").mkdir()

    def runs(text: str, *overrides: str):
        head = "# @package _global_\nname: x\ndefaults: [{/model: svm}, _self_]\nsteps: [a.b]\n"
        (tmp_path / "conf/experiment/x.yaml").write_text(head + text)
        (experiment,) = load(Request(overrides=("+experiment=x", *overrides), cwd=tmp_path))
        planned = plan.expand(experiment, ("",))
        return [(run.params, planned.kwargs(run)["model"], run.id_run) for run in planned]

    return runs


def test_an_axis_called_like_a_group_sweeps_the_group(declare):
    found = declare("params: {model: [svm, tree], n: [1, 2]}\n")
    assert [params for params, _, _ in found] == [{"model": m, "n": n} for m in ("svm", "tree") for n in (1, 2)]
    assert [model for _, model, _ in found] == [{"C": 1}, {"C": 1}, {"depth": 2}, {"depth": 2}]


@pytest.mark.parametrize(
    "text",
    [
        "params: {model: [svm, tree], n: [1]}\n",
        'params: {model: "svm,tree", n: [1]}\n',
        "params: {n: [1]}\nhydra: {sweeper: {params: {model: 'svm,tree'}}}\n",
    ],
)
def test_yaml_and_command_line_make_the_same_ids(declare, text):
    assert declare(text) == declare("params: {n: [1]}\n", "model=svm,tree")


def test_the_command_line_wins(declare):
    assert declare("params: {model: [svm, tree]}\n", "model=knn") == declare("", "model=knn")


def test_glob_text_sweeps_all_options(declare):
    assert [params["model"] for params, _, _ in declare('params: {model: "glob(*)"}\n')] == ["knn", "svm", "tree"]


def test_a_value_that_is_no_option_is_refused_with_the_options(declare):
    with pytest.raises(ConfigError, match=r"params\.model: `model` is a config group.*\n.*knn, svm, tree"):
        declare("params: {model: [1, 2]}\n")
    with pytest.raises(ConfigError, match="no option `svn`"):
        declare("params: {model: [svn]}\n")
