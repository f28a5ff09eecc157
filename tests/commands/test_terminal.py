"""What a terminal shows: a real pseudo-terminal of a given width."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests import calling
from tests.calling import XRUN
from tests.terminals import shown


def terminal(project: Path, *arguments: str, columns: int = 100, **variables: str) -> str:
    """The output of xrun on a terminal so wide, which knows colours."""
    return shown(project, *arguments, columns=columns, **{"TERM": "xterm"} | variables)


def interrupted(project: Path, *arguments: str, columns: int = 80) -> str:
    """The same of a sweep in which Ctrl-C is pressed as soon as a run is done, and again when that has been answered."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shell = ["setsid", "--ctty", "--wait", XRUN, *arguments]  # a session of its own, so that ^C is for it alone
    with subprocess.Popen(shell, cwd=project, env={**os.environ, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        text, pressed = "", 0
        try:
            while part := os.read(ours, 65536):
                text += part.decode()
                if pressed < 2 and ("1/3" in text, "left" in text)[pressed]:
                    os.write(ours, b"\x03")
                    pressed += 1
        except OSError:
            pass
        os.close(ours)
        assert process.wait(60) == 130
    return text


@pytest.fixture
def odd(project: Path) -> Path:
    """An experiment whose fields are many, long, and full of brackets and control characters."""
    fields = "'tag': '[/x] [red]no[/]', 'long': 'y' * 500, 'lines': 'a\\nb\\x1b[31m', **{f'f{n}': n for n in range(60)}"
    source = f"def odd(x):\n    return {{{fields}}}\n"
    (project / "odd.py").write_text(source)
    (project / "conf/experiment/odd.yaml").write_text("# @package _global_\nparams: {x: [1, 2]}\nsteps: [odd.odd]\n")
    return project


def test_as_many_columns_as_fit_are_shown_and_the_others_are_counted(odd: Path) -> None:
    text = terminal(odd, "+experiment=odd", columns=100)
    assert "[/x] [red]no[/]" in text
    assert "left out:" in text
    assert "of 65 columns" in text
    assert "\x1b[31m" not in text


@pytest.mark.parametrize("columns", [40, 79, 80, 81, 82, 83, 100])
def test_what_is_shown_of_many_columns_is_whole_and_one_more_would_not_fit(project: Path, columns: int) -> None:
    source = "def wide(x):\n    return {f'c{n}': 10 ** (n % 5) * x for n in range(30)}\n"
    (project / "wide.py").write_text(source)
    (project / "conf/experiment/wide.yaml").write_text("# @package _global_\nparams: {x: [1, 2]}\nsteps: [wide.wide]\n")
    text = re.sub(r"\x1b\[[0-9;]*m", "", terminal(project, "+experiment=wide", columns=columns, LANG="C.UTF-8"))
    assert "…" not in text
    head = next(line for line in text.splitlines() if "id_run" in line).split()
    widths = [8, 1, *(max(len(f"c{n}"), len(str(2 * 10 ** (n % 5)))) for n in range(30))]
    whole = [n for n in range(2, 33) if sum(widths[:n]) + 2 * n <= columns]
    assert len(head) == whole[-1]
    assert f"left out: {32 - len(head)} of 32 columns" in text


def test_cells_that_are_two_columns_wide_are_whole_as_well(project: Path) -> None:
    (project / "wide.py").write_text("def wide(x):\n    return {'city': '東京' * 8, 'land': '日本' * 8}\n")
    (project / "conf/experiment/wide.yaml").write_text("# @package _global_\nparams: {x: [1]}\nsteps: [wide.wide]\n")
    for columns, whole in ((80, 1), (81, 2)):
        text = terminal(project, "+experiment=wide", columns=columns, LANG="C.UTF-8")
        assert ("東京" * 8 in text, "日本" * 8 in text, "…" in text) == (True, whole == 2, False)


def piped(project: Path, *arguments: str) -> str:
    """What it prints into a pipe; it must go well."""
    done = calling.run([XRUN, *arguments], cwd=project)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_in_a_pipe_a_row_is_one_line_of_printable_text(odd: Path) -> None:
    told = piped(odd, "+experiment=odd")
    assert len(told.splitlines()) == 3
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) < 1000


def test_no_color_is_heeded(project: Path) -> None:
    assert "\x1b[" in terminal(project, "+experiment=squares")
    assert "\x1b[" not in terminal(project, "table", "squares", NO_COLOR="1")


def test_a_progress_bar_appears_when_it_takes_longer(project: Path) -> None:
    (project / "steps.py").write_text("import time\ndef square(x):\n    time.sleep(0.02)\n    return {'y': x}\n")
    text = terminal(project, "+experiment=squares", "x=range(0,120)", "executor.workers=1", columns=140)
    assert "/120" in text
    assert "done" in text
    assert "ETA" in text


@pytest.mark.skipif(shutil.which("setsid") is None, reason="no setsid (util-linux) here")
@pytest.mark.parametrize("columns", [80, 120])
def test_ctrl_c_is_answered_above_the_bar_and_in_it_and_no_stale_bar_is_left(project: Path, columns: int) -> None:
    (project / "steps.py").write_text("import time\ndef square(x):\n    time.sleep(x)\n    return {'y': x}\n")
    text = interrupted(project, "+experiment=squares", "x=1,98,99", "executor.workers=3", "--grace", "60", columns=columns)
    assert "xrun: stopping: 2 runs may finish within 60 s; a second Ctrl-C ends them at once" in " ".join(text.split())
    assert "stopping: 2 left" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    bars = [line for part in plain.splitlines() for line in part.split("\r") if "1/3" in line]
    assert bars
    assert all(len(bar.partition("^C")[0]) <= columns - 5 for bar in bars)  # in the last column, ^C would begin a line of its own


def failing(project: Path) -> str:
    """One run fails with a long message, another is completed; returns the message."""
    message = "no " + "such thing " * 20 + "here"
    source = f"def square(x, **rest):\n    if x == 1: raise ValueError({message!r})\n    return {{'y': x}}\n"
    (project / "steps.py").write_text(source)
    calling.run([XRUN, "+experiment=squares", "x=1,2", "+opt='a long value of an axis'"], cwd=project)
    return message


def test_in_a_pipe_a_reason_is_not_cut(project: Path) -> None:
    message = failing(project)
    told = piped(project, "ls", "squares")
    assert f"ValueError: {message}" in told


def test_in_a_pipe_digests_are_not_cut(project: Path) -> None:
    piped(project, "+experiment=squares")
    shutil.copytree(project / "results/squares", project / "before")
    with (project / "steps.py").open("a") as file:
        file.write("# more\n")
    piped(project, "+experiment=squares", "+long=" + "x" * 100)
    told = piped(project, "diff", "before", "squares")
    assert "x" * 100 in told
    assert "..." not in told


def test_on_a_terminal_params_take_the_place_of_a_reason_that_a_run_does_not_have(project: Path) -> None:
    failing(project)
    lines = terminal(project, "ls", "squares", columns=80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    (failed,) = [line for line in lines if "FAILED" in line]
    (completed,) = [line for line in lines if "COMPLETED" in line]
    assert "ValueError" in failed
    assert "..." in failed
    assert completed.endswith("x=2 opt='a long value of an axis'")
