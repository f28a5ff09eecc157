"""Axis values: from what people write in `params` to tuples of plain values."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from runner import codec
from runner.config.reader import COMMAND_LINE, shown
from runner.errors import ConfigError
from runner.spec import Axis, Grid, Zip
from runner.suggest import did_you_mean

Refuse = Callable[[str, str, str | None], ConfigError]
"""(key path, problem, hint) -> the error, with the file filled in."""

_SPACES = ("linspace", "logspace")
MAX_VALUES = 10_000_000
"""Most values of one axis."""


def is_space(value: Any) -> bool:
    """Whether it is `{linspace: ...}` or `{logspace: ...}`."""
    return isinstance(value, dict) and any(space in value for space in _SPACES)


def enumerate_sweep(override: Override) -> list[Any]:
    """The values of a sweep override, quoted strings unquoted. Raises ConfigError for an interval, which has no list."""
    if override.is_interval_sweep():
        raise ConfigError(
            "an interval has no list of values; it needs a search sweeper",
            where=COMMAND_LINE,
            key=override.input_line,
            hint="use range(start,stop,step), or in YAML {linspace: [start, stop, count]}",
        )
    try:
        found = list(itertools.islice(override.sweep_iterator(), MAX_VALUES + 1))
    except (HydraException, ValueError, TypeError) as error:  # glob() outside a group, range() with step 0
        raise ConfigError(str(error).partition("\n")[0], where=COMMAND_LINE, key=override.input_line) from None
    if len(found) > MAX_VALUES:
        raise ConfigError(f"more than {MAX_VALUES:,} values", where=COMMAND_LINE, key=override.input_line)
    return [Override._convert_value(value) for value in found]


def flatten(params: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings under `params` become dotted axis names; `{linspace: ..}` and `zip`/`exclude` stay whole."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{prefix}{key}" if isinstance(key, str) else key
        nested = isinstance(value, dict) and value and not is_space(value)
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
    raise refuse("params", f"{shown(params)} is not a mapping of axes, nor a list of such mappings", "params: {N: [1, 10, 100]}")


def _grid(params: dict[Any, Any], path: str, refuse: Refuse) -> Grid:
    factors: list[Axis | Zip] = []
    exclude: list[dict[str, Any]] = []
    for name, value in flatten(params).items():
        if name == "zip":
            factors.extend(_zips(value, f"{path}.zip", refuse))
        elif name == "exclude":
            exclude = _exclude(value, f"{path}.exclude", refuse)
        else:
            factors.append(Axis(name=_text(name, path, refuse), values=values(value, f"{path}.{name}", refuse)))
    grid = Grid(factors=tuple(factors), exclude=tuple(exclude))
    _check_names(grid, path, refuse)
    return grid


def _check_names(grid: Grid, path: str, refuse: Refuse) -> None:
    axes = [axis.name for axis in grid.axes]
    for n, name in enumerate(axes):
        if not all(name.split(".")):
            raise refuse(f"{path}.{name}", f"the axis name {shown(name)} has an empty part", None)
        if name in axes[:n]:
            raise refuse(f"{path}.{name}", "the axis is declared twice in one grid", None)
        if parent := next((other for other in axes if name.startswith(f"{other}.")), None):
            raise refuse(f"{path}.{name}", f"`{parent}` is an axis as well, so it cannot have `{name}` below it", None)
    for n, condition in enumerate(grid.exclude):
        for key in condition:
            if key not in axes:
                raise refuse(f"{path}.exclude[{n}].{key}", "no such axis", did_you_mean(key, axes, "axes"))


def _zips(value: Any, path: str, refuse: Refuse) -> list[Zip]:
    groups = value if isinstance(value, list) else [value]
    zips = []
    for group in groups:
        if not isinstance(group, dict) or len(group) < 2:
            raise refuse(path, f"{shown(group)} does not pair axes", "zip: {a: [1, 2], b: [3, 4]}")
        axes = tuple(Axis(name=_text(n, path, refuse), values=values(v, f"{path}.{n}", refuse)) for n, v in flatten(group).items())
        lengths = {axis.name: len(axis.values) for axis in axes}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise refuse(path, f"zipped axes need the same number of values: {told}", None)
        zips.append(Zip(axes=axes))
    return zips


def _text(name: Any, path: str, refuse: Refuse) -> str:
    if not isinstance(name, str):
        raise refuse(f"{path}.{name}", f"the axis name {shown(name)} is not a string", f'quote it: "{name}"')
    return name


def _exclude(value: Any, path: str, refuse: Refuse) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) and item for item in value):
        raise refuse(path, f"{shown(value)} is not a list of conditions", "exclude: [{a: 1, b: 2}]")
    return [flatten(item) for item in value]


def values(value: Any, path: str, refuse: Refuse) -> tuple[Any, ...]:
    """The values of one axis. `refuse` makes the error for an empty axis, a scalar, a duplicate, and what is not plain data."""
    if isinstance(value, str):
        value = _sweep_text(value, path, refuse)
    elif isinstance(value, dict):
        value = _space(value, path, refuse)
    if not isinstance(value, list | tuple):
        raise refuse(path, f"{shown(value)} is one value where a list is meant", f"write [{shown(value)}]")
    if not value:
        raise refuse(path, "the axis is empty, so that there would be no run at all", "give it a value, or remove it")
    _distinct(value, path, refuse)
    return tuple(value)


def _distinct(value: Sequence[Any], path: str, refuse: Refuse) -> None:
    kinds = set(map(type, value))
    if len(kinds) == 1 and kinds <= {int, float, str} and len(set(value)) == len(value):
        return  # the common case, without an object a value
    seen = set()
    for n, item in enumerate(value):
        try:
            text = f"{type(item).__name__}:{codec.dumps(item)}"
        except codec.UnserialisableError as error:
            raise refuse(f"{path}[{n}]", str(error).removeprefix("$: "), None) from None
        if text in seen:
            raise refuse(f"{path}[{n}]", f"the value {shown(item)} appears twice", "to repeat points, use replicates: 2")
        seen.add(text)


def _sweep_text(text: str, path: str, refuse: Refuse) -> list[Any]:
    hint = f'write [{shown(text)}], or sweep text: "range(1,9)", "choice(a,b)"'
    try:
        override = OverridesParser.create().parse_override(f"x={text}")
    except (HydraException, ValueError, RecursionError):
        raise refuse(path, f"{shown(text)} is one value where a list is meant", hint) from None
    if not override.is_sweep_override() or override.is_interval_sweep() or not override.is_discrete_sweep():
        raise refuse(path, f"{shown(text)} is one value where a list is meant", hint)
    if isinstance(override.value(), Glob):
        raise refuse(path, "glob() chooses options of a config group, it is no axis value", None)
    try:
        return enumerate_sweep(override)
    except ConfigError as error:
        raise refuse(path, f"{shown(text)}: {error.problem}", None) from None


def _space(value: dict[Any, Any], path: str, refuse: Refuse) -> list[float]:
    kind = next((space for space in _SPACES if space in value), None)
    if kind is None or len(value) != 1:
        raise refuse(path, f"{shown(value)} is no axis", f"an axis is a list, sweep text, or one of: {', '.join(_SPACES)}")
    numbers = value[kind]
    good = isinstance(numbers, list) and len(numbers) == 3 and all(type(n) in (int, float) and math.isfinite(n) for n in numbers)
    if not good or type(numbers[2]) is not int or not 1 <= numbers[2] <= MAX_VALUES:
        problem = f"{shown(numbers)} is not [start, stop, count] with a count from 1 to {MAX_VALUES:,}"
        raise refuse(f"{path}.{kind}", problem, f"{kind}: [0, 1, 11]")
    try:
        return space(kind, *numbers)
    except OverflowError:
        raise refuse(f"{path}.{kind}", f"{shown(numbers)} is beyond the largest number (1.8e308)", None) from None


def space(kind: Literal["linspace", "logspace"] | str, start: float, stop: float, count: int) -> list[float]:
    """`count` numbers from start to stop, both included, as numpy's linspace and logspace (base 10) give them."""
    step = (stop - start) / (count - 1) if count > 1 else 0.0
    line = [start + n * step for n in range(count)]
    if count > 1:
        line[-1] = float(stop)
    return [10.0**x for x in line] if kind == "logspace" else [float(x) for x in line]
