"""What runs have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runner import codec
from runner.selectors import Row
from runner.spec import REPLICATE


@dataclass(frozen=True, slots=True)
class Group:
    """The runs that have these values in common; none: all of them."""

    values: tuple[tuple[str, str], ...] = ()
    """(selector, value as JSON text), by name."""
    nulls: tuple[str, ...] = field(default=(), compare=False)
    """Axes that are null at this point. They are told to people and make no difference: a table does not tell null from not there."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Group":
        """The group; 1 and 1.0 are the same value, since a CSV file does not tell them apart."""
        return cls(tuple(sorted((name, codec.dumps(_even(value))) for name, value in values.items())))

    @classmethod
    def at(cls, params: Mapping[str, Any], axes: Iterable[str] = ()) -> "Group":
        """The point with these params, of those that all have `axes`."""
        nulls = {*axes, *params} - {name for name, value in params.items() if value is not None}
        return cls(cls.of({name: value for name, value in params.items() if value is not None}).values, tuple(sorted(nulls)))

    def told(self) -> dict[str, Any]:
        """As plain data."""
        return {name: codec.loads(value) for name, value in self.values}

    def __str__(self) -> str:
        values = self.told() | dict.fromkeys(self.nulls)
        told = [f"{name}={value if isinstance(value, str) else codec.dumps(value)}" for name, value in sorted(values.items())]
        return ", ".join(told) or "all runs"


ALL: Final = Group()
"""The one group of all runs."""


def point(row: Row, axes: Iterable[str] = ()) -> Group:
    """The point of a run without its replicate; `axes`: those that the runs around it have."""
    params = {name: value for name, value in row.params.items() if name != REPLICATE}
    return Group.at(params, (name for name in axes if name != REPLICATE))


def _even(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
