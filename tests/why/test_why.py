"""`xrun why`: what makes two runs different, down to the line."""

RUN = "+experiment=squares"


def test_two_runs_that_differ_in_a_param_and_a_line_of_code(project):
    project.xrun(RUN)
    first = project.runs()[0]["id_run"]
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    project.xrun(RUN, "x=7")
    second = project.runs()[-1]["id_run"]
    told = project.xrun("why", first[:8], second[:8])
    assert f"A  {first}  squares  COMPLETED" in told
    assert "-> 7\n" in told
    assert "code: helper.py\n" in told
    assert "    -FACTOR = 2\n    +FACTOR = 3\n" in told
    assert "steps.py" not in told


def test_the_older_source_is_kept_though_the_file_has_gone_on(project):
    project.xrun(RUN)
    first = project.runs()[0]["id_run"]
    for factor in ("3", "4"):
        project.edit("helper.py", f"FACTOR = {int(factor) - 1}", f"FACTOR = {factor}")
        project.xrun(RUN)
    runs = [run["id_run"] for run in project.runs()]
    told = project.xrun("why", first, runs[-1])
    assert "-FACTOR = 2" in told
    assert "+FACTOR = 4" in told


def test_a_run_against_the_plan(project):
    project.write("data.csv", "a,b\n")
    project.xrun(RUN, "data=[data.csv]")
    run = project.runs()[0]["id_run"]
    assert "same identity" in project.xrun("why", run, RUN, "data=[data.csv]")
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    project.write("data.csv", "a,c\n")
    (told,) = project.json("why", run, RUN, "data=[data.csv]", "scale=2.0")
    assert [(d["kind"], d["name"]) for d in told["differences"]] == [("kwargs", "scale"), ("data", "data.csv"), ("code", "helper.py")]
    assert told["differences"][1]["old"] != told["differences"][1]["new"]
    assert "+FACTOR = 3" in told["differences"][2]["diff"]
    assert told["same"] is False


def test_without_a_second_word_it_is_the_current_plan_of_the_runs_experiment(project):
    project.xrun(RUN)
    run = project.runs()[0]["id_run"]
    assert "same identity" in project.xrun("why", run)
    project.edit("steps.py", "* scale}", "+ scale}")
    told = project.xrun("why", run)
    assert "code: steps.py" in told
    assert "the current plan's run" in told


def test_a_file_that_a_step_imports_no_more_is_removed_from_its_code(project):
    project.xrun(RUN)
    project.edit("steps.py", "import helper\n", "")
    project.edit("steps.py", "helper.twice(x)", "2")
    told = project.xrun("why", project.runs()[0]["id_run"])
    assert "code: helper.py (removed)" in told
    assert "    +++ /dev/null" in told


def test_the_same_run_twice_is_the_same(project):
    project.xrun(RUN)
    run = project.runs()[0]["id_run"]
    assert "same identity" in project.xrun("why", run, run[:8])
    (told,) = project.json("why", run, run)
    assert told == {"a": run, "b": run, "same": True, "differences": [], "notes": []}


def test_a_point_that_the_plan_does_not_have_is_held_against_the_nearest(project):
    project.xrun(RUN, "x=50")
    (told,) = project.json("why", project.runs()[0]["id_run"], RUN)
    assert [(d["kind"], d["name"], d["old"]) for d in told["differences"]] == [("params", "x", 50)]


def test_an_id_that_is_not_there(project):
    project.xrun(RUN)
    assert "there is no run whose id begins with `ffffffffff`" in project.xrun("why", "ffffffffff", code=3)


def test_sources_are_kept_once_and_only_by_invocations_that_execute(project):
    import sqlite3

    def kept():
        db = sqlite3.connect(project.root / ".xrun" / "xrun.db")
        try:
            epochs = db.execute("SELECT evidence IS NOT NULL FROM epoch ORDER BY id").fetchall()
            return [bool(row[0]) for row in epochs], db.execute("SELECT count(*) FROM source").fetchone()[0]
        finally:
            db.close()

    project.xrun(RUN)
    assert kept() == ([True], 2)
    project.xrun(RUN)
    assert kept() == ([True, False], 2)
    project.edit("helper.py", "FACTOR = 2", "FACTOR = 3")
    project.xrun(RUN)
    assert kept() == ([True, False, True], 3)
