"""A step is a function of the user's own code, or of a library that the user names: never of what a config would name to break out."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.spec import CodePolicy, Experiment, Step, Variant
from runner.steps import inspect_steps

REFUSED = [
    "os.system",
    "os:system",
    "os.popen",
    "os.path.os.system",
    "posix.system",
    "subprocess.call",
    "subprocess.Popen",
    "subprocess:check_output",
    "builtins.eval",
    "builtins.exec",
    "builtins.__import__",
    "importlib.import_module",
    "pickle.loads",
    "marshal.loads",
    "shutil.rmtree",
    "runpy.run_path",
    "code.interact",
    "pty.spawn",
    "ctypes.CDLL",
    "logging.config.dictConfig",
    "webbrowser.open",
    "antigravity.geohash",
    "hydra.utils.call",
    "hydra.utils.instantiate",
    "hydra._internal.utils._call_target",
    "omegaconf.OmegaConf.register_new_resolver",
    "yaml.unsafe_load",
    "pip.main",
    "mine.os.system",
    "mine:os.system",
    "mine.run",
    "mine.Popen",
    "mine.sub.shutil.rmtree",
]
MINE = """
import os
from os import system as run
from subprocess import Popen
import functools
import sub_of_mine as sub


def train(x=1):
    return {"y": x}


bound = functools.partial(train, 2)
cached = functools.lru_cache(train)


class Trainer:
    def fit(self, x=1):
        return {"y": x}


fit = Trainer().fit
"""


@pytest.fixture
def inspected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The problems of an experiment with this one step."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "sub_of_mine.py").write_text("import shutil\n")

    def look(call: str, *named: str) -> tuple[str, ...]:
        step = Step(call=call, name="s", code=CodePolicy.OFF)
        made = Experiment(name="e", steps=(step,), variants=(Variant(),), root=tmp_path, yaml="", step_packages=named)
        return inspect_steps(made).problems

    yield look
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("call", REFUSED)
def test_what_is_nobodys_step_is_refused_with_a_sentence(inspected, call, capfd):
    before = set(sys.modules)
    (problem,) = inspected(call)
    assert "nothing in it is taken for a step; write a function that calls it, or name it in pyproject.toml: [tool.xrun] steps" in problem
    assert "antigravity" not in set(sys.modules) - before


@pytest.mark.parametrize("call", ["mine.train", "mine:train", "mine.bound", "mine.cached", "mine.fit", "mine.Trainer.fit"])
def test_the_users_own_functions_are_steps(inspected, call):
    assert [problem for problem in inspected(call) if "nothing provides its parameter `self`" not in problem] == []


def test_a_library_that_somebody_has_installed_is_taken_as_it_is_named(inspected):
    assert not any("is taken for a step" in problem for problem in inspected("numpy.linalg.norm"))


def test_a_package_of_the_users_that_is_called_like_one_of_pythons_is_theirs(inspected, tmp_path):
    (tmp_path / "trace").mkdir()
    (tmp_path / "trace" / "__init__.py").write_text("")
    (tmp_path / "trace" / "steps.py").write_text("def train():\n    return {}\n")
    assert "trace" not in sys.modules
    assert inspected("trace.steps.train") == ()


@pytest.mark.parametrize(("call", "named"), [("statistics.mean", "statistics"), ("os.path.basename", "os.path"), ("mine.run", "posix")])
def test_what_pyproject_names_is_a_step(inspected, call, named):
    assert any("is taken for a step" in problem for problem in inspected(call))
    assert not any("is taken for a step" in problem for problem in inspected(call, named))


def test_a_name_in_pyproject_is_no_beginning_of_another(inspected):
    assert any("is taken for a step" in problem for problem in inspected("subprocess.call", "sub"))


@given(st.sampled_from(sorted(sys.stdlib_module_names)), st.sampled_from([".", ":"]))
def test_no_module_of_pythons_is_taken(module, dot):
    from runner.steps import foreign

    with pytest.raises(foreign.ResolveError, match="standard library"):
        foreign.refuse_reference(f"{module}{dot}anything", Path("/nowhere"), ())


@pytest.mark.parametrize("steps", ['"os"', "[1]", '[""]', "{a = 1}"])
def test_steps_in_pyproject_that_are_no_list_of_names_are_refused(tmp_path, xrun, written, steps):
    written(tmp_path, {"pyproject.toml": f"[tool.xrun]\nsteps = {steps}\n", "conf/experiment/e.yaml": "steps: [os.getcwd]\n"})
    done = xrun("plan", "+experiment=e")
    assert done.returncode == 2
    assert "pyproject.toml: tool.xrun.steps: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_step_ends_with_2_and_nothing_is_written(tmp_path, xrun, written):
    marker = tmp_path / "PWNED"
    written(tmp_path, {"conf/experiment/e.yaml": f"kwargs: {{command: touch {marker}}}\nsteps: [os.system]\n"})
    done = xrun("+experiment=e")
    assert done.returncode == 2
    assert "step `system` (os.system): `os` is part of Python's standard library" in done.stderr
    assert not marker.exists()
    assert not (tmp_path / ".xrun").exists()
    written(tmp_path, {"pyproject.toml": '[tool.xrun]\nsteps = ["os"]\n'})
    assert xrun("+experiment=e").returncode == 1  # it returns 0, which is no mapping of fields; but it has been called
    assert marker.exists()


def test_an_experiment_file_with_such_a_step_is_refused_as_well_when_it_lies_among_results(tmp_path, xrun, written):
    marker = tmp_path / "PWNED"
    text = f"xrun: {{format: 1, groups: [], chosen: {{}}}}\nname: e\nkwargs: {{command: touch {marker}}}\nsteps: [os.system]\n"
    written(tmp_path, {"results/e/experiment.yaml": text})
    assert xrun("results/e/experiment.yaml").returncode == 2
    assert not marker.exists()
