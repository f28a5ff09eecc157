"""`xrun gc`: what a manifest names stays, the rest goes when it is told to, and the space with it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STEP = """
def step(run, x):
    run.log_list('loss', [x / 3] * 20000)
    (run.dir / 'model.bin').write_bytes(os.urandom(200_000))
    run.log_artifact(run.dir / 'model.bin')
    with run.child_run('part') as part:
        part.log_metric('m', 1)
    if x > 90:
        raise ValueError(x)
    return {'y': x}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Where the project lies that is the same for all tests, once one of them has made it."""
    return tmp_path_factory.mktemp("template") / "made"


@pytest.fixture
def made(project, xrun, template):
    """20 runs, of which the last plan names 5; two of the others failed."""
    if template.exists():
        shutil.copytree(template, project, dirs_exist_ok=True)
        return project
    (project / "big.py").write_text("import os\n" + STEP)
    (project / "conf" / "experiment" / "big.yaml").write_text("# @package _global_\nparams: {x: [1]}\nsteps: [big.step]\n")
    assert xrun("+experiment=big", "x=range(0,18)").returncode == 0
    assert xrun("+experiment=big", "x=91,92").returncode == 1
    assert xrun("+experiment=big", "x=range(0,5)").returncode == 0
    shutil.copytree(project, template)
    return project


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def told(xrun, *arguments):
    done = xrun("gc", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_says_what_would_go_and_removes_nothing(made, xrun):
    before = snapshot(made / ".xrun")
    said = told(xrun)
    assert (len(said["runs"]["big"]), said["removed"]) == (30, False)  # 15 and their child runs
    assert 15 * 360_000 < said["bytes"] < 15 * 400_000
    assert "30 runs that no manifest names" in xrun("gc").stdout
    assert snapshot(made / ".xrun") == before


def test_with_yes_it_goes_the_space_too_and_what_a_manifest_names_stays(made, xrun):
    before = size(made / ".xrun")
    table = (made / "results/big/table.csv").read_text()
    said = told(xrun, "--yes")
    assert said["removed"]
    freed = before - size(made / ".xrun")
    assert freed == said["freed"]
    assert freed > 0.95 * said["bytes"] > 0.7 * 0.95 * before
    names = json.loads((made / "results/big/manifest.json").read_text())["runs"]
    assert sorted(path.name for path in (made / ".xrun/artifacts").iterdir()) == sorted(names)
    assert {json.loads(line)["id_run"] for line in xrun("ls", "big", "--json").stdout.splitlines()} == set(names)
    again = json.loads(xrun("+experiment=big", "x=range(0,5)", "--json").stdout)
    assert again["cached"] == 5
    assert (made / "results/big/table.csv").read_text() == table
    assert xrun("doctor").returncode == 0
    assert told(xrun)["runs"] == {}


def test_failed_and_age_and_experiment_narrow_it(made, xrun):
    assert len(told(xrun, "--failed")["runs"]["big"]) == 4
    assert told(xrun, "--older-than", "1h")["runs"] == {}
    assert len(told(xrun, "--older-than", "0s", "--experiment", "big")["runs"]["big"]) == 30
    assert xrun("gc", "--experiment", "bog").returncode == 3
    assert "did you mean `big`?" in xrun("gc", "--experiment", "bog").stderr
    wrong = xrun("gc", "--older-than", "month")
    assert wrong.returncode == 2
    assert "30d" in wrong.stderr


def test_experiments_without_a_manifest_go_only_by_name(made, xrun):
    code = "from runner.recorder import Recorder\nwith Recorder('mine') as run:\n    run.log_metric('loss', 1)\n"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")}
    subprocess.run([sys.executable, "-c", code], cwd=made, env=environment, check=True)
    assert "mine" not in told(xrun)["runs"]
    assert list(told(xrun, "--experiment", "mine")["runs"]) == ["mine"]


def test_folders_of_no_run_and_drafts_go(made, xrun):
    orphan = made / ".xrun/artifacts/00000000-0000-8000-8000-000000000000"
    orphan.mkdir()
    (orphan / "x").write_bytes(b"x" * 1000)
    draft = made / "results/big/.table.csv.00.tmp"
    draft.write_text("half")
    said = told(xrun, "--failed", "--older-than", "1h")
    assert (said["orphans"], said["drafts"], said["bytes"]) == ([orphan.name], [str(draft)], 1004)
    told(xrun, "--failed", "--older-than", "1h", "--yes")
    assert not orphan.exists()
    assert not draft.exists()


def test_a_manifest_that_cannot_be_read_stops_it(made, xrun):
    (made / "results/big/manifest.json").write_text("{")
    before = snapshot(made / ".xrun")
    done = xrun("gc", "--yes")
    assert done.returncode == 74
    assert "manifest.json" in done.stderr
    assert snapshot(made / ".xrun") == before


def test_a_run_that_another_experiment_names_stays(project, xrun):
    folder = project / "conf" / "experiment"
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(f"# @package _global_\nname: {name}\nparams: {{x: [1, 2]}}\nsteps: [steps.square]\n")
        assert xrun(f"+experiment={name}").returncode == 0
    xrun("+experiment=one", "x=7")
    assert told(xrun, "--yes")["runs"] == {}
    assert json.loads(xrun("+experiment=two", "--json").stdout)["cached"] == 2
    assert Path(project / "results/one/manifest.json").is_file()
