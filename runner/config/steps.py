"""The ordered steps: functions, scripts, commands."""

import re
from pathlib import PurePosixPath
from typing import Any

from runner.config import processes, quantities, retrying
from runner.config.reader import Reader, shown
from runner.config.schema import StepSchema, keys_of
from runner.spec import CodePolicy, Process, Step

_WORD = r"[^\W\d]\w*"
_CALL = re.compile(rf"{_WORD}(\.{_WORD})*[.:]{_WORD}(\.{_WORD})*")
_KINDS = ("call", "script", "command")


def read(reader: Reader) -> tuple[Step, ...]:
    """The ordered steps. A name that somebody gave is unique; one taken from the function gets a number when it is not."""
    entries = reader.items(reader.tree["steps"], "steps")
    if not entries:
        raise reader.refuse("steps", "there is no step, so that a run would do nothing", "steps: [package.module.function]")
    found: list[Step] = []
    given = [entry["name"] for entry in entries if isinstance(entry, dict) and entry.get("name") is not None]
    for n, entry in enumerate(entries):
        step = _step(reader, entry, f"steps[{n}]", {*given, *(s.name for s in found)})
        if any(step.name == other.name for other in found):
            raise reader.refuse(f"steps[{n}].name", f"another step is called `{step.name}` as well", "rename one of them")
        found.append(step)
    return tuple(found)


def _step(reader: Reader, entry: Any, key: str, taken: set[str]) -> Step:
    if isinstance(entry, str):
        entry = {"call": entry}
    given = reader.closed(entry, key, keys_of(StepSchema))
    entry = {**vars(StepSchema()), **given}
    kinds = [kind for kind in _KINDS if entry[kind] is not None]
    if len(kinds) > 1:
        raise reader.refuse(f"{key}.{kinds[1]}", f"the step has {' and '.join(kinds)}; it is one of them", "make them two steps")
    if kinds in ([], ["call"]):
        processes.refuse_options(reader, given, key)
        process, call, name = None, *_reference(reader, entry["call"], f"{key}.call")
    else:
        process = processes.read(reader, entry, key)
        call, name = _shown(process)
    return Step(
        call=call,
        name=_unique(name, taken) if entry["name"] is None else reader.text(entry["name"], f"{key}.name"),
        kwargs=reader.mapping(entry["kwargs"], f"{key}.kwargs"),
        timeout=None if entry["timeout"] is None else quantities.seconds(reader, entry["timeout"], f"{key}.timeout"),
        max_memory=None if entry["max_memory"] is None else quantities.memory(reader, entry["max_memory"], f"{key}.max_memory"),
        **retrying.read(reader, entry, given, key),
        version=None if entry["version"] is None else reader.integer(entry["version"], f"{key}.version", 0),
        code=reader.member(entry["code"], f"{key}.code", CodePolicy),
        cache=reader.boolean(entry["cache"], f"{key}.cache"),
        process=process,
    )


def _reference(reader: Reader, call: Any, key: str) -> tuple[str, str]:
    """A function's reference, and the name that a step of it has."""
    if not isinstance(call, str) or not _CALL.fullmatch(call) or call.endswith(".py"):  # to import a script is to execute it
        problem = "the step calls nothing" if call is None else f"{shown(call)} is not a reference to a function"
        hint = "write package.module.function or package.module:function"
        if isinstance(call, str) and re.search(r"/|\.py$", call):
            hint = f"a file is a script: {{script: {call}}}"
        raise reader.refuse(key, problem, hint)
    return call, re.split(r"[.:]", call)[-1]


def _shown(process: Process) -> tuple[str, str]:
    """A script or command as text, and the name that a step of it has."""
    if process.script:
        return process.script, PurePosixPath(process.script).stem
    words = process.command.split() if isinstance(process.command, str) else process.command
    text = process.command if isinstance(process.command, str) else " ".join(words)
    stem = PurePosixPath(words[0]).stem
    return text, stem if re.fullmatch(r"[\w.\-]+", stem) else "command"


def _unique(name: str, taken: set[str]) -> str:
    numbered, count = name, 2
    while numbered in taken:
        numbered, count = f"{name}_{count}", count + 1
    return numbered
