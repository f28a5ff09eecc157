"""F25: odd names and texts come back the same from the store, CSV, Parquet and JSON, or are refused the same way before anything runs."""

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.tracking import check_name

ODD = {
    "NFC": "caf\u00e9",
    "NFD": "cafe\u0301",
    "emoji": "\U0001f600",
    "emoji with joiners": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "flag": "\U0001f1e9\U0001f1ea",
    "right to left": "\u05e9\u05dc\u05d5\u05dd",
    "override of direction": "a\u202eb",
    "zero width": "a\u200bb",
    "no-break space": "a\u00a0b",
    "byte order mark": "\ufeffa",
    "line separator": "a\u2028b",
    "newline": "a\nb",
    "carriage return": "a\rb",
    "both": "a\r\nb",
    "tab": "a\tb",
    "escape": "a\x1b[31mb",
    "bell": "a\x07b",
    "delete": "a\x7fb",
    "C1 control": "a\x85b",
    "300 bytes": "n" * 300,
    "3000 characters of three bytes": "\u4e2d" * 1000,
    "CON": "CON",
    "nul": "nul.txt",
    "quotes": "a\"b'c`d",
    "comma and semicolon": "a,b;c",
    "formula": "=1+2",
    "percent": "%s%d{0}{x}",
    "backslash": "a\\b\\n",
    "SQL": "'; DROP TABLE run; --",
    "markup": "<script>[bold]{{x}}",
    "shell": "$(a) ${HOME} `b` | & ;",
    "spaces": "  a  b  ",
    "empty": "",
    "JSON": '{"$f": "nan"}',
    "plane 16": "\U0010ffff",
    "surrogates' neighbours": "\ud7ff\ue000",
}
REFUSED = {"NUL": "a\0b", "lone surrogate": "a\ud800b", "low surrogate": "\udc80"}
STEP = """
def echo(run):
    run.fields.text = run.params.axis
    run.fields.nested = {"deep": [run.params.axis, run.kwargs["kwarg"][run.params.n]]}
    run.tags["tag"] = run.params.axis
    run.log_params({"logged": run.params.axis})
    run.log_row("rows", cell=run.params.axis)
    print(run.params.axis)
"""


@pytest.fixture(scope="module")
def echoed(tmp_path_factory, anywhere, written):
    """A project whose runs have every odd text as a value of an axis, a kwarg, a field, a tag, a logged parameter and a cell."""
    root = tmp_path_factory.mktemp("odd")
    texts = list(ODD.values())
    raw = [text.replace("${", "\\${") for text in texts]  # as OmegaConf wants it
    tree = {
        "kwargs": {"kwarg": raw},
        "params": {"zip": {"n": list(range(len(raw))), "axis": raw}},
        "steps": ["steps.echo"],
        "description": raw[0],
    }
    written(root, {"steps.py": STEP, "conf/experiment/odd.yaml": yaml.safe_dump(tree)})
    done = anywhere(root, "+experiment=odd", "--quiet")
    assert done.returncode == 0, done.stderr
    return root


def by_axis(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["axis"] for row in sorted(rows, key=lambda row: int(row["n"]))]


def test_there_are_enough_of_them():
    assert len(ODD) >= 30


def test_in_the_table_as_parquet(echoed):
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(echoed / "results/odd/table.parquet").to_pylist()
    assert [row["axis"] for row in rows] == list(ODD.values())
    assert [row["text"] for row in rows] == list(ODD.values())


def test_in_the_table_as_csv(echoed):
    with (echoed / "results/odd/table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["axis"] for row in rows] == list(ODD.values())
    assert [row["text"] for row in rows] == list(ODD.values())


def test_in_the_store_by_ls_and_show(echoed, anywhere):
    lines = anywhere(echoed, "ls", "odd", "--json").stdout.split("\n")  # not splitlines, which knows more ends of lines than JSON
    rows = [json.loads(line) for line in lines if line]
    assert by_axis([row["params"] for row in rows]) == list(ODD.values())
    assert {row["tags"]["tag"] for row in rows} == set(ODD.values())
    assert all(row["fields"]["text"] == row["params"]["axis"] == row["fields"]["nested"]["deep"][0] for row in rows)
    assert all(row["kwargs"]["kwarg"] == list(ODD.values()) for row in rows)


def test_in_queries_as_json_and_csv(echoed, anywhere):
    query = "SELECT value FROM params WHERE name = 'axis' ORDER BY id_run"
    told = [json.loads(line)["value"] for line in anywhere(echoed, "query", "--json", query).stdout.split("\n") if line]
    assert set(told) == set(ODD.values())
    text = anywhere(echoed, "query", "--csv", query).stdout
    # what a text stream does to line ends is Python's doing here, and not xrun's
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == len(ODD) + 1


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_in_what_is_exported(echoed, anywhere, kind):
    import pyarrow.parquet

    out = echoed / f"odd.{kind}"
    assert anywhere(echoed, "export", kind, "odd", str(out)).returncode == 0
    if kind == "parquet":
        rows = pyarrow.parquet.read_table(out).to_pylist()
    else:
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    column = next(name for name in rows[0] if name in ("axis", "params.axis"))
    assert {row[column] or "" for row in rows} == set(ODD.values())


def test_two_normal_forms_are_two_values_and_one_key(echoed, tmp_path, xrun, written):
    assert ODD["NFC"] != ODD["NFD"]
    written(tmp_path, {"steps.py": "def f(run):\n    return None\n"})
    ids = []
    for form in ("NFC", "NFD"):
        key = unicodedata.normalize(form, "caf\u00e9")
        written(tmp_path, {"conf/experiment/e.yaml": yaml.safe_dump({"kwargs": {key: 1}, "steps": ["steps.f"]}, allow_unicode=True)})
        ids.append(json.loads(xrun("plan", "--json", "+experiment=e").stdout)["id_run"])
    assert ids[0] == ids[1]


WHERE = {
    "a value of an axis": "params: {{a: [1, {}]}}",
    "a kwarg": "kwargs: {{a: {}}}",
    "inside a kwarg": "kwargs: {{a: [1, {{b: {}}}]}}",
    "a tag": "tags: [{}]",
    "the description": "description: {}",
    "a kwarg of a step": "steps: [{{call: steps.f, kwargs: {{a: {}}}}}]",
    "the name of an axis": "params: {{{}: [1, 2]}}",
    "the name of a kwarg": "kwargs: {{{}: 1}}",
}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", REFUSED)
def test_what_no_store_can_keep_is_refused_wherever_it_stands(tmp_path, xrun, written, name, where):
    text = json.dumps(REFUSED[name])
    body = WHERE[where].format(text)
    written(tmp_path, {"steps.py": "def f(run):\n    return None\n"})
    written(tmp_path, {"conf/experiment/e.yaml": body if "steps" in body else f"steps: [steps.f]\n{body}"})
    done = xrun("+experiment=e")
    assert done.returncode == 2, done.stderr
    assert "e.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".xrun").exists()


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "..", ".x", "a\nb", "a b", "CON/x", "n" * 101, "", "\u00e9", "-x", "a\\b", "a:b", "%2e%2e"]
)
def test_the_name_of_an_experiment_names_a_folder_and_is_refused_otherwise(tmp_path, xrun, written, name):
    written(tmp_path, {"steps.py": "def f(run):\n    return None\n"})
    written(tmp_path, {"conf/experiment/e.yaml": f"name: {json.dumps(name)}\nsteps: [steps.f]\n"})
    done = xrun("+experiment=e")
    assert done.returncode == 2
    assert "is not a name" in done.stderr
    assert not (tmp_path / "results").exists()


METRICS = ("NFC", "right to left", "CON", "nul")


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_may_have_a_name_of_any_language(name):
    assert check_name(ODD[name]) == ODD[name]


@pytest.mark.parametrize("name", [name for name in (*ODD, *REFUSED) if name not in METRICS])
def test_a_metric_has_no_name_that_another_tracker_would_refuse(name):
    with pytest.raises(ValueError, match="is no name for a metric"):
        check_name({**ODD, **REFUSED}[name])


@pytest.mark.parametrize("raw", [b"kwargs.a=\xff", b"+experiment=\xfe", b"kwargs.\xff=1"])
def test_arguments_that_are_not_unicode_are_refused_and_the_terminal_survives(tmp_path: Path, written, raw):
    import os
    import subprocess
    import sys

    written(tmp_path, {"steps.py": "def f(run):\n    return None\n", "conf/experiment/e.yaml": "steps: [steps.f]\n"})
    xrun = os.fsencode(Path(sys.executable).with_name("xrun"))
    arguments = [raw] if b"experiment" in raw else [b"+experiment=e", raw]
    done = subprocess.run([xrun, *arguments], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    done.stderr.decode()
    assert not (tmp_path / ".xrun").exists()


def test_a_project_in_a_folder_whose_name_is_not_unicode_runs(tmp_path: Path, anywhere, written):
    import os

    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    try:
        root.mkdir()
    except OSError:
        pytest.skip("this file system takes Unicode only")
    written(root, {"steps.py": "def f(run):\n    return {'y': 1}\n", "conf/experiment/e.yaml": "steps: [steps.f]\n"})
    done = anywhere(root, "+experiment=e")
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_what_is_written_of_folders_branches_and_arguments_that_are_not_unicode_is_read(tmp_path: Path, anywhere, written):
    import os
    import subprocess

    odd = os.fsdecode(b"n\xe9")
    root = tmp_path / odd / odd
    try:
        root.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system takes Unicode only")
    written(root, {"steps.py": "def f(run):\n    return {'y': 1}\n", "conf/experiment/e.yaml": "steps: [steps.f]\n"})
    git = ["git", "-c", "user.email=a@b.c", "-c", "user.name=n"]
    for command in (["init", "-q", "-b", odd], ["add", "--all"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=root.parent, check=True)
    place = ["--workspace", str(root / f"{odd}w")]
    assert anywhere(root, "+experiment=e", *place).returncode == 0
    told = (root / f"{odd}w" / "results" / "e" / "manifest.json").read_text()
    assert '"branch": "n\\\\xe9"' in told
    assert '"root": "n\\\\xe9"' in told
    id_run = json.loads(told)["runs"][0]
    for command in (
        ["show", id_run],
        ["show", id_run, "--json"],
        ["doctor"],
        ["verify"],
        ["check", "e", "-c", "y <= 1"],
        ["diff", "e", "e"],
    ):
        done = anywhere(root, *command, *place)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (command, done.stderr)
