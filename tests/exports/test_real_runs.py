"""From a step that logs to what the other program reads, without a shortcut."""

import csv
import io
import json

import pytest

STEPS = """
def train(run):
    run.log_param("width", 128)
    for epoch in range(3):
        run.log_metric("loss", run.params.lr * (3 - epoch))
    with run.child_run("fold0", params={"fold": 0}) as child:
        child.log_metric("loss", 0.5)
    run.fields["error"] = run.params.lr * 2
"""


@pytest.fixture
def trained(tmp_path, xrun):
    (tmp_path / "steps.py").write_text(STEPS)
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "demo.yaml").write_text("# @package _global_\nkwargs: {depth: 3}\nparams: {lr: [0.5, 1.0]}\nsteps: [steps.train]\n")
    assert xrun("+experiment=demo").returncode == 0
    return tmp_path


def test_what_a_step_logs_is_exported(trained, xrun):
    done = xrun("export", "csv", "demo", "-")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(line["lr"], line["error"], line["loss"], line["width"]) for line in lines] == [
        ("0.5", "1.0", "0.5", "128"),
        ("1.0", "2.0", "1.0", "128"),
    ]
    points = list(csv.DictReader(io.StringIO(xrun("export", "csv", "demo", "-", "--metrics").stdout)))
    assert [(p["lr"], p["step"], p["value"]) for p in points[:3]] == [("0.5", "0", "1.5"), ("0.5", "1", "1.0"), ("0.5", "2", "0.5")]
    assert [line["done"] for line in [json.loads(xrun("export", "tensorboard", "demo", "tb", "--json").stdout)]] == [{"new": 4}]


def test_only_runs_that_were_executed_again_are_exported_to_mlflow_again(trained, xrun):
    def export():
        return json.loads(xrun("export", "mlflow", "demo", "--uri", "sqlite:///m.db", "--json").stdout)["done"]

    assert export() == {"new": 4}
    assert xrun("+experiment=demo").returncode == 0  # all cached
    assert export() == {"unchanged": 4}
    assert xrun("+experiment=demo", "--force").returncode == 0
    assert export() == {"replaced": 4}


def test_code_that_was_edited_makes_other_runs_of_which_dvc_gets_the_new_ones(trained, xrun):
    assert xrun("export", "dvc", "demo").returncode == 0
    first = json.loads((trained / "results/demo/metrics.json").read_text())
    (trained / "steps.py").write_text(STEPS.replace("lr * 2", "lr * 4"))
    assert xrun("+experiment=demo").returncode == 0
    assert xrun("export", "dvc", "demo").returncode == 0
    second = json.loads((trained / "results/demo/metrics.json").read_text())
    assert first["mean"]["error"] * 2 == second["mean"]["error"] == 3.0
    assert set(second["runs"]) == {"lr=0.5", "lr=1.0"}
