"""A selector that is resolved: it knows what kind of value it stands for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from runner.logged import Summary
from runner.record import Record
from runner.selectors.row import Row
from runner.selectors.spelling import quoted


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return self.name


MISSING: Final = Missing.MISSING
"""The value of what a run does not have, or has as null."""

PARTS: Final[Mapping[str, Callable[[Summary], float | None]]] = {
    "last": lambda s: s.last,
    "first": lambda s: s.first,
    "min": lambda s: s.min,
    "max": lambda s: s.max,
    "mean": lambda s: s.mean,
    "count": lambda s: s.count,
    "n_nan": lambda s: s.n_nan,
    "last_step": lambda s: s.last_step,
    "first_step": lambda s: s.first_step,
    "argmin": lambda s: None if s.min is None else s.min_step,
    "argmax": lambda s: None if s.max is None else s.max_step,
    "min_step": lambda s: None if s.min is None else s.min_step,
    "max_step": lambda s: None if s.max is None else s.max_step,
}
"""What can be said of a metric; None where no value is finite. `argmin` and `min_step` are the same: the step of the least value."""

ATTRIBUTES: Final[Mapping[str, Callable[[Record], Any]]] = {
    "id_run": lambda r: r.id_run,
    "status": lambda r: r.status.value,
    "seconds": lambda r: r.seconds,
    "experiment": lambda r: r.experiment,
    "attempt": lambda r: r.attempt,
    "started": lambda r: r.started or None,
    "seed": lambda r: r.seed,
    "cpu_seconds": lambda r: r.cpu_seconds,
    "max_rss": lambda r: r.max_rss or None,
    "troubles": lambda r: r.troubles,
    "parent": lambda r: r.parent or None,
    "name": lambda r: r.name or None,
    "failure": lambda r: r.failure and f"{r.failure.kind}: {r.failure.message}",
}
"""What can be said of the run itself: seconds, Unix seconds (started), bytes (max_rss), text; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One value of a run."""

    kind: str
    """`fields`, `metrics`, `params`, `kwargs`, `logged`, `tags` or `run`."""
    name: str
    """Dotted, without prefix and part."""
    part: str = ""
    """Of a metric: one of PARTS."""

    def value(self, row: Row) -> Any:
        """The run's value, MISSING where it has none."""
        value: Any
        if self.kind == "run":
            value = ATTRIBUTES[self.name](row.record)
        elif self.kind == "metrics":
            summary = row.metrics.get(self.name)
            value = None if summary is None else PARTS[self.part](summary)
        else:
            value = getattr(row, self.kind).get(self.name)
        return MISSING if value is None else value

    @property
    def spelling(self) -> str:
        """The selector with its prefix, a metric's `last` left out."""
        if self.kind != "metrics":
            return f"{self.kind}.{quoted(self.name)}"
        name = quoted(self.name, always=self.name.rpartition(".")[2] in PARTS)
        return f"metrics.{name}" if self.part == "last" else f"metrics.{name}.{self.part}"
