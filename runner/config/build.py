"""From the resolved config to the frozen parts of an Experiment: the one validator. Below it no config is a dict."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from runner.config import quantities
from runner.config.reader import Locator, Reader, shown
from runner.config.schema import LATER, TOP_LEVEL, ExecutorSchema, ProvenanceSchema, RequireSchema, ResultsSchema, TrackingSchema, keys_of
from runner.errors import ConfigError
from runner.spec import NAME, ExecutorSpec, OnError, ProvenanceSpec, ResultsSpec, TrackingSpec
from runner.suggest import did_you_mean, nearest

_NAME = re.compile(NAME)
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
    """What the table must look like, checked by `runner.table`, and what it holds: selectors, checked where the table is made."""
    section = reader.closed(reader.tree["results"], "results", keys_of(ResultsSchema))
    schema = section["schema"]
    if schema is not None and not isinstance(schema, dict | str):
        raise reader.refuse("results.schema", f"{shown(schema)} is neither a mapping nor a dotted path")
    return ResultsSpec(schema=schema, columns=() if section["columns"] is None else _columns(reader, section["columns"]))


def _columns(reader: Reader, value: Any) -> tuple[tuple[str, str], ...]:
    """A list of selectors, each maybe with a name of its own (`{name: selector}`), or a mapping of names to selectors."""
    key = "results.columns"
    entries: list[tuple[str, Any, str]] = []  # column, selector, key path
    for n, entry in enumerate([value] if isinstance(value, dict) else reader.items(value, key)):
        where = key if isinstance(value, dict) else f"{key}[{n}]"
        if isinstance(entry, dict):
            entries.extend((name, selector, f"{where}.{name}") for name, selector in reader.mapping(entry, where).items())
        else:
            entries.append((entry, entry, where))
    if not entries:
        raise reader.refuse(key, "no column is left", "columns: [params.lr, loss.min], or remove it")
    seen: set[str] = set()
    for name, selector, where in entries:
        if not isinstance(selector, str) or not selector.strip():
            raise reader.refuse(where, f"{shown(selector)} is not a selector", "write params.lr, fields.error, loss.min")
        if not name.strip() or name in seen:
            problem = f"another column is called `{name}` as well" if name in seen else f"{shown(name)} is not a name"
            raise reader.refuse(where, problem, f"name it: {{NAME: {selector}}}")
        seen.add(name)
    return tuple((name, selector.strip()) for name, selector, _ in entries)


def checks(reader: Reader) -> tuple[Mapping[str, Any], ...]:
    """What the results must be like: texts and mappings, all as mappings; `runner.checks` understands them."""
    made: list[Mapping[str, Any]] = []
    for n, entry in enumerate(reader.items(reader.tree["checks"], "checks")):
        key = f"checks[{n}]"
        if not isinstance(entry, str | dict):
            raise reader.refuse(key, f"{shown(entry)} is neither a text nor a mapping", "write error.mean <= 0.1")
        made.append({"check": entry} if isinstance(entry, str) else dict(reader.mapping(entry, key)))
    return tuple(made)


def tracking(reader: Reader) -> TrackingSpec:
    """How runs are tracked."""
    section = reader.closed(reader.tree["tracking"], "tracking", keys_of(TrackingSchema))
    show, seconds = section["show_output"], section["system_seconds"]
    return TrackingSpec(
        strict=reader.boolean(section["strict"], "tracking.strict"),
        max_log=quantities.size(reader, section["max_log"], "tracking.max_log"),
        show_output=None if show is None else reader.boolean(show, "tracking.show_output"),
        system_seconds=None if seconds is None or seconds is False else quantities.seconds(reader, seconds, "tracking.system_seconds"),
    )


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
