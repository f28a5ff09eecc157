"""Runs go on behind the first steps of earlier runs, where those are the same and left nothing but what is kept."""

import math
import signal

import pytest

LOAD = "run.fields.a = random.random()\nrun.log_metric('loss', run.params.n)\nrun.log_param('size', 3)\nrun.log_row('rows', x=1)"
FIT = "run.fields.b = run.fields.a + random.random()\nrun.log_metric('loss', math.nan)\nrun.tags['who'] = 'fit'"
SCORE = "run.fields.c = run.fields.b * random.random()\nrun.log_metric('loss', 5)\nrun.log_row('rows', x=2)"


def three(project):
    (project.root / "common.py").write_text((project.root / "common.py").read_text() + "\nimport math\n")
    project.steps(load=LOAD, fit=FIT, score=SCORE)
    project.experiment("load", "fit", "score")
    assert project.run() == ["fit 1", "fit 2", "load 1", "load 2", "score 1", "score 2"]


def test_after_an_edit_of_the_last_step_only_that_one_is_executed_and_the_result_is_that_of_a_full_run(project, tmp_path):
    three(project)
    project.steps(score=SCORE + "\nrun.fields.d = run.fields.c + random.random()")
    assert project.run() == ["score 1", "score 2"]
    assert len(project.run(workspace=tmp_path / "other")) == 6
    assert project.table() == project.table(tmp_path / "other")


def test_what_the_first_steps_logged_is_the_new_runs_as_well(project):
    three(project)
    project.steps(score=SCORE + "\nrun.fields.d = 1")
    project.run()
    for n, record in project.records().items():
        assert (record.fields["d"], record.tags, record.logged) == (1, {"who": "fit"}, {"size": 3})
        with project.reader() as reader:
            ((steps, values),) = [(list(s), list(v)) for s, v, _ in joined(reader.points(record.id_run, "loss"))]
            assert steps == [0, 1, 2]
            assert values[0] == n
            assert math.isnan(values[1])
            assert values[2] == 5
            assert reader.summaries([record.id_run])[record.id_run]["loss"].count == 3
            assert reader.tables(record.id_run) == {"rows": [{"x": [1]}, {"x": [2]}]}


def joined(parts):
    from array import array

    steps, values, times = array("q"), array("d"), array("d")
    for s, v, t in parts:
        steps.extend(s)
        values.extend(v)
        times.extend(t)
    return [(steps, values, times)]


def test_a_step_that_is_added_to_finished_runs_executes_alone(project):
    three(project)
    project.steps(report="run.fields.e = run.fields.c")
    project.experiment("load", "fit", "score", "report")
    assert project.run() == ["report 1", "report 2"]
    assert all(record.fields["e"] == record.fields["c"] for record in project.records().values())


def test_an_edit_in_the_middle_keeps_what_is_before_it(project):
    three(project)
    project.steps(fit=FIT + "\nrun.fields.f = 1")
    assert project.run() == ["fit 1", "fit 2", "score 1", "score 2"]


def test_a_run_that_failed_in_its_last_step_goes_on_there(project):
    three(project)
    for how in ("raise ValueError('no')", "os._exit(3)", "import signal; os.kill(os.getpid(), signal.SIGKILL)"):
        project.steps(score=how)
        assert project.run(code=1) == ["score 1", "score 2"]
        assert project.run(code=1) == ["score 1", "score 2"]
    project.steps(score=SCORE)
    assert project.run() == []


def test_artifacts_of_the_first_steps_are_there_for_the_later_ones(project):
    project.steps(
        load="(run.dir / 'data.txt').write_text('n %d' % run.params.n)\nrun.log_artifact(run.dir / 'data.txt')",
        score="run.fields.text = (run.dir / 'data.txt').read_text()",
    )
    project.experiment("load", "score")
    project.run()
    project.steps(score="run.fields.text = (run.dir / 'data.txt').read_text() + '!'")
    assert project.run() == ["score 1", "score 2"]
    assert {n: record.fields["text"] for n, record in project.records().items()} == {1: "n 1!", 2: "n 2!"}
    with project.reader() as reader:
        for record in project.records().values():
            assert [file.path for file in reader.artifacts([record.id_run])[record.id_run]] == ["data.txt"]


def test_where_a_file_was_changed_or_removed_since_its_step_is_executed_again(project):
    project.steps(load="run.log_metric('m', 1)\nrun.log_artifact(__file__, 'kept.txt')", score="run.fields.x = 1")
    project.experiment("load", "score")
    project.run()
    first, second = project.records().values()
    (project.root / ".xrun" / "artifacts" / first.id_run / "kept.txt").write_text("changed")
    (project.root / ".xrun" / "artifacts" / second.id_run / "kept.txt").unlink()
    project.steps(score="run.fields.x = 2")
    assert project.run() == ["load 1", "load 2", "score 1", "score 2"]
    with project.reader() as reader:
        for record in project.records().values():
            assert record.fields == {"x": 2}
            assert reader.summaries([record.id_run])[record.id_run]["m"].count == 1, "nothing of the old state is taken over as well"
    project.steps(score="run.fields.x = 3")
    assert project.run() == ["score 1", "score 2"], "the state that was made again is whole"


KEEP = "(run.dir / 'model').write_text('init')\nrun.log_artifact(run.dir / 'model')"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_killed_while_a_later_step_writes_a_kept_file_again_completes_when_it_is_started_again(project, number):
    train = f"(run.dir / 'model').write_text('half')\nif not pathlib.Path('go').exists():\n    os.kill(os.getpid(), {int(number)})\n"
    project.steps(load=KEEP, train=train + "run.fields.text = (run.dir / 'model').read_text()")
    project.experiment("load", "train", {"call": "score.step", "name": "score"})
    project.steps(score="run.fields.x = 1")
    project.run(code=1)
    project.run(code=1)
    (project.root / "go").touch()
    assert project.run() == ["load 1", "load 2", "score 1", "score 2", "train 1", "train 2"]
    assert {record.fields["text"] for record in project.records().values()} == {"half"}


def test_after_a_later_step_has_kept_a_file_anew_the_state_before_it_is_made_again(project):
    again = (
        "run.fields.text = (run.dir / 'model').read_text()\n(run.dir / 'model').write_text('tuned')\nrun.log_artifact(run.dir / 'model')"
    )
    project.steps(load=KEEP, tune=again, score="run.fields.x = 1")
    project.experiment("load", "tune", "score")
    project.run()
    project.steps(score="run.fields.x = 2")
    assert project.run() == ["score 1", "score 2"], "the state behind the second step is whole"
    project.steps(tune=f"{again}\nrun.fields.y = 1")
    assert project.run() == ["load 1", "load 2", "score 1", "score 2", "tune 1", "tune 2"]
    assert {record.fields["text"] for record in project.records().values()} == {"init"}


@pytest.mark.parametrize("forced", [[], ["--force"]])
def test_a_retry_begins_again_where_the_step_that_failed_had_kept_a_file_anew(project, forced):
    flaky = "(run.dir / 'model').write_text('tuned')\nrun.log_artifact(run.dir / 'model')\nif run.meta.attempt < 3:\n    raise ValueError"
    project.steps(load=f"run.log_metric('m', 1)\n{KEEP}", tune=flaky)
    project.experiment("load", {"call": "tune.step", "name": "tune", "retries": 2, "backoff": "10ms"}, params={"n": [1]})
    if forced:
        project.run()
    assert project.run(*forced) == ["load 1"] * 3 + ["tune 1"] * 3
    with project.reader() as reader:
        (record,) = project.records().values()
        assert (record.status, record.attempt, reader.summaries([record.id_run])[record.id_run]["m"].count) == ("COMPLETED", 3, 1)


def test_what_a_step_loaded_that_no_plan_foresees_counts_for_runs_that_go_on_behind_it(project):
    (project.root / "plug").mkdir()
    plug = project.root / "plug" / "one.py"
    plug.write_text("V = 1\n")
    project.steps(load="import importlib\nrun.fields.v = importlib.import_module('plug.' + 'one').V", fit="run.fields.b = 1", score="pass")
    for body in ("run.fields.b = 2", "run.fields.b = 3"):  # the second goes on behind what went on
        project.experiment("load", "fit", "score")
        project.run()
        project.steps(fit=body)
        assert project.run() == ["fit 1", "fit 2", "score 1", "score 2"]
    plug.write_text("V = 2\n")
    assert project.run() == ["fit 1", "fit 2", "load 1", "load 2", "score 1", "score 2"]
    assert {record.fields["v"] for record in project.records().values()} == {2}


def test_state_that_is_not_kept_is_made_again(project):
    for body in ("run.vars.x = 1", "(run.dir / 'scratch').write_text('')", "run.child_run('c').__exit__(None, None, None)"):
        project.steps(load=body, score="run.fields.x = 1")
        project.experiment("load", "score")
        project.run()
        project.steps(score="run.fields.x = 2")
        assert project.run() == ["load 1", "load 2", "score 1", "score 2"]


def test_force_and_cache_false_execute_what_they_name(project):
    three(project)
    assert len(project.run("--force")) == 6
    project.experiment("load", {"call": "fit.step", "name": "fit", "cache": False}, "score")
    assert project.run() == ["fit 1", "fit 2", "score 1", "score 2"]
    assert project.run() == ["fit 1", "fit 2", "score 1", "score 2"]


def test_another_kwarg_or_seed_is_another_run_from_its_first_step_on(project):
    three(project)
    assert len(project.run("+kwargs.K=1")) == 6
    assert len(project.run("seed=5")) == 6


def test_a_second_step_goes_on_behind_runs_of_one_step(project):
    for body in ("run.fields.a = 1", "run.fields.a = 1\nrun.log_metric('m', 2)"):
        project.steps(load=body, score="run.fields.b = run.fields.a + 1")
        project.experiment("load")
        assert project.run() == ["load 1", "load 2"]
        project.experiment("load", "score")
        assert project.run() == ["score 1", "score 2"]
        assert all(record.fields["b"] == 2 for record in project.records().values())
    project.steps(load="run.vars.a = 1", score="run.fields.b = run.vars.a + 1")
    project.experiment("load")
    project.run()
    project.experiment("load", "score")
    assert project.run() == ["load 1", "load 2", "score 1", "score 2"]
