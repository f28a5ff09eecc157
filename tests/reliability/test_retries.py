"""Retries: which failures are worth one, when it comes, where it goes on; and when a sweep has failed often enough."""

import os
import re
import signal
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import retries, stores
from runner.config.load import Request, load
from runner.errors import ConfigError
from runner.record import Failure, Outcome, Status
from runner.spec import Step

STEP = """
import os, signal, time
from pathlib import Path
from requests_like import Timeout
HERE = Path(__file__).parent
def step(n, how=None, times=2, wait=0.0):
    with open(HERE / "log", "a") as file:
        file.write(f"{n} {time.monotonic()}\\n")
    tries = sum(line.startswith(f"{n} ") for line in (HERE / "log").read_text().splitlines())
    if tries <= times:
        exec((how or {}).get(str(n), ""))
    time.sleep(wait)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""


def started(project):
    """n -> when its attempts began."""
    found = {}
    for line in (project.root / "log").read_text().splitlines():
        n, at = line.split()
        found.setdefault(int(n), []).append(float(at))
    return found


def sweep(project, runs, how=None, workers=2, times=2, wait=0.0, top=None, **step):
    project.module(STEP)
    project.module("class Timeout(Exception): pass\n", "requests_like")
    options = ", ".join(f"{key}: {value}" for key, value in step.items())
    project.experiment(
        "sweep", f'{{n: "range(0,{runs})"}}', steps=f"[{{call: work.step{', ' + options if options else ''}}}]",
        kwargs={"how": how or {}, "times": times, "wait": wait}, executor={"workers": workers}, **(top or {}),
    )  # fmt: skip


def test_each_retry_waits_twice_as_long_up_to_a_limit_and_others_run_meanwhile(project):
    sweep(project, 20, {0: "raise ValueError"}, workers=1, times=3, wait=0.01, retries=3, backoff="500ms", backoff_max="800ms")
    assert project.run("+experiment=sweep")[0] == 0
    begun = started(project)
    gaps = [later - sooner for sooner, later in pairwise(begun[0])]
    assert len(gaps) == 3
    for gap, wanted in zip(gaps, (0.5, 0.8, 0.8), strict=True):
        assert wanted <= gap < wanted + 0.45
    assert all(len(begun[n]) == 1 and begun[n][0] < begun[0][1] for n in range(1, 20))
    assert {status for _, status, _ in project.assert_ok().values()} == {"COMPLETED"}


def test_only_failures_that_are_named_are_tried_again(project):
    how = {
        0: "raise ConnectionError", 1: "raise ValueError", 2: "os._exit(3)", 3: "os._exit(4)", 4: "raise Timeout",
        5: "os.kill(os.getpid(), signal.SIGKILL)", 6: "time.sleep(60)", 7: "raise ConnectionResetError",
    }  # fmt: skip
    sweep(project, 9, how, times=1, retries=2, timeout=0.5, retry_on='[ConnectionError, "exit 3", Timeout, SIGKILL, TIMED_OUT]')
    assert project.run("+experiment=sweep")[0] == 1
    assert {n: len(begun) for n, begun in started(project).items()} == {0: 2, 1: 1, 2: 2, 3: 1, 4: 2, 5: 2, 6: 2, 7: 1, 8: 1}
    ends = {n: status for n, status, _ in project.rows().values()}
    assert {n for n, status in ends.items() if status != "COMPLETED"} == {1, 3, 7}, "a subclass is another class"


def test_an_interrupt_does_not_wait_for_a_retry_and_keeps_what_the_run_has_failed_of(project):
    sweep(project, 3, {1: "raise ValueError('no luck')"}, retries=1, backoff="1h")
    process = project.start("+experiment=sweep")
    project.wait_for_rows(2)
    os.kill(process.pid, signal.SIGTERM)
    begun = time.monotonic()
    _, err = process.communicate(timeout=10)
    assert process.returncode == 143, err
    assert time.monotonic() - begun < 2
    assert sorted((n, status) for n, status, _ in project.rows().values()) == [(0, "COMPLETED"), (1, "FAILED"), (2, "COMPLETED")]
    assert "no luck" in err


def test_nobody_computes_while_all_that_is_left_waits_for_a_retry(project):
    sweep(project, 2, {1: "raise ValueError"}, times=1, retries=1, backoff=2)
    process = project.start("+experiment=sweep")
    project.wait_for_rows(1)
    time.sleep(0.3)
    before = cpu(process.pid)
    time.sleep(1.0)
    assert cpu(process.pid) - before < 0.2
    assert process.wait(20) == 0


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


TWO = """
import os, random, time
from pathlib import Path
HERE = Path(__file__).parent
def log(word):
    with open(HERE / "log", "a") as file:
        file.write(word + " ")
def load(run):
    log("load")
    time.sleep(0.05)
    run.fields.value = random.random()
    run.log_metric("loss", 1.0)
    (run.dir / "outputs").mkdir()
    (run.dir / "outputs" / "model").write_text(str(run.fields.value))
def fit(run):
    log("fit")
    run.log_metric("loss", 2.0)
    if (HERE / "log").read_text().count("fit") < 3:
        END
    run.fields.text = (run.dir / "outputs" / "model").read_text()
"""


@pytest.mark.parametrize("end", ["raise ValueError", "os._exit(1)"])
@pytest.mark.parametrize("options", [(), ("--force",)])
def test_a_retry_goes_on_behind_the_steps_that_the_run_has_finished(project, end, options):
    project.module(TWO.replace("END", end))
    steps = "[work.load, {call: work.fit, retries: 5, backoff: 10ms}]"
    project.experiment("sweep", "{n: [0]}", steps=steps)
    code, _, err = project.run("+experiment=sweep", *options)
    assert code == 0, err
    assert (project.root / "log").read_text().split() == ["load", "fit", "fit", "fit"]
    ((id_run, (_, status, fields)),) = project.rows().items()
    assert status == "COMPLETED"
    assert fields["text"] == str(fields["value"])
    with closing(stores.read(project.store)) as reader:
        assert [value for _, values, _ in reader.points(id_run, "loss") for value in values] == [1.0, 2.0]
        assert reader.find([id_run])[id_run].attempt == 3


@pytest.mark.parametrize("top", [{"max_failures": 3}, {"on_error": "stop"}])
def test_after_enough_failures_nothing_more_starts_and_a_line_says_so(project, top):
    sweep(project, 400, dict.fromkeys(range(10, 400), "time.sleep(0.2); raise ValueError"), times=99, wait=0.02, top=top)
    code, _, err = project.run("+experiment=sweep")
    assert code == 1
    rows = project.assert_ok()
    limit = top.get("max_failures", 1)
    failed = sum(status == "FAILED" for _, status, _ in rows.values())
    assert limit <= failed <= limit + 4, "those that executed when it was enough may finish"
    assert f"`{'max_failures: 3' if 'max_failures' in top else 'on_error: stop'}`: nothing more was started; {400 - len(rows)} runs" in err
    assert len(rows) <= 10 + failed


def test_failures_below_the_limit_stop_nothing(project):
    sweep(project, 50, dict.fromkeys((1, 2), "raise ValueError"), times=99, top={"max_failures": 3})
    code, _, err = project.run("+experiment=sweep")
    assert code == 1
    assert "nothing more was started" not in err
    assert len(project.assert_ok()) == 50


# -- pure ----------------------------------------------------------------------------------------------------------------------------


@given(st.floats(0.001, 1e9), st.floats(0.001, 1e9), st.integers(1, 10**6))
def test_pauses_never_shrink_and_never_exceed_the_limit(backoff, limit, failures):
    step = Step(call="a.b", name="b", retries=1, backoff=backoff, backoff_max=limit)
    assert 0 < retries.pause(step, failures) <= retries.pause(step, failures + 1) <= limit
    assert retries.pause(step, 1) == min(backoff, limit)


@pytest.mark.parametrize(
    ("name", "yes"),
    [("FAILED", True), ("CRASHED", False), ("pkg.errors.Odd", True), ("errors.Odd", True), ("Odd", True), ("dd", False), ("pkg", False)],
)
def test_a_failure_is_known_by_status_kind_or_the_last_parts_of_its_kind(name, yes):
    outcome = Outcome(index=0, status=Status.FAILED, failure=Failure(kind="pkg.errors.Odd"))
    assert retries.worth(Step(call="a.b", name="b", retries=1, retry_on=(name,)), outcome, 1) is yes


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("backoff: 1s", "`backoff` does nothing without `retries`"),
        ("retries: 1, backoff_max: 1s", "`backoff_max` does nothing without `backoff`"),
        ("retries: 1, backoff: soon", "is not a number of seconds"),
        ("retries: 1, backoff: false", "is not a number of seconds"),
        ("retries: 1, retry_on: [timed_out]", "did you mean `TIMED_OUT`?"),
        ("retries: 1, retry_on: [CRASHD]", "did you mean `CRASHED`?"),
        ("retries: 1, retry_on: [COMPLETED]", "no run fails as COMPLETED"),
        ("retries: 1, retry_on: [exit]", None),
        ("retries: 1, retry_on: ['exit one']", "neither a status nor a kind"),
        ("retries: 1, retry_on: []", "nothing is worth a retry"),
        ("retries: 1, retry_on: 3", "a list is meant"),
        ("retries: 1, retry_on: OOM", None),
        ("retries: 1, backoff: 0", None),
    ],
)
def test_options_that_say_nothing_are_refused(project, options, complaint):
    project.experiment("sweep", "{n: [1]}", steps=f"[{{call: work.step, {options}}}]")
    request = Request(overrides=("+experiment=sweep",), cwd=project.root)
    if complaint is None:
        load(request)
        return
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        load(request)


@pytest.mark.parametrize("value", ["0", "many", "1.5", "true"])
def test_a_limit_of_failures_is_a_whole_number_of_at_least_one(project, value):
    project.experiment("sweep", "{n: [1]}")
    with pytest.raises(ConfigError, match="max_failures"):
        load(Request(overrides=("+experiment=sweep", f"max_failures={value}"), cwd=project.root))
