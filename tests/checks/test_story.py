"""The gate on real tables: what xrun has written, read back as `xrun check` reads it. Other seeds are forgiven, a true drop is found."""

import json
import os

import pytest

from runner import checks, table
from runner.published import Published
from tests import calling
from tests.calling import XRUN

REPETITIONS = 100
REPLICATES = 6
STEP = """
import random

QUALITY = {"cnn": 0.90, "svm": 0.80, "tree": 0.70}
SD = 0.01


def train(run, model, trial, drop):
    worse = drop * SD if model == "cnn" else 0.0
    return {"acc": QUALITY[model] - worse + random.Random(run.seed).gauss(0, SD)}
"""
EXPERIMENT = f"""\
# @package _global_
kwargs: {{drop: 0}}
params: {{trial: "range(0,{2 * REPETITIONS})", model: [cnn, svm, tree]}}
replicates: {REPLICATES}
steps: [training.train]
"""
(CHECK,) = checks.read([{"metric": "acc", "direction": "max", "n_sigma": 3, "group_by": ["params.model"]}])


def run(project, *arguments, start=calling.run):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XRUN_", "GITHUB_"))}
    return start([XRUN, *arguments], cwd=project, env=environment, timeout=300)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two experiments in one: 200 trials with nothing but other seeds, and as many in which one model is 5 sigma worse."""
    root = tmp_path_factory.mktemp("story")
    (root / "conf/experiment").mkdir(parents=True)
    (root / "training.py").write_text(STEP)
    for name, drop in (("same", 0), ("worse", 5)):
        text = EXPERIMENT.replace("drop: 0", f"drop: {drop}")
        (root / f"conf/experiment/{name}.yaml").write_text(f"{text}name: {name}\nseed: {drop}\n")
        assert run(root, f"+experiment={name}", "-q").returncode == 0
    return root


@pytest.fixture(scope="module")
def trials(project, tmp_path_factory):
    """(experiment, trial) -> the sample of the results folder with that trial alone, written and read as any other."""
    folder = tmp_path_factory.mktemp("tables")
    frames = {name: dict(tuple(table.read(project / "results" / name).groupby("trial"))) for name in ("same", "worse")}

    def sample(name, trial):
        home = folder / f"{name}-{trial}"
        if not home.is_dir():
            table.write(frames[name][trial].drop(columns="trial").reset_index(drop=True), home)
        return Published(home, str(home)).sample(axes=("model", "replicate"))

    return sample


def failing(now, then):
    verdicts = checks.judge(CHECK, checks.measure(CHECK, now), checks.measure(CHECK, then))
    return {str(verdict.group) for verdict in verdicts if verdict.outcome is checks.Outcome.FAIL}


def test_other_seeds_alone_pass_in_99_of_100_repetitions(trials):
    outcomes = [failing(trials("same", 2 * n), trials("same", 2 * n + 1)) for n in range(REPETITIONS)]
    assert sum(not failed for failed in outcomes) >= 99


def test_a_true_drop_of_5_sigma_is_found_in_99_of_100_repetitions_and_in_the_right_group(trials):
    outcomes = [failing(trials("worse", 2 * n), trials("same", 2 * n + 1)) for n in range(REPETITIONS)]
    assert sum("params.model=cnn" in failed for failed in outcomes) >= 99
    assert sum(failed == {"params.model=cnn"} for failed in outcomes) >= 95


@pytest.mark.parametrize(("drop", "code"), [(0, 0), (5, 1)])
def test_the_whole_process_says_the_same(project, trials, drop, code):
    gate = EXPERIMENT.replace("range(0,200)", "range(200,201)").replace("drop: 0", f"drop: {drop}")
    gate += "name: gate\nseed: 7\nchecks: [{metric: acc, direction: max, n_sigma: 3, group_by: [params.model]}]\n"
    (project / "conf/experiment/gate.yaml").write_text(gate)
    assert run(project, "+experiment=gate", "-q", start=calling.real).returncode == 0
    for trial in range(2):
        done = run(project, "check", "gate", "--baseline", trials("same", trial).told, "--json")
        assert done.returncode == code, done.stderr
        assert [v["group"] for v in json.loads(done.stdout)["verdicts"] if v["outcome"] == "fail"] == [{"params.model": "cnn"}] * code
