"""The commands that only look: plan, ls, show, table, --help, --cfg, completion."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

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
