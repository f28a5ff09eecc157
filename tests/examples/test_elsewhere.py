"""A project of one's own, elsewhere: nothing but the installed package, a config directory and plain functions."""

import json
import shutil

import pytest

WORK = """\
def area(width, height=2):
    return {"area": width * height}


def label(run):
    run.fields.label = f"{run.params.width} wide"
"""

EXPERIMENT = """\
# @package _global_
params: {width: [1, 3]}
steps: [mine.work.area, "mine.work:label"]
"""

ROWS = [("1", "2", "1 wide"), ("3", "6", "3 wide")]


def rows(project):
    return [(row["width"], row["area"], row["label"]) for row in project.rows("areas")]


def ids(project):
    return [row["id_run"] for row in project.rows("areas")]


@pytest.fixture
def bare(make_project, tmp_path):
    """A project with steps and without any config, in a folder whose name has a space and an umlaut; no git."""
    project = make_project(tmp_path / "my größte project")
    project.write({"mine/work.py": WORK})
    return project


@pytest.fixture
def project(bare):
    """A project with a config directory in its usual place."""
    bare.write({"conf/experiment/areas.yaml": EXPERIMENT})
    return bare


def test_plain_functions_are_steps(project):
    project.xrun("+experiment=areas")

    assert rows(project) == ROWS
    assert project.manifest("areas")["git"] is None
    assert {path.name for path in project.root.iterdir()} == {".xrun", "conf", "mine", "results"}


def test_project_that_was_moved_keeps_its_ids_and_its_results(project, make_project, tmp_path):
    project.xrun("+experiment=areas")
    first = ids(project)

    moved = make_project(shutil.move(project.root, tmp_path / "moved"))
    moved.xrun("+experiment=areas")

    assert (ids(moved), moved.manifest("areas")["cached"]) == (first, 2)


def test_experiment_file_in_the_results_runs_from_any_folder(project, tmp_path):
    project.xrun("+experiment=areas")
    first = ids(project)

    project.xrun(project.result("areas", "experiment.yaml"), cwd=tmp_path)

    assert (ids(project), project.manifest("areas")["cached"]) == (first, 2)


def test_experiment_file_takes_overrides_a_plan_and_checks_from_any_folder(project, tmp_path):
    project.write({"conf/experiment/areas.yaml": EXPERIMENT + "checks: [area.max <= 10]\n"})
    project.xrun("+experiment=areas")
    first = ids(project)
    file = project.result("areas", "experiment.yaml")

    planned = project.xrun("plan", "-m", "width=3,5", file, "--json", cwd=tmp_path).stdout.splitlines()
    assert [(json.loads(line)["state"], json.loads(line)["params"]["width"]) for line in planned] == [("cached", 3), ("new", 5)]
    assert "1 passed" in project.xrun("check", file, cwd=tmp_path).stderr
    project.xrun("-m", "width=3,7", file, cwd=tmp_path, code=1)
    assert (ids(project)[0], project.manifest("areas")["cached"]) == (first[1], 1)
    assert "area.max is 14" in project.xrun("check", file, cwd=tmp_path, code=1).stderr
    assert not [path for path in tmp_path.iterdir() if path != project.root]


def test_copy_of_an_experiment_file_runs_in_the_project_of_the_working_directory(project, tmp_path):
    project.xrun("+experiment=areas")
    first = ids(project)
    copy = shutil.copy(project.result("areas", "experiment.yaml"), tmp_path / "my copy.yaml")

    project.xrun(copy)
    assert (ids(project), project.manifest("areas")["cached"]) == (first, 2)

    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    done = project.xrun(copy, cwd=nowhere, code=2)
    assert f"{copy} nor {nowhere} lies in a project: steps are imported from {nowhere}" in done.stderr
    assert "mine" in done.stderr
    assert not list(nowhere.iterdir())
    project.xrun(copy, "-cp", project.root / "conf", cwd=nowhere)
    assert (ids(project), project.manifest("areas")["cached"]) == (first, 2)


def test_two_experiment_files_are_one_too_many(project):
    assert "run one after the other" in project.xrun("a.yaml", "b.yaml", code=2).stderr


def test_subfolder_of_a_git_repository_finds_the_config_directory_at_its_root(project):
    project.call("git", "init", "--quiet")
    inside = project.root / "notes" / "deep"
    inside.mkdir(parents=True)

    project.xrun("+experiment=areas", cwd=inside)

    assert rows(project) == ROWS
    assert not list(inside.iterdir())
    assert project.manifest("areas")["git"]["dirty"] is True


def test_config_directory_may_be_chosen_by_an_environment_variable(bare, tmp_path):
    bare.write({"my settings/experiment/areas.yaml": EXPERIMENT})

    bare.xrun("+experiment=areas", XRUN_CONF="my settings")
    bare.xrun("+experiment=areas", cwd=tmp_path, XRUN_CONF=bare.root / "my settings")

    assert (rows(bare), bare.manifest("areas")["cached"]) == (ROWS, 2)


def test_config_directory_may_be_chosen_in_pyproject_toml(bare):
    bare.write({"etc/xrun/experiment/areas.yaml": EXPERIMENT, "pyproject.toml": '[tool.xrun]\nconf = "etc/xrun"\n'})

    bare.xrun("+experiment=areas")

    assert rows(bare) == ROWS


@pytest.mark.parametrize("option", ["-cp", "--config-path"])
def test_config_directory_may_be_chosen_on_the_command_line(project, option):
    other = EXPERIMENT.replace("[1, 3]", "[5]")
    project.write({"other/experiment/areas.yaml": other})

    project.xrun(option, "other", "+experiment=areas", XRUN_CONF="conf")

    assert rows(project) == [("5", "10", "5 wide")]


def test_folder_without_a_config_directory_is_told_where_one_was_looked_for(bare):
    done = bare.xrun("+experiment=areas", code=2)

    assert str(bare.root / "conf") in done.stderr
    assert "XRUN_CONF" in done.stderr
    assert [path.name for path in bare.root.iterdir()] == ["mine"]


def test_step_that_does_not_fit_is_told_before_anything_is_written(project):
    project.write({"conf/experiment/areas.yaml": EXPERIMENT.replace("width", "breadth")})

    done = project.xrun("+experiment=areas", code=2)

    assert "nothing provides its parameter `width`" in done.stderr
    assert not (project.root / "results").exists()
