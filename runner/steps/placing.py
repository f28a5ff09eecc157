"""Where the process of a script or command step works, and which files of the project it executes."""

import itertools
import shlex
import shutil
import sys
from pathlib import Path

from runner import templates
from runner.spec import Process

MAX_FILE = 10_000_000
"""Bytes; a larger file that a command names is data, not code."""


def folder_of(process: Process, root: Path) -> Path:
    """The working directory that the step names, the project root if none. It may not exist."""
    return root / process.cwd


def script_of(process: Process, root: Path, folder: Path) -> Path:
    """The script's file: the one below the working directory if it is there, else the one below the root. It may not exist."""
    local = folder / process.script
    return local if local.is_file() else root / process.script


def interpreter_of(process: Process, root: Path) -> str | None:
    """The Python that executes a script, or None when there is no such program. One with a `/` is relative to the project root."""
    if not process.python:
        return sys.executable
    return shutil.which(str(root / process.python) if "/" in process.python else process.python)


def named_by(process: Process, root: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Files of the project that a command's words name, and modules after `-m`."""
    words = _words(process.command)
    files: dict[Path, None] = {}
    for word in words:
        for name in (word, word.partition("=")[2]):
            if name and (found := _file(name, root, folder)):
                files[found] = None
    return list(files), [module for flag, module in itertools.pairwise(words) if flag == "-m"]


def _words(command: str | tuple[str, ...]) -> list[str]:
    if not isinstance(command, str):
        return list(command)
    lexer = shlex.shlex(templates.PATTERN.sub("_", command), posix=True, punctuation_chars=True)
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quotation mark without its partner; the shell will say so
        return command.split()


def _file(name: str, root: Path, folder: Path) -> Path | None:
    for base in (folder, root):
        path = base / name
        try:
            if path.is_file() and path.resolve().is_relative_to(root.resolve()) and path.stat().st_size <= MAX_FILE:
                return path
        except OSError:  # too long for a name, and the like
            continue
    return None
