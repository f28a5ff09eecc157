import subprocess
import sys

import pytest


@pytest.fixture
def together():
    """together(n, code): run code in n processes that start at one moment; their exit codes."""

    def run(count, code):
        start = "import sys; sys.stdin.readline()\n"
        made = [subprocess.Popen([sys.executable, "-c", start + code], stdin=subprocess.PIPE) for _ in range(count)]
        for process in made:
            process.stdin.write(b"\n")
        for process in made:
            process.stdin.close()
        return [process.wait(60) for process in made]

    return run
