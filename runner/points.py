"""The points of grids, one by one, each coordinate with its canonical encoding. Pure."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner import identity
from runner.spec import Axis, Grid, Zip

Entry = tuple[str, Any, bytes]
"""One coordinate of a point: axis name, value, canonical encoding of both."""


def axis_names(grid: Grid) -> list[str]:
    """Names of a grid's axes in order."""
    return [axis.name for axis in grid.axes]


def _axes(factor: Axis | Zip) -> tuple[Axis, ...]:
    return factor.axes if isinstance(factor, Zip) else (factor,)


def product_size(grid: Grid) -> int:
    """The number of its points, if none is excluded and none lies in another grid."""
    return math.prod(len(_rows(factor)) for factor in grid.factors)


def _rows(factor: Axis | Zip) -> Sequence[Any]:
    return _axes(factor)[0].values


def _entries(factor: Axis | Zip) -> Iterator[tuple[Entry, ...]]:
    """The factor's rows, every value encoded once."""
    return zip(*map(_column, _axes(factor)), strict=True)


def _column(axis: Axis) -> Iterator[Entry]:
    return ((axis.name, value, identity.encode_item(axis.name, value)) for value in axis.values)


def _product(factors: Sequence[Axis | Zip]) -> Iterator[tuple[tuple[Entry, ...], ...]]:
    """itertools.product over the factors' rows, without a list of the first, slowest factor's."""
    if not factors:
        yield ()
        return
    rest = list(map(list, map(_entries, factors[1:])))
    for row in _entries(factors[0]):
        for rows in itertools.product(*rest):
            yield (row, *rows)


def of_grid(grids: tuple[Grid, ...], n: int) -> Iterator[list[Entry]]:
    """The points of grid n that are neither excluded nor in an earlier grid."""
    grid = grids[n]
    earlier = [_membership(other) for other in grids[:n] if set(axis_names(other)) == set(axis_names(grid))]
    for rows in _product(grid.factors):
        point = [entry for row in rows for entry in row]
        if grid.exclude and _excluded(point, grid.exclude):
            continue
        if earlier and any(_contains(member, point) for member in earlier):
            continue
        yield point


def _excluded(point: list[Entry], conditions: tuple[Mapping[str, Any], ...]) -> bool:
    values = {name: value for name, value, _ in point}
    return any(all(_equal(values[name], wanted) for name, wanted in condition.items()) for condition in conditions)


def _equal(value: Any, wanted: Any) -> bool:
    """1 and 1.0 are equal here, as people mean it; 1 and True are not."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


Membership = tuple[list[tuple[tuple[str, ...], set[tuple[bytes, ...]]]], Grid]


def _membership(grid: Grid) -> Membership:
    """What is needed to say whether a point lies in the grid: per factor, the encodings of its rows."""
    factors = []
    for factor in grid.factors:
        rows = {tuple(item for _, _, item in row) for row in _entries(factor)}
        factors.append((tuple(axis.name for axis in _axes(factor)), rows))
    return factors, grid


def _contains(member: Membership, point: list[Entry]) -> bool:
    factors, grid = member
    encoded = {name: item for name, _, item in point}
    inside = all(tuple(encoded[name] for name in names) in rows for names, rows in factors)
    return inside and not (grid.exclude and _excluded(point, grid.exclude))
