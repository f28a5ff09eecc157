"""Which runs are executed again that the store knows the end of."""

import pytest

from tests import calling
from tests.calling import XRUN

FLAKY = "if run.params.n == 1 and not (pathlib.Path(__file__).parent / 'well').exists():\n    END\nrun.fields.a = run.params.n"


def test_what_failed_is_executed_again_unless_that_is_not_wanted(project):
    project.steps(one=FLAKY.replace("END", "raise ValueError('bad luck')"))
    project.experiment("one")
    assert project.run(code=1) == ["one 1", "one 2"]
    assert project.run("--no-retry-failed", code=1) == []
    assert project.run("--retry-failed", code=1) == ["one 1"]
    (project.root / "well").touch()
    assert project.run("--no-retry-failed", "n=1,2,3", code=1) == ["one 3"]
    assert project.records()[1].failure.message == "bad luck"
    assert project.run() == ["one 1"]


@pytest.mark.parametrize("end", ["os._exit(3)", "import time; time.sleep(60)"])
def test_so_is_what_crashed_or_took_too_long(project, end):
    project.steps(one=FLAKY.replace("END", end))
    project.experiment({"call": "one.step", "timeout": 2})
    assert project.run(code=1) == ["one 1", "one 2"]
    assert project.run("--no-retry-failed", code=1) == []
    (project.root / "well").touch()
    assert project.run() == ["one 1"]


def three(project, **more):
    project.steps(load="run.fields.a = random.random()", fit="run.fields.b = run.fields.a", score="run.fields.c = run.fields.b")
    project.experiment("load", "fit", "score", **more)
    assert len(project.run()) == 6


def test_forced_from_a_step_the_ones_before_it_are_taken_over(project):
    three(project)
    before = project.table()
    assert project.run("--force-from", "step_2") == ["fit 1", "fit 2", "score 1", "score 2"]
    assert project.run("--force-from=step_3") == ["score 1", "score 2"]
    assert len(project.run("--force-from", "step")) == 6
    assert project.table() == before


def test_forced_where_a_condition_holds_only_those_are_executed(project):
    three(project, kwargs={"K": 5})
    assert project.run("--force-where", "n > 1") == ["fit 2", "load 2", "score 2"]
    assert project.run("--force-where=n > 1", "--force-from", "step_3") == ["score 2"]
    assert project.run("--force-where", "kwargs.K == 4 or seconds > 1000") == []
    assert len(project.run("--force-where", "kwargs.K == 5 and seconds >= 0 and params.n in [1, 2]")) == 6
    assert project.run("--force-where", "n > 1", "n=2,3") == ["fit 2", "fit 3", "load 2", "load 3", "score 2", "score 3"]


def test_a_flag_swallows_no_override(project):
    three(project)
    assert len(project.run("-f", "n=1")) == 3
    assert len(project.run("--force", "n=1")) == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--force-from", "scor"), "no step `scor`"),
        (("--force-where", "m > 1"), "m"),
        (("--force-where", "n >"), "n >"),
        (("--force", "--force-where", "n > 1"), "leave it out"),
        (("--force", "--force-from", "step"), "leave it out"),
        (("--force-were", "n > 1"), "did you mean --force-where?"),
    ],
)
def test_what_names_nothing_is_refused_before_anything_runs(project, arguments, complaint):
    project.steps(one="run.fields.a = 1")
    project.experiment("one")
    done = calling.run([XRUN, "+experiment=e", *arguments], cwd=project.root)
    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not project.trace.exists()
