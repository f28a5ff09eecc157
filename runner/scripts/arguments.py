"""A run's values as the command line and the environment of a process."""

import os
import re
import shlex
from pathlib import Path
from typing import Any

from runner import templates
from runner.dotted import leaves
from runner.run import Run
from runner.spec import Process
from runner.steps.placing import interpreter_of, script_of
from runner.templates import Lookup, word

MAX_VARIABLE = 32_000
"""Bytes. The kernel takes 128 KiB a variable, and a few MiB in all."""


def lookup_of(run: Run) -> Lookup:
    """The values that templates name at the run's point."""

    def lookup(name: str) -> Any:
        section, _, rest = name.partition(".")
        if section == "run":
            return str(run.dir) if rest == "dir" else getattr(run, rest)
        return (run.params if section == "params" else run.kwargs)[rest]

    return lookup


def command_of(process: Process, run: Run, root: Path, folders: tuple[Path, Path]) -> list[str]:
    """The words to execute. `folders`: the working directory that the step names, and the one that the process has, maybe of links."""
    named, folder = folders
    lookup = lookup_of(run)
    arguments = _arguments(process, run, lookup)
    if process.script:
        file = script_of(process, root, named)
        # As people call it, but where that would be a link that goes with its folder: tracebacks shall name a file that stays.
        as_called = folder == named and file.is_relative_to(named) and ".." not in Path(process.script).parts
        return [interpreter_of(process, root) or process.python, os.path.relpath(file, named) if as_called else str(file), *arguments]
    if isinstance(process.command, str):
        text = templates.fill_shell(process.command, lookup)
        return ["/bin/sh", "-c", f"{text} {shlex.join(arguments)}" if arguments else text]
    return [*(word(templates.fill(part, lookup)) for part in process.command), *arguments]


def shown(process: Process, words: list[str]) -> str:
    """What `command_of` has given, for people: a script without its interpreter, a text for the shell as it is."""
    if process.script:
        return shlex.join([process.script, *words[2:]])
    return words[2] if isinstance(process.command, str) else shlex.join(words)


def _arguments(process: Process, run: Run, lookup: Lookup) -> list[str]:
    if isinstance(process.args, str):
        pairs: dict[str, Any] = dict(run.params)
        if process.args == "all":
            pairs = {**pairs, **{name: value for name, value in leaves(run.kwargs) if name not in pairs}}
        return [text for name, value in pairs.items() for text in _flag(f"--{name}", value)]
    return [text for part in process.args for text in _argument(part, lookup)]


def _argument(part: str | tuple[str, Any], lookup: Lookup) -> list[str]:
    if isinstance(part, str):
        return [word(templates.fill(part, lookup))]
    flag, value = part
    return _flag(flag, [templates.fill(item, lookup) for item in value] if isinstance(value, list) else templates.fill(value, lookup))


def _flag(flag: str, value: Any) -> list[str]:
    """True: the flag alone; None, False and the empty list: nothing; a list: its items after the flag."""
    if value is None or value is False or value == []:
        return []
    if value is True:
        return [flag]
    if isinstance(value, list):
        return [flag, *map(word, value)]
    text = word(value)
    if flag.endswith("="):
        return [f"{flag}{text}"]
    if text.startswith("-") and flag.startswith("--"):
        return [f"{flag}={text}"]  # argparse takes `-1e-05` for a flag
    return [flag, text]


def environment_of(process: Process, run: Run, root: Path, description: str) -> dict[str, str]:
    """The environment: xrun's own, the run's id, seed and values, and what the step says. `description`: the path in XRUN_RUN.

    A value of more than 32,000 bytes is not in it; `runner.get_run()` has all of them.
    """
    lookup = lookup_of(run)
    made = {**os.environ, "XRUN_ID_RUN": run.id_run, "XRUN_SEED": str(run.seed), "XRUN_RUN": description}
    made.setdefault("PYTHONUNBUFFERED", "1")  # what was printed is there when the process is killed, and seen while it runs
    made["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    for name, value in {**run.params, **run.kwargs}.items():
        text = word(value)
        if len(text) * 4 <= MAX_VARIABLE or len(text.encode()) <= MAX_VARIABLE:
            made[f"XRUN_PARAM_{re.sub(r'[^0-9A-Za-z_]', '_', str(name).replace('.', '__'))}"] = text
    for name, given in process.env:
        if given is None:
            made.pop(name, None)
        else:
            made[name] = word(templates.fill(given, lookup))
    return made
