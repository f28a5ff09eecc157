"""From the resolved config to the frozen parts of an Experiment: the one validator. Below it no config is a dict."""

import re
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from runner.config.reader import Locator, Reader, shown
from runner.config.schema import LATER, TOP_LEVEL, ExecutorSchema, ProvenanceSchema, RequireSchema, ResultsSchema, StepSchema, keys_of
from runner.errors import ConfigError
from runner.spec import CodePolicy, ExecutorSpec, OnError, ProvenanceSpec, ResultsSpec, Step
from runner.suggest import did_you_mean, nearest

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_WORD = r"[^\W\d]\w*"
_CALL = re.compile(rf"{_WORD}(\.{_WORD})*[.:]{_WORD}(\.{_WORD})*")
_EXECUTORS = ("local", "serial")
_STARTS = ("forkserver", "spawn")


def check_top_level(cfg: DictConfig, groups: frozenset[str], locate: Locator) -> None:
    """Refuse top-level keys that neither the schema nor a config group knows."""
    for key in cfg:
        if not isinstance(key, str):
            raise ConfigError(f"the key {shown(key)} is not a string", where=locate(str(key)), key=str(key))
        if key in LATER:
            problem = f"`{key}` is reserved for {LATER[key]} and not supported by this version"
            raise ConfigError(problem, where=locate(key), key=key, hint="remove it")
        if key == "experiment" and key not in groups:
            problem = "the file's content is below the key `experiment`"
            raise ConfigError(problem, where=locate(key), key=key, hint="begin it with: # @package _global_")
        if key not in TOP_LEVEL and key not in groups:
            close = nearest(key, [*TOP_LEVEL, *groups])
            hint = f"did you mean `{close}`?" if close else f"a fixed parameter goes below kwargs; valid keys: {', '.join(TOP_LEVEL)}"
            raise ConfigError(f"unknown key `{key}`", where=locate(key), key=key, hint=hint)


def name_of(reader: Reader, chosen: str | None) -> str:
    """The experiment's name: `name`, or the option of the group `experiment`."""
    name = reader.tree["name"] if reader.tree["name"] is not None else (chosen or "").replace("/", ".")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = "it names a folder: letters, digits, `_`, `-` and `.`, not first `-` or `.`, 100 at most"
        raise reader.refuse("name", f"{shown(name)} is not a name", hint)
    return name


def steps(reader: Reader) -> tuple[Step, ...]:
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
    for kind in ("script", "command"):
        if isinstance(entry, dict) and kind in entry:
            raise reader.refuse(f"{key}.{kind}", f"{kind} steps are not supported by this version", "write a Python function: {call: ...}")
    entry = {**vars(StepSchema()), **reader.closed(entry, key, keys_of(StepSchema))}
    call = entry["call"]
    if not isinstance(call, str) or not _CALL.fullmatch(call):
        problem = "the step calls nothing" if call is None else f"{shown(call)} is not a reference to a function"
        raise reader.refuse(f"{key}.call", problem, "write package.module.function or package.module:function")
    return Step(
        call=call,
        name=_unique(re.split(r"[.:]", call)[-1], taken) if entry["name"] is None else reader.text(entry["name"], f"{key}.name"),
        kwargs=reader.mapping(entry["kwargs"], f"{key}.kwargs"),
        timeout=None if entry["timeout"] is None else reader.positive(entry["timeout"], f"{key}.timeout"),
        retries=reader.integer(entry["retries"], f"{key}.retries", 0),
        version=None if entry["version"] is None else reader.integer(entry["version"], f"{key}.version", 0),
        code=reader.member(entry["code"], f"{key}.code", CodePolicy),
        cache=reader.boolean(entry["cache"], f"{key}.cache"),
    )


def _unique(name: str, taken: set[str]) -> str:
    numbered, count = name, 2
    while numbered in taken:
        numbered, count = f"{name}_{count}", count + 1
    return numbered


def executor(reader: Reader) -> ExecutorSpec:
    """The executor's section."""
    section = reader.closed(reader.tree["executor"], "executor", keys_of(ExecutorSchema))
    name, workers, start = section["name"], section["workers"], section["start"]
    if name not in _EXECUTORS:
        raise reader.refuse("executor.name", f"there is no executor {shown(name)}", did_you_mean(str(name), _EXECUTORS, "executors"))
    if start not in _STARTS:
        raise reader.refuse("executor.start", f"{shown(start)} is none of: {', '.join(_STARTS)}")
    if isinstance(workers, str) and workers != "auto":
        raise reader.refuse("executor.workers", f"{shown(workers)} is neither a whole number nor `auto`")
    return ExecutorSpec(name=name, workers=None if workers == "auto" else reader.integer(workers, "executor.workers", 1), start=start)


def provenance(reader: Reader) -> ProvenanceSpec:
    """What must be clean."""
    section = reader.closed(reader.tree["provenance"], "provenance", keys_of(ProvenanceSchema))
    require = reader.closed(section["require"], "provenance.require", keys_of(RequireSchema))
    for key, value in require.items():
        if value not in (None, "clean"):
            raise reader.refuse(f"provenance.require.{key}", f"{shown(value)} is not `clean`, the only demand there is")
    return ProvenanceSpec(git_clean=require["git"] == "clean", data_clean=require["data"] == "clean")


def results(reader: Reader) -> ResultsSpec:
    """What the table must look like; the schema itself is checked by `runner.table`."""
    section = reader.closed(reader.tree["results"], "results", keys_of(ResultsSchema))
    schema = section["schema"]
    if schema is not None and not isinstance(schema, dict | str):
        raise reader.refuse("results.schema", f"{shown(schema)} is neither a mapping nor a dotted path")
    return ResultsSpec(schema=schema)


def on_error(reader: Reader) -> OnError:
    """Continue or stop."""
    return reader.member(reader.tree["on_error"], "on_error", OnError)


def data(reader: Reader, root: Path) -> tuple[str, ...]:
    """Paths relative to the root; whether they exist is provenance's question."""
    entries = reader.texts(reader.tree["data"], "data")
    for n, entry in enumerate(entries):
        if not entry:
            raise reader.refuse(f"data[{n}]", f"{shown(entry)} is not a path below {root}")
    return entries
