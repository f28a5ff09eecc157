"""examples/ci/xrun-check.yml, step by step in real clones; GitHub's own part (clone, cache, comment) is played by cp and git."""

import json
import shutil
import subprocess

import pytest
import yaml

from tests import calling
from tests.ci.conftest import BIN, ROOT, STEPS, Machine

FILE = ROOT / "examples/ci/xrun-check.yml"
WORKFLOW = yaml.safe_load(FILE.read_text().replace("\non:", '\n"on":'))  # YAML 1.1 reads `on` as true
JOB = WORKFLOW["jobs"]["check"]
NOT_HERE = ("python -m pip install", "gh pr comment")
"""Steps that need the network."""


SLOW = """\
import time
from pathlib import Path


def step(x):
    time.sleep(0 if Path(__file__).with_name("quick").exists() else 0.2)
    return {"y": x}
"""


class Server:
    """Where the caches of all jobs are kept."""

    def __init__(self, origin: Machine, folder) -> None:
        self.origin, self.folder, self.jobs = origin, folder, 0
        self.caches = []

    def pull_request(self, branch: str) -> "Job":
        """The job of a pull request from `branch` to main, on a machine of its own."""
        self.jobs += 1
        root = self.folder / f"machine {self.jobs}" / "work"
        subprocess.run(["git", "clone", "-q", str(self.origin.root), str(root)], check=True, capture_output=True)
        machine = Machine(root, self.origin.environment)
        machine.sh(f"git checkout -q --detach origin/{branch}")
        return Job(self, machine)


class Job:
    """What the workflow does, and what of it can be seen."""

    def __init__(self, server: Server, machine: Machine) -> None:
        self.server, self.machine = server, machine
        self.summary = machine.root.parent / "summary.md"
        self.summary.touch()
        self.codes, self.output = {}, ""
        self.ok = True
        for step in JOB["steps"]:
            if self.ok or "always()" in step.get("if", "") or "!cancelled()" in step.get("if", ""):
                self._step(step)

    def _step(self, step) -> None:
        if "uses" in step:
            self._action(step["uses"].partition("@")[0], step.get("with", {}))
        elif not step["run"].startswith(NOT_HERE):
            variables = {name: str(value) for name, value in WORKFLOW["env"].items()} | {
                "EXPERIMENT": "models",
                "GITHUB_ACTIONS": "true",
                "GITHUB_BASE_REF": "main",
                "GITHUB_STEP_SUMMARY": str(self.summary),
            }
            assert "${{" not in step["run"]  # what an expression puts into a script is a way in for whoever names a branch
            done = self.machine.sh(step["run"], code=None, **variables)
            self.codes[step["name"]] = done.returncode
            self.output += done.stdout + done.stderr
            self.ok = self.ok and done.returncode == 0

    def _action(self, action: str, options) -> None:
        folder = self.machine.root / options.get("path", "")
        if action == "actions/cache/restore" and self.server.caches:
            assert options["key"].startswith(options["restore-keys"])
            shutil.copytree(self.server.caches[-1], folder)
        if action == "actions/cache/save":
            self.server.caches.append(shutil.copytree(folder, self.server.folder / f"cache {len(self.server.caches)}"))


@pytest.fixture
def server(origin, tmp_path):
    """With the branches `same`, which changes no metric, and `worse`, which does; main's runs are in the first cache."""
    copy = Machine(shutil.copytree(origin.root, tmp_path / "origin", symlinks=True), origin.environment)
    made = Server(copy, tmp_path)
    made.caches.append(shutil.move(copy.root / ".xrun", tmp_path / "cache of main"))
    copy.sh("git checkout -q -b same main")
    copy.write({"README.md": "# Models\n"})
    copy.sh("git add . && git commit -q -m readme && git checkout -q -b worse main")
    copy.write({"training.py": STEPS.replace("0.90", "0.80")})
    copy.sh("git commit -q -a -m worse && git checkout -q main")
    return made


def test_a_pull_request_that_changes_nothing_executes_nothing(server):
    job = server.pull_request("same")
    assert job.machine.executed == 0
    assert set(job.codes.values()) == {0}
    assert job.summary.read_text().startswith("### ✅ xrun check: models: 3 passed against git:origin/main")
    assert "::error" not in job.output


def test_also_with_the_cache_of_a_pull_request_that_changed_the_code(server):
    worse = server.pull_request("worse")
    assert worse.machine.executed == 16
    assert server.pull_request("same").machine.executed == 0
    assert server.pull_request("worse").machine.executed == 0


def test_without_a_cache_everything_is_executed_with_the_same_outcome(server):
    server.caches.clear()
    job = server.pull_request("same")
    assert (job.machine.executed, set(job.codes.values())) == (16, {0})


def test_a_pull_request_that_makes_a_model_worse_fails_and_says_where(server):
    job = server.pull_request("worse")
    assert job.codes == {"Execute what is missing": 0, "Compare with the base branch": 1}
    (annotation,) = [line for line in job.output.splitlines() if line.startswith("::error")]
    assert annotation.startswith("::error title=xrun check models::acc >= baseline (model=cnn): acc is 0.8")
    report = (job.machine.root / "xrun-report.md").read_text()
    assert job.summary.read_text().strip() == report.strip()
    assert len(report) < 65_536  # the longest comment that GitHub takes
    (row,) = [line for line in report.splitlines() if line.startswith("| ❌")]
    metric, group, baseline, current, delta, _, tolerance, n, verdict = [cell.strip() for cell in row.strip("|").split("|")][1:]
    assert (metric, group, n, verdict) == ("`acc >= baseline`", "model=cnn", "8", "FAIL: breach")
    assert float(delta) == pytest.approx(-0.1, abs=1e-4)
    assert float(current.split()[0]) - float(baseline.split()[0]) == pytest.approx(float(delta), abs=1e-4)
    assert -0.1 < float(tolerance) < 0


def test_a_job_whose_runs_fail_compares_and_keeps_its_cache_all_the_same(server):
    edit = "sed -i 's/def train.*/&\\n    assert model != \"svm\"/' training.py"
    server.origin.sh(f"git checkout -q -b broken main && {edit} && git commit -q -a -m broken")
    caches = len(server.caches)
    job = server.pull_request("broken")
    assert job.codes == {"Execute what is missing": 1, "Compare with the base branch": 1}
    assert "missing group" in job.summary.read_text()
    assert len(server.caches) == caches + 1


def test_a_workspace_of_a_killed_xrun_goes_on_on_another_machine(server):
    first, second = server.pull_request("same").machine, server.pull_request("same").machine
    for machine in (first, second):
        shutil.rmtree(machine.root / ".xrun")
        machine.write({"slow.py": SLOW, "conf/experiment/slow.yaml": "# @package _global_\nparams: {x: range(60)}\nsteps: [slow.step]\n"})
    with subprocess.Popen(
        [BIN / "xrun", "+experiment=slow", "executor.workers=1", "-q"], cwd=first.root, env=first.environment, stdin=subprocess.DEVNULL
    ) as xrun:
        while (seen := completed(first)) < 5:
            assert xrun.poll() is None
        xrun.kill()
    shutil.copytree(first.root / ".xrun", second.root / ".xrun")
    (second.root / "quick").touch()
    assert (second.root / ".xrun/xrun.db-wal").stat().st_size > 0
    told = json.loads(second.sh("xrun +experiment=slow --json").stdout)
    assert told["counts"] == {"COMPLETED": 60}
    assert seen <= told["cached"] < 60
    second.sh("xrun doctor")


def completed(machine: Machine) -> int:
    """The runs that anybody may see as completed."""
    words = [calling.XRUN, "ls", "slow", "--status", "COMPLETED", "--json"]
    return calling.run(words, cwd=machine.root, env=machine.environment).stdout.count("\n")


def test_the_page_names_every_step():
    page = (ROOT / "docs/ci.md").read_text()
    for step in JOB["steps"]:
        if "uses" in step and "setup-python" not in step["uses"]:
            assert f"`{step['uses'].partition('@')[0]}" in page
    assert WORKFLOW["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert JOB["steps"][0]["with"]["fetch-depth"] == 0


def test_ids_depend_on_no_path_and_no_time_of_a_file(origin, server):
    ids = json.loads((origin.root / "results/models/manifest.json").read_text())["runs"]
    job = server.pull_request("same")
    job.machine.sh("find . -path ./.git -prune -o -type f -exec touch -d '2001-01-01' {} + && xrun +experiment=models -q")
    assert json.loads((job.machine.root / "results/models/manifest.json").read_text())["runs"] == ids
    assert job.machine.executed == 0
