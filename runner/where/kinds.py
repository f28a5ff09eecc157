"""Whether the values that a condition compares are of the kind that it compares them with: `lr == '0.1'` holds for no run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from runner.selectors import MISSING, Row

_HINTS: Final = {"a number": "; a number stands without quotes", "a text": "; a text stands in quotes"}


@dataclass(slots=True)
class Kinds:
    """What kinds of values a selector had so far, of those that were looked at."""

    said: str
    """The selector, for people."""
    wanted: str
    """`a number`, `a text` or `true or false`: what it is compared with."""
    seen: set[str] = field(default_factory=set)

    def watching(self, get: Callable[[Row], Any]) -> Callable[[Row], Any]:
        """The same value, its kind remembered."""

        def watched(row: Row) -> Any:
            value = get(row)
            if value is not MISSING:
                self.seen.add(_kind(value))
            return value

        return watched

    def note(self) -> str:
        """What is wrong when no run had a value of the kind wanted, though some had one; else ""."""
        if not self.seen or self.wanted in self.seen:
            return ""
        kinds = " or ".join(sorted(self.seen))
        if self.wanted == "true or false":
            return f"{self.said} is {kinds} in these runs, neither true nor false; compare it: `==`, `<`, `is not null`"
        return f"{self.said} is {kinds} in these runs and is compared with {self.wanted}{_HINTS.get(kinds, '')}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"
