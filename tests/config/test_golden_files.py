"""experiment.yaml files of every format that there has been: each is read for ever, as the plan that it was.

`NAME.vF.yaml` is a file of format F as xrun wrote it, `ids.json` has the ids of its plan, `code` left out. Files are added, never edited.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

from runner.config.composed import FORMAT
from runner.secret import revealed

GOLDEN = Path(__file__).with_name("golden")
FILES = sorted(GOLDEN.glob("*.yaml"))
IDS = json.loads((GOLDEN / "ids.json").read_text())
VALUE = "value-of-the-golden-secret"


@pytest.fixture(autouse=True)
def _secret(monkeypatch):
    monkeypatch.setenv("XRUN_GOLDEN_SECRET", VALUE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_the_plan_that_it_was(file, project, ids):
    assert ids(project().load(file=file)) == IDS[file.name]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_that_is_read_is_written_in_the_present_format(file, project, ids, tmp_path):
    made = project()
    again = tmp_path / "again.yaml"
    again.write_text(made.load(file=file).yaml)
    assert yaml.safe_load(again.read_text())["xrun"]["format"] == FORMAT
    assert ids(made.load(file=again)) == IDS[file.name]


def test_every_format_and_every_recorded_plan_has_a_file():
    assert {re.search(r"\.v(\d+)\.yaml$", file.name)[1] for file in FILES} == {str(n + 1) for n in range(FORMAT)}
    assert set(IDS) == {file.name for file in FILES}
    assert all(IDS.values())


def test_the_secret_is_in_a_plan_and_in_no_file(project):
    (file,) = [file for file in FILES if "XRUN_GOLDEN_SECRET" in file.read_text()]
    kwargs = project().load(file=file).variants[0].kwargs
    assert VALUE in str(revealed(kwargs))
    assert VALUE not in str(kwargs)
    assert VALUE not in file.read_text()
