"""F21: code that is edited while a sweep executes: no result of the new code under the old identity."""

import copy
import shutil

import pytest

from tests.waiting import until

RUN = "+experiment=squares"

LAZY = """
    import time
    from pathlib import Path


    def square(x: int, scale: float = 1.0) -> dict:
        import helper

        return {"y": helper.twice(x)}


    def held(x: int, gate: str = "", scale: float = 1.0) -> dict:
        Path(gate, f"began{x}").touch()
        while not Path(gate, "go").exists():
            time.sleep(0.01)
        import helper

        return {"y": helper.twice(x)}
    """


@pytest.fixture
def edited(project, tmp_path_factory):
    """edited(overrides, edit): a sweep during whose first runs `edit` happens; what it printed."""

    def run(*overrides, edit, code=1):
        gate = tmp_path_factory.mktemp("gate")
        process = project.start(RUN, f"+kwargs.gate={gate}", *overrides)
        until(lambda: any(gate.glob("began*")) or process.poll() is not None)
        edit()
        (gate / "go").touch()
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, err + out
        return err + out

    return run


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_a_module_that_is_imported_after_an_edit_fails_its_run(project, edited, start):
    project.write("steps.py", LAZY)
    project.edit("conf/experiment/squares.yaml", "steps.square", "steps.held")
    told = edited("executor.workers=1", f"executor.start={start}", edit=lambda: project.edit("helper.py", "FACTOR = 2", "FACTOR = 3"))
    runs = project.runs()
    assert {run["status"] for run in runs} == {"FAILED"}
    assert {run["failure"]["kind"] for run in runs} == {"CodeChanged"}
    assert "helper.py was changed after the sweep began" in runs[0]["failure"]["message"]
    assert "running again uses the new code" in told


def test_a_worker_that_has_it_already_goes_on_with_the_old_code(project, edited):
    project.write("steps.py", LAZY.replace("import time\n", "import time\n    import helper\n", 1))
    project.edit("conf/experiment/squares.yaml", "steps.square", "steps.held")
    edited("executor.workers=1", edit=lambda: project.edit("helper.py", "FACTOR = 2", "FACTOR = 3"), code=0)
    assert sorted(run["fields"]["y"] for run in project.runs()) == [2, 4, 6]


def test_a_worker_that_starts_afresh_after_an_edit_fails_its_runs(project, edited):
    project.write("steps.py", LAZY.replace("return {", "import os; os._exit(3) if x == 1 else None; return {"))
    project.edit("conf/experiment/squares.yaml", "steps.square", "steps.held")
    edited(
        "executor.workers=1", "executor.start=spawn", "x=1,2,3",
        edit=lambda: project.edit("steps.py", "helper.twice(x)}", "-helper.twice(x)}"),
    )  # fmt: skip
    runs = {run["params"]["x"]: run for run in project.runs()}
    assert runs[1]["status"] == "CRASHED"
    assert [runs[x]["failure"]["kind"] for x in (2, 3)] == ["CodeChanged"] * 2
    assert "steps.py" in runs[2]["failure"]["message"]


def test_a_script_that_is_edited_before_its_next_start_or_while_it_runs(project, edited):
    project.write(
        "train.py",
        """
        import sys, time
        from pathlib import Path
        import helper

        x, gate = int(sys.argv[1]), Path(sys.argv[2])
        (gate / f"began{x}").touch()
        while not (gate / "go").exists():
            time.sleep(0.01)
        """,
    )
    script = '{script: train.py, args: ["${params.x}", "${kwargs.gate}"]}'
    project.edit("conf/experiment/squares.yaml", "steps.square", script)
    edited("executor.workers=1", edit=lambda: project.edit("helper.py", "FACTOR = 2", "FACTOR = 3"))
    assert {run["failure"]["kind"] for run in project.runs()} == {"CodeChanged"}


def test_an_edit_elsewhere_disturbs_nobody(project, edited):
    project.write("steps.py", LAZY)
    project.write("unrelated.py", "x = 1\n")
    project.edit("conf/experiment/squares.yaml", "steps.square", "steps.held")
    edited("executor.workers=1", edit=lambda: project.write("unrelated.py", "x = 2\n"), code=0)
    assert {run["status"] for run in project.runs()} == {"COMPLETED"}


def test_running_again_uses_the_new_code(project, edited):
    project.write("steps.py", LAZY)
    project.edit("conf/experiment/squares.yaml", "steps.square", "steps.held")
    edited("executor.workers=1", "x=1", edit=lambda: project.edit("helper.py", "FACTOR = 2", "FACTOR = 3"))
    edited("executor.workers=1", "x=1", edit=lambda: None, code=0)
    assert [run["fields"]["y"] for run in project.runs() if run["status"] == "COMPLETED"] == [3]


PLUGIN = """
    import importlib


    def square(x: int, scale: float = 1.0) -> dict:
        return {"y": importlib.import_module("plug" + "ins." + "odd even".split()[x % 2 == 0]).f(x)}
    """


@pytest.fixture
def plugins(project):
    """Steps that import by names that are made at run time."""
    project.write("steps.py", PLUGIN)
    for name in ("odd", "even", "unused"):
        project.write(f"plugins/{name}.py", "def f(x):\n    return x\n")
    return project


@pytest.mark.parametrize("executor", ["local", "serial"])
def test_a_plugin_that_no_digest_counts_makes_its_results_fall_when_it_is_edited(plugins, executor):
    plugins.xrun(RUN, f"executor={executor}")
    assert plugins.plan() == [("cached", "")] * 3
    plugins.edit("plugins/unused.py", "return x", "return -x")
    assert plugins.plan() == [("cached", "")] * 3
    plugins.edit("plugins/even.py", "return x", "return -x")
    assert plugins.plan() == [("changed", "code: plugins/even.py")] * 3
    assert "stands no more (code: plugins/even.py)" in plugins.xrun("why", plugins.runs()[0]["id_run"])
    assert "3 completed" in plugins.xrun(RUN)
    assert sorted(run["fields"]["y"] for run in plugins.runs()) == [-2, 1, 3]
    assert plugins.plan() == [("cached", "")] * 3


def test_an_edit_that_is_taken_back_gives_the_results_back(plugins):
    plugins.xrun(RUN)
    plugins.edit("plugins/even.py", "return x", "return -x")
    plugins.xrun(RUN, "x=7")  # so that the store has been told
    plugins.edit("plugins/even.py", "return -x", "return x")
    assert plugins.plan() == [("cached", "")] * 3
    assert "3 cached" in plugins.xrun(RUN)


def test_code_off_counts_no_plugin(plugins):
    plugins.edit("conf/experiment/squares.yaml", "[steps.square]", "[{call: steps.square, code: off}]")
    plugins.xrun(RUN)
    plugins.edit("plugins/even.py", "return x", "return -x")
    assert plugins.plan() == [("cached", "")] * 3


def test_another_project_that_shares_the_workspace_makes_no_results_fall(plugins, tmp_path_factory):
    place = ("--workspace", str(tmp_path_factory.mktemp("shared")))
    plugins.xrun(RUN, *place)
    other = type(plugins)(tmp_path_factory.mktemp("other"))
    other.edit("conf/experiment/squares.yaml", "name: squares", "name: others")
    other.xrun(RUN, *place)
    assert len(plugins.json("ls", "squares", "--where", "y >= 0", *place)) == 3
    assert [line["state"] for line in plugins.json("plan", RUN, *place)] == ["cached"] * 3


@pytest.mark.parametrize("moved", [False, True])
def test_a_copy_of_the_project_takes_no_result_of_a_plugin_that_is_another_one_there(plugins, tmp_path_factory, moved):
    place = ("--workspace", str(tmp_path_factory.mktemp("shared")))
    plugins.xrun(RUN, *place)
    there = copy.copy(plugins)
    there.root = tmp_path_factory.mktemp("there") / "project"
    (shutil.move if moved else shutil.copytree)(plugins.root, there.root)
    there.edit("plugins/even.py", "return x", "return -x")
    assert [line["state"] for line in there.json("plan", RUN, *place)] == ["changed"] * 3
    there.xrun(RUN, *place)
    assert sorted(run["fields"]["y"] for run in there.json("ls", "squares", *place)) == [-2, 1, 3]
