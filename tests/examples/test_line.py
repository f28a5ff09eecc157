"""The example `line`: a script that knows nothing of xrun, swept as it is."""

import json
import shutil
from pathlib import Path

import pytest

import runner

AXES = [(lr, momentum) for lr in (0.03, 0.1, 0.3) for momentum in (0.0, 0.5)]
STEPS = 50


@pytest.fixture
def project(make_project, repository, tmp_path):
    """The example alone, to be edited."""
    project = make_project(tmp_path)
    for file in ("examples/scripts/line.py", "conf/experiment/line.yaml"):
        (tmp_path / file).parent.mkdir(parents=True)
        shutil.copy(repository / file, tmp_path / file)
    return project


@pytest.fixture(scope="module")
def swept(make_project, repository, tmp_path_factory):
    """The project after `xrun +experiment=line`."""
    project = make_project(repository, tmp_path_factory.mktemp("line"))
    project.xrun("+experiment=line", "-q")
    return project


@pytest.fixture
def line(swept, repository, monkeypatch):
    """Its results, as a program reads them."""
    monkeypatch.chdir(repository)
    return runner.load("line", swept.workspace)


def test_script_knows_nothing_of_xrun(repository):
    text = (repository / "examples/scripts/line.py").read_text()

    assert "runner" not in text
    assert "xrun" not in text


def test_params_are_its_arguments_and_its_lines_are_a_metric(line, swept, tmp_path):
    points = line.metrics("loss")

    curves = dict(iter(points.groupby(["lr", "momentum"])))

    assert set(curves) == set(AXES)
    for (lr, momentum), curve in curves.items():
        script = swept.root / "examples/scripts/line.py"
        alone = swept.call("python", script, f"--lr={lr}", f"--momentum={momentum}", cwd=tmp_path).stdout
        assert list(curve["step"]) == list(range(STEPS))
        assert list(curve["value"]) == [float(text.split()[1]) for text in alone.splitlines() if text.startswith("loss: ")]


def test_each_run_keeps_the_model_that_it_has_written(line, repository):
    models = line.artifacts()
    found = {Path(file).read_text() for file in models["file"]}

    assert list(models["path"]) == ["outputs/model.json"] * len(AXES)
    assert len(found) == len(AXES)
    assert not (repository / "outputs").exists()


def test_better_settings_come_closer_to_the_line_behind_the_noise(line):
    table = line.table().set_index(["lr", "momentum"])
    model = line.artifacts(where="lr == 0.3 and momentum == 0.5")["file"].iloc[0]

    assert table["loss.last"][0.03, 0.0] > table["loss.last"][0.1, 0.0] > table["loss.last"][0.3, 0.5]
    told = json.loads(Path(model).read_text())
    assert told["slope"] == pytest.approx(3, abs=0.05)
    assert told["intercept"] == pytest.approx(-1, abs=0.05)


def test_output_of_each_run_is_kept(line):
    for text in line.logs().values():
        assert text.startswith("loss: ")
        assert text.splitlines()[-1].startswith("y = ")


def test_other_arguments_are_other_runs(project):
    project.xrun("+experiment=line", "lr=0.1", "momentum=0.5", "-q")
    (first,) = project.rows("line")
    file = project.root / "conf/experiment/line.yaml"
    file.write_text(file.read_text().replace("args: {", "args: {--steps: 10, "))

    project.xrun("+experiment=line", "lr=0.1", "momentum=0.5", "-q")

    (second,) = project.rows("line")
    assert second["id_run"] != first["id_run"]
    assert float(second["loss.last"]) > float(first["loss.last"])


def test_edited_script_is_run_again(project):
    project.xrun("+experiment=line", "lr=0.1", "-q")
    script = project.root / "examples/scripts/line.py"
    script.write_text(script.read_text().replace("outputs/model.json", "outputs/fit.json"))

    project.xrun("+experiment=line", "lr=0.1", "-q")

    assert project.manifest("line")["cached"] == 0
