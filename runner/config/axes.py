"""Axis values: from what people write in `params` to tuples of plain values."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from runner import codec
from runner.suggest import did_you_mean
from runner.errors import ConfigError
from runner.spec import Axis, Grid, Zip

Refuse = Callable[[str, str, str | None], ConfigError]
"""(key path, problem, hint) -> the error, with the file filled in."""

_SPACES = ("linspace", "logspace")


def enumerate_sweep(override: Override) -> list[Any]:
    """The values of a sweep override, quoted strings unquoted. Raises ConfigError for an interval, which has no list."""
    if override.is_interval_sweep():
        raise ConfigError(
            "an interval has no list of values; it needs a search sweeper",
            where="command line",
            key=override.key_or_group,
            hint="use range(start,stop,step), or params: {NAME: {linspace: [start, stop, count]}}",
        )
    return [Override._convert_value(value) for value in override.sweep_iterator()]


def flatten(params: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings under `params` become dotted axis names; `{linspace: ..}` and `zip`/`exclude` stay whole."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{prefix}{key}" if isinstance(key, str) else key
        nested = isinstance(value, dict) and value and not any(space in value for space in _SPACES)
        if nested and not (prefix == "" and key in ("zip", "exclude")):
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat


def grids(params: Any, refuse: Refuse) -> tuple[Grid, ...]:
    """The grids of a resolved `params` section: a mapping is one product, a list of mappings is their union."""
    if isinstance(params, dict):
        return (_grid(params, "params", refuse),)
    if isinstance(params, list) and params and all(isinstance(item, dict) for item in params):
        return tuple(_grid(item, f"params[{n}]", refuse) for n, item in enumerate(params))
    raise refuse("params", f"{params!r} is not a mapping of axes, nor a list of such mappings", "params: {N: [1, 10, 100]}")


def _grid(params: dict[Any, Any], path: str, refuse: Refuse) -> Grid:
    factors: list[Axis | Zip] = []
    exclude: list[dict[str, Any]] = []
    for name, value in flatten(params).items():
        if not isinstance(name, str):
            raise refuse(f"{path}.{name}", f"the axis name {name!r} is not a string", f'quote it: "{name}"')
        if name == "zip":
            factors.extend(_zips(value, f"{path}.zip", refuse))
        elif name == "exclude":
            exclude = _exclude(value, f"{path}.exclude", refuse)
        else:
            factors.append(Axis(name=name, values=values(value, f"{path}.{name}", refuse)))
    axes = [axis.name for factor in factors for axis in (factor.axes if isinstance(factor, Zip) else (factor,))]
    for n, name in enumerate(axes):
        if name in axes[:n]:
            raise refuse(f"{path}.{name}", "the axis is declared twice in one grid", None)
        if parent := next((other for other in axes if name.startswith(f"{other}.")), None):
            raise refuse(f"{path}.{name}", f"`{parent}` is an axis as well, so it cannot have `{name}` below it", None)
    for n, condition in enumerate(exclude):
        for key in condition:
            if key not in axes:
                raise refuse(f"{path}.exclude[{n}].{key}", "no such axis", did_you_mean(key, axes, "axes"))
    return Grid(factors=tuple(factors), exclude=tuple(exclude))


def _zips(value: Any, path: str, refuse: Refuse) -> list[Zip]:
    groups = value if isinstance(value, list) else [value]
    zips = []
    for group in groups:
        if not isinstance(group, dict) or len(group) < 2:
            raise refuse(path, f"{group!r} does not pair axes", "zip: {a: [1, 2], b: [3, 4]}")
        axes = tuple(Axis(name=str(n), values=values(v, f"{path}.{n}", refuse)) for n, v in flatten(group).items())
        lengths = {axis.name: len(axis.values) for axis in axes}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise refuse(path, f"zipped axes need the same number of values: {told}", None)
        zips.append(Zip(axes=axes))
    return zips


def _exclude(value: Any, path: str, refuse: Refuse) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) and item for item in value):
        raise refuse(path, f"{value!r} is not a list of conditions", "exclude: [{a: 1, b: 2}]")
    return [flatten(item) for item in value]


def values(value: Any, path: str, refuse: Refuse) -> tuple[Any, ...]:
    """The values of one axis. `refuse` makes the error for an empty axis, a scalar, a duplicate, and what is not plain data."""
    if isinstance(value, str):
        value = _sweep_text(value, path, refuse)
    elif isinstance(value, dict):
        value = _space(value, path, refuse)
    if not isinstance(value, list | tuple):
        raise refuse(path, f"{value!r} is a scalar where a list is meant", f"write [{value}]")
    if not value:
        raise refuse(path, "the axis is empty, so that there would be no run at all", "give it a value, or remove it")
    seen: dict[str, Any] = {}
    for n, item in enumerate(value):
        try:
            text = f"{type(item).__name__}:{codec.dumps(item)}"
        except codec.UnserialisableError as error:
            raise refuse(f"{path}[{n}]", str(error), None) from None
        if text in seen:
            raise refuse(f"{path}[{n}]", f"the value {item!r} appears twice", "to repeat points, use replicates: 2")
        seen[text] = item
    return tuple(value)


def _sweep_text(text: str, path: str, refuse: Refuse) -> list[Any]:
    try:
        override = OverridesParser.create().parse_override(f"x={text}")
    except HydraException as error:
        raise refuse(path, f"{text!r} is a scalar where a list is meant", f'write ["{text}"]') from error
    if not override.is_sweep_override() or override.is_interval_sweep() or not override.is_discrete_sweep():
        raise refuse(path, f"{text!r} is a scalar where a list is meant", f'write ["{text}"], or "range(1,9)", "choice(a,b)"')
    if "glob(" in text:
        raise refuse(path, "glob() chooses options of a config group, it is no axis value", None)
    return enumerate_sweep(override)


def _space(value: dict[Any, Any], path: str, refuse: Refuse) -> list[float]:
    kind = next((space for space in _SPACES if space in value), None)
    if kind is None or len(value) != 1:
        raise refuse(path, f"{value!r} is no axis", f"an axis is a list, sweep text, or one of: {', '.join(_SPACES)}")
    numbers = value[kind]
    good = isinstance(numbers, list) and len(numbers) == 3 and all(type(n) in (int, float) and math.isfinite(n) for n in numbers)
    if not good or type(numbers[2]) is not int or numbers[2] < 1:
        raise refuse(f"{path}.{kind}", f"{numbers!r} is not [start, stop, count] with a count of 1 or more", f"{kind}: [0, 1, 11]")
    return space(kind, *numbers)


def space(kind: Literal["linspace", "logspace"] | str, start: float, stop: float, count: int) -> list[float]:
    """`count` numbers from start to stop, both included, as numpy's linspace and logspace (base 10) give them."""
    step = (stop - start) / (count - 1) if count > 1 else 0.0
    line = [start + n * step for n in range(count)]
    if count > 1:
        line[-1] = float(stop)
    return [10.0**x for x in line] if kind == "logspace" else [float(x) for x in line]
