"""The benchmarks can be run and tell what they measured. How fast anything is, is no test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.case import FOLDER, Bar, Case, Command, Figure
from benchmarks.compare import Line, compare
from benchmarks.peers import Program

PROGRAMS = {Program.PYTHON: sys.executable}
REPOSITORY = Path(__file__).parents[2]


def python(code):
    return Command(program=Program.PYTHON, arguments=("-c", code))


def note(letter):
    return python(f"open(r'{FOLDER}/order', 'a').write('{letter}')")


def test_help_page_is_measured_without_installing_a_peer():
    command = [sys.executable, "-m", "benchmarks", "--only", "help page", "--repeat", "1", "--json"]

    told = json.loads(subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60).stdout)

    (figure,) = told["figures"]
    assert figure["case"] == "help page"
    assert figure["ours"] > figure["peer"] > 0
    assert len(figure["measured"]["ours"]) == len(figure["measured"]["peer"]) == 1
    assert figure["error"] is None


def test_sides_are_measured_in_turn_after_one_turn_that_does_not_count(tmp_path):
    case = Case(name="turns", prepare=note("p"), ours=note("A"), peer=note("B"))

    (line,) = compare(case, PROGRAMS, tmp_path, 2)

    assert (tmp_path / "turns" / "order").read_text() == "pABABAB"
    assert len(line.ours) == len(line.peer) == 2


def test_every_execution_has_an_empty_folder_of_its_own(tmp_path):
    code = f"import os; assert os.listdir(r'{FOLDER}') == []; open(r'{FOLDER}/mark', 'x')"

    (line,) = compare(Case(name="folders", ours=python(code)), PROGRAMS, tmp_path, 2)

    assert line.error == ""


def test_case_that_fails_is_a_line_with_the_reason(tmp_path):
    (line,) = compare(Case(name="broken", ours=python("raise SystemExit('no luck')")), PROGRAMS, tmp_path, 1)

    assert "exited with 1\n  no luck" in line.error
    assert "not measured" in report.as_table([line])


@pytest.mark.parametrize(
    ("bar", "ours", "peer", "met"),
    [
        (Bar(limit=0.5, relative=True), 1.0, 2.0, True),
        (Bar(limit=0.5, relative=True), 1.1, 2.0, False),
        (Bar(limit=1, relative=False), 1.0, 0.1, True),
        (Bar(limit=1, relative=False), 1.1, 9.0, False),
        (None, 1.0, 2.0, None),
    ],
)
def test_bar_is_held_against_the_medians(bar, ours, peer, met):
    line = Line(name="x", versus="y", figure=Figure(bar=bar), ours=(ours, ours, 99.0), peer=(peer, peer, 99.0))

    assert line.met is met
    assert json.loads(report.as_json([line]))["figures"][0]["met"] is met


def test_watched_process_tells_its_memory_and_its_files(tmp_path):
    code = "import time; b = bytearray(50_000_000); f = [open('/dev/null') for _ in range(20)]; time.sleep(1)"
    usage = Command(program=Program.PYTHON, arguments=("-c", code), watched=True).execute(PROGRAMS, tmp_path)

    assert 50 < usage.memory < 200
    assert 20 < usage.files < 100
