"""`xrun plan` says of every run whether it is new, cached, or changed and why."""

import shutil

import pytest

RUN = "+experiment=squares"


def test_new_then_cached_then_changed(project):
    assert project.plan() == [("new", "")] * 3
    project.xrun(RUN)
    assert project.plan() == [("cached", "")] * 3
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    assert project.plan() == [("changed", "code: helper.py")] * 3
    assert project.plan("x=2,7") == [("changed", "code: helper.py"), ("new", "")]


CHANGES = {
    "kwargs.scale 1.0 -> 2.0": (["scale=2.0"], None),
    "seed 0 -> 5": (["seed=5"], None),
    "data: data.csv (added)": (["data=[data.csv]"], None),
    "packages.numpy (none) -> ": (["identity.packages=[numpy]"], None),
    "step later added": ([], ("conf/experiment/squares.yaml", "[steps.square]", "[steps.square, {call: steps.later, name: later}]")),
    'step square.call "steps.square" -> "steps.other"': (
        [], ("conf/experiment/squares.yaml", "[steps.square]", "[{call: steps.other, name: square}]"),
    ),
    "step square.version null -> 2": ([], ("conf/experiment/squares.yaml", "[steps.square]", "[{call: steps.square, version: 2}]")),
    "step square.kwargs.scale null -> 3.0": (
        [], ("conf/experiment/squares.yaml", "[steps.square]", "[{call: steps.square, kwargs: {scale: 3.0}}]"),
    ),
    'step square.code "closure" -> "module"': (
        [], ("conf/experiment/squares.yaml", "[steps.square]", "[{call: steps.square, code: module}]"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", CHANGES)
def test_what_changed_in_a_word_or_two(why, finished, project):
    shutil.copytree(finished.root, project.root, dirs_exist_ok=True)
    overrides, edit = CHANGES[why]
    if edit:
        project.edit(*edit)
    states = project.plan(*overrides)
    assert {state for state, _ in states} == {"changed"}
    assert all(told.startswith(why.split(" -> ")[0]) and (why.endswith("-> ") or why == told) for _, told in states), states


def test_the_data_file_that_changed_is_named(project):
    project.write("data.csv", "a,b\n")
    project.xrun(RUN, "data=[data.csv]")
    project.write("data.csv", "a,c\n")
    assert project.plan("data=[data.csv]") == [("changed", "data: data.csv")] * 3


def test_axes_in_another_order_are_the_same_points(project):
    project.edit("conf/experiment/squares.yaml", "kwargs: {scale: 1.0}\nparams: {x: [1, 2, 3]}", "params: {x: [1, 2], scale: [1.0, 2.0]}")
    project.xrun(RUN)
    project.edit("conf/experiment/squares.yaml", "params: {x: [1, 2], scale: [1.0, 2.0]}", "params: {scale: [1.0, 2.0], x: [1, 2]}")
    assert project.plan() == [("cached", "")] * 4
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    assert project.plan() == [("changed", "code: helper.py")] * 4


def test_the_table_of_the_plan_has_a_column_for_the_reason_where_there_is_one(project):
    project.xrun(RUN)
    assert "why" not in project.xrun("plan", RUN)
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    told = project.xrun("plan", RUN)
    assert "why" in told.splitlines()[0]
    assert told.count("code: helper.py") == 3
    assert "squares: 3 runs (3 changed)" in told


def test_programs_get_the_differences_and_the_earlier_run(project):
    project.xrun(RUN)
    ids = [run["id_run"] for run in project.runs()]
    lines = project.json("plan", RUN, "scale=2.0")
    assert sorted(line["earlier"] for line in lines) == sorted(ids)
    assert lines[0]["differences"] == [{"kind": "kwargs", "name": "scale", "old": 1.0, "new": 2.0}]


def test_an_edit_elsewhere_changes_nothing(project):
    project.write("unrelated.py", "x = 1\n")
    project.xrun(RUN)
    project.write("unrelated.py", "# a comment\nx = 2\n")
    assert project.plan() == [("cached", "")] * 3


def test_runs_of_a_store_without_evidence_are_changed_for_reasons_unknown(project):
    import sqlite3

    project.xrun(RUN)
    with sqlite3.connect(project.root / ".xrun" / "xrun.db") as db:
        db.execute("UPDATE epoch SET evidence = NULL")
    db.close()
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    assert {why for _, why in project.plan()} == {"it is not known why: of the earlier run no evidence is kept"}
    assert {why for _, why in project.plan("scale=2.0")} == {"kwargs.scale 1.0 -> 2.0"}


def test_what_changed_is_told_from_the_results_that_there_are(project):
    """Not from the runs that were executed last: the code was taken back since."""
    project.xrun(RUN)
    shown = {run["id_run"] for run in project.runs()}
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    project.xrun(RUN)
    project.edit("helper.py", "FACTOR = 3", "FACTOR = 2")
    assert project.plan("x=1", "seed=3") == [("changed", "seed 0 -> 3, code: helper.py")]
    project.xrun(RUN)
    assert project.plan("x=1", "seed=3") == [("changed", "seed 0 -> 3")]
    assert project.json("plan", RUN, "x=1", "seed=3")[0]["earlier"] in shown
    project.xrun(RUN, "x=2")
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 4")
    assert project.plan() == [("changed", "code: helper.py")] * 3  # of those that the results do not show, from the latest
