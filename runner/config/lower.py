"""Applies the command line's value overrides, and lowers sweeps to axes.

`N=10,100` becomes `params.N: [10, 100]` in the composed config, so that a grid from the command line and the same grid from YAML
are one config, one plan and the same ids.
"""

from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import axes
from runner.config.compose import COMMAND_LINE, first_line
from runner.config.schema import LATER, TOP_LEVEL
from runner.suggest import nearest
from runner.errors import ConfigError

Params = list[dict[Any, Any]]
"""The grids of `params`, flat (dotted names); `zip` and `exclude` stay inside."""


def apply(cfg: DictConfig, overrides: list[Override], groups: frozenset[str]) -> None:
    """Apply `overrides` to `cfg` in place, in their order. `groups`: the top-level keys that config groups brought."""
    for override in overrides:
        _apply_one(cfg, override, groups)


def _apply_one(cfg: DictConfig, override: Override, groups: frozenset[str]) -> None:
    key = override.key_or_group
    head, _, rest = key.partition(".")
    sweeps = override.is_sweep_override()
    if override.package is not None:
        raise ConfigError(f"there is no config group {key!r}", where=COMMAND_LINE, key=override.input_line)
    if head in LATER:
        raise ConfigError(f"`{head}` is reserved for {LATER[head]} and not supported by this version", where=COMMAND_LINE, key=key)
    if head == "hydra":
        raise ConfigError("Hydra's own configuration cannot be swept", where=COMMAND_LINE, key=key)
    if head == "params" and rest and not _is_replacement(override):
        _to_axis(cfg, rest, override)
    elif head == "kwargs" and rest and sweeps:
        _kwarg_to_axis(cfg, rest, override)
    elif (head in TOP_LEVEL or head in groups) and not sweeps:
        _hydra_apply(cfg, override)
    elif head in groups:
        _to_axis(cfg, key, override, add=True)
    else:
        _apply_bare(cfg, key, override)


def _is_replacement(override: Override) -> bool:
    """`params={...}` in disguise: a mapping as a value is for Hydra to merge."""
    return isinstance(override._value, dict) and not any(space in override._value for space in ("linspace", "logspace"))


def _apply_bare(cfg: DictConfig, key: str, override: Override) -> None:
    """A key without a section: an axis, else a kwarg, else an error that lists both."""
    if override.is_add() or override.is_force_add():
        _to_axis(cfg, key, override, add=True)
    elif key in axis_names(cfg):
        _to_axis(cfg, key, override)
    elif _has_kwarg(cfg, key):
        if override.is_sweep_override():
            _kwarg_to_axis(cfg, key, override)
        else:
            _hydra_apply(cfg, override, prefix="kwargs.")
    else:
        raise _unknown(cfg, key, override)


def _unknown(cfg: DictConfig, key: str, override: Override) -> ConfigError:
    names = axis_names(cfg)
    kwargs = _kwarg_names(cfg)
    close = nearest(key, [*names, *kwargs, *TOP_LEVEL])
    listed = f"axes: {', '.join(names) or 'none'}; kwargs: {', '.join(kwargs) or 'none'}"
    if key in TOP_LEVEL:
        return ConfigError(
            f"`{key}` is one value for the whole experiment and cannot be swept ({listed})",
            where=COMMAND_LINE,
            key=override.input_line,
            hint="replicates=3 repeats every point with another seed" if key == "seed" else f"to make it an axis: +params.{key}=...",
        )
    advice = f"did you mean `{close}`?" if close else f"to add an axis: +{override.input_line}"
    return ConfigError(
        f"no axis, kwarg or top-level key is called `{key}` ({listed})", where=COMMAND_LINE, key=override.input_line, hint=advice
    )


def _to_axis(cfg: DictConfig, name: str, override: Override, *, add: bool = False) -> None:
    params = _params(cfg)
    holders = _holders(params, name)
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
    _store(cfg, params)


def _kwarg_to_axis(cfg: DictConfig, name: str, override: Override) -> None:
    """A swept kwarg becomes an axis; its fixed value steps aside."""
    if not _has_kwarg(cfg, name) and not override.is_add() and not override.is_force_add():
        raise _unknown(cfg, name, override)
    _to_axis(cfg, name, override, add=True)
    parent, _, leaf = f"kwargs.{name}".rpartition(".")
    node = OmegaConf.select(cfg, parent)
    if isinstance(node, DictConfig) and leaf in node:
        with open_dict(cfg):
            del node[leaf]


def _values(override: Override) -> list[Any] | dict[Any, Any]:
    """An override's values as an axis: a sweep's values, a list as it is, anything else as one point."""
    if override.is_sweep_override():
        return axes.enumerate_sweep(override)
    value: Any = override.value()
    return value if isinstance(value, list | dict) else [value]


def _hydra_apply(cfg: DictConfig, override: Override, prefix: str = "") -> None:
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
        ConfigLoaderImpl._apply_overrides_to_config([override], cfg)
    except (HydraException, OmegaConfBaseException) as error:
        head = override.key_or_group.rpartition(".")[0]
        node = OmegaConf.select(cfg, head) if head else cfg
        leaf = override.key_or_group.rpartition(".")[2]
        close = nearest(leaf, [str(k) for k in node]) if isinstance(node, DictConfig) else None
        hint = f"did you mean `{head}.{close}`?" if close and close != leaf else None
        raise ConfigError(first_line(error), where=COMMAND_LINE, key=override.input_line, hint=hint) from None


def axis_names(cfg: DictConfig) -> list[str]:
    """Names of all axes, in order, over all grids."""
    names: dict[str, None] = {}
    for grid in _params(cfg):
        for holder in _parts(grid):
            names.update((key, None) for key in holder if key not in ("zip", "exclude"))
    return list(names)


def _kwarg_names(cfg: DictConfig) -> list[str]:
    return [str(key) for key in cfg.kwargs] if isinstance(cfg.get("kwargs"), DictConfig) else []


def _has_kwarg(cfg: DictConfig, key: str) -> bool:
    parent, _, leaf = f"kwargs.{key}".rpartition(".")
    node = OmegaConf.select(cfg, parent, throw_on_missing=False)
    return isinstance(node, DictConfig) and leaf in node


def _parts(grid: dict[Any, Any]) -> list[dict[Any, Any]]:
    """The mappings of one grid that hold axes: itself and its zips."""
    zips = grid.get("zip", [])
    return [grid, *(z for z in (zips if isinstance(zips, list) else [zips]) if isinstance(z, dict))]


def _holders(params: Params, name: str) -> list[dict[Any, Any]]:
    return [holder for grid in params for holder in _parts(grid) if name in holder]


def _params(cfg: DictConfig) -> Params:
    raw = OmegaConf.to_container(cfg.params, resolve=False) if OmegaConf.is_config(cfg.params) else cfg.params
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list) or not all(isinstance(grid, dict) for grid in raw):
        return [{}]  # refused by `axes.grids`, which names the file
    flat = [axes.flatten(grid) for grid in raw]
    for grid in flat:
        if "zip" in grid:
            zips = grid["zip"]
            grid["zip"] = [axes.flatten(z) if isinstance(z, dict) else z for z in (zips if isinstance(zips, list) else [zips])]
    return flat


def _store(cfg: DictConfig, params: Params) -> None:
    for grid in params:
        if isinstance(grid.get("zip"), list) and len(grid["zip"]) == 1:
            (grid["zip"],) = grid["zip"]
    with open_dict(cfg):
        cfg.params = params[0] if len(params) == 1 else params
