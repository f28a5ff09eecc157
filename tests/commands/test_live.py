"""What the commands that only look say while runs execute, after their process was killed, and of runs with a great deal to say."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.reading import load
from tests import calling
from tests.commands.conftest import XRUN
from tests.commands.test_reading import terminal

STEPS = """
import os
import time


def pulse(run, lr: float):
    print("begin", lr, flush=True)
    (run.dir / "w.bin").write_text("12345")
    run.log_artifact(run.dir / "w.bin", "weights/w.bin")
    with run.child_run("fold0", {"fold": 0}) as child:
        child.log_metric("loss", 7.0)
    beat = 0
    while not os.path.exists("stop"):
        run.log_metric("loss", 1 / (1 + beat))
        beat += 1
        time.sleep(0.02)
    if os.path.exists("fail"):
        raise ValueError("stopped")


def big(run):
    for n in range(30):
        run.log_metric(f"metric{n:02}", n)
    for n in range(200):
        (run.dir / f"{n}.txt").write_text("x" * n)
        run.log_artifact(run.dir / f"{n}.txt", f"files/{n:03}.txt")
    for n in range(40):
        with run.child_run(f"fold{n:02}", {"fold": n}):
            pass
    for n in range(100_000):
        print("line", n, "y" * 90)
    run.fields["matrix"] = list(range(5000))
    raise ValueError("\\n".join(f"reason {n}" for n in range(100)))
"""
SCRIPT = """
import sys
print("half way")
sys.exit("no such file: data.csv")
"""


class Project:
    """A folder with experiments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "alive.py").write_text(STEPS)
        (folder / "train.py").write_text(SCRIPT)
        (folder / "conf/experiment").mkdir(parents=True)
        declared = {
            "pulse": "params: {lr: [0.1, 0.2]}\nsteps: [alive.pulse]\nexecutor: {workers: 2}\n",
            "big": "steps: [alive.big]\n",
            "script": "steps: [{script: train.py}]\n",
        }
        for name, text in declared.items():
            (folder / f"conf/experiment/{name}.yaml").write_text(f"# @package _global_\n{text}")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")}

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return calling.run([XRUN, *arguments], cwd=self.folder, env=self.environment)

    def lines(self, *arguments: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self(*arguments, "--json").stdout.splitlines()]

    @contextmanager
    def executing(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The experiment `pulse`, from when both of its runs have been heard of until it is told to stop."""
        with subprocess.Popen(
            [XRUN, "+experiment=pulse", "-q"], cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                until(lambda: len(self.lines("ls", "pulse", "--status", "running")) == 2)
                yield process
            finally:
                (self.folder / "stop").touch()
                process.wait(30)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_while_runs_execute_every_command_tells_what_they_have_logged_so_far(project: Project) -> None:
    with project.executing():
        until(lambda: len(project.lines("metrics", "pulse", "loss")) > 2)
        listed = project("ls", "pulse").stdout.splitlines()
        assert [line.split()[1] for line in listed] == ["status", "RUNNING", "RUNNING"]
        assert {line.split()[3] for line in listed[1:]} == {"lr=0.1", "lr=0.2"}
        assert all(0 < float(line.split()[2]) < 60 for line in listed[1:])
        (line,) = project.lines("ls")
        assert (line["counts"], line["running"], line["lost"]) == ({}, 2, 0)
        id_run = next(str(run["id_run"]) for run in project.lines("ls", "pulse") if run["params"] == {"lr": 0.1})
        points = list(csv.DictReader(io.StringIO(project("metrics", "pulse", "loss", "--csv").stdout)))
        assert {point["lr"] for point in points} == {"0.1", "0.2"}
        latest = max(point["time"] for point in points)
        assert time.time() - time.mktime(time.strptime(latest[:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone < 10
        shown = project("show", id_run).stdout
        assert re.search(rf"^{id_run}  pulse  RUNNING\n  executes now, for \d+\.\d s", shown)
        assert "params:\n  lr = 0.1\n" in shown
        assert "weights/w.bin" in shown
        assert re.search(r"fold0 +RUNNING +fold=0", shown)
        assert [file["path"] for file in project.lines("artifacts", "pulse")] == ["weights/w.bin"] * 2
        until(lambda: project("logs", id_run).stdout == "begin 0.1\n")
        told = json.loads(project("show", id_run, "--json").stdout)
        assert (told["status"], told["executing"], told["params"]) == ("RUNNING", True, {"lr": 0.1})
    assert {str(run["status"]) for run in project.lines("ls", "pulse")} == {"COMPLETED"}


def test_points_are_seen_about_two_seconds_after_they_were_logged(project: Project) -> None:
    with project.executing():
        time.sleep(2)
        asked = time.time()
        newest = load("pulse", project.folder).metrics("loss").groupby("id_run")["time"].max()
        assert len(newest) == 2
        assert min(when.timestamp() for when in newest) > asked - 2.5


def test_a_run_that_executes_again_is_told_on_top(project: Project) -> None:
    (project.folder / "stop").touch()
    (project.folder / "fail").touch()
    assert project("+experiment=pulse", "-q").returncode == 1
    (project.folder / "stop").unlink()
    with project.executing():
        listed = project("ls", "pulse").stdout.splitlines()
        assert all(re.search(r"RUNNING .*again; it was FAILED$", line) for line in listed[1:])
        run = project.lines("ls", "pulse")[0]
        assert (run["status"], run["executing"]) == ("FAILED", True)
        assert "executes again now" in project("show", str(run["id_run"])).stdout
        assert project("ls").stdout.splitlines()[1].split()[1:5] == ["2", "0", "2", "2"]
        found = project.lines("ls", "pulse", "--where", "status == 'RUNNING'")
        assert [(run["status"], run["executing"]) for run in found] == [("FAILED", True)] * 2
        assert project("ls", "pulse", "--where", "status == 'FAILED'", "--columns", "lr").stdout.splitlines()[1:] == []
        table = project("ls", "pulse", "--columns", "status,failure", "--csv").stdout
        assert [row["status"] for row in csv.DictReader(io.StringIO(table))] == ["RUNNING", "RUNNING"]
    listed = project("ls", "pulse").stdout.splitlines()
    assert all(line.endswith("ValueError: stopped") for line in listed[1:])


def test_after_a_kill_runs_are_lost_and_following_their_output_ends(project: Project) -> None:
    with project.executing() as process:
        id_run = str(project.lines("ls", "pulse")[0]["id_run"])
        with subprocess.Popen(
            [XRUN, "logs", id_run, "-f"],
            cwd=project.folder,
            env=project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as following:
            assert following.stdout is not None
            assert following.stdout.readline().startswith("begin 0.")
            assert following.poll() is None
            process.send_signal(signal.SIGKILL)
            _, told = following.communicate(timeout=10)
            assert told == "the run is LOST: the process that executed it has died; that is all it had printed\n"
            assert following.returncode == 0
    assert project("ls", "pulse", "--status", "lost").stdout.count(" LOST ") == 2
    head, line = project("ls").stdout.splitlines()
    assert head.split() == ["experiment", "runs", "completed", "failed", "running", "lost", "last", "run"]
    assert line.split()[1:6] == ["0", "0", "0", "0", "2"]
    assert f"{id_run}  pulse  LOST\n  the process that executed it has died" in project("show", id_run).stdout
    assert len(project.lines("metrics", "pulse")) == 2
    assert "seconds" in project("ls", "pulse", "--columns", "seconds,status").stdout
    help_text = project("ls", "--help").stdout
    assert "RUNNING: " in help_text
    assert "LOST: " in help_text
    assert project("+experiment=pulse", "-q").returncode == 0
    assert {str(run["status"]) for run in project.lines("ls", "pulse")} == {"COMPLETED"}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("ended"))
    assert made("+experiment=big", "-q").returncode == 1
    assert made("+experiment=script", "-q").returncode == 1
    return made


def test_show_is_short_and_says_which_command_has_the_rest(ended: Project) -> None:
    id_run = str(ended.lines("ls", "big")[0]["id_run"])
    short = id_run[:8]
    text = ended("show", short).stdout
    assert len(text.splitlines()) < 130
    assert len(text) < 20_000
    for rest in (
        f"  ... and 5 more: xrun metrics {short}\n",
        f"  ... and 175 more: xrun artifacts {short}\n",
        f"  ... and 15 more: xrun show {short} --all\n",
        f"output: stdout 10 MB (xrun logs {short})\n",
        f" lines: xrun logs {short}\n",
        " more characters: --all\n",
    ):
        assert rest in text
    assert "  | reason 99\n" in text
    assert "metric24" in text
    assert "metric25" not in text
    everything = ended("show", short, "--all").stdout
    assert "metric29" in everything
    assert "files/199.txt" in everything
    assert "fold39" in everything
    assert "  | ValueError: reason 0\n" in everything
    assert "4999]" in everything
    assert "more" not in everything


def test_show_of_a_script_that_failed_has_the_end_of_what_it_said(ended: Project) -> None:
    text = ended("show", str(ended.lines("ls", "script")[0]["id_run"])).stdout
    assert "output: stdout 9 B, stderr 23 B" in text
    assert "failure in step `train`: exit 1\n" in text
    assert "  | no such file: data.csv\n" in text


def test_lists_fit_into_a_terminal_and_say_once_where_files_lie(ended: Project) -> None:
    id_run = str(ended.lines("ls", "big")[0]["id_run"])
    files = terminal(ended.folder, "artifacts", id_run)
    assert files[0].split() == ["id_run", "path", "size", "kind"]
    assert files[-2:] == ["... and 100 more; --limit 0 lists them", f"in .xrun/artifacts/{id_run}/; --csv and --json have whole paths"]
    assert terminal(ended.folder, "artifacts", "big", "--limit", "0")[-1].startswith("in .xrun/artifacts/")
    metrics = terminal(ended.folder, "metrics", "big")
    assert metrics[0].split() == ["id_run", "params", "metric", "last", "min", "step", "max", "step", "mean", "points"]
    for command in (("ls",), ("ls", "big"), ("metrics", "big"), ("artifacts", "big"), ("show", id_run[:8])):
        assert max(map(len, terminal(ended.folder, *command))) <= 100 or command[0] == "show"
