"""`xrun [overrides]` from outside: what it prints, writes, and exits with."""

import contextlib
import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import stores

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_prints_its_table_and_exits_0(project: Path, xrun: Xrun) -> None:
    done = xrun("+experiment=squares")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["id_run", "x", "y"]
    assert [line.split()[1:] for line in lines[1:]] == [["1", "1"], ["2", "4"], ["3", "9"]]
    assert "squares: 3 runs, 3 completed in" in done.stderr
    assert sorted(p.name for p in (project / "results/squares").iterdir()) == [
        "experiment.yaml",
        "manifest.json",
        "table.csv",
        "table.parquet",
    ]
    assert (project / ".xrun/.gitignore").read_text() == "*\n"


def test_in_a_pipe_no_cell_is_cut_and_each_run_is_a_line(project: Path, xrun: Xrun) -> None:
    (project / "long.py").write_text('def step(x):\n    return {"text": "word " * 40 + "\\n" + str(x)}\n')
    (project / "conf/experiment/long.yaml").write_text("# @package _global_\nname: long\nparams: {x: [1, 2]}\nsteps: [long.step]\n")
    for done in (xrun("+experiment=long"), xrun("table", "long")):
        assert [line.endswith(f"word word \\n{x}") for x, line in enumerate(done.stdout.splitlines()[1:], 1)] == [True, True]


def test_the_second_time_everything_is_cached_and_the_table_is_the_same(project: Path, xrun: Xrun) -> None:
    xrun("+experiment=squares")
    before = (project / "results/squares/table.csv").read_bytes()
    done = xrun("+experiment=squares")
    assert "(3 cached)" in done.stderr
    assert before == (project / "results/squares/table.csv").read_bytes()


def test_a_new_value_of_an_axis_executes_the_new_point_alone(xrun: Xrun) -> None:
    xrun("+experiment=squares")
    assert "4 runs, 4 completed (3 cached)" in xrun("+experiment=squares", "x=1,2,3,4").stderr


def test_force_executes_completed_runs_again(xrun: Xrun) -> None:
    xrun("+experiment=squares")
    assert "3 runs, 3 completed in" in xrun("+experiment=squares", "--force").stderr


def test_only_executes_and_shows_the_runs_that_are_named(project: Path, xrun: Xrun) -> None:
    planned = [json.loads(line) for line in xrun("plan", "+experiment=squares", "--json").stdout.splitlines()]
    first, last = planned[0]["id_run"], planned[2]["id_run"]

    assert "2 runs, 2 completed" in xrun("+experiment=squares", "--only", last[:9], "--only", first).stderr
    assert [row["id_run"] for row in rows(project / "results/squares/table.csv")] == [first, last]
    (told,) = [json.loads(line) for line in xrun("plan", "+experiment=squares", "--json", "--only", last).stdout.splitlines()]
    assert (told["index"], told["state"], told["seed"]) == (2, "cached", planned[2]["seed"])
    for only, message in (("zz", "no run of the plan has an id that begins with `zz`"), ("", "several runs of the plan begin with ``")):
        done = xrun("+experiment=squares", "--only", only)
        assert (done.returncode, message in done.stderr) == (2, True)


def test_flags_may_stand_anywhere(xrun: Xrun) -> None:
    assert xrun("-q", "+experiment=squares", "-m", "x=5,6").returncode == 0
    assert xrun("x=5,6", "--quiet", "+experiment=squares").stderr == ""


def test_failures_are_grouped_with_traceback_and_place_and_exit_1(project: Path, xrun: Xrun) -> None:
    done = xrun("+experiment=picky")
    assert done.returncode == 1
    assert "FAILED: 1 run, ValueError at steps.py:" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr
    assert "ValueError: no 2 here" in done.stderr
    assert "CRASHED: 1 run, exit 3 in step `picky`" in done.stderr
    assert "4 runs, 2 completed, 1 failed, 1 crashed" in done.stderr
    assert "site-packages" not in done.stderr
    assert "worker.py" not in done.stderr
    manifest = json.loads((project / "results/picky/manifest.json").read_text())
    assert manifest["counts"] == {"COMPLETED": 2, "CRASHED": 1, "FAILED": 1}
    assert [(u["status"], u["params"]) for u in sorted(manifest["unsuccessful"], key=lambda u: u["status"])] == [
        ("CRASHED", {"x": 3}),
        ("FAILED", {"x": 2}),
    ]


def test_what_failed_is_tried_again_on_the_next_run_and_what_completed_is_not(project: Path, xrun: Xrun) -> None:
    xrun("+experiment=picky")
    done = xrun("+experiment=picky")
    assert done.returncode == 1
    assert "(2 cached)" in done.stderr


def test_a_field_that_only_later_runs_have_is_a_column(project: Path, xrun: Xrun) -> None:
    xrun("+experiment=late")
    found = rows(project / "results/late/table.csv")
    assert [row["extra"] for row in found] == ["", "", "late"]


def test_a_table_that_breaks_its_schema_is_written_listed_and_marked_invalid(project: Path, xrun: Xrun) -> None:
    done = xrun("+experiment=wrong")
    assert done.returncode == 1
    assert "the table is invalid" in done.stderr
    breach = next(line for line in done.stderr.splitlines() if "greater_than" in line)
    found = rows(project / "results/wrong/table.csv")
    assert found[1]["id_run"] in breach
    assert "-2" in breach
    table = json.loads((project / "results/wrong/manifest.json").read_text())["table"]
    assert table["valid"] is False
    assert len(table["violations"]) == 1


def test_all_problems_of_a_plan_are_told_at_once_and_nothing_is_written(project: Path, xrun: Xrun) -> None:
    done = xrun("+experiment=typed")
    assert done.returncode == 2
    for text in (
        "params.n: 1.5 (float) is not int",
        "params.n: 'two' (str) is not int",
        "kwargs.ratio: 'abc'",
        "no `missing`",
        "no module `nowhere`",
    ):
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / ".xrun").exists()
    assert not (project / "results").exists()


def test_a_typo_in_a_key_names_file_key_and_nearest_and_writes_nothing(project: Path, xrun: Xrun) -> None:
    done = xrun("+experiment=slow")
    assert done.returncode == 2
    assert "slow.yaml" in done.stderr
    assert "unknown key `reslts`" in done.stderr
    assert "did you mean `results`?" in done.stderr
    assert not (project / ".xrun").exists()


def test_an_enum_parameter_gets_the_member(project: Path, xrun: Xrun) -> None:
    assert xrun("+experiment=kinds").returncode == 0
    assert [row["name"] for row in rows(project / "results/kinds/table.csv")] == ["LINEAR", "RBF"]


def test_json_tells_programs_everything_on_stdout(xrun: Xrun) -> None:
    done = xrun("+experiment=picky", "--json")
    told = json.loads(done.stdout)
    assert (told["exit_code"], told["counts"], told["table"]["rows"]) == (1, {"COMPLETED": 2, "CRASHED": 1, "FAILED": 1}, 2)
    assert {u["failure"]["kind"] for u in told["unsuccessful"]} == {"ValueError", "exit 3"}


def test_the_composed_file_runs_the_same_plan_from_any_folder(project: Path, xrun: Xrun) -> None:
    xrun("+experiment=squares", "x=7,8")
    before = (project / "results/squares/table.csv").read_bytes()
    done = xrun("results/squares/experiment.yaml")
    assert done.returncode == 0, done.stderr
    assert "2 runs, 2 completed (2 cached)" in done.stderr
    assert before == (project / "results/squares/table.csv").read_bytes()


def test_two_experiments_run_one_after_the_other(project: Path, xrun: Xrun) -> None:
    done = xrun("+experiment=squares,late")
    assert done.returncode == 0
    assert sorted(p.name for p in (project / "results").iterdir()) == ["late", "squares"]


def test_a_run_that_two_experiments_share_executes_once(project: Path, xrun: Xrun) -> None:
    text = (project / "conf/experiment/squares.yaml").read_text()
    (project / "conf/experiment/again.yaml").write_text(text)
    xrun("+experiment=squares")
    assert "3 runs, 3 completed (3 cached)" in xrun("+experiment=again").stderr
    assert len(xrun("ls", "again", "--json").stdout.splitlines()) == 3


def test_editing_the_step_makes_its_runs_new(project: Path, xrun: Xrun) -> None:
    xrun("+experiment=squares")
    source = (project / "steps.py").read_text()
    (project / "steps.py").write_text(source.replace("x * x * scale", "x * x * scale + 1"))
    done = xrun("+experiment=squares")
    assert "cached" not in done.stderr
    assert [row["y"] for row in rows(project / "results/squares/table.csv")] == ["2.0", "5.0", "10.0"]


def test_without_an_experiment_it_lists_them(xrun: Xrun) -> None:
    done = xrun()
    assert done.returncode == 2
    assert "+experiment=squares" in done.stderr


def test_an_unknown_experiment_names_the_nearest(xrun: Xrun) -> None:
    done = xrun("+experiment=sqares")
    assert done.returncode == 2
    assert "did you mean +experiment=squares?" in done.stderr


def test_the_workspace_can_be_elsewhere(project: Path, xrun: Xrun, tmp_path_factory) -> None:
    elsewhere = tmp_path_factory.mktemp("else where")
    assert xrun("+experiment=squares", "--workspace", str(elsewhere)).returncode == 0
    assert (elsewhere / "results/squares/table.csv").is_file()
    assert not (project / ".xrun").exists()


def test_an_unwritable_workspace_is_one_sentence_and_exit_74(xrun: Xrun, tmp_path_factory) -> None:
    blocked = tmp_path_factory.mktemp("blocked") / "file"
    blocked.write_text("in the way")
    done = xrun("+experiment=squares", "--workspace", str(blocked))
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert "--workspace" in done.stderr


def test_a_step_that_opts_out_of_the_cache_is_executed_every_time(project: Path, xrun: Xrun) -> None:
    (project / "conf/experiment/fresh.yaml").write_text(
        "# @package _global_\nparams: {x: [1, 2]}\nsteps: [{call: steps.square, cache: false}]\n"
    )
    xrun("+experiment=fresh")
    assert "cached" not in xrun("+experiment=fresh").stderr


def test_retries_are_counted_for_each_step(project: Path, xrun: Xrun) -> None:
    flaky = """
from pathlib import Path

def once(name):
    mark = Path(__file__).with_name(name)
    if not mark.exists():
        mark.touch()
        raise OSError(name)

def first(x):
    once("first.mark")

def second(x):
    once("second.mark")
    return {"y": x}
"""
    (project / "flaky.py").write_text(flaky)
    (project / "conf/experiment/flaky.yaml").write_text(
        "# @package _global_\nparams: {x: [1]}\nsteps: [{call: flaky.first, retries: 1}, {call: flaky.second, retries: 1}]\n"
    )
    assert xrun("+experiment=flaky").returncode == 0
    assert json.loads(xrun("ls", "flaky", "--json").stdout)["attempt"] == 3


def test_an_axis_that_no_step_takes_is_told(xrun: Xrun) -> None:
    done = xrun("+experiment=squares", "+scal=1,2")
    assert done.returncode == 0
    assert "warning: no step takes the axis `scal`; did you mean `scale`?" in done.stderr


def test_what_steps_print_is_not_in_stdout(project: Path, xrun: Xrun) -> None:
    (project / "steps.py").write_text("def square(x):\n    print('hello from', x)\n    return {'y': x}\n")
    for executor in ("local", "serial"):
        for flag in ("--show-output", "--no-show-output"):
            done = xrun("+experiment=squares", f"executor={executor}", "--force", flag)
            assert "hello" not in done.stdout
            shown = [line.split(" | ")[1] for line in done.stderr.splitlines() if " | " in line]
            assert sorted(shown) == (["hello from 1", "hello from 2", "hello from 3"] if flag == "--show-output" else [])
    assert "hello from 2\n" in xrun("+experiment=squares", "x=2", "--force").stderr  # the only run of a plan


def test_what_a_run_printed_is_kept_with_it(project: Path, xrun: Xrun) -> None:
    (project / "steps.py").write_text("import os\ndef square(x):\n    os.system(f'echo from a shell {x}')\n    return {'y': x}\n")
    assert xrun("+experiment=squares").returncode == 0
    with contextlib.closing(stores.read(project / ".xrun" / "xrun.db")) as reader:
        kept = {r.params["x"]: "".join(text for _, text in reader.output(r.id_run, "stdout")) for r in reader.records("squares")}
    assert kept == {x: f"from a shell {x}\n" for x in (1, 2, 3)}


@pytest.mark.parametrize(
    ("words", "hints"),
    [
        (("--x", "3"), ["a value of the experiment is set without dashes: x=3"]),
        (("--x=3", "scale=2"), ["a value of the experiment is set without dashes: x=3"]),
        (("--executor.workers", "4"), ["a value of the experiment is set without dashes: executor.workers=4"]),
        (("--workers", "4"), ["did you mean --workspace?", "a value of the experiment is set without dashes: workers=4"]),
        (("--x", "scale=2"), ["{} --help lists the options"]),
        (("-j", "4"), ["{} --help lists the options"]),
    ],
)
@pytest.mark.parametrize("command", [(), ("plan",)])
def test_a_param_that_is_written_as_an_option_is_shown_as_an_override(
    xrun: Xrun, command: tuple[str, ...], words: tuple[str, ...], hints: list[str]
) -> None:
    done = xrun(*command, "+experiment=squares", *words)
    told = [hint.format(" ".join(["xrun", *command])) for hint in hints]
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [f"xrun: unrecognized arguments: {' '.join(words)}", *(f"  {hint}" for hint in told)],
    )


def test_a_secret_that_is_written_as_an_option_is_not_repeated(xrun: Xrun) -> None:
    for words in (("--api_key", "hunter2secret"), ("--db.password=hunter2secret",)):
        done = xrun("+experiment=squares", *words)
        assert (done.returncode, "hunter2" in done.stderr, "without dashes" in done.stderr) == (2, False, True), done.stderr


def test_an_unknown_option_names_the_nearest(xrun: Xrun) -> None:
    done = xrun("+experiment=squares", "--forse")
    assert (done.returncode, done.stderr) == (2, "xrun: unrecognized arguments: --forse\n  did you mean --force?\n")


def test_a_hang_up_that_the_parent_ignores_is_ignored(project: Path) -> None:
    import os
    import signal
    import sys
    import time

    (project / "steps.py").write_text("import time\ndef square(x):\n    time.sleep(0.4)\n    return {'y': x}\n")
    command = [str(Path(sys.executable).with_name("xrun")), "+experiment=squares", "executor.workers=1"]
    process = subprocess.Popen(["nohup", *command], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGHUP)
    assert process.wait(30) == 0


def test_what_stands_in_the_way_of_the_results_is_a_sentence_and_exit_74(project: Path, xrun: Xrun) -> None:
    (project / "results/squares/changes.patch").mkdir(parents=True)
    done = xrun("+experiment=squares")
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert "changes.patch" in done.stderr
    (project / "results/squares/changes.patch").rmdir()
    assert "(3 cached)" in xrun("+experiment=squares").stderr


def test_a_store_that_is_removed_meanwhile_is_exit_74(project: Path, xrun: Xrun) -> None:
    (project / "steps.py").write_text(
        "import shutil\ndef square(x):\n    shutil.rmtree('.xrun', ignore_errors=True)\n    return {'y': x}\n"
    )
    done = xrun("+experiment=squares")
    assert done.returncode == 74
    assert "was removed while the runs executed" in done.stderr


def test_a_step_in_a_module_called_like_our_package_is_refused_by_name(project: Path, xrun: Xrun) -> None:
    (project / "conf/experiment/ours.yaml").write_text("# @package _global_\nsteps: [runner.app.run]\n")
    assert "`runner` is the name of xrun's own package" in xrun("+experiment=ours").stderr


def test_telling_what_there_is_opens_no_store_no_table_and_no_executor(project: Path) -> None:
    code = "import sys; from runner.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "usage: xrun" in done.stdout
    assert {"runner.config.load", "runner.spec"} <= loaded
    assert not loaded & {
        "sqlite3",
        "runner.plan",
        "runner.stores",
        "runner.table",
        "runner.results",
        "runner.executors",
        "runner.worker",
        "git",
        "rich",
    }


def test_where_few_files_may_be_open_a_sweep_runs(project: Path) -> None:
    """256 is what macOS allows."""
    limited = ["/bin/sh", "-c", 'ulimit -n 256 && exec "$0" "$@"', str(Path(sys.executable).with_name("xrun"))]
    done = subprocess.run([*limited, "+experiment=squares", "-q"], cwd=project, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
