"""The axes and kwargs of a composed config while it is still one: found by name, written back."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from runner.config import axes

Params = list[dict[Any, Any]]
"""The grids of `params`, flat (dotted names); `zip` and `exclude` stay inside."""


def axis_names(cfg: DictConfig) -> list[str]:
    """Names of all axes, in order, over all grids."""
    return _names(read(cfg))


def names_of(params: Any) -> list[str]:
    """The same of a `params` section that is plain data."""
    return _names(_flat(params))


def _names(params: Params) -> list[str]:
    names: dict[str, None] = {}
    for grid in params:
        for holder in parts(grid):
            names.update((key, None) for key in holder if key not in ("zip", "exclude"))
    return list(names)


def kwarg_names(cfg: DictConfig) -> list[str]:
    """Names of all kwargs of the experiment itself."""
    return [str(key) for key in cfg.kwargs] if isinstance(cfg.get("kwargs"), DictConfig) else []


def has_kwarg(cfg: DictConfig, key: str) -> bool:
    """Whether there is a kwarg of that dotted name."""
    parent, _, leaf = f"kwargs.{key}".rpartition(".")
    node = OmegaConf.select(cfg, parent, throw_on_missing=False)
    return isinstance(node, DictConfig) and leaf in node


def parts(grid: dict[Any, Any]) -> list[dict[Any, Any]]:
    """The mappings of one grid that hold axes: itself and its zips."""
    zips = grid.get("zip", [])
    return [grid, *(z for z in (zips if isinstance(zips, list) else [zips]) if isinstance(z, dict))]


def holders(params: Params, name: str) -> list[dict[Any, Any]]:
    """Every mapping, of any grid, that holds the axis."""
    return [holder for grid in params for holder in parts(grid) if name in holder]


def read(cfg: DictConfig) -> Params:
    """The grids, as plain data, axis names dotted. What is no grid is left to `axes.grids`, which refuses it and names the file."""
    return _flat(OmegaConf.to_container(cfg.params, resolve=False) if OmegaConf.is_config(cfg.params) else cfg.params)


def _flat(raw: Any) -> Params:
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list) or not all(isinstance(grid, dict) for grid in raw):
        return [{}]
    flat = [axes.flatten(grid) for grid in raw]
    for grid in flat:
        if "zip" in grid:
            zips = grid["zip"]
            grid["zip"] = [axes.flatten(z) if isinstance(z, dict) else z for z in (zips if isinstance(zips, list) else [zips])]
    return flat


def store(cfg: DictConfig, params: Params) -> None:
    """Write the grids back."""
    for grid in params:
        if isinstance(grid.get("zip"), list) and len(grid["zip"]) == 1:
            (grid["zip"],) = grid["zip"]
    with open_dict(cfg):
        cfg.params = params[0] if len(params) == 1 else params
