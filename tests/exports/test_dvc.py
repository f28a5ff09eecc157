"""DVC, the real command, in a scratch repository: what differs between two commits."""

import json
import os
import subprocess

import pytest
import yaml

from tests import calling
from tests.calling import DVC


def dvc(root, *arguments):
    done = calling.run([DVC, *arguments], cwd=root, env={**os.environ, "DVC_NO_ANALYTICS": "1", "CI": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(root, text):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "add", "-A"], cwd=root, check=True, capture_output=True)
    subprocess.run([*git, "commit", "-qm", text], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(project, xrun):
    """Two commits: in the second, an error is larger, and an axis and a kwarg have other values."""
    root = project.root
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text(".xrun/\n")
    dvc(root, "init", "-q")
    assert xrun("export", "dvc", "coins").returncode == 0
    commit(root, "first")
    sweep = project.sweep()
    sweep[0].fields["error"] = 0.5
    sweep[0].metrics["loss"] = ([0, 1], [3.0, 1.5])
    sweep[1].params["N"] = 30
    for run in sweep[:4]:
        run.more["kwargs_json"] = '{"P":0.9,"model":{"C":1}}'
    project.put(*sweep)
    assert xrun("export", "dvc", "coins").returncode == 0
    return root


def test_metrics_diff_shows_what_changed_and_by_how_much(repository):
    (told,) = json.loads(dvc(repository, "metrics", "diff", "--json")).values()
    assert told["mean.error"] == {"old": 0.5, "new": 0.625, "diff": 0.125}
    assert told["runs.N=1 lr=0.5.error"] == {"old": 0.25, "new": 0.5, "diff": 0.25}
    assert told["runs.N=1 lr=0.5.loss.min"] == {"old": 1.0, "new": 1.5, "diff": 0.5}
    assert "runs.N=1 lr=0.5.val/acc" not in told  # the same in both


def test_params_diff_shows_axes_and_kwargs(repository):
    told = json.loads(dvc(repository, "params", "diff", "--json"))
    (changed,) = told.values()
    assert {name: (change["old"], change["new"]) for name, change in changed.items()} == {
        "kwargs.P": (0.8, 0.9),
        "params.N": ("[1, 25, 50, 100]", "[1, 30, 50, 100]"),
    }


def test_metrics_show_reads_all_of_them(repository):
    told = json.loads(dvc(repository, "metrics", "show", "--json"))
    (data,) = told[""]["data"].values()
    assert data["data"]["counts"] == {"COMPLETED": 2, "FAILED": 1, "TIMED_OUT": 1}
    assert set(data["data"]["runs"]) == {"N=1 lr=0.5", "N=30 lr=0.5"}


def test_an_export_of_the_same_results_is_the_same_file(repository, xrun):
    commit(repository, "second")
    assert xrun("export", "dvc", "coins").returncode == 0
    assert subprocess.run(["git", "status", "--porcelain"], cwd=repository, capture_output=True, text=True, check=True).stdout == ""
    assert json.loads(dvc(repository, "metrics", "diff", "--json")) == {}


def test_params_are_nested_as_they_were_declared_and_values_are_plain(project, xrun):
    xrun("export", "dvc", "coins", "made/here")
    told = yaml.safe_load((project.root / "made/here/params.yaml").read_text())
    assert told == {"seed": 7, "kwargs": {"P": 0.8, "model.C": 1}, "params": {"N": [1, 25, 50, 100], "lr": [0.5], "late": ["x"]}}


def test_metrics_are_standard_json(project, xrun):
    xrun("export", "dvc", "coins", "out")

    def refuse(name):
        raise AssertionError(name)

    told = json.loads((project.root / "out/metrics.json").read_text(), parse_constant=refuse)
    assert told["runs"]["N=1 lr=0.5"]["odd"] == "Infinity"
    assert "odd.min" not in told["runs"]["N=1 lr=0.5"]
    assert told["mean"]["loss"] == 1.5


def test_a_dvc_yaml_of_ones_own_is_left_alone(project, xrun):
    folder = project.root / "out"
    folder.mkdir()
    (folder / "dvc.yaml").write_text("stages: {}\n")
    assert xrun("export", "dvc", "coins", "out").returncode == 0
    assert (folder / "dvc.yaml").read_text() == "stages: {}\n"


def test_runs_at_one_point_are_told_apart(project, xrun):
    runs = [project.Made(f"eeeeeee{n}-0000-8000-8000-000000000001", {"N": 1}, {"error": float(n)}) for n in (1, 2)]
    project.put(*runs, experiment="same")
    xrun("export", "dvc", "same", "out")
    told = json.loads((project.root / "out/metrics.json").read_text())["runs"]
    assert told == {"N=1": {"error": 1.0}, "N=1 (eeeeeee2)": {"error": 2.0}}
