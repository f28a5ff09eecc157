"""docs/tracking.md: its programs do what they show, and its tables name all that there is."""

import inspect
import re
import sys
from pathlib import Path

import pytest

import runner
from runner import reading
from runner.reading import sql
from runner.reading.views import VIEWS
from runner.run import Run
from runner.selectors import ATTRIBUTES, PARTS
from runner.workspace import locate
from tests import calling
from tests.calling import XRUN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tracking.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def program(containing: str) -> str:
    (found,) = [text for text in PROGRAMS if containing in text]
    return found


def call(*words: object, cwd: Path) -> str:
    done = calling.run([*map(str, words)], cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> reading.Results:
    """What the step of the page has logged, at lr = 0.5, in 4 epochs."""
    (tmp_path / "shown.py").write_text(program("def train(run)"))
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/shown.yaml").write_text(
        "# @package _global_\nkwargs: {epochs: 4}\nparams: {lr: [0.5]}\nsteps: [shown.train]\n"
    )
    call(XRUN, "+experiment=shown", "-q", cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    return runner.load("shown")


def test_step_of_the_page_logs_what_the_page_says(trained: reading.Results) -> None:
    (run,) = trained.runs().to_dict("records")
    curves = trained.metrics()
    errors = trained.rows("errors")
    families = trained.runs(children=True)

    assert (run["warmup"], run["final"]) == (0.05, run["loss"])
    assert list(curves["metric"].unique()) == ["loss", "val/acc"]
    assert list(curves["step"]) == [0, 1, 2, 3] * 2
    assert errors[["digit", "images"]].to_numpy().tolist() == [[3, 7], [8, 2]]
    assert set(trained.artifacts()["path"]) == {"images/weights/0.png", "model.json"}
    assert list(families["name"].dropna()) == ["fold0"]


def test_run_outside_of_xrun_prints_what_the_page_shows(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(xrun \(offline\).*?)```", PAGE, flags=re.DOTALL)
    assert shown

    printed = call(sys.executable, "-c", program("run = get_run()"), cwd=tmp_path)

    assert sorted(printed.splitlines()) == sorted(shown[1].splitlines())


def test_program_that_reads_back_works_and_says_what_it_gets(tmp_path: Path) -> None:
    for folder in ("conf", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    call(XRUN, "+experiment=digits", "-q", "--workspace", tmp_path, cwd=tmp_path)
    text = program("runner.load").replace('load("digits")', f'load("digits", {str(tmp_path)!r})')
    text = re.sub(r"^(digits\..*?)(  #.*)?$", r"print(list(getattr(\1, 'columns', ['text'])))", text, flags=re.MULTILINE)

    lines = call(sys.executable, "-c", text, cwd=tmp_path).splitlines()

    assert "'val/acc.max'" in lines[0]
    assert lines[2] == "['id_run', 'lr', 'best', 'at']"
    assert lines[3] == "['id_run', 'lr', 'hidden', 'metric', 'step', 'time', 'value']"
    assert lines[4].count("(") == 6
    assert lines[5] == "['id_run', 'path', 'size', 'sha256', 'kind', 'step', 'file']"
    assert lines[-1] == "['text']"


def test_import_lines_of_the_shims_work(tmp_path: Path) -> None:
    shown = "print(mlflow.__name__, Experiment.__module__, Run.__module__, tracelet.__name__)"

    imported = call(sys.executable, "-c", f"{program('compat')}\n{shown}", cwd=tmp_path)

    assert imported.split() == [f"runner.compat.{name}" for name in ("mlflow", "azureml.experiment", "azureml.run", "tracelet")]


def test_page_names_every_call_part_and_attribute() -> None:
    calls = [name for name, _ in inspect.getmembers(Run, inspect.isfunction) if name.startswith("log_")]
    assert [name for name in [*calls, "set_step", "child_run", "progress"] if f"`run.{name}(" not in PAGE] == []
    assert [name for name in (*PARTS, *ATTRIBUTES) if f"`{name}`" not in PAGE] == []


def test_page_names_every_view_and_its_columns(tmp_path: Path) -> None:
    for folder in ("conf", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    call(XRUN, "+experiment=coins", "-q", "--workspace", tmp_path, cwd=tmp_path)
    shown = {}
    for names, columns in re.findall(r"^\| (`[^|]*`) \| (.*) \|$", PAGE.partition("| view | columns |")[2], flags=re.MULTILINE):
        plain = re.sub(r"\([^)]*`[^)]*\)", "", columns)  # values in parentheses
        shown |= {name: re.findall(r"`(\w+)`", plain) for name in re.findall(r"`(\w+)`", names)}

    found = {}
    for view in VIEWS:
        with sql.query(locate(tmp_path, str(tmp_path)), f"SELECT * FROM {view} LIMIT 0") as answer:  # noqa: S608
            found[view] = list(answer.columns)
    assert shown == found
