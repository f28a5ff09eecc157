"""What a terminal shows: a real pseudo-terminal of a given width."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

XRUN = Path(sys.executable).with_name("xrun")


def terminal(project: Path, *arguments: str, columns: int = 100, **variables: str) -> str:
    """The output of xrun on a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_") and k not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [XRUN, *arguments], cwd=project, env=environment | {"TERM": "xterm"} | variables, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:
            pass  # Linux says EIO at the end of a terminal
        os.close(ours)
        assert process.wait(60) == 0
    return b"".join(parts).decode()


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


def test_in_a_pipe_a_row_is_one_line_of_printable_text(odd: Path) -> None:
    done = subprocess.run([XRUN, "+experiment=odd"], cwd=odd, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 1000


def test_no_color_is_heeded(project: Path) -> None:
    assert "\x1b[" in terminal(project, "+experiment=squares")
    assert "\x1b[" not in terminal(project, "table", "squares", NO_COLOR="1")


def test_a_progress_bar_appears_when_it_takes_longer(project: Path) -> None:
    (project / "steps.py").write_text("import time\ndef square(x):\n    time.sleep(0.02)\n    return {'y': x}\n")
    text = terminal(project, "+experiment=squares", "x=range(0,120)", "executor.workers=1", columns=140)
    assert "/120" in text
    assert "done" in text
    assert "ETA" in text
