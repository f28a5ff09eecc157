"""Streams that do not take what xrun prints: encodings without the character, a full disk, a reader that has left."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.calling import XRUN

WORD = "größe → \U0001f600"


def printed(project: Path, *arguments: str, encoding: str = "utf-8") -> "subprocess.CompletedProcess[bytes]":
    """Really started: Python looks at PYTHONIOENCODING when it starts."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    return subprocess.run([XRUN, *arguments], cwd=project, env=environment, capture_output=True, timeout=120, check=False)


@pytest.fixture
def worded(project: Path) -> Path:
    (project / "conf/experiment/worded.yaml").write_text(
        f'# @package _global_\nparams: {{x: [1], größe: ["{WORD}"]}}\nsteps: [steps.square]\n'
    )
    done = printed(project, "+experiment=worded", "--json", encoding="ascii")
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:surrogateescape", "utf-8"])
def test_what_an_encoding_cannot_say_is_escaped_and_json_stays_json(worded: Path, encoding: str) -> None:
    told = printed(worded, "table", "worded", "--json", encoding=encoding)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.decode(encoding.partition(":")[0]))["größe"] == WORD
    for words in (["ls", "worded"], ["table", "worded", "--csv"]):
        done = printed(worded, *words, encoding=encoding)
        assert (done.returncode, b"gr\\u00f6\\u00dfe" in done.stdout) == (0, encoding.startswith("ascii")), done.stderr


def test_a_handler_of_ones_own_is_left_as_it_is(worded: Path) -> None:
    assert b"gr??e" in printed(worded, "ls", "worded", "--columns", "größe", encoding="ascii:replace").stdout


@pytest.mark.parametrize("words", [("ls", "squares"), ("table", "squares", "--csv"), ("+experiment=squares",)])
def test_a_stdout_on_a_full_disk_is_exit_74_in_one_line(project: Path, words: tuple[str, ...]) -> None:
    assert printed(project, "+experiment=squares").returncode == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([XRUN, *words], cwd=project, stdout=full, stderr=subprocess.PIPE, timeout=120, text=True, check=False)
    assert done.returncode == 74
    assert done.stderr.splitlines()[-1] == "xrun: No space left on device"
    assert "Exception" not in done.stderr


def test_a_reader_that_has_left_is_exit_141_and_nothing_is_said(project: Path) -> None:
    assert printed(project, "+experiment=squares").returncode == 0
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([XRUN, "ls", "squares"], cwd=project, stdout=theirs, stderr=subprocess.PIPE, timeout=120, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")
