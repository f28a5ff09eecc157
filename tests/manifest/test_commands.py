"""Commands that read a results folder in which anything may stand: an exit code that docs/command-line.md names, and no traceback."""

import contextlib
import gc
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli import main
from tests import calling
from tests.calling import XRUN
from tests.manifest.test_shape import JSON, places

CONFIG = """\
# @package _global_
name: odd
params: {x: [1, 2, 3]}
steps: [odd_steps.f]
checks: [y <= 9]
"""
STEPS = "def f(x):\n    if x == 3:\n        raise ValueError('no')\n    return {'y': x}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "odd_steps.py").write_text(STEPS)
    (folder / "conf" / "experiment").mkdir(parents=True)
    (folder / "conf" / "experiment" / "odd.yaml").write_text(CONFIG)
    calling.run([XRUN, "+experiment=odd", "-q"], cwd=folder)
    file = folder / "results" / "odd" / "manifest.json"
    told = json.loads(file.read_text())
    told["packages"] = {"numpy": told["packages"]["numpy"]}  # so that what is changed is mostly something else
    file.write_text(json.dumps(told))
    (folder / "kept.json").write_text(json.dumps(told))
    calling.run([XRUN, "check", "odd", "-c", "y <= baseline", "--update-baseline"], cwd=folder)
    return folder


def call(project: Path, *arguments: str) -> tuple[object, str]:
    said, bytecode = io.StringIO(), sys.dont_write_bytecode
    try:
        with contextlib.chdir(project), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            with pytest.raises(SystemExit) as end:
                main(arguments)
            return end.value.code, said.getvalue()
    finally:
        gc.enable()  # a process of xrun's own would end here
        sys.dont_write_bytecode = bytecode


@pytest.fixture
def intact(project: Path) -> Path:
    (project / "results/odd/manifest.json").write_bytes((project / "kept.json").read_bytes())
    return project


@settings(max_examples=60)
@given(st.data())
def test_no_value_in_a_manifest_is_a_traceback(project, data):
    told = json.loads((project / "kept.json").read_text())
    *way, last = data.draw(st.sampled_from(places(told)[1:]))
    found = told
    for key in way:
        found = found[key]
    found[last] = data.draw(JSON)
    (project / "results/odd/manifest.json").write_text(json.dumps(told))
    commands = [("verify", "odd"), ("diff", "results/odd", "odd"), ("check", "odd"), ("reproduce", "odd"), ("doctor",), ("gc",)]
    command = data.draw(st.sampled_from(commands))

    code, said = call(project, *command)

    assert (code in (0, 1, 2, 3, 66, 74), "Traceback" in said) == (True, False), f"{command}: {code}\n{said}"
    assert code == 0 or said.strip()


@pytest.mark.parametrize("odd", ["xrun: {format: 1, variants: 5}", "zzz: [{1: 2}]", "xrun: 3", "params: [[1]]", "[1]"])
def test_no_experiment_yaml_is_a_traceback(intact, tmp_path, odd):
    shutil.copytree(intact / "results" / "odd", tmp_path / "odd")
    file, changed = tmp_path / "odd/experiment.yaml", yaml.safe_load(odd)
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changed if isinstance(changed, dict) else changed))
    for command in (("verify",), ("diff", "odd"), ("diff", "--json", "odd"), ("check", "odd", "--baseline")):
        code, said = call(intact, *command, str(tmp_path / "odd"))
        assert (code in (0, 1, 2, 3, 74), "Traceback" in said) == (True, False), f"{command}: {code}\n{said}"


@pytest.mark.parametrize(
    ("name", "content"),
    [("table.csv", b"id_run,x,y\na,\xff,1\n"), ("table.csv", b""), ("table.parquet", b"PAR1"), ("manifest.json", b"\xff")],
)
def test_results_that_cannot_be_read_are_exit_74_and_no_regression(intact, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    code, said = call(intact, "check", "odd", "--baseline", str(tmp_path), "-c", "y <= baseline")

    expected = 2 if name == "manifest.json" else 74  # there is no table beside it
    assert (code, "Traceback" in said) == (expected, False), said
    assert str(tmp_path) in said
