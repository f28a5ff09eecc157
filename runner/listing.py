"""Many things in a sentence."""

from collections.abc import Sequence


def few(items: Sequence[object], most: int) -> str:
    """`a, b and 3 more`: the first ones, at most so many, and how many there are besides."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more
