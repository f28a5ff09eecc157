"""The commands that only look: plan, ls, show, table, metrics, artifacts, logs, query, --help, --cfg, completion."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import calling
from tests.calling import XRUN
from tests.terminals import shown

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_plan_lists_every_run_and_writes_nothing(project: Path, xrun: Xrun) -> None:
    before = snapshot(project)
    done = xrun("plan", "+experiment=squares")
    assert done.returncode == 0
    assert "squares: 3 runs (3 new)" in done.stdout
    assert before == snapshot(project)


def test_plan_says_what_is_cached_and_what_failed_before(xrun: Xrun) -> None:
    xrun("+experiment=picky")
    done = xrun("plan", "+experiment=picky", "x=1,2,3,9")
    states = [line.split()[2] for line in done.stdout.splitlines()[1:5]]
    assert states == ["cached", "failed", "crashed", "new"]


def test_plan_as_json_has_a_line_a_run_with_the_ids_that_running_gives(project: Path, xrun: Xrun) -> None:
    planned = [json.loads(line) for line in xrun("plan", "+experiment=squares", "--json").stdout.splitlines()]
    xrun("+experiment=squares")
    assert json.loads((project / "results/squares/manifest.json").read_text())["runs"] == [run["id_run"] for run in planned]
    assert [run["params"] for run in planned] == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_plan_tells_the_problems_of_a_plan(xrun: Xrun) -> None:
    done = xrun("plan", "+experiment=typed")
    assert done.returncode == 2
    assert "problems; nothing was run" in done.stderr


def test_ls_lists_experiments_and_runs(xrun: Xrun) -> None:
    xrun("+experiment=picky")
    assert "picky" in xrun("ls").stdout
    failed = xrun("ls", "picky", "--status", "failed").stdout
    assert "ValueError: no 2 here" in failed
    assert "COMPLETED" not in failed


def test_ls_of_nothing_is_exit_3_with_the_nearest_name(xrun: Xrun) -> None:
    assert xrun("ls").returncode == 3
    xrun("+experiment=picky")
    done = xrun("ls", "pickle")
    assert done.returncode == 3
    assert "did you mean `picky`?" in done.stderr


def test_show_tells_everything_about_a_run_by_a_beginning_of_its_id(xrun: Xrun) -> None:
    xrun("+experiment=picky")
    runs = [json.loads(line) for line in xrun("ls", "picky", "--json").stdout.splitlines()]
    failed = next(run for run in runs if run["status"] == "FAILED")
    done = xrun("show", failed["id_run"][:8])
    assert "x = 2" in done.stdout
    assert "ValueError: no 2 here" in done.stdout
    told = json.loads(xrun("show", failed["id_run"], "--json").stdout)
    assert told["provenance"]["argv"] == ["xrun", "+experiment=picky"]


def test_show_of_an_unknown_id_is_exit_3(xrun: Xrun) -> None:
    xrun("+experiment=squares")
    assert xrun("show", "ffffffff-ffff").returncode == 3


def test_table_shows_the_last_plan_and_all_shows_every_run(xrun: Xrun) -> None:
    xrun("+experiment=squares")
    xrun("+experiment=squares", "x=5")
    assert len(xrun("table", "squares").stdout.splitlines()) == 2
    assert len(xrun("table", "squares", "--all").stdout.splitlines()) == 5
    assert xrun("table", "squares", "--csv").stdout.startswith("id_run,x,y\n")
    assert json.loads(xrun("table", "squares", "--json").stdout)["y"] == 25.0


def test_table_without_results_is_exit_3(xrun: Xrun) -> None:
    assert xrun("table", "squares").returncode == 3


def test_help_on_an_experiment_shows_axes_kwargs_types_defaults_and_docs(xrun: Xrun) -> None:
    text = xrun("+experiment=squares", "--help").stdout
    assert "1, 2, 3" in text
    assert "the number." in text
    assert "scale" in text
    assert "1.0" in text
    assert "what the square is multiplied with." in text


def test_help_lists_commands_and_experiments(xrun: Xrun) -> None:
    text = xrun("--help").stdout
    assert "plan: what would run" in text
    assert "xrun +experiment=squares" in text


def test_cfg_job_shows_the_sweep_as_an_axis(xrun: Xrun) -> None:
    assert "params:\n  x:\n  - 5\n  - 6\n" in xrun("+experiment=squares", "x=5,6", "--cfg", "job").stdout


def test_info_and_hydra_help_are_hydras(xrun: Xrun) -> None:
    assert "pkg://runner.conf" in xrun("--info", "searchpath").stdout
    assert "hydra" in xrun("--hydra-help").stdout.lower()


def test_completion_offers_experiments_axes_and_commands(xrun: Xrun) -> None:
    assert "+experiment=squares" in xrun("-sc", "query=bash", COMP_LINE="xrun +experiment=").stdout.split()
    assert "x=" in xrun("-sc", "query=bash", COMP_LINE="xrun +experiment=squares ").stdout.split()
    assert "table" in xrun("-sc", "query=bash", COMP_LINE="xrun ta").stdout.split()
    assert "complete" in xrun("-sc", "install=bash").stdout


def test_a_mistyped_command_names_the_nearest(xrun: Xrun) -> None:
    done = xrun("tabel", "squares")
    assert done.returncode == 2
    assert "did you mean `xrun table`?" in done.stderr


def test_version(xrun: Xrun) -> None:
    assert xrun("--version").stdout.startswith("xrun 0.")


TRACKING = """
import math
import os
import sys
import time


def train(run, lr: float):
    print("begin", lr)
    os.system("echo from a shell")
    print("a warning", file=sys.stderr)
    run.log_param("twice", 2 * lr)
    for step in range(5):
        run.log_metric("loss", math.nan if step == 3 else 1 / (1 + step * lr))
    run.log_metric("val/acc", lr, step=7)
    run.tags["owner"] = "me"
    (run.dir / "notes.txt").write_text("hello")
    run.log_artifact(run.dir / "notes.txt", "texts/notes.txt")
    run.log_row("confusion", label="a", hits=3)
    with run.child_run("fold0", {"fold": 0}) as child:
        child.log_metric("loss", 7.0)
    if lr > 0.4:
        raise ValueError("too fast")
    return {"error": lr / 2, "nested": {"big": math.inf}}


def ticks(run):
    for tick in range(200):
        print("tick", tick, flush=True)
        time.sleep(0.05)
        if os.path.exists("stop"):
            raise RuntimeError("stopped")
"""


@dataclass(frozen=True)
class Tracked:
    """A project with an experiment of four runs that log all there is; the last one failed."""

    folder: Path
    ids: list[str]

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")}
        return calling.run([XRUN, *arguments], cwd=self.folder, env=environment)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    folder = tmp_path_factory.mktemp("net")
    (folder / "tracked.py").write_text(TRACKING)
    (folder / "conf/experiment").mkdir(parents=True)
    declared = "params: {lr: [0.1, 0.2, 0.3, 0.5]}\nkwargs: {width: 10}\nsteps: [tracked.train]\nexecutor: {workers: 1}\n"
    for name, text in {"net": declared, "ticks": "params: {x: [1]}\nsteps: [tracked.ticks]\n"}.items():
        (folder / f"conf/experiment/{name}.yaml").write_text(f"# @package _global_\n{text}")
    made = Tracked(folder, [])
    assert made("+experiment=net", "-q").returncode == 1
    made.ids.extend(json.loads(line)["id_run"] for line in made("ls", "net", "--json", "--sort", "lr").stdout.splitlines())
    return made


def table_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_ls_chooses_runs_by_a_condition_tells_the_columns_asked_for_and_sorts(net: Tracked) -> None:
    done = net("ls", "net", "--where", "lr > .15", "--columns", "lr,error,loss.min,nested.big", "--sort", "error", "--reverse", "--csv")
    assert table_of(done.stdout) == [
        ["id_run", "lr", "error", "loss.min", "nested.big"],
        [net.ids[2], "0.3", "0.15", repr(1 / 2.2), "inf"],
        [net.ids[1], "0.2", "0.1", repr(1 / 1.8), "inf"],
        [net.ids[3], "0.5", "", repr(1 / 3), ""],
    ]
    shown = net("ls", "net", "--where", "lr > .15", "--columns", "lr,error", "--sort", "lr", "--limit", "2").stdout.splitlines()
    assert shown == [
        "id_run                                 lr  error",
        f"{net.ids[1]}  0.2    0.1",
        f"{net.ids[2]}  0.3   0.15",
        "... and 1 more; --limit 0 lists them",
    ]


def test_ls_as_json_has_all_there_is_to_say_in_a_line(net: Tracked) -> None:
    first, *_, last = (json.loads(line) for line in net("ls", "net", "--json", "--sort", "lr").stdout.splitlines())
    assert first["kwargs"] == {"width": 10}
    assert first["logged"] == {"twice": 0.2}
    assert first["metrics"] == {"loss": 1 / 1.4, "val/acc": 0.1}
    assert first["fields"] == {"error": 0.05, "nested": {"big": {"$f": "inf"}}}
    assert last["failure"]["kind"] == "ValueError"
    chosen = json.loads(net("ls", "net", "--json", "--columns", "nested.big,loss.n_nan", "--where", "lr == .1").stdout)
    assert chosen == {"id_run": net.ids[0], "nested.big": {"$f": "inf"}, "loss.n_nan": 1}


def test_ls_as_csv_has_a_column_for_all_there_is(net: Tracked) -> None:
    head, first, *_ = table_of(net("ls", "net", "--csv", "--sort", "lr").stdout)
    assert head == ["id_run", "status", "lr", "error", "nested.big", "loss", "val/acc", "twice"]
    assert first == [net.ids[0], "COMPLETED", "0.1", "0.05", "inf", repr(1 / 1.4), "0.1", "0.2"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ls", "net", "--where", "eror > 1"), "did you mean `error`?"),
        (("ls", "net", "--where", "lr >"), "expected a name or a value, there is nothing more"),
        (("ls", "net", "--where", ""), "there is nothing more"),
        (("ls", "net", "--columns", "loss.mn"), "did you mean `loss.min`?"),
        (("ls", "net", "--sort", "sconds"), "did you mean `seconds`?"),
        (("ls", "--where", "lr > 1"), "name an experiment"),
        (("metrics", "net", "loss.min"), "`loss.min` is one value a run"),
        (("query", "DELETE FROM run"), "only SELECT is possible"),
        (("query", "SELECT * FROM metric"), "did you mean `metrics`?"),
    ],
)
def test_what_is_not_understood_is_exit_2_with_what_to_do(net: Tracked, arguments: tuple[str, ...], told: str) -> None:
    done = net(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("metrics", "net", "lss"), "did you mean `loss`?"),
        (("metrics", "nte"), "did you mean `net`?"),
        (("metrics", "net", "--where", "lr > 9"), "the runs of `net` such that lr > 9 have no metrics"),
        (("artifacts", "net", "--where", "lr > 9"), "have no artifacts"),
        (("artifacts", "ffff"), "there are no runs of `ffff`"),
        (("logs", "ffff"), "no run whose id begins with `ffff`"),
    ],
)
def test_what_is_not_there_is_exit_3_with_the_nearest(net: Tracked, arguments: tuple[str, ...], told: str) -> None:
    done = net(*arguments)
    assert done.returncode == 3
    assert told in done.stderr


def test_show_tells_what_a_run_was_given_and_what_it_left(net: Tracked) -> None:
    text = net("show", net.ids[3][:8]).stdout
    for line in (
        "kwargs:\n  width = 10",
        "logged:\n  twice = 1.0",
        "tags:\n  owner = 'me'",
        "  texts/notes.txt  5 B   file",
        "  confusion     1",
    ):
        assert line in text
    assert " loss 0.333333 0.333333 4 1 0 0.625 5\n" in re.sub(" +", " ", text)
    assert "peak memory" in text
    assert f"output: stdout {len('begin 0.5 from a shell ')} B, stderr 10 B (xrun logs {net.ids[3][:8]})" in text
    told = json.loads(net("show", net.ids[3], "--json").stdout)
    assert told["metrics"]["loss"]["argmin"] == 4
    assert told["metrics"]["loss"]["n_nan"] == 1
    assert Path(told["artifacts"][0]["file"]).read_text() == "hello"
    child = told["children"][0]
    assert (child["name"], child["params"], child["status"]) == ("fold0", {"fold": 0}, "COMPLETED")
    assert f"child run `fold0` of {net.ids[3]}" in net("show", child["id_run"]).stdout


def test_metrics_are_summaries_or_the_points_of_one(net: Tracked) -> None:
    head, first, *_ = table_of(net("metrics", "net", "--where", "lr == .1", "--csv").stdout)
    assert dict(zip(head, first, strict=True)) == {
        "id_run": net.ids[0], "lr": "0.1", "metric": "loss", "last": repr(1 / 1.4), "first": "1.0", "min": repr(1 / 1.4), "max": "1.0",
        "mean": first[head.index("mean")], "count": "5", "n_nan": "1", "last_step": "4", "first_step": "0",
        "min_step": "4", "max_step": "0",
    }  # fmt: skip
    points = table_of(net("metrics", "net", "loss", "--where", "lr < .25", "--csv").stdout)
    assert points[0] == ["id_run", "lr", "metric", "step", "time", "value"]
    assert len(points) == 11
    assert [(row[0], row[3], row[5]) for row in points if row[3] in ("0", "3")] == [
        (net.ids[0], "0", "1.0"), (net.ids[0], "3", "nan"), (net.ids[1], "0", "1.0"), (net.ids[1], "3", "nan"),
    ]  # fmt: skip
    line = json.loads(net("metrics", net.ids[0], "loss", "--json").stdout.splitlines()[3])
    assert (line["step"], line["value"]) == (3, {"$f": "nan"})
    own = net("metrics", net.ids[0]).stdout
    assert [row.split()[-1] for row in own.splitlines()] == ["points", "5", "1", "1"]  # with the child's
    assert "fold=0" in own
    shown = net("metrics", "net", "loss", "--limit", "4").stdout.splitlines()
    assert len(shown) == 6
    assert set(shown[3].split()) == {"..."}


def test_artifacts_say_where_they_lie(net: Tracked) -> None:
    lines = [json.loads(line) for line in net("artifacts", "net", "--json").stdout.splitlines()]
    assert {line["id_run"] for line in lines} == set(net.ids)
    assert [Path(line["file"]).read_text() for line in lines] == ["hello"] * 4
    text = net("artifacts", net.ids[0]).stdout.splitlines()[1]
    assert (net.folder / text.split()[-1]).read_text() == "hello"


def test_logs_keep_the_streams_apart_and_end_with_the_traceback(net: Tracked) -> None:
    done = net("logs", net.ids[3][:10])
    assert done.stdout == "begin 0.5\nfrom a shell\n"
    assert done.stderr.startswith("a warning\nfailure in step `train`: ValueError at tracked.py")
    assert done.stderr.endswith('raise ValueError("too fast")\nValueError: too fast\n')
    assert net("logs", net.ids[3], "--stream", "stderr").stderr == "a warning\n"
    assert net("logs", net.ids[0]).stderr == "a warning\n"


def test_logs_follow_a_run_until_it_is_over(net: Tracked) -> None:
    id_run = json.loads(net("plan", "+experiment=ticks", "--json").stdout)["id_run"]
    with subprocess.Popen([XRUN, "+experiment=ticks", "-q"], cwd=net.folder, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 30
        while net("show", id_run).returncode == 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "executes now" in net("show", id_run).stdout
        with subprocess.Popen(
            [XRUN, "logs", id_run, "-f"], cwd=net.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == "tick 0\n"
            (net.folder / "stop").touch()
            assert following.stderr is not None
            rest, problems = following.stdout.read(), following.stderr.read()
        assert running.wait(30) == 1
    ticks = rest.splitlines()
    assert ticks == [f"tick {n + 1}" for n in range(len(ticks))]
    assert problems.endswith("RuntimeError: stopped\n")


def test_query_answers_as_columns_csv_and_json(net: Tracked) -> None:
    statement = (
        "SELECT p.value AS lr, f.value AS error FROM params p JOIN fields f USING (id_run) WHERE f.name = 'error' ORDER BY 1 LIMIT 2"
    )
    assert net("query", statement).stdout == " lr  error\n0.1   0.05\n0.2    0.1\n"
    assert net("query", statement, "--csv").stdout == "lr,error\n0.1,0.05\n0.2,0.1\n"
    assert net("query", statement, "--json").stdout == '{"lr":0.1,"error":0.05}\n{"lr":0.2,"error":0.1}\n'
    odd = "SELECT NULL AS a, '' AS b, 'x,\"y' AS c, 9e999 AS d, x'00ff' AS e"
    assert net("query", odd, "--csv").stdout == 'a,b,c,d,e\n,"","x,""y",inf,AP8=\n'
    assert json.loads(net("query", odd, "--json").stdout) == {"a": None, "b": "", "c": 'x,"y', "d": {"$f": "inf"}, "e": {"$bytes": "AP8="}}
    assert net("query", "SELECT count(*) AS n FROM points WHERE name = 'loss'").stdout == " n\n24\n"
    assert net("query", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 1005) SELECT n FROM t").stdout.endswith(
        "... and 5 more; --limit 0 lists them\n"
    )


def test_a_query_that_takes_for_ever_ends_at_ctrl_c(net: Tracked) -> None:
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"
    with subprocess.Popen([XRUN, "query", endless], cwd=net.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
        time.sleep(1.5)
        assert asking.poll() is None
        asking.send_signal(signal.SIGINT)
        begun = time.monotonic()
        assert asking.wait(10) == 130
        assert time.monotonic() - begun < 2


def terminal(project: Path, *arguments: str, columns: int = 100) -> list[str]:
    """The lines that a terminal so wide shows."""
    return shown(project, *arguments, columns=columns).splitlines()


def test_lists_fit_into_a_terminal_with_ids_that_are_long_enough_for_every_command(net: Tracked) -> None:
    for arguments in (("ls", "net"), ("metrics", "net"), ("artifacts", "net"), ("show", net.ids[0][:8]), ("query", "SELECT * FROM runs")):
        lines = terminal(net.folder, *arguments)
        assert max(map(len, lines)) <= 100 or arguments[0] == "show"
        assert net("show", net.ids[0][:8]).returncode == 0
    listed = terminal(net.folder, "ls", "net")
    assert [line.split()[0] for line in listed[1:]] == [id_run[:8] for id_run in net.ids]
    assert listed[4].endswith("ValueError: too fast")
    assert terminal(net.folder, "query", "SELECT * FROM runs", columns=60)[-1].startswith("(")
    assert terminal(net.folder, "query", f"SELECT '{'y' * 300}' AS y, 1 AS x")[1] == "y" * 94 + "...  1"


@pytest.mark.parametrize("command", ["ls", "show", "metrics", "artifacts", "logs", "query"])
def test_every_command_has_help_with_an_example_of_itself(xrun: Xrun, command: str) -> None:
    done = xrun(command, "--help")
    assert done.returncode == 0
    assert f"example: xrun {command}" in done.stdout
