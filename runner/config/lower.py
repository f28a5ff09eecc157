"""Applies the command line's value overrides, and lowers sweeps to axes.

`N=10,100` becomes `params.N: [10, 100]` in the composed config, so that a grid from the command line and the same grid from YAML
are one config, one plan and the same ids.
"""

from collections.abc import Callable
from typing import Any

from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import axes, declared
from runner.config.compose import apply_value
from runner.config.reader import COMMAND_LINE
from runner.config.resolve import first_line
from runner.config.schema import ABSENT, LATER, TOP_LEVEL, default_of
from runner.errors import ConfigError
from runner.suggest import nearest


def refuse_misspelt_groups(overrides: list[Override], groups: list[str], options: Callable[[str], list[str]]) -> None:
    """`+modle=svm` would make an axis; where a group of a similar name has that option, it is a slip."""
    for override in overrides:
        close = nearest(override.key_or_group, groups)
        value = override.value()
        if close is None or isinstance(value, RangeSweep | IntervalSweep):
            continue
        values = axes.enumerate_sweep(override) if override.is_sweep_override() else [value]
        if set(map(str, values)) & set(options(close)):
            problem = f"there is no config group `{override.key_or_group}`"
            hint = f"did you mean {str(override.input_line).replace(override.key_or_group, close, 1)}?"
            raise ConfigError(problem, where=COMMAND_LINE, key=override.input_line, hint=hint)


def apply(cfg: DictConfig, overrides: list[Override], groups: frozenset[str]) -> list[str]:
    """Apply `overrides` to `cfg` in place, in their order; returns the key path that each of them set.

    `groups`: the top-level keys that config groups brought.
    """
    return [_apply_one(cfg, override, groups) for override in overrides]


def _apply_one(cfg: DictConfig, override: Override, groups: frozenset[str]) -> str:
    key = override.key_or_group
    head, _, rest = key.partition(".")
    sweeps = override.is_sweep_override()
    _refuse_impossible(override, head)
    if head == "params" and rest and not _is_replacement(override):
        return _to_axis(cfg, rest, override)
    if head == "kwargs" and rest and sweeps:
        return _kwarg_to_axis(cfg, rest, override)
    if sweeps and head in TOP_LEVEL:
        hint = "replicates=3 repeats every point with another seed" if head == "seed" else None
        problem = f"`{key}` is one value for the whole experiment and cannot be swept"
        raise ConfigError(problem, where=COMMAND_LINE, key=override.input_line, hint=hint)
    if (head in TOP_LEVEL or head in groups) and not sweeps:
        return _hydra_apply(cfg, override)
    if head in groups:
        return _to_axis(cfg, key, override, add=True)
    return _apply_bare(cfg, key, override, groups)


def _refuse_impossible(override: Override, head: str) -> None:
    key = override.key_or_group
    if override.package is not None:
        raise ConfigError(f"there is no config group `{key}`", where=COMMAND_LINE, key=override.input_line)
    if head in LATER:
        raise ConfigError(f"`{head}` is reserved for {LATER[head]} and not supported by this version", where=COMMAND_LINE, key=key)
    if not all(key.split(".")):
        raise ConfigError("the key has an empty part", where=COMMAND_LINE, key=override.input_line)


def _is_replacement(override: Override) -> bool:
    """`params={...}` in disguise: a mapping as a value is for Hydra to merge."""
    return isinstance(override._value, dict) and not axes.is_space(override._value)


def _apply_bare(cfg: DictConfig, key: str, override: Override, groups: frozenset[str]) -> str:
    """A key without a section: an axis, else a kwarg, else an error that lists both."""
    if override.is_add() or override.is_force_add():
        return _to_axis(cfg, key, override, add=True)
    if key in declared.axis_names(cfg):
        return _to_axis(cfg, key, override)
    if declared.has_kwarg(cfg, key):
        if override.is_sweep_override():
            return _kwarg_to_axis(cfg, key, override)
        return _hydra_apply(cfg, override, prefix="kwargs.")
    raise _unknown(cfg, key, override, groups)


def _unknown(cfg: DictConfig, key: str, override: Override, groups: frozenset[str] = frozenset()) -> ConfigError:
    names, kwargs = declared.axis_names(cfg), declared.kwarg_names(cfg)
    close = _deeper(cfg, key) or nearest(key, [*names, *kwargs, *TOP_LEVEL, *groups])
    listed = f"axes: {', '.join(names) or 'none'}; kwargs: {', '.join(kwargs) or 'none'}"
    hint = f"did you mean `{close}`?" if close else None if override.is_delete() else f"to add an axis: +{override.input_line}"
    problem = f"there is no axis, kwarg or top-level key `{key}` ({listed})"
    return ConfigError(problem, where=COMMAND_LINE, key=override.input_line, hint=hint)


def _deeper(cfg: DictConfig, key: str) -> str | None:
    """The one key of a section, kwarg or group that ends so: `executor.workers` for `workers`, `model.C` for `C`."""
    tree = OmegaConf.to_container(cfg, resolve=False)
    sections = {name: value for name, value in tree.items() if name != "params"} if isinstance(tree, dict) else {}
    found = [path for path in axes.flatten(sections) if str(path).rpartition(".")[2] == key]
    return found[0].removeprefix("kwargs.") if len(found) == 1 else None


def _to_axis(cfg: DictConfig, name: str, override: Override, *, add: bool = False) -> str:
    params = declared.read(cfg)
    holders = declared.holders(params, name)
    if override.is_delete():
        if not holders:
            raise ConfigError("no such axis", where=COMMAND_LINE, key=override.input_line)
        for holder in holders:
            del holder[name]
    elif holders and override.is_add() and not isinstance(override._value, list | dict):
        raise ConfigError(
            f"the axis `{name}` exists", where=COMMAND_LINE, key=override.input_line, hint=f"to replace it: {str(override.input_line)[1:]}"
        )
    else:
        if not holders and not (add or override.is_add() or override.is_force_add()):
            raise _unknown(cfg, name, override)
        for holder in holders or params:
            holder[name] = _values(override)
    declared.store(cfg, params)
    return f"params.{name}"


def _kwarg_to_axis(cfg: DictConfig, name: str, override: Override) -> str:
    """A swept kwarg becomes an axis; its fixed value steps aside."""
    if not declared.has_kwarg(cfg, name) and not override.is_add() and not override.is_force_add():
        raise _unknown(cfg, name, override)
    _to_axis(cfg, name, override, add=True)
    parent, _, leaf = f"kwargs.{name}".rpartition(".")
    node = OmegaConf.select(cfg, parent)
    if isinstance(node, DictConfig) and leaf in node:
        with open_dict(cfg):
            del node[leaf]
    return f"params.{name}"


def _values(override: Override) -> Any:
    """An override's values as an axis: a sweep's values, a list as it is, anything else as one point.

    A range stays text, so that a million values cost nothing before the plan.
    """
    value: Any = override.value()
    if isinstance(value, RangeSweep) and not value.shuffle:
        return str(override.input_line).partition("=")[2]
    if isinstance(value, Glob):
        problem = "glob() chooses options of a config group, it is no axis value"
        raise ConfigError(problem, where=COMMAND_LINE, key=override.input_line)
    if override.is_sweep_override():
        return axes.enumerate_sweep(override)
    return value if isinstance(value, list) or axes.is_space(value) else [value]


def _hydra_apply(cfg: DictConfig, override: Override, prefix: str = "") -> str:
    """Hydra's own way to apply a value override."""
    if prefix:
        override = Override(
            type=override.type,
            key_or_group=prefix + override.key_or_group,
            value_type=override.value_type,
            _value=override._value,
            input_line=override.input_line,
        )
    try:
        apply_value(cfg, override)
    except (HydraException, OmegaConfBaseException) as error:
        raise _refused(cfg, override, first_line(error)) from None
    if override.is_delete() and (default := default_of(override.key_or_group)) is not ABSENT:
        OmegaConf.update(cfg, override.key_or_group, default, force_add=True)  # what the schema knows is there again, as if never set
    return str(override.key_or_group)


def _refused(cfg: DictConfig, override: Override, reason: str) -> ConfigError:
    head, _, leaf = override.key_or_group.rpartition(".")
    node = OmegaConf.select(cfg, head, throw_on_missing=False) if head else cfg
    known = [str(key) for key in node] if isinstance(node, DictConfig) else []
    if reason.startswith("Error merging override"):
        reason = "the value is of another kind than what it replaces"
    if leaf in known or not known:
        return ConfigError(reason.rstrip("."), where=COMMAND_LINE, key=override.input_line)
    close = nearest(leaf, known)
    hint = f"did you mean `{head}.{close}`?" if close else f"valid keys: {', '.join(known)}"
    if not close and head.partition(".")[0] == "kwargs" and not override.is_delete():
        hint = f"to add it: +{override.input_line}"
    return ConfigError(f"there is no key `{override.key_or_group}`", where=COMMAND_LINE, key=override.input_line, hint=hint)
