"""What all exporters share: the command line, and which runs are exported."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from runner.exports import EXPORTERS


def test_help_has_an_example_for_each_format(xrun):
    told = xrun("export", "--help").stdout
    for name in EXPORTERS:
        assert f"example: xrun export {name} coins" in told


def test_help_of_each_format_has_its_example(xrun):
    for name, exporter in EXPORTERS.items():
        done = xrun("export", name, "--help")
        assert done.returncode == 0
        assert f"example: {exporter.example}" in " ".join(done.stdout.split())


def test_an_unknown_format_names_the_nearest(xrun):
    done = xrun("export", "mlfow", "coins")
    assert done.returncode == 2
    assert "there is no exporter `mlfow`; did you mean `mlflow`?" in done.stderr


def test_no_format_is_a_usage_error_that_lists_them(xrun):
    done = xrun("export")
    assert done.returncode == 2
    assert "mlflow, tensorboard, csv, parquet, dvc" in done.stderr


def test_an_unknown_experiment_names_the_nearest_and_is_exit_3(project, xrun):
    done = xrun("export", "csv", "coin")
    assert done.returncode == 3
    assert "did you mean `coins`?" in done.stderr


def test_a_condition_that_no_run_meets_is_exit_3_and_writes_nothing(project, xrun):
    done = xrun("export", "csv", "coins", "--where", "params.N > 1000")
    assert done.returncode == 3
    assert "params.N > 1000" in done.stderr
    assert not (project.root / "coins.csv").exists()


def test_a_wrong_name_in_a_condition_names_the_nearest(project, xrun):
    done = xrun("export", "csv", "coins", "--where", "params.M > 1")
    assert done.returncode == 2
    assert "params.N" in done.stderr


def test_runs_of_earlier_plans_are_exported_only_with_all(project, xrun):
    project.put(project.Made("cccccccc-0000-8000-8000-000000000001", {"N": 7}, {"error": 1.0}))
    plan = xrun("export", "csv", "coins", "-").stdout.splitlines()
    everything = xrun("export", "csv", "coins", "-", "--all").stdout.splitlines()
    assert [line[:8] for line in plan] == ["id_run,s", "cccccccc"]
    assert len(everything) == 1 + 5


def test_without_published_results_all_runs_are_exported(project, xrun):
    (project.root / "results/coins/manifest.json").unlink()
    assert len(xrun("export", "csv", "coins", "-").stdout.splitlines()) == 1 + 4


def test_a_torn_manifest_is_one_sentence(project, xrun):
    (project.root / "results/coins/manifest.json").write_text('{"runs": ')
    done = xrun("export", "csv", "coins")
    assert done.returncode == 74
    assert "results/coins cannot be read: it is not JSON" in done.stderr
    assert "--all" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_tells_what_was_done(project, xrun):
    done = xrun("export", "csv", "coins", "--json")
    assert json.loads(done.stdout) == {"exporter": "csv", "experiment": "coins", "target": "coins.csv", "done": {"written": 1}}


def test_nothing_heavy_is_imported_before_it_is_needed():
    heavy = ("mlflow", "tensorboardX", "pandas", "pyarrow", "yaml")
    code = f"import sys, runner.commands.export; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_missing_library_is_a_sentence_that_says_what_to_install(project, xrun, tmp_path):
    for module, arguments in {"mlflow": ("--uri", "sqlite:///m.db"), "tensorboardX": ("tb",)}.items():
        shadow = tmp_path / f"without_{module}"
        shadow.mkdir()
        (shadow / f"{module}.py").write_text(f"raise ModuleNotFoundError('No module named {module}')\n")
        name = "mlflow" if module == "mlflow" else "tensorboard"
        done = xrun("export", name, "coins", *arguments, PYTHONPATH=str(shadow))
        assert done.returncode == 2
        assert f"pip install 'xrun[{name}]'" in done.stderr
        assert "Traceback" not in done.stderr


def test_many_runs_show_progress_on_a_terminal_and_leave_nothing_of_it_behind(project, xrun):
    runs = [project.Made(f"dddddddd-0000-8000-8000-{n:012}", {"N": n}, {"error": 0.5}) for n in range(100)]
    project.put(*runs, experiment="many")
    terminal, inner = pty.openpty()
    command = [Path(sys.executable).with_name("xrun"), "export", "mlflow", "many", "--uri", "sqlite:///m.db"]
    done = subprocess.Popen(command, cwd=project.root, stderr=inner, stdout=subprocess.DEVNULL)
    os.close(inner)
    shown = b""
    while chunk := read(terminal):
        shown += chunk
    os.close(terminal)
    assert done.wait(60) == 0
    assert re.search(rb"\rmlflow: \d+ runs, [\d.]+/s", shown)
    assert shown.endswith(b"\r\x1b[Kmany: 100 new, to sqlite:///m.db (many)\r\n")


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side is closed
        return b""
