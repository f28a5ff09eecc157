"""`xrun check` and `xrun diff` of an experiment that chooses the columns of its table, with its store and in a fresh clone."""

import json
import os
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest

from tests import calling
from tests.calling import XRUN
from tests.commands.test_terminal import terminal

STEP = """
def train(m, n, run, k=3):
    for v in (0.2, 0.8, 0.5):
        run.log_metric("val/acc", v)
        run.log_metric("loss", 1 - v)
    return {"y": 1.0, "m": "x"}
"""
EXPERIMENT = """\
# @package _global_
name: e
kwargs: {k: 3}
params: {m: ["a|b", c], n: [null, 1]}
steps: [training.train]
results: {columns: [{best: val/acc.max}, y, loss.min, kwargs.k]}
checks: [best >= 0.5]
"""
PLAIN = "# @package _global_\nname: plain\nparams: {m: [a]}\nkwargs: {n: 1}\nsteps: [training.train]\n"


def xrun(project, *arguments, **variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XRUN_", "GITHUB_"))}
    return calling.run([XRUN, *arguments], cwd=project, env=kept | variables)


def git(project, *arguments):
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Both experiments with results, committed; and what running the first one printed."""
    project = tmp_path_factory.mktemp("executed")
    (project / "conf/experiment").mkdir(parents=True)
    (project / "training.py").write_text(STEP)
    (project / "conf/experiment/e.yaml").write_text(EXPERIMENT)
    (project / "conf/experiment/plain.yaml").write_text(PLAIN)
    (project / ".gitignore").write_text("__pycache__/\n")
    done = xrun(project, "+experiment=e")
    assert xrun(project, "+experiment=plain").returncode == 0
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "results")
    return project, done


@pytest.fixture
def project(executed, tmp_path):
    shutil.copytree(executed[0], tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture(params=["store", "table alone"])
def either(request, project):
    """The project with its store, and as a fresh clone has it."""
    if request.param == "table alone":
        shutil.rmtree(project / ".xrun")
    return project


def test_a_check_at_the_end_of_a_run_knows_the_columns_that_are_printed_above_it(executed):
    _, done = executed
    assert done.returncode == 0, done.stderr
    assert "best" in done.stdout.splitlines()[0]
    assert "check:" not in done.stderr


def test_names_of_columns_and_of_metrics_hold_with_and_without_a_store_here_and_in_git(either):
    done = xrun(either, "check", "e")
    assert done.returncode == 0, done.stderr
    asked = ["best >= baseline", "val/acc.max >= baseline", "metrics.loss.min <= baseline", "kwargs.k == baseline"]
    told = xrun(either, "check", "e", *(word for check in asked for word in ("-c", check)), "--baseline", "git:main", "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    found = [(v["check"], v["current"]["value"], v["baseline"]["value"]) for v in json.loads(told.stdout)["verdicts"]]
    assert found == [(check, value, value) for check, value in zip(asked, (0.8, 0.8, pytest.approx(0.2), 3), strict=True) for _ in range(4)]


def test_a_condition_sees_a_kwarg_that_the_committed_table_has_as_a_column(either):
    text = (either / "conf/experiment/e.yaml").read_text()
    (either / "conf/experiment/e.yaml").write_text(
        text.replace("checks: [best >= 0.5]", "checks: [{metric: y, where: kwargs.k == 3, direction: max}]")
    )
    done = xrun(either, "check", "e", "--baseline", "git:main")
    assert done.returncode == 0, done.stderr
    assert "e: 4 passed against git:main" in done.stderr


def test_the_same_results_do_not_differ_whether_a_name_or_a_folder_says_which(project):
    assert "no difference" in xrun(project, "diff", "e", "results/e").stdout
    assert "no difference" in xrun(project, "diff", "plain", "results/plain").stdout  # has a field `m` beside the axis `m`


def test_the_columns_of_metrics_are_compared_with_those_of_a_commit(project):
    (project / "training.py").write_text(STEP.replace("1 - v", "2 * (1 - v)"))
    assert xrun(project, "+experiment=e", "-q").returncode == 0
    told = json.loads(xrun(project, "diff", "e@git:main", "e", "--json").stdout)["table"]
    assert (told["columns_only_a"], told["columns_only_b"]) == ([], [])
    assert told["columns"]["loss.min"]["delta"] == pytest.approx(0.2)
    assert told["columns"]["loss.min"]["differing"] == 4
    assert told["columns"]["y"]["differing"] == 0


def test_metrics_without_columns_are_compared_where_both_stores_have_them(project):
    told = json.loads(xrun(project, "diff", "plain", "plain", "--json").stdout)["table"]
    assert told["columns"]["val/acc"]["a"] == 0.5


class TestFilesThatCannotBeWritten:
    def test_the_verdicts_are_told_first_and_a_failed_gate_stays_1(self, project):
        nowhere = str(project / "training.py" / "summary.md")
        done = xrun(project, "check", "e", "-c", "y <= 0", "--junit", "out.xml", GITHUB_STEP_SUMMARY=nowhere)
        assert done.returncode == 1
        assert "FAIL: breach" in done.stdout
        assert "e: 4 failed" in done.stderr
        assert f"xrun: $GITHUB_STEP_SUMMARY {nowhere} cannot be written: Not a directory; set it to a file that can be" in done.stderr
        assert len(list(ET.parse(project / "out.xml").iter("failure"))) == 4  # the others are written all the same

    @pytest.mark.parametrize("option", ["--md", "--junit"])
    def test_where_all_holds_it_is_74_and_the_file_is_named_as_it_was_asked_for(self, project, option):
        done = xrun(project, "check", "e", option, "training.py/report")
        assert done.returncode == 74
        assert f"xrun: {option} training.py/report cannot be written: Not a directory; name a file that can be" in done.stderr
        assert ".part" not in done.stderr
        assert "e: 4 passed" in done.stderr


class TestWhatIsMeant:
    @pytest.mark.parametrize("what", ["results/e", "results/e/manifest.json", "results/e/experiment.yaml"])
    def test_a_results_folder_is_checked_as_its_name_is(self, project, what):
        done = xrun(project, "check", what)
        assert (done.returncode, done.stderr) == (0, "e: 4 passed\n")

    def test_a_folder_without_results_is_told_apart(self, project):
        done = xrun(project, "check", "conf")
        assert done.returncode == 2
        assert "conf is no results folder: there is no experiment.yaml in it" in done.stderr

    @pytest.mark.parametrize("revision", ["main", "HEAD", "origin/main"])
    def test_a_revision_without_git_is_no_baseline_and_what_is_meant_is_said(self, project, revision):
        git(project, "update-ref", "refs/remotes/origin/main", "main")
        done = xrun(project, "check", "e", "-c", "best >= baseline", "--baseline", revision)
        assert done.returncode == 2
        assert f"did you mean git:{revision}?" in done.stderr
        assert f"did you mean e@git:{revision}?" in xrun(project, "diff", f"e@{revision}", "e").stderr

    def test_a_baseline_that_no_check_uses_is_not_told(self, project):
        assert xrun(project, "check", "e", "--update-baseline").returncode == 0
        assert xrun(project, "check", "e").stderr == "e: 4 passed\n"
        assert "against baselines/e.json" in xrun(project, "check", "e", "-c", "best >= baseline", "--update-baseline").stderr

    def test_a_baseline_file_with_a_merge_conflict_is_written_anew_or_says_how(self, project):
        file = project / "baselines/e.json"
        file.parent.mkdir()
        file.write_text("<<<<<<< main\n{}\n=======\n{}\n>>>>>>> branch\n")
        assert "`xrun check EXPERIMENT --update-baseline` writes the file anew" in xrun(project, "check", "e").stderr
        one = xrun(project, "check", "e", "-c", "y >= baseline", "--update-baseline")
        assert one.returncode == 2
        assert "has a merge conflict; without -c, --update-baseline measures all checks and writes the file anew" in one.stderr
        assert "<<<<<<<" in file.read_text()
        assert xrun(project, "check", "e", "--update-baseline").returncode == 0
        assert json.loads(file.read_text())["experiment"] == "e"


class TestOnATerminal:
    @pytest.mark.parametrize(
        ("width", "gone"),
        [
            (60, "baseline, delta, delta %, tolerance, n"),
            (80, "delta %, tolerance, n"),
            (90, "tolerance"),
            (140, ""),
        ],
    )
    def test_the_verdict_always_stays_and_what_is_left_out_goes_in_order(self, project, width, gone):
        text = terminal(project, "check", "e", "-c", "val/acc.max >= baseline", "--baseline", "git:main", columns=width, NO_COLOR="1")
        head, *lines = [line for line in text.splitlines() if "─" not in line]
        names = ["check", "group", "current", "verdict"]
        assert all(name in head for name in names)
        assert sum("pass" in line.split() for line in lines) == 4
        assert max(len(line) for line in lines if "pass" in line) <= width
        assert (f"left out: {gone}; --json has all" in text) if gone else ("left out" not in text)

    def test_long_groups_are_folded_and_nothing_of_them_is_lost(self, project):
        by = "y >= 0"
        text = terminal(project, "check", "e", "-c", by, columns=36, NO_COLOR="1")
        joined = "".join(line[8:20].strip() for line in text.splitlines())
        assert "m=a|b" in joined
        assert "n=null" in joined
        assert "pass" in text

    def test_verdicts_have_colours(self, project):
        assert "\x1b[32mpass" in terminal(project, "check", "e")
