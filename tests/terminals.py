"""What xrun shows on a terminal: a real pseudo-terminal of a given width."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

from tests.calling import XRUN

NOT_THEIRS = ("COLUMNS", "LINES", "NO_COLOR")
"""Variables that would say what the terminal is to say."""


def shown(project: Path, *arguments: str, columns: int = 100, **variables: str) -> str:
    """All that a call of xrun to its successful end has written to a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XRUN_") and name not in NOT_THEIRS}
    with subprocess.Popen(
        [XRUN, *arguments], cwd=project, env=environment | variables, stdin=theirs, stdout=theirs, stderr=theirs
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
