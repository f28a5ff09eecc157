"""How runs of scripts and commands end, through xrun itself: statuses, what is shown of a failure, what they took of the machine."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.scripts import failing
from tests import calling
from tests.calling import XRUN

FILES = {
    "killed.py": """
import os, signal, sys

if not os.path.exists("again"):
    open("again", "w").close()
    os.kill(os.getpid(), int(sys.argv[1]))
""",
    "tool.py": """
import sys

print("begin")
print("near the end", file=sys.stderr)
{}["missing key"]
""",
    "big.py": """
import time

x = bytearray(300_000_000)
end = time.process_time() + 0.3
while time.process_time() < end:
    pass
time.sleep(60 * SLOW)
""",
    "steps.py": """
import os

def work():
    x = bytearray(300_000_000)
    end = os.times().user + 0.3
    while os.times().user < end:
        pass

def die(n):
    work()
    os._exit(3)

def work_then_die(n):
    if n:
        os._exit(3)
    work()
""",
}
EXPERIMENTS = {
    "killed": "params: {number: [9]}\nsteps: [{script: killed.py, args: ['${params.number}']}]\n",
    "retried": "params: {number: [9]}\nsteps: [{script: killed.py, args: ['${params.number}'], retries: 1, retry_on: [CRASHED]}]\n",
    "failed": "steps: [{script: tool.py, outputs: outputs}]\n",
    "command": "params: {n: [2]}\nsteps: [{command: 'cat d-${params.n}.txt; test 1 = 1; exit 4', name: look}]\n",
    "quick": "steps: [{script: quick.py}]\n",
    "slow": "steps: [{script: slow.py, timeout: 3}]\n",
    "dead": "params: {n: [1]}\nsteps: [steps.die]\n",
    "both": "params: {n: [0, 1]}\nsteps: [steps.work_then_die]\nexecutor: {workers: 1}\n",
}


class Project:
    """A project with those scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in FILES.items():
            (folder / name).write_text(text)
        for name, slow in {"quick": 0, "slow": 1}.items():
            (folder / f"{name}.py").write_text(FILES["big.py"].replace("SLOW", str(slow)))
        (folder / "conf/experiment").mkdir(parents=True)
        for name, text in EXPERIMENTS.items():
            (folder / f"conf/experiment/{name}.yaml").write_text(f"# @package _global_\n{text}")

    def __call__(self, *arguments: str, start: Callable[..., calling.Done] = calling.run) -> calling.Done:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")}
        return start([XRUN, *arguments], cwd=self.folder, env=environment)

    def runs(self, name: str, *overrides: str) -> list[dict]:
        self(f"+experiment={name}", *overrides, "-q")
        return [json.loads(line) for line in self("ls", name, "--json").stdout.splitlines()]


@pytest.fixture
def xrun(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(("number", "kind"), [(9, "SIGKILL"), (11, "SIGSEGV"), (40, "signal 40")])
def test_a_script_that_a_signal_ended_has_crashed(number, kind, xrun):
    (run,) = xrun.runs("killed", f"number={number}")
    assert (run["status"], run["failure"]["kind"]) == ("CRASHED", kind)
    assert f"step `killed`, `killed.py {number}`, ended with {kind}" in run["failure"]["message"]
    assert ("memory ran out" in run["failure"]["message"]) == (kind == "SIGKILL")
    assert xrun("+experiment=killed", f"number={number}", "-q").returncode == 0, "it is executed again, and survives"


def test_a_script_that_a_signal_ended_is_retried_as_crashed(xrun):
    (run,) = xrun.runs("retried")
    assert (run["status"], run["attempt"]) == ("COMPLETED", 2)


def test_a_failure_is_shown_by_its_reason_and_its_traceback_once(xrun):
    (run,) = xrun.runs("failed")
    assert run["status"] == "FAILED"
    assert "exit 1: KeyError: 'missing key'" in xrun("ls", "failed", start=calling.real).stdout
    done = xrun("logs", run["id_run"])
    assert done.stdout == "begin\n"
    assert done.stderr.count("Traceback") == 1
    assert f'File "{xrun.folder}/tool.py", line 6' in done.stderr
    assert done.stderr.endswith(
        "KeyError: 'missing key'\nfailure in step `tool`: exit 1\nKeyError: 'missing key'\nstep `tool`, `tool.py`, ended with exit 1\n"
    )


def test_a_failed_command_is_shown_with_its_values(xrun):
    (run,) = xrun.runs("command")
    assert "step `look`, `cat d-2.txt; test 1 = 1; exit 4`, ended with exit 4" in run["failure"]["message"]
    assert "exit 4: cat: d-2.txt" in xrun("ls", "command").stdout


@pytest.mark.parametrize(("name", "status"), [("quick", "COMPLETED"), ("slow", "TIMED_OUT"), ("dead", "CRASHED")])
def test_what_a_run_took_of_the_machine_is_known_however_it_ended(name, status, xrun):
    (run,) = xrun.runs(name)
    assert run["status"] == status
    assert 300_000_000 < run["max_rss"] < 600_000_000
    assert 0.25 < run["cpu_seconds"] < 3


def test_what_a_worker_took_for_an_earlier_run_is_not_counted_for_the_one_that_it_died_in(xrun):
    before, died = sorted(xrun.runs("both"), key=lambda run: run["params"]["n"])
    assert (before["status"], died["status"]) == ("COMPLETED", "CRASHED")
    assert before["cpu_seconds"] > 0.25 > died["cpu_seconds"]
    assert before["max_rss"] > 300_000_000 > died["max_rss"] > 1_000_000


@pytest.mark.parametrize(("code", "kind"), [(-9, "oom"), (137, "oom"), (-11, "SIGSEGV"), (3, "exit 3")])
def test_a_kill_that_the_kernel_has_counted_is_its_own_and_of_a_shells_child_too(code, kind):
    error = failing.ended(code, "train", "sh -c 'python train.py'", b"Killed\n", b"", oom=True)
    assert (error.kind, error.died) == (kind, code != 3)
    assert ("because memory ran out" in str(error)) == (kind == "oom")
    assert failing.ended(code, "train", "x", b"", b"").kind != "oom"
