"""The example `digits`: a network that learns, from its YAML to its curves, tables, images and models."""

import json
import re
import signal
import subprocess
import time

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import runner

AXES = [(lr, hidden) for lr in (0.001, 0.01, 0.1) for hidden in (16, 64)]
EPOCHS = 30
VALIDATED = 450


@pytest.fixture(scope="module")
def swept(make_project, repository, tmp_path_factory):
    """The project after `xrun +experiment=digits`."""
    project = make_project(repository, tmp_path_factory.mktemp("digits"))
    project.xrun("+experiment=digits", "-q")
    return project


@pytest.fixture
def digits(swept, repository, monkeypatch):
    """Its results, as a program reads them."""
    monkeypatch.chdir(repository)
    return runner.load("digits", swept.workspace)


@pytest.fixture
def project(make_project, repository, tmp_path):
    """This repository, its results elsewhere."""
    return make_project(repository, tmp_path / "workspace")


def test_every_network_learns_and_the_best_reads_nearly_every_digit(digits):
    table = digits.table()

    assert [*zip(table["lr"], table["hidden"], strict=True)] == AXES
    assert list(table.columns) == ["id_run", "lr", "hidden", "val/acc.max", "val/acc.argmax", "loss.last", "mistakes", "weights"]
    assert table["val/acc.max"].min() > 0.9
    assert table["val/acc.max"].max() > 0.965
    assert all(table["weights"] == [64 * hidden + hidden + hidden * 10 + 10 for _, hidden in AXES])


def test_curves_have_a_point_for_each_epoch_and_the_table_summarises_them(digits):
    table = digits.table().set_index("id_run")

    for name in ("loss", "val/acc"):
        for id_run, curve in digits.metrics(name).groupby("id_run"):
            assert list(curve["step"]) == list(range(EPOCHS))
            assert curve["time"].is_monotonic_increasing
            if name == "loss":
                assert curve["value"].iloc[-1] == table["loss.last"][id_run]
                assert curve["value"].iloc[-1] < curve["value"].iloc[0]
            else:
                best = curve["value"].to_numpy().argmax()
                assert (curve["value"].iloc[best], curve["step"].iloc[best]) == (
                    table["val/acc.max"][id_run],
                    table["val/acc.argmax"][id_run],
                )


def test_confusion_tables_count_the_validated_images_and_the_mistakes(digits):
    table = digits.table().set_index("id_run")
    confusion = digits.rows("confusion")

    assert len(confusion) == len(AXES) * 100
    assert set(confusion.groupby("id_run")["images"].sum()) == {VALIDATED}
    mistakes = confusion[confusion["digit"] != confusion["read_as"]].groupby("id_run")["images"].sum()
    assert dict(mistakes) == dict(table["mistakes"])


def test_image_of_the_confusion_is_dark_where_the_digits_are_read_as_they_are(digits):
    images = digits.artifacts().query("kind == 'image'")

    assert list(images["path"]) == ["images/confusion/0.png"] * len(AXES)
    for file in images["file"]:
        with Image.open(file) as image:
            cells = np.asarray(image.convert("L"))[12::24, 12::24]
        assert image.size == (240, 240)
        assert cells[np.eye(10, dtype=bool)].max() < 80
        assert cells[~np.eye(10, dtype=bool)].min() > 80


def test_network_that_was_kept_is_the_one_that_was_measured(digits):
    images, labels = load_digits(return_X_y=True)
    _, validated, _, right = train_test_split(images / 16, labels, test_size=0.25, random_state=0, stratify=labels)
    last = digits.runs(columns=["val/acc.last"]).set_index("id_run")["val/acc.last"]

    networks = digits.artifacts().query("path == 'network.joblib'")

    assert len(networks) == len(AXES)
    for id_run, file in zip(networks["id_run"], networks["file"], strict=True):
        assert joblib.load(file).score(validated, right) == last[id_run]


@pytest.mark.parametrize("who", ["executor.workers=1", "executor=serial"])
def test_seed_alone_decides_what_a_network_learns(project, swept, who):
    project.xrun("+experiment=digits", "lr=0.01", who, "-q")

    assert project.rows("digits") == [row for row in swept.rows("digits") if row["lr"] == "0.01"]


def test_other_seed_is_another_network(project, swept):
    project.xrun("+experiment=digits", "lr=0.01", "hidden=16", "seed=2", "-q")

    (row,) = project.rows("digits")
    (before,) = [row for row in swept.rows("digits") if (row["lr"], row["hidden"]) == ("0.01", "16")]
    assert row["loss.last"] != before["loss.last"]


def test_curve_of_a_network_is_there_while_it_learns_and_stays_when_it_is_stopped(project):
    words = ("+experiment=digits", "lr=0.01", "hidden=16", "epochs=1000000", "-q", "--grace", "0")
    (planned,) = project.xrun("plan", *words[:4], "--json").stdout.splitlines()
    id_run = json.loads(planned)["id_run"]
    with subprocess.Popen(
        ["xrun", *words], cwd=project.root, env=project.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            seen = _wait_for_points(project, id_run)
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130

    kept = _points(project, id_run)
    assert kept[: len(seen)] == seen
    assert [step for step, _ in kept] == list(range(len(kept)))


def _wait_for_points(project, id_run):
    """The first points that a reader sees while the run executes."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if seen := _points(project, id_run):
            return seen
        time.sleep(0.2)
    raise AssertionError("nobody could see a point while the network learned")


def _points(project, id_run):
    words = ["xrun", "metrics", id_run, "val/acc", "--json"]
    told = subprocess.run(words, cwd=project.root, env=project.environment, capture_output=True, text=True, timeout=60, check=False)
    return [(line["step"], line["value"]) for line in map(json.loads, told.stdout.splitlines())]


def test_readme_shows_the_table_that_this_example_makes(swept, repository):
    readme = (repository / "README.md").read_text()
    shown = re.search(r"\$ xrun \+experiment=digits\n(.*?)\n\n", readme, flags=re.DOTALL)
    assert shown
    lines = [line.split() for line in shown[1].splitlines()]

    rows = swept.rows("digits")

    assert lines[0] == list(rows[0])
    assert [line[:3] for line in lines[1:]] == [[row["id_run"], row["lr"], row["hidden"]] for row in rows]
