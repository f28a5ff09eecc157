"""What runs have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from runner import codec
from runner.selectors import Row
from runner.spec import REPLICATE


@dataclass(frozen=True, slots=True)
class Group:
    """The runs that have these values in common; none: all of them."""

    values: tuple[tuple[str, str], ...] = ()
    """(selector, value as JSON text), by name."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Group":
        """The group; 1 and 1.0 are the same value, since a CSV file does not tell them apart."""
        return cls(tuple(sorted((name, codec.dumps(_even(value))) for name, value in values.items())))

    def told(self) -> dict[str, Any]:
        """As plain data."""
        return {name: codec.loads(value) for name, value in self.values}

    def __str__(self) -> str:
        told = [f"{name}={value if isinstance(value, str) else codec.dumps(value)}" for name, value in self.told().items()]
        return ", ".join(told) or "all runs"


ALL: Final = Group()
"""The one group of all runs."""


def point(row: Row) -> Group:
    """The point of a run without its replicate."""
    return Group.of({name: value for name, value in row.params.items() if name != REPLICATE and value is not None})


def _even(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
