"""`xrun check` and `xrun diff`, called as users and CI jobs call them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests import calling
from tests.calling import XRUN

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]

STEPS = """
import random


def train(model, seed, run):
    quality = {"cnn": 0.90, "svm": 0.80}[model]
    accuracy = quality + random.Random(run.seed + seed).gauss(0, 0.01)
    run.log_metric("val/acc", accuracy - 0.1)
    run.log_metric("val/acc", accuracy)
    return {"acc": accuracy}


def constant(v):
    return {"y": 1.0}


def broken(x):
    if x == 2:
        raise ValueError("no")
    return {"y": float("nan") if x == 3 else x}
"""
MODELS = """\
# @package _global_
name: models
kwargs: {seed: 0}
params: {model: [cnn, svm]}
replicates: 8
steps: [training.train]
checks:
  - acc.min >= 0.5
  - {metric: acc, direction: max, n_sigma: 3, name: accuracy}
"""
BROKEN = "# @package _global_\nname: broken\nparams: {x: [1, 2]}\nsteps: [training.broken]\nchecks: [y.max <= 1]\n"
TEXTS = """\
# @package _global_
name: texts
params: {v: ["3.10", "3.9", "1_0", "nan", "True", ""]}
steps: [training.constant]
checks: [y <= baseline]
"""
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository whose branch `main` has the experiment `models` and its results; to be copied."""
    project = tmp_path_factory.mktemp("executed")
    (project / "training.py").write_text(STEPS)
    (project / "conf" / "experiment").mkdir(parents=True)
    (project / "conf" / "experiment" / "models.yaml").write_text(MODELS)
    (project / "conf" / "experiment" / "broken.yaml").write_text(BROKEN)
    (project / ".gitignore").write_text("__pycache__/\n")
    assert calling.run([XRUN, "+experiment=models", "-q"], cwd=project).returncode == 0
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "models")
    return project


@pytest.fixture
def repository(project: Path, executed: Path) -> Path:
    """A copy of it, in which `xrun` is called."""
    shutil.rmtree(project)
    shutil.copytree(executed, project)
    return project


@pytest.fixture
def models(repository: Path) -> Path:
    """The same without git."""
    shutil.rmtree(repository / ".git")
    return repository


def worse(project: Path, quality: str = "0.80") -> None:
    text = (project / "training.py").read_text()
    (project / "training.py").write_text(text.replace('"cnn": 0.90', f'"cnn": {quality}'))


def verdicts(done: "subprocess.CompletedProcess[str]") -> list[tuple[str, str, str | None]]:
    return [(v["check"], ",".join(map(str, v["group"].values())), v["reason"]) for v in json.loads(done.stdout)["verdicts"]]


class TestStory:
    def test_a_branch_that_makes_the_model_worse_fails_against_main_and_the_report_says_where(self, repository, xrun):
        git(repository, "checkout", "-q", "-b", "change")
        worse(repository)
        xrun("+experiment=models", "-q")
        done = xrun("check", "models", "--baseline", "git:main", "--md", "report.md")
        assert done.returncode == 1, done.stderr
        report = (repository / "report.md").read_text()
        (line,) = [line for line in report.splitlines() if "FAIL" in line]
        check, group, baseline, current, delta, percent, tolerance, n, verdict = (cell.strip() for cell in line.strip("|").split("|")[1:])
        assert (check, group, n, verdict) == ("`accuracy`", "model=cnn", "8", "FAIL: breach")
        assert float(baseline.split()[0]) == pytest.approx(0.9, abs=0.02)
        assert float(current.split()[0]) == pytest.approx(0.8, abs=0.02)
        assert float(delta) == pytest.approx(-0.1, abs=1e-4)
        assert percent.endswith("%")
        assert -0.06 < float(tolerance) < 0
        rows = [row for row in report.splitlines() if row.startswith("|")][2:]
        assert ["FAIL" in row for row in rows] == [True, False, False]  # failures first

    def test_other_seeds_are_no_failure_and_without_n_sigma_they_are(self, repository, xrun):
        for seed in (1, 2, 3):
            xrun("+experiment=models", f"seed={seed}00", "-q")
            assert xrun("check", "models", "--baseline", "git:main").returncode == 0
        assert xrun("check", "models", "--baseline", "git:main", "-c", "acc >= baseline", "-c", "acc <= baseline").returncode == 1

    def test_a_committed_baseline_file_serves_where_results_are_ignored(self, repository, xrun):
        git(repository, "rm", "-q", "-r", "--cached", "results")
        assert "baselines/models.json: written" in xrun("check", "models", "--update-baseline").stderr
        git(repository, "add", "baselines")
        git(repository, "commit", "-q", "-m", "baseline")
        (repository / "baselines" / "models.json").unlink()
        assert xrun("check", "models", "--baseline", "git:HEAD").returncode == 0
        worse(repository)
        xrun("+experiment=models", "-q")
        done = xrun("check", "models", "--baseline", "git:HEAD", "--json")
        assert done.returncode == 1
        assert ("accuracy", "cnn", "breach") in verdicts(done)

    def test_a_csv_alone_is_a_table(self, repository, xrun):
        git(repository, "rm", "-q", "--cached", "results/models/table.parquet", "results/models/manifest.json")
        git(repository, "commit", "-q", "-m", "text only")
        assert xrun("check", "models", "--baseline", "git:main").returncode == 0

    @pytest.mark.parametrize("gone", [("table.parquet",), ("table.parquet", "manifest.json")])
    def test_a_change_of_nothing_passes_against_a_csv_of_texts_that_look_like_numbers(self, repository, xrun, gone):
        (repository / "conf/experiment/texts.yaml").write_text(TEXTS)
        assert xrun("+experiment=texts", "-q").returncode == 0
        for name in gone:
            (repository / "results/texts" / name).rename(repository / name)
        git(repository, "add", "conf", "results")
        git(repository, "commit", "-q", "-m", "texts")
        for name in gone:
            (repository / name).rename(repository / "results/texts" / name)
        done = xrun("check", "texts", "--baseline", "git:HEAD", "--json")
        assert (done.returncode, json.loads(done.stdout)["counts"]["pass"]) == (0, 6), done.stdout

    def test_a_manifest_alone_stands_for_runs_that_the_store_still_has(self, repository, xrun):
        git(repository, "rm", "-q", "--cached", "results/models/table.parquet", "results/models/table.csv")
        git(repository, "commit", "-q", "-m", "manifest only")
        worse(repository)
        xrun("+experiment=models", "-q")
        metric = ("-c", "val/acc.max >= baseline - 0.01")
        assert xrun("check", "models", "--baseline", "git:main", *metric).returncode == 1
        shutil.rmtree(repository / ".xrun")
        done = xrun("check", "models", "--baseline", "git:main", "-c", "acc >= baseline - 0.01")
        assert done.returncode == 2
        assert "commit table.csv" in done.stderr

    def test_main_is_that_of_the_remote_in_a_clone_that_has_only_a_branch_of_its_own(self, repository, xrun, tmp_path_factory):
        origin = tmp_path_factory.mktemp("origin") / "origin"
        shutil.copytree(repository, origin)
        git(repository, "remote", "add", "origin", str(origin))
        git(repository, "fetch", "-q", "origin")
        git(repository, "checkout", "-q", "-b", "change")
        git(repository, "branch", "-q", "-D", "main")
        assert xrun("check", "models", "--baseline", "git:main").returncode == 0

    def test_a_project_below_the_top_of_the_repository_and_a_workspace_elsewhere(self, repository, xrun, tmp_path_factory):
        inner = repository / "inner"
        inner.mkdir()
        for name in ("conf", "results", "training.py"):
            (repository / name).rename(inner / name)
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "-m", "moved")
        elsewhere = str(tmp_path_factory.mktemp("elsewhere"))
        for arguments in (("+experiment=models", "-q"), ("check", "models", "--baseline", "git:main")):
            command = [XRUN, *arguments, "--workspace", elsewhere]
            done = calling.run(command, cwd=inner)
            assert done.returncode == 0, done.stderr
        assert "3 passed against git:main" in done.stderr

    def test_results_without_a_store_are_checked_by_their_table(self, repository, xrun):
        shutil.rmtree(repository / ".xrun")
        assert xrun("check", "models", "--baseline", "git:main").returncode == 0


class TestBaselines:
    def test_a_part_of_a_metric_means_the_same_when_the_store_has_gone_or_is_missed(self, repository, xrun):
        assert xrun("+experiment=models", "results.columns=[acc,val/acc]").returncode == 0
        with_store = xrun("check", "models", "-c", "val/acc.mean <= 0.86", "--json")
        (repository / ".xrun").rename(repository / "away")
        without = xrun("check", "models", "-c", "val/acc.mean <= 0.86")
        assert len(json.loads(with_store.stdout)["verdicts"]) == 2  # a point each, of each run's own mean
        assert without.returncode == 1
        assert "missing metric" in without.stdout
        assert "add val/acc.mean to results.columns" in without.stdout + without.stderr
        assert xrun("check", "models", "-c", "acc.mean <= 1").returncode == 0

    def test_the_file_is_the_same_for_the_same_results_and_a_line_a_group(self, models, xrun):
        file = models / "baselines" / "models.json"
        xrun("check", "models", "--update-baseline")
        first = file.read_bytes()
        file.unlink()
        shutil.rmtree(models / ".xrun")
        xrun("+experiment=models", "-q")
        xrun("check", "models", "--update-baseline")
        assert file.read_bytes() == first
        tree = json.loads(first)
        assert list(tree) == ["checks", "experiment", "format"]
        assert [group["n"] for group in tree["checks"]["acc"]["groups"]] == [8, 8]
        assert len(first) < 1000
        assert sum(b'"group"' in line for line in first.splitlines()) == 3

    def test_a_check_of_the_moment_is_added_to_the_file(self, models, xrun):
        xrun("check", "models", "--update-baseline")
        xrun("check", "models", "--update-baseline", "-c", "acc.max >= baseline")
        assert list(json.loads((models / "baselines" / "models.json").read_text())["checks"]) == ["acc", "acc.max", "acc.min"]
        xrun("check", "models", "--update-baseline")
        assert list(json.loads((models / "baselines" / "models.json").read_text())["checks"]) == ["acc", "acc.min"]

    def test_experiments_runs_folders_and_workspaces_are_baselines(self, models, xrun, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        xrun("+experiment=models", "-q", "--workspace", str(elsewhere))
        shutil.copytree(models / "results" / "models", models / "kept")
        worse(models)
        xrun("+experiment=models", "-q")
        run = json.loads((models / "kept" / "manifest.json").read_text())["runs"][0]
        check = ("-c", "acc.mean >= baseline - 0.001")
        for baseline in (str(elsewhere), str(elsewhere / ".xrun"), "kept", "kept/manifest.json", run[:8]):
            done = xrun("check", "models", "--baseline", baseline, *check)
            assert (done.returncode, done.stderr.count("FAIL: breach")) == (1, 1), (baseline, done.stderr)

    @pytest.mark.parametrize("baseline", ["models", ".", ".xrun", "results/models", "results/models/manifest.json", "link", "again"])
    def test_runs_that_would_be_compared_with_themselves_are_exit_2(self, models, xrun, baseline):
        (models / "link").symlink_to("results/models")
        if baseline == "again":  # another name of the same runs
            (models / "conf/experiment/again.yaml").write_text(MODELS.replace("name: models", "name: again"))
            assert xrun("+experiment=again", "-q").returncode == 0
        done = xrun("check", "models", "--baseline", baseline)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"the baseline {baseline} is the very runs that are checked" in done.stderr

    def test_the_same_runs_from_elsewhere_are_a_baseline(self, repository, xrun, tmp_path_factory):
        """A change of nothing that counts keeps all ids; it must not be refused."""
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        shutil.copytree(repository / ".xrun", elsewhere / ".xrun")
        shutil.copytree(repository / "results", elsewhere / "results")
        for baseline in (str(elsewhere), str(elsewhere / "results" / "models"), "git:HEAD"):
            done = xrun("check", "models", "--baseline", baseline)
            assert done.returncode == 0, (baseline, done.stderr)
        assert xrun("check", "models", "--update-baseline").returncode == 0
        assert xrun("check", "models", "--baseline", "baselines/models.json").returncode == 0

    @pytest.mark.parametrize("options", [(), ("--update-baseline",)])
    @pytest.mark.parametrize("baseline", ["", " ", "git:"])
    def test_a_baseline_without_a_name_is_exit_2(self, models, xrun, baseline, options):
        done = xrun("check", "models", "--baseline", baseline, *options)
        assert done.returncode == 2
        assert "is the variable unset?" in done.stderr
        assert not (models / "baselines").exists()

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"\xff\xfe{", "it is not UTF-8"),
            (b"[" * 100_000, "it is nested too deeply"),
            (
                b'{"format": 1, "checks": {"a": {"agg": "mean", "groups": [{"group": {}, "value": 1, "n": 0}]}}}',
                "`checks.a.groups[0].n` is 0",
            ),
        ],
    )
    def test_a_baseline_file_that_cannot_be_read_is_exit_2(self, repository, xrun, content, problem):
        (repository / "baselines").mkdir()
        file = repository / "baselines" / "models.json"
        file.write_bytes(content)
        for options in ((), ("--baseline", "baselines/models.json"), ("-c", "acc.min >= 0.4", "--update-baseline")):
            done = xrun("check", "models", *options)
            assert (done.returncode, problem in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
        git(repository, "rm", "-q", "-r", "--cached", "results")
        git(repository, "add", "--force", "baselines")
        git(repository, "commit", "-q", "-m", "x")
        done = xrun("check", "models", "--baseline", "git:HEAD")
        assert (done.returncode, problem in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr

    @pytest.mark.parametrize(
        ("baseline", "problem"),
        [
            ("git:mian", "git has no revision `mian`; did you mean `main`?"),
            ("git:main~1", "has no results of `models`; looked for results/models/table.csv"),
            ("modles", "did you mean `models`?"),
            ("training.py", "is not a baseline file"),
            ("conf", "neither a results folder nor a workspace"),
        ],
    )
    def test_a_baseline_that_is_not_there_is_exit_2(self, repository, xrun, baseline, problem):
        git(repository, "rm", "-q", "-r", "--cached", "results")
        git(repository, "commit", "-q", "--amend", "-m", "no results")
        git(repository, "commit", "-q", "--allow-empty", "-m", "more")
        done = xrun("check", "models", "--baseline", baseline)
        assert done.returncode == 2
        assert problem in done.stderr

    def test_a_relative_check_without_a_baseline_is_exit_2_and_says_what_to_do(self, models, xrun):
        done = xrun("check", "models")
        assert done.returncode == 2
        assert "`accuracy` needs a baseline: --baseline git:main" in done.stderr

    def test_what_is_no_number_makes_no_baseline(self, models, xrun):
        xrun("+experiment=broken", "x=1,3", "-q")
        done = xrun("check", "broken", "--update-baseline")
        assert done.returncode == 2
        assert "NaN" in done.stderr
        assert not (models / "baselines").exists()
        xrun("+experiment=broken", "-q")
        assert xrun("check", "broken", "--update-baseline").returncode == 3
        assert xrun("check", "models", "--update-baseline", "--baseline", "git:main").returncode == 2


class TestExitCodes:
    def test_a_number_needs_no_baseline(self, models, xrun):
        assert xrun("check", "models", "-c", "acc.mean >= 0.5").returncode == 0
        assert xrun("check", "models", "-c", "acc.mean >= 0.5", "-c", "acc.mean <= 0.5").returncode == 1

    def test_nothing_checked_is_never_a_success(self, models, xrun):
        (models / "conf" / "experiment" / "models.yaml").write_text(MODELS.partition("checks:")[0])
        done = xrun("check", "models")
        assert done.returncode == 2
        assert "has no checks" in done.stderr
        xrun("check", "models", "--update-baseline", "-c", "acc.mean >= 0")
        assert xrun("check", "models", "-c", "acc.max <= baseline", "--allow-missing").returncode == 2

    def test_a_where_that_chooses_no_run_is_exit_2(self, models, xrun):
        text = MODELS.partition("checks:")[0] + "checks: [{check: acc > 0, where: model == 'mlp'}]\n"
        (models / "conf" / "experiment" / "models.yaml").write_text(text)
        done = xrun("check", "models")
        assert done.returncode == 2
        assert "nothing was checked" in done.stderr

    def test_no_results_are_exit_3(self, models, xrun):
        done = xrun("check", "modles", "-c", "acc > 0")
        assert done.returncode == 3
        assert "did you mean `models`?" in done.stderr

    def test_runs_that_failed_are_exit_3_and_a_breach_is_1(self, models, xrun):
        xrun("+experiment=broken", "-q")
        done = xrun("check", "broken")
        assert done.returncode == 3
        assert "runs are missing: 1 failed" in done.stderr
        assert xrun("check", "broken", "-c", "y.max < 1").returncode == 1

    def test_where_no_run_is_completed_there_is_nothing_to_compare(self, models, xrun):
        xrun("+experiment=broken", "x=2", "-q")
        done = xrun("check", "broken")
        assert done.returncode == 3
        assert "no run of `broken` is completed: 1 failed" in done.stderr

    def test_runs_that_were_never_begun_are_missing(self, models, xrun):
        file = models / "results" / "models" / "manifest.json"
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps(manifest | {"runs": [*manifest["runs"], "0" * 36]}))
        done = xrun("check", "models", "-c", "acc.mean > 0")
        assert done.returncode == 3
        assert "runs are missing: 1 not executed" in done.stderr

    def test_nan_and_a_missing_metric_are_breaches_with_their_reasons(self, models, xrun):
        xrun("+experiment=broken", "x=1,3", "-q")
        done = xrun("check", "broken", "-c", "y.max <= 5", "-c", "z <= 1", "--json")
        assert done.returncode == 1
        assert verdicts(done) == [("y.max <= 5", "", "NaN"), ("z <= 1", "", "missing metric")]

    @pytest.mark.parametrize(
        ("checks", "problem"),
        [
            ("[acc => 1]", "checks[0]: the check cannot be read"),
            ("[{metric: acc, rtoll: 1}]", "did you mean `rtol`?"),
            ("acc > 1", 'write ["acc > 1"]'),
            ("[1]", "1 is neither a text nor a mapping"),
        ],
    )
    def test_a_check_that_cannot_be_read_is_exit_2(self, models, xrun, checks, problem):
        (models / "conf" / "experiment" / "models.yaml").write_text(f"{MODELS.partition('checks:')[0]}checks: {checks}\n")
        done = xrun("check", "models")
        assert done.returncode == 2
        assert problem in done.stderr

    def test_an_experiment_that_left_the_config_directory_keeps_its_checks(self, models, xrun):
        (models / "conf" / "experiment" / "models.yaml").unlink()
        xrun("check", "models", "--update-baseline")
        done = xrun("check", "models", "--json")
        assert [check for check, _, _ in verdicts(done)] == ["acc.min >= 0.5", "accuracy", "accuracy"]


class TestFile:
    """An experiment.yaml in an experiment's place."""

    def test_its_checks_count_whatever_the_config_directory_says(self, models, xrun):
        (models / "conf" / "experiment" / "models.yaml").unlink()
        xrun("check", "results/models/experiment.yaml", "--update-baseline")
        done = xrun("check", "results/models/experiment.yaml", "--json")
        assert [check for check, _, _ in verdicts(done)] == ["acc.min >= 0.5", "accuracy", "accuracy"]
        assert json.loads(done.stdout)["experiment"] == "models"

    def test_the_results_that_lie_beside_it_count(self, models, xrun, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        xrun("+experiment=models", "model=cnn", "-q", "--workspace", str(elsewhere))
        done = xrun("check", str(elsewhere / "results" / "models" / "experiment.yaml"), "-c", "acc > 0", "--json")
        assert [group for _, group, _ in verdicts(done)] == ["cnn"]

    def test_a_file_that_is_none_is_exit_2(self, models, xrun):
        done = xrun("check", "conf/experiment/models.yaml")
        assert done.returncode == 2
        assert "not an experiment.yaml that xrun wrote" in done.stderr
        assert xrun("check", "none.yaml").returncode == 2


class TestOutput:
    def test_github_gets_a_summary_and_annotations(self, models, xrun):
        summary = models / "summary.md"
        summary.write_text("before\n")
        done = xrun("check", "models", "-c", "acc.max <= 0.5", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
        (annotation,) = [line for line in done.stdout.splitlines() if line.startswith("::")]
        assert annotation.startswith("::error title=xrun check models::acc.max <= 0.5: acc.max is 0.9")
        assert summary.read_text().startswith("before\n### ❌ xrun check: models: 1 failed")

    def test_without_github_there_are_none(self, models, xrun):
        done = xrun("check", "models", "-c", "acc.max <= 0.5", GITHUB_ACTIONS="")
        assert "::" not in done.stdout

    def test_junit_has_a_test_case_for_every_check_and_group(self, models, xrun):
        xrun("check", "models", "-c", "acc <= 0.85", "-c", "`n\x01o` > 1", "--junit", "report.xml")
        suite = ET.parse(models / "report.xml").getroot()
        cases = {case.get("name"): case.find("failure") for case in suite}
        assert suite.get("failures") == "2"
        assert cases["acc <= 0.85 [model=svm]"] is None
        assert cases["acc <= 0.85 [model=cnn]"].get("type") == "breach"
        assert "acc is 0.9" in cases["acc <= 0.85 [model=cnn]"].get("message")
        ids = {json.loads(line)["id_run"] for line in xrun("ls", "models", "--where", "model == 'cnn'", "--json").stdout.splitlines()}
        (case,) = (case for case in suite if case.get("name") == "acc <= 0.85 [model=cnn]")
        (named,) = case.iter("property")
        assert named.get("name") == "runs"
        assert set(named.get("value").split()) == ids

    def test_json_says_everything(self, models, xrun):
        xrun("check", "models", "--update-baseline")
        told = json.loads(xrun("check", "models", "--json").stdout)
        assert (told["exit_code"], told["counts"]["pass"], told["baseline"]) == (0, 3, "baselines/models.json")
        verdict = told["verdicts"][1]
        assert verdict["current"]["n"] == 8
        assert 0.001 < verdict["current"]["se"] < 0.01
        assert verdict["delta"] == 0
        assert verdict["tolerance"] < 0

    def test_what_markdown_would_take_for_markup_is_told_as_it_is(self, models, xrun):
        xrun("check", "models", "-c", "`a|b\n<i>` < 1", "--md", "report.md")
        (line,) = [line for line in (models / "report.md").read_text().splitlines() if "FAIL" in line and line.startswith("|")]
        assert line.replace("\\|", "").count("|") == 11
        assert "<i>" not in line.replace("\\<i\\>", "")

    def test_a_long_report_is_cut_with_the_failures_in_front(self, models, xrun):
        (models / "steps.py").write_text("def wide(x):\n    return {'y': x}\n")
        (models / "conf" / "experiment" / "wide.yaml").write_text(
            "# @package _global_\nname: wide\nparams: {x: range(1500)}\nsteps: [steps.wide]\nchecks: [y <= 1490]\n"
        )
        xrun("+experiment=wide", "-q")
        done = xrun("check", "wide", "--md", "report.md")
        report = (models / "report.md").read_text()
        assert done.returncode == 1
        assert len(report) <= 65_000
        assert report.count("FAIL: breach") == 9
        assert "more" in report
        assert len(done.stdout.splitlines()) < 60


class TestDiff:
    def test_what_differs_is_told_by_kind_and_point(self, repository, xrun):
        worse(repository)
        xrun("+experiment=models", "replicates=4", "-q")
        done = xrun("diff", "models@git:main", "models")
        assert done.returncode == 0, done.stderr
        assert "replicates  8 -> 4" in done.stdout
        assert "step train" in done.stdout
        assert "table: 8 points in both, 8 only in A, 0 only in B" in done.stdout
        assert "4 of 8" in done.stdout
        assert "model=cnn" in done.stdout
        assert xrun("diff", "git:main", "models").stdout == done.stdout

    def test_json_has_the_deltas(self, repository, xrun):
        worse(repository)
        xrun("+experiment=models", "-q")
        told = json.loads(xrun("diff", "models@git:main", "models", "--json").stdout)
        column = told["table"]["columns"]["acc"]
        assert (told["table"]["both"], column["differing"], column["n"]) == (16, 8, 16)
        assert column["delta"] == pytest.approx(-0.05, abs=1e-6)
        assert column["greatest_delta"] == pytest.approx(-0.1, abs=1e-6)
        assert {change["name"] for change in told["code"]} == {"git.commit", "git.branch", "git.dirty", "step train"}
        assert told["config"] == []

    def test_the_same_is_the_same_also_between_a_table_and_the_store(self, repository, xrun):
        assert "no difference" in xrun("diff", "models", "models").stdout
        assert "no difference" in xrun("diff", "models@git:main", "models").stdout
        assert "no difference" in xrun("diff", "results/models/manifest.json", "models").stdout

    def test_checks_can_be_tried_and_never_gate(self, repository, xrun):
        worse(repository)
        xrun("+experiment=models", "-q")
        done = xrun("diff", "models@git:main", "models", "-c", "acc >= baseline")
        assert done.returncode == 0
        assert "FAIL: breach" in done.stdout

    @pytest.mark.parametrize(
        ("arguments", "code", "problem"),
        [
            (("modles", "models"), 3, "did you mean `models`?"),
            (("models@git:mian", "models"), 2, "did you mean `main`?"),
            (("git:main", "git:main"), 2, "of which experiment?"),
            (("other@git:main", "models"), 2, "has no results in git:main"),
            (("conf", "models"), 2, "is no results folder"),
            (("models", "models", "-c", "acc"), 2, "the check cannot be read"),
        ],
    )
    def test_what_is_not_there_is_said(self, repository, xrun, arguments, code, problem):
        done = xrun("diff", *arguments)
        assert done.returncode == code
        assert problem in done.stderr


def test_runs_that_have_completed_since_the_results_were_published_are_not_missing(project, xrun, tmp_path_factory):
    (project / "late.py").write_text("import os\ndef f(x):\n    assert x == 1 or os.path.exists('ready')\n    return {'y': x}\n")
    (project / "conf/experiment/late.yaml").write_text("# @package _global_\nparams: {x: [1, 2, 3]}\nsteps: [late.f]\n")
    assert xrun("+experiment=late").returncode == 1
    missing = xrun("check", "late", "-c", "y.mean <= 2")
    assert (missing.returncode, missing.stderr) == (3, "late: 1 passed; runs are missing: 2 failed\n")
    before = tmp_path_factory.mktemp("before") / "late"
    shutil.copytree(project / "results/late", before)
    (project / "ready").touch()
    assert xrun("+experiment=late", "x=1,2,3").returncode == 0
    shutil.rmtree(project / "results/late")
    shutil.copytree(before, project / "results/late")  # what an xrun leaves that is killed before it publishes
    found = xrun("check", "late", "-c", "y.mean <= 2")
    assert (found.returncode, found.stderr) == (0, "late: 1 passed\n")
    assert " 3  pass" in found.stdout
