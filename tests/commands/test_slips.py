"""What a new user gets wrong first, and is told: file, key, nearest choice, and the command that was meant."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]

LATE = {
    "checks: [{metric: y, direktion: max}]": "checks[0].direktion: unknown key `direktion`\n  did you mean `direction`?",
    "checks: [y.mean <=]": "checks[0]: the check cannot be read",
    "results: {schema: {dtype: flot64}}": "results.schema.dtype: unknown dtype 'flot64'\n  did you mean `float64`?",
    "results: {columns: [{x: y}]}": "results.columns.x: the table has a column `x` already, an axis",
    "identity: {packages: [nunpy]}": "identity.packages: the package `nunpy` is not installed\n  did you mean `numpy`?",
}
"""What is found when the experiment is frozen already: by the checks, the table, the environment."""


@pytest.mark.parametrize("line", LATE)
def test_a_mistake_that_is_found_late_names_the_file_as_well(project: Path, xrun: Xrun, line: str) -> None:
    file = project / "conf/experiment/squares.yaml"
    file.write_text(f"{file.read_text()}{line}\n")
    for command in ((), ("plan",)):
        done = xrun(*command, "+experiment=squares")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"xrun: {file}: {LATE[line]}"), done.stderr
    assert not (project / ".xrun").exists()


def test_a_schema_that_cannot_be_imported_names_the_file(project: Path, xrun: Xrun) -> None:
    file = project / "conf/experiment/squares.yaml"
    file.write_text(f"{file.read_text()}results: {{schema: nowhere.Model}}\n")
    assert f"xrun: {file}: results.schema: nowhere.Model cannot be used" in xrun("+experiment=squares").stderr


def test_a_check_that_the_command_line_sets_is_the_command_lines(xrun: Xrun) -> None:
    assert xrun("plan", "+experiment=squares", "checks=[{metric: y, gg: 1}]").stderr.startswith("xrun: command line: checks[0].gg: ")


def test_a_step_that_is_not_there_names_file_and_place(project: Path, xrun: Xrun) -> None:
    file = project / "conf/experiment/typed.yaml"
    for command in ((), ("plan",)):
        told = xrun(*command, "+experiment=typed").stderr
        assert f"  - {file}: steps[1]: step `missing` (steps.missing): `steps` has no `missing`" in told
        assert f"  - {file}: steps[2]: step `at_all` (nowhere.at_all): there is no module `nowhere`" in told


def test_an_experiment_without_steps_names_its_file(project: Path, xrun: Xrun) -> None:
    file = project / "conf/experiment/squares.yaml"
    file.write_text("# @package _global_\nparams: {x: [1]}\n")
    assert xrun("+experiment=squares").stderr.startswith(f"xrun: {file}: steps: there is no step")


def test_modules_are_among_what_a_package_has(project: Path, xrun: Xrun) -> None:
    (project / "lab").mkdir()
    (project / "lab/__init__.py").touch()
    (project / "lab/steps.py").write_text("def load(x):\n    return {}\n")
    told = xrun("plan", "+experiment=squares", "steps=[lab.step.load]").stderr
    assert "`lab` has no `step`; did you mean `steps`?" in told


MEANT = {
    ("squares",): "to run the experiment: xrun +experiment=squares\n",
    ("squares", "x=1,2"): "to run the experiment: xrun +experiment=squares x=1,2\n",
    ("run", "squares", "x=1"): "none is needed to run an experiment: xrun +experiment=squares x=1\n",
    ("run", "+experiment=squares"): "none is needed to run an experiment: xrun +experiment=squares\n",
    ("square",): "did you mean `xrun +experiment=squares`?\n",
    ("plann",): "did you mean `xrun plan`?\n",
}


@pytest.mark.parametrize("words", MEANT, ids=" ".join)
def test_a_first_word_that_is_no_command_is_answered_with_what_was_meant(xrun: Xrun, words: tuple[str, ...]) -> None:
    done = xrun(*words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"xrun: there is no command `{words[0]}`")
    assert done.stderr.endswith(MEANT[words])


@pytest.mark.parametrize("word", ["+experiment=", "experiment=", "+experiment=null"])
def test_no_experiment_is_answered_with_those_that_there_are(xrun: Xrun, word: str) -> None:
    done = xrun(word)
    assert (done.returncode, done.stdout) == (2, "")
    told = "no experiment is named; there are: kinds, late, picky, slow, squares, typed, wrong"
    assert done.stderr == f"xrun: command line: {word}: {told}\n"


def test_the_first_of_runs_that_failed_alike_is_the_first_of_the_plan(project: Path, xrun: Xrun) -> None:
    """Also where it is the last to fail: what is told of the same plan twice is equal."""
    source = "import time\ndef square(x):\n    time.sleep((3 - x) * 0.3)\n    raise ValueError('no')\n"
    (project / "steps.py").write_text(source)
    for x in ("1,2,3", "1,2,3"):
        told = xrun("+experiment=squares", f"x={x}", "executor.workers=3").stderr
        assert "FAILED: 3 runs" in told
        assert next(line for line in told.splitlines() if line.startswith("  first: ")).endswith("  x=1")
