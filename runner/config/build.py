"""From a composed config to the frozen Experiment: the one validator. Below it no config is a dict."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config import axes
from runner.config.compose import first_line
from runner.config.schema import LATER, TOP_LEVEL, ExecutorSchema, ProvenanceSchema, RequireSchema, ResultsSchema, StepSchema, keys_of
from runner.suggest import did_you_mean
from runner.errors import ConfigError
from runner.spec import Axis, CodePolicy, ExecutorSpec, Grid, OnError, ProvenanceSpec, ResultsSpec, Step, Variant

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_AXIS = re.compile(r"\$\{\s*\.{0,2}params[.\[]")
E = TypeVar("E", bound=StrEnum)


class Locator:
    """Which file a key path comes from; for error messages only."""

    def __init__(self, origins: list[tuple[str, str, dict[Any, Any]]], default: str) -> None:
        self._origins, self._default = origins, default

    def __call__(self, key: str) -> str:
        """The last file that sets the key, or the nearest key above it."""
        parts = [part for part in re.split(r"[.\[\]]", key) if part]
        for depth in range(len(parts), 0, -1):
            for _, file, content in reversed(self._origins):
                if _holds(content, parts[:depth]):
                    return file
        return self._default


def _holds(content: Any, parts: list[str]) -> bool:
    for n, part in enumerate(parts):
        if isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        elif isinstance(content, dict) and part in content:
            content = content[part]
        else:
            return isinstance(content, dict) and ".".join(parts[n:]) in content
    return True


@dataclass(frozen=True, slots=True)
class Reader:
    """Checked access to the resolved config; every refusal names the file and the key."""

    tree: Mapping[str, Any]
    locate: Any

    def refuse(self, key: str, problem: str, hint: str | None = None) -> ConfigError:
        """The error for a key."""
        return ConfigError(problem, where=self.locate(key), key=key, hint=hint)

    def closed(self, value: Any, key: str, known: tuple[str, ...]) -> dict[str, Any]:
        """A mapping that has none but the known keys."""
        if not isinstance(value, dict):
            raise self.refuse(key, f"{value!r} is not a mapping", f"valid keys: {', '.join(known)}")
        for name in value:
            if name not in known:
                raise self.refuse(f"{key}.{name}", f"unknown key `{name}`", did_you_mean(str(name), known))
        return value

    def text(self, value: Any, key: str) -> str:
        """A string."""
        if not isinstance(value, str):
            raise self.refuse(key, f"{value!r} is not a text", f'write "{value}"')
        return value

    def integer(self, value: Any, key: str, low: int) -> int:
        """A whole number without a lossy cast."""
        if type(value) is not int or value < low:
            raise self.refuse(key, f"{value!r} is not a whole number of at least {low}")
        return value

    def positive(self, value: Any, key: str) -> float:
        """A number above zero."""
        if type(value) not in (int, float) or not 0 < value < float("inf"):
            raise self.refuse(key, f"{value!r} is not a number of seconds above 0")
        return float(value)

    def texts(self, value: Any, key: str) -> tuple[str, ...]:
        """A list of strings."""
        if not isinstance(value, list):
            raise self.refuse(key, f"{value!r} is a scalar where a list is meant", f"write [{value}]")
        return tuple(self.text(item, f"{key}[{n}]") for n, item in enumerate(value))

    def member(self, value: Any, key: str, kind: type[E]) -> E:
        """A member of an enumeration, by its value. YAML reads `off` as False, so that is what it may be as well."""
        if value is False and "off" in kind._value2member_map_:
            value = "off"
        choices = [str(m.value) for m in kind]
        if not isinstance(value, str) or value not in choices:
            raise self.refuse(key, f"{value!r} is none of: {', '.join(choices)}", did_you_mean(str(value), choices, "valid"))
        return kind(value)


def resolve(cfg: DictConfig, locate: Locator) -> dict[str, Any]:
    """The config as plain containers, interpolations resolved. Raises ConfigError naming the key that cannot be."""
    try:
        tree = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", "") or "")
        text = first_line(error)
        if "Missing mandatory value" in text:
            raise ConfigError("a value is required here (???)", where=locate(key), key=key, hint=f"give it: {key}=...") from None
        raise ConfigError(text, where=locate(key), key=key) from None
    return {str(k): v for k, v in tree.items()} if isinstance(tree, dict) else {}


def check_top_level(cfg: DictConfig, groups: frozenset[str], locate: Locator) -> None:
    """Refuse top-level keys that neither the schema nor a config group knows."""
    for key in cfg:
        if key in LATER:
            problem = f"`{key}` is reserved for {LATER[str(key)]} and not supported by this version"
            raise ConfigError(problem, where=locate(str(key)), key=str(key), hint="remove it")
        if key not in TOP_LEVEL and key not in groups:
            hint = did_you_mean(str(key), [*TOP_LEVEL, *groups])
            raise ConfigError(
                f"unknown key `{key}`", where=locate(str(key)), key=str(key), hint=f"{hint} A fixed parameter goes below kwargs."
            )


def name_of(reader: Reader, chosen: str | None) -> str:
    """The experiment's name: `name`, or the option of the group `experiment`."""
    name = reader.tree["name"] if reader.tree["name"] is not None else (chosen or "").replace("/", ".")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise reader.refuse("name", f"{name!r} is not a name", "letters, digits, `_`, `-` and `.`, 100 at most; it names a folder")
    return name


def steps(reader: Reader) -> tuple[Step, ...]:
    """The ordered steps; their names are unique."""
    entries = reader.tree["steps"]
    if not isinstance(entries, list):
        raise reader.refuse("steps", f"{entries!r} is a scalar where a list is meant", f"write [{entries}]")
    if not entries:
        raise reader.refuse("steps", "there is no step, so that a run would do nothing", "steps: [package.module.function]")
    found: list[Step] = []
    for n, entry in enumerate(entries):
        step = _step(reader, entry, f"steps[{n}]")
        taken = {s.name for s in found}
        name, count = step.name, 2
        while name in taken:
            name, count = f"{step.name}_{count}", count + 1
        found.append(step if name == step.name else _renamed(step, name))
    return tuple(found)


def _renamed(step: Step, name: str) -> Step:
    from dataclasses import replace

    return replace(step, name=name)


def _step(reader: Reader, entry: Any, key: str) -> Step:
    if isinstance(entry, str):
        entry = {"call": entry}
    known = keys_of(StepSchema)
    for kind in ("script", "command"):
        if isinstance(entry, dict) and kind in entry:
            raise reader.refuse(f"{key}.{kind}", f"{kind} steps are not supported by this version", "write a Python function: {call: ...}")
    entry = {**{k: v for k, v in vars(StepSchema()).items()}, **reader.closed(entry, key, known)}
    call = reader.text(entry["call"], f"{key}.call")
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*([.:][^\W\d]\w*)(\.[^\W\d]\w*)*", call):
        raise reader.refuse(f"{key}.call", f"{call!r} is not a reference", "write package.module.function or package.module:function")
    return Step(
        call=call,
        name=reader.text(entry["name"], f"{key}.name") if entry["name"] is not None else re.split(r"[.:]", call)[-1],
        kwargs=reader.closed(entry["kwargs"], f"{key}.kwargs", tuple(entry["kwargs"])),
        timeout=reader.positive(entry["timeout"], f"{key}.timeout") if entry["timeout"] is not None else None,
        retries=reader.integer(entry["retries"], f"{key}.retries", 0),
        version=reader.integer(entry["version"], f"{key}.version", 0) if entry["version"] is not None else None,
        code=reader.member(entry["code"], f"{key}.code", CodePolicy),
        cache=_boolean(reader, entry["cache"], f"{key}.cache"),
    )


def _boolean(reader: Reader, value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise reader.refuse(key, f"{value!r} is neither true nor false")
    return value


def executor(reader: Reader) -> ExecutorSpec:
    """The executor's section."""
    section = reader.closed(reader.tree["executor"], "executor", keys_of(ExecutorSchema))
    names = ("local", "serial")
    name = section["name"]
    if name not in names:
        raise reader.refuse("executor.name", f"there is no executor {name!r}", did_you_mean(str(name), names, "executors"))
    workers = section["workers"]
    if section["start"] not in ("forkserver", "spawn"):
        raise reader.refuse("executor.start", f"{section['start']!r} is none of: forkserver, spawn")
    return ExecutorSpec(
        name=name,
        workers=None if workers == "auto" else reader.integer(workers, "executor.workers", 1),
        start=section["start"],
    )


def provenance(reader: Reader) -> ProvenanceSpec:
    """What must be clean."""
    section = reader.closed(reader.tree["provenance"], "provenance", keys_of(ProvenanceSchema))
    require = reader.closed(section["require"], "provenance.require", keys_of(RequireSchema))
    for key, value in require.items():
        if value not in (None, "clean"):
            raise reader.refuse(f"provenance.require.{key}", f"{value!r} is not `clean`", "the only demand is `clean`")
    return ProvenanceSpec(git_clean=require["git"] == "clean", data_clean=require["data"] == "clean")


def results(reader: Reader) -> ResultsSpec:
    """What the table must look like; the schema itself is checked by `runner.table`."""
    section = reader.closed(reader.tree["results"], "results", keys_of(ResultsSchema))
    schema = section["schema"]
    if schema is not None and not isinstance(schema, dict | str):
        raise reader.refuse("results.schema", f"{schema!r} is neither a mapping nor a dotted path")
    return ResultsSpec(schema=schema)


def on_error(reader: Reader) -> OnError:
    """continue or stop."""
    return reader.member(reader.tree["on_error"], "on_error", OnError)


@dataclass(frozen=True, slots=True)
class KwargsAt:
    """The kwargs of one run, where they refer to its point; picklable, because workers and helpers receive plans."""

    text: str
    """The unresolved config as YAML."""
    groups: frozenset[str]

    def __call__(self, point: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Resolve the kwargs with `params` replaced by this point. About 0.3 ms."""
        cfg = OmegaConf.create(self.text)
        params: dict[str, Any] = {}
        for name, value in point.items():
            node = params
            *parents, leaf = name.split(".")
            for parent in parents:
                node = node.setdefault(parent, {})
            node[leaf] = value
        cfg.params = params
        kwargs = {**{k: cfg[k] for k in self.groups}, **cfg.kwargs}
        return {k: OmegaConf.to_container(v, resolve=True) if OmegaConf.is_config(v) else v for k, v in kwargs.items()}


def variant(reader: Reader, cfg: DictConfig, chosen: Mapping[str, str], groups: frozenset[str]) -> Variant:
    """One composition's kwargs and grids; the chosen groups are its first axes."""
    kwargs = reader.tree["kwargs"]
    if not isinstance(kwargs, dict):
        raise reader.refuse("kwargs", f"{kwargs!r} is not a mapping")
    for key in kwargs:
        if not isinstance(key, str):
            raise reader.refuse(f"kwargs.{key}", f"the name {key!r} is not a string", f'quote it: "{key}"')
    all_kwargs = {**{g: reader.tree[g] for g in sorted(groups)}, **kwargs}
    for clash in set(kwargs) & groups:
        raise reader.refuse(f"kwargs.{clash}", f"a config group brings `{clash}` as well", "rename one of them")
    choices = tuple(Axis(name=g.split("@")[-1], values=(o,), role="choice") for g, o in chosen.items())
    grids = tuple(Grid(factors=(*choices, *g.factors), exclude=g.exclude) for g in axes.grids(reader.tree["params"], reader.refuse))
    text = OmegaConf.to_yaml(cfg, resolve=False)
    raw = "".join(OmegaConf.to_yaml(cfg[k], resolve=False) if OmegaConf.is_config(cfg[k]) else "" for k in ("kwargs", *groups))
    return Variant(
        choices={g.split("@")[-1]: o for g, o in chosen.items()},
        kwargs=all_kwargs,
        kwargs_at=KwargsAt(text, groups) if _AXIS.search(raw) else None,
        grids=grids,
    )


def root_relative(reader: Reader, root: Path) -> tuple[str, ...]:
    """`data`: paths relative to the root; whether they exist is provenance's question."""
    entries = reader.texts(reader.tree["data"], "data")
    for n, entry in enumerate(entries):
        if not entry or "\0" in entry:
            raise reader.refuse(f"data[{n}]", f"{entry!r} is not a path below {root}")
    return entries
