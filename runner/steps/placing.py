"""Where the process of a script or command step works, and which files of the project it executes."""

import os
import shutil
import sys
from pathlib import Path

from runner.code import Program
from runner.spec import Process
from runner.steps import words


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


def named_by(process: Process, root: Path, folder: Path) -> list[Program]:
    """What a script or a command executes of the project, in the order in which it is named."""
    given = dict(process.env).get("PYTHONPATH") or ""
    searched = tuple(root / folder / entry for entry in given.split(os.pathsep) if entry)
    if not process.script:
        return words.Reading(root, folder).command(process.command, searched)
    file = script_of(process, root, folder)
    return [Program(file=file, searched=searched)] if file.is_file() else []
