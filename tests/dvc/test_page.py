"""docs/dvc.md, done from top to bottom with the real DVC."""

import json
import re
import shutil

import pytest
import yaml

from tests.dvc.conftest import ROOT

PAGE = (ROOT / "docs/dvc.md").read_text()
(STAGE,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
FIRST, CHANGED, TRACKED = ([line for line in block.splitlines() if line] for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL))


@pytest.fixture
def iris(project):
    """With the stage of the page in dvc.yaml."""
    shutil.copytree(ROOT / "data", project.root / "data", ignore=lambda _, names: [name for name in names if name != ".gitignore"])
    for name in ("dvc.yaml", "dvc.lock"):
        shutil.copy(ROOT / name, project.root / name)
    with (project.root / "dvc.yaml").open("a") as file:
        file.write(STAGE)
    return project


def executed(project):
    """How many runs the last invocation has executed."""
    manifest = json.loads((project.root / "results/iris/manifest.json").read_text())
    return sum(manifest["counts"].values()) - manifest["cached"]


def test_a_stage_has_metrics_and_plots_and_their_differences(iris):
    told = {line: iris.sh(line) for line in FIRST}
    assert "mean.accuracy" in told["dvc metrics show"]
    (metrics,) = json.loads(iris.sh("dvc metrics show --json"))[""]["data"].values()
    assert metrics["data"]["counts"] == {"COMPLETED": 15}
    assert 0.9 < metrics["data"]["mean"]["accuracy"] < 1
    (plot,) = json.loads(iris.sh("dvc plots show --json"))["data"].values()
    values = plot[0]["content"]["data"]["values"]
    assert len(values) == 15
    assert {"split", "accuracy", "model"} <= set(values[0])
    assert (iris.root / "dvc_plots/index.html").is_file()
    assert "up to date" in iris.sh("dvc status")
    assert iris.sh("git status --porcelain -- results dvc.lock dvc.yaml") == ""

    told = {line: iris.sh(line) for line in CHANGED}
    assert "mean.accuracy" in told["dvc metrics diff"]
    assert {"workspace", "HEAD"} <= {
        value["rev"]
        for value in json.loads(iris.sh("dvc plots diff --json"))["data"]["results/iris/table.csv"][0]["content"]["data"]["values"]
    }

    iris.sh("rm -r results/iris && git checkout --quiet . && dvc repro --force classifiers")  # DVC removes what a stage makes
    assert executed(iris) == 0
    assert json.loads(iris.sh("dvc metrics diff --json")) == {}


def test_a_check_that_does_not_hold_fails_the_stage_and_nothing_is_recorded(iris):
    iris.sh("dvc repro iris")
    with (iris.root / "conf/experiment/iris.yaml").open("a") as file:
        file.write("checks: [accuracy.min > 1]\n")
    iris.sh("dvc repro classifiers", code=255)
    assert set(yaml.safe_load((iris.root / "dvc.lock").read_text())["stages"]) == {"iris"}


def test_results_that_dvc_tracks_come_back_and_run_again(project):
    for line in TRACKED[:-1]:
        told = project.sh(line)
        assert ("modified" in told) == line.startswith("dvc status"), line
    before = project.content("results/coins")
    project.sh(TRACKED[-1])
    after = project.content("results/coins")
    assert {name for name in before if before[name] != after.get(name)} == {"manifest.json"}
    assert json.loads(after["manifest.json"])["cached"] == 4
    assert project.corrupt() == []
