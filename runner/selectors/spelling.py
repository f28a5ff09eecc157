"""Selectors as text: the syntax alone, whatever names there are."""

import re
from dataclasses import dataclass
from typing import Final

from runner.errors import UsageError

TOKEN: Final = r"(?:\w|`(?:[^`]|``)*`)(?:[\w./-]|`(?:[^`]|``)*`)*"
"""A regular expression for a selector within a longer text."""
_SEGMENT = re.compile(r"`(?P<name>(?:[^`]|``)*)`|(?P<bare>[\w/-]*)")
_COMMA = re.compile(r",(?=(?:[^`]*`[^`]*`)*[^`]*\Z)")
_PLAIN = re.compile(r"\w[\w./-]*")


@dataclass(frozen=True, slots=True)
class Atom:
    """What stands between two dots."""

    text: str
    quoted: bool = False
    """Whether it stood in backticks: then it is (a piece of) a name, and neither a prefix nor a part."""


def parse(text: str) -> tuple[Atom, ...]:
    """The atoms of a selector, at least one. Raises UsageError, with how to write a name that has other characters."""
    rest = text.strip()
    if not rest:
        raise UsageError("a selector is empty; write the name of a field, metric or param, or `params.lr`, `loss.min`, `status`")
    atoms: list[Atom] = []
    at = 0
    while True:
        found = _SEGMENT.match(rest, at)
        if found is None:  # never: an empty segment is one
            raise UsageError(f"{said(rest)} is not a selector")
        name = found["name"]
        atoms.append(Atom(found["bare"]) if name is None else Atom(name.replace("``", "`"), quoted=True))
        at = found.end()
        if at == len(rest):
            return tuple(atoms)
        if rest[at] != ".":
            raise UsageError(f"{said(rest)} is not a selector: {_problem(rest, at)}")
        at += 1


def _problem(text: str, at: int) -> str:
    if text[at] == "`":
        return "a backtick is not closed" if text.count("`") % 2 else "names are separated by dots"
    if at and text[at - 1] == "`":
        return f"after the closing backtick, there is {text[at]!r} instead of a dot"
    return f"a name with {text[at]!r} in it stands in backticks, as `val loss`.min does"


def listed(text: str) -> list[str]:
    """The selectors of a list with commas, `error,loss.min`; a comma in backticks belongs to a name."""
    return [part.strip() for part in _COMMA.split(text) if part.strip()]


def quoted(name: str, *, always: bool = False) -> str:
    """The name as it is written in a selector: in backticks where it must be."""
    return name if _PLAIN.fullmatch(name) and not always else f"`{name.replace('`', '``')}`"


def said(text: str) -> str:
    """A selector within a sentence: in backticks, unless it has some itself."""
    return text if "`" in text else f"`{text}`"
