"""What selectors take values from, and what names there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from runner import codec
from runner.logged import Summary
from runner.record import Record

if TYPE_CHECKING:
    from runner.selectors.selector import Selector

TREES: Final = ("fields", "params", "kwargs", "logged", "tags")
"""What a run has under dotted names, besides metrics."""


@dataclass(frozen=True)
class Row:
    """A run. What is decoded of it is kept, for the next selector."""

    record: Record
    metrics: Mapping[str, Summary]
    """Metric name -> summary."""

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """What the steps wrote, dotted names."""
        return flat(self.record.fields, "fields.")

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The point, dotted names."""
        return flat(self.record.params, "params.")

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """The fixed parameters, dotted names."""
        return _kwargs(self.record.kwargs_json)

    @cached_property
    def logged(self) -> Mapping[str, Any]:
        """Parameters that the steps logged, dotted names."""
        return flat(self.record.logged, "logged.")

    @cached_property
    def tags(self) -> Mapping[str, Any]:
        """The tags."""
        return flat(self.record.tags, "tags.")


@lru_cache(maxsize=256)  # equal in all runs of a variant
def _kwargs(text: str) -> Mapping[str, Any]:
    return flat(codec.loads(text), "kwargs.")


def flat(tree: Mapping[str, Any], prefix: str = "fields.") -> dict[str, Any]:
    """`tree` with dotted names. An empty mapping is a value; of two leaves with one name, the later one gets the prefix."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        inner = {f"{name}.{leaf}": item for leaf, item in flat(value, prefix).items()} if value and type(value) is dict else {name: value}
        for leaf, item in inner.items():
            free = leaf
            while free in leaves:
                free = prefix + free
            leaves[free] = item
    return leaves


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names that a selector may use: dotted ones, without prefix and part."""

    fields: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    kwargs: frozenset[str] = frozenset()
    logged: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    attributes: frozenset[str] | None = None
    """What is known of the runs themselves; None: everything."""
    columns: "Mapping[str, Selector]" = field(default_factory=dict)
    """What the table of the runs calls its columns; these names come before all others."""
    aliases: "Mapping[str, Selector]" = field(default_factory=dict)
    """Other spellings of what its columns show."""


def known(rows: Iterable[Row]) -> Names:
    """All names that any of the runs has."""
    found: dict[str, set[str]] = {kind: set() for kind in (*TREES, "metrics")}
    texts: set[tuple[str, str]] = set()
    for row in rows:
        for kind in ("fields", "params", "metrics"):
            found[kind].update(getattr(row, kind))
        for kind in ("kwargs", "logged", "tags"):  # mostly the same text again and again
            text = getattr(row.record, f"{kind}_json")
            if text != "{}" and (kind, text) not in texts:
                texts.add((kind, text))
                found[kind].update(getattr(row, kind))
    names: dict[str, Any] = {kind: frozenset(some) for kind, some in found.items()}
    return Names(**names)
