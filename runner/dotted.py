"""Trees of mappings as values under dotted names: `{a: {b: 1}}` is `a.b` = 1."""

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted name and the value of every leaf, in the tree's order; an empty mapping is one.

    `prefix` stands before each name. A name that two leaves have (`{a.b: 1, a: {b: 2}}`) comes twice: `dict` of this keeps the later one,
    `runner.selectors.flat` keeps both.
    """
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
