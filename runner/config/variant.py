"""One composition's kwargs and grids: what of the config is fixed, what varies, and that no name is both."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from runner.config import axes
from runner.config.concealing import Concealer
from runner.config.noting import noting
from runner.config.reader import Locator, Reader, shown
from runner.config.resolve import KwargsAt, raw, refers_to, resolve
from runner.config.schema import SecretsSchema, StepSchema, keys_of
from runner.config.shield import KEYS, restored, shielded
from runner.errors import ConfigError
from runner.mask import Mask
from runner.secret import pieces
from runner.spec import REPLICATE, Axis, Grid, Variant, Zip

CHECKED_POINTS = 200
"""So many points are tried at load, where kwargs refer to the point."""


def read(cfg: DictConfig, groups: frozenset[str], chosen: Mapping[str, str], locate: Locator) -> tuple[Reader, Variant]:
    """The resolved config and its variant, with Secrets in it. Raises ConfigError for the first thing that is wrong."""
    with noting() as variables:
        return _read(shielded(cfg, locate), groups, chosen, locate, variables)


def _read(
    cfg: DictConfig, groups: frozenset[str], chosen: Mapping[str, str], locate: Locator, variables: Mapping[str, str]
) -> tuple[Reader, Variant]:
    fixed = sorted(groups)
    public = _public(Reader(resolve(cfg, ["secrets"], locate), locate))
    params = Reader(resolve(cfg, ["params"], locate), locate)
    grids = _with_choices(params, axes.grids(params.tree["params"], params.refuse), chosen)
    names = list(dict.fromkeys(name for grid in grids for name in _names(grid)))
    at = _kwargs_at(cfg, fixed, names, frozenset(map(_name, chosen)), locate)
    at = replace(at, public=public) if at is not None else None
    skipped = {"params", *(["kwargs", *fixed] if at else [])}
    tree = resolve(cfg, [str(key) for key in cfg if key not in skipped], locate)
    reader = Reader({**params.tree, **tree, "steps": restored(tree["steps"])}, locate)
    if at is None:
        kwargs = _kwargs(reader, fixed)
        found: tuple[Mapping[str, Any], ...] = ()
    else:
        at, found = _settled(at, grids, locate)
        kwargs = found[0]
    _check_names(reader, kwargs, _own_kwargs(cfg), groups, grids)
    concealer = Concealer(dict(variables), public)
    texts = {key: concealer.tree(reader.tree[key], key) for key in ("description", "tags")}
    reader = Reader({**reader.tree, **texts, "steps": concealer.steps(reader.tree["steps"])}, locate)
    grids = tuple(map(concealer.grid, grids))
    values = [axis.values for grid in grids for axis in grid.axes]
    kwargs = replace(concealer, known=pieces(values)).kwargs(kwargs)
    known = Mask(pieces(kwargs, *found, texts, reader.tree["steps"], values))
    choices = {_name(group): option for group, option in chosen.items()}
    return reader, Variant(choices=choices, kwargs=kwargs, kwargs_at=at, grids=grids, mask=known)


def _public(reader: Reader) -> frozenset[str]:
    """What the experiment says is no secret."""
    section = reader.closed(reader.tree["secrets"], "secrets", keys_of(SecretsSchema))
    return frozenset(reader.texts(section["public"], "secrets.public"))


def _kwargs(reader: Reader, groups: list[str]) -> Mapping[str, Any]:
    return {**{group: reader.tree[group] for group in groups}, **reader.mapping(reader.tree["kwargs"], "kwargs")}


def _names(grid: Grid) -> list[str]:
    return [axis.name for axis in grid.axes]


def _name(group: str) -> str:
    """What a chosen group is called: its package when it has one (`db@source`)."""
    return group.rpartition("@")[2]


def _with_choices(reader: Reader, grids: tuple[Grid, ...], chosen: Mapping[str, str]) -> tuple[Grid, ...]:
    """The grids with the chosen groups as their first axes."""
    first = tuple(Axis(name=_name(group), values=(option,), role="choice") for group, option in chosen.items())
    for axis in first:
        if any(axis.name in _names(grid) for grid in grids):
            raise reader.refuse(f"params.{axis.name}", f"a config group is called `{axis.name}` as well", "rename the axis")
    return tuple(Grid(factors=(*first, *grid.factors), exclude=grid.exclude) for grid in grids)


def _kwargs_at(cfg: DictConfig, groups: list[str], names: list[str], choices: frozenset[str], locate: Locator) -> KwargsAt | None:
    for key in map(str, cfg):
        if key not in ("kwargs", "params", *groups) and refers_to(cfg, key, []):
            problem = "only kwargs can refer to an axis (${params...})"
            if key == "steps":
                _refuse_step(cfg, Reader({}, locate))
                problem += f", and of a script or command: {', '.join(KEYS)}"
            raise ConfigError(problem, where=locate(key), key=key, hint="move it to kwargs")
    if not any(refers_to(cfg, key, names) for key in ("kwargs", *groups)):
        return None
    rest = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "params"])
    return KwargsAt(text=OmegaConf.to_yaml(rest), kwargs=_own_kwargs(cfg), groups=tuple(groups), choices=choices)


def _refuse_step(cfg: DictConfig, reader: Reader) -> None:
    """Refuse the first step that refers to an axis because it is another kind of step than was meant, or has a key that is none."""
    steps = raw(cfg, "steps")
    for n, entry in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(entry, str) and "${" in entry:
            raise reader.refuse(
                f"steps[{n}]", f"{shown(entry)} is not a reference to a function", f"a command line: {{command: {shown(entry)}}}"
            )
        if isinstance(entry, dict):
            reader.closed(entry, f"steps[{n}]", keys_of(StepSchema))


def _own_kwargs(cfg: DictConfig) -> tuple[str, ...]:
    return tuple(map(str, cfg.kwargs)) if isinstance(cfg.kwargs, DictConfig) else ()


def _settled(at: KwargsAt, grids: tuple[Grid, ...], locate: Locator) -> tuple[KwargsAt, tuple[Mapping[str, Any], ...]]:
    """`at` for good, and the kwargs of the first points, which have every value of every axis."""
    try:
        at = at.settled(next(_probes(grids)))
        found = [at(point) for point in itertools.islice(_probes(grids), CHECKED_POINTS)]
    except ConfigError as error:
        raise ConfigError(f"{error.problem} ({error.where})", where=locate(error.key or "kwargs"), key=error.key, hint=error.hint) from None
    return at, tuple(found)


def _probes(grids: tuple[Grid, ...]) -> Iterator[dict[str, Any]]:
    """Points that together have every value of every axis: the first point, and from it along each axis."""
    for grid in grids:
        rows = [_rows(factor) for factor in grid.factors]
        first = {name: value for factor in rows for name, value in factor[0].items()}
        yield first
        yield from ({**first, **row} for factor in rows for row in factor[1:])


def _rows(factor: Axis | Zip) -> list[dict[str, Any]]:
    members = factor.axes if isinstance(factor, Zip) else (factor,)
    return [{axis.name: axis.values[n] for axis in members} for n in range(len(members[0].values))]


def _check_names(reader: Reader, kwargs: Mapping[str, Any], own: tuple[str, ...], groups: frozenset[str], grids: tuple[Grid, ...]) -> None:
    """Refuse a name that would mean two things."""
    for name in sorted(groups.intersection(own)):
        raise reader.refuse(f"kwargs.{name}", f"a config group brings `{name}` as well", "rename one of them")
    if "run" in kwargs:
        raise reader.refuse("kwargs.run", "`run` is the name of what a step is given", "rename it")
    for axis in (axis for grid in grids for axis in grid.axes):
        if axis.role == "param":
            _check_axis(reader, axis.name, kwargs, groups)


def _check_axis(reader: Reader, name: str, kwargs: Mapping[str, Any], groups: frozenset[str]) -> None:
    key = f"params.{name}"
    head, _, rest = name.partition(".")
    if head == "run":
        raise reader.refuse(key, "`run` is the name of what a step is given", "rename the axis")
    if name == REPLICATE:
        raise reader.refuse(key, "`replicate` is the axis that `replicates` makes", "write replicates: 5, or rename the axis")
    if head not in kwargs:
        return
    node = kwargs[head]
    for part in rest.split(".") if rest else ():
        if not isinstance(node, Mapping):
            raise reader.refuse(key, f"`{head}` is a kwarg that has nothing below it", "rename the axis")
        if part not in node:
            return
        node = node[part]
    if head not in groups:
        raise reader.refuse(key, f"`{name}` is a kwarg as well", f"keep one of them; on the command line, {name}=1,2 makes a kwarg an axis")
    if not rest:
        raise reader.refuse(key, f"a config group brings `{name}` as well", "rename the axis")
