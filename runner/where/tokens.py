"""The words of a condition, and the error that points at one of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from runner.errors import UsageError
from runner.selectors import TOKEN

KEYWORDS: Final = frozenset(("and", "or", "not", "in", "is", "null", "none", "true", "false"))
_SYNONYMS: Final = {"&&": "and", "||": "or", "!": "not", "=": "==", "<>": "!=", "&": "and", "|": "or"}
_ENDED: Final = r"(?![\w./`-])"
_PATTERN = re.compile(
    rf"""\s*(?:
      (?P<number>[+-]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{_ENDED}|[+-]?(?i:inf|infinity|nan){_ENDED})
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<name>{TOKEN})
    | (?P<sign>==|!=|<>|<=|>=|&&|\|\||[=<>!~&|()\[\],])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_AROUND: Final = 60
"""So many characters of a long condition are shown on both sides of a mistake."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a condition."""

    kind: str
    """`number`, `text`, `name`, `end`; keywords and signs are their own kind, synonyms replaced."""
    text: str
    at: int
    """Where it begins."""


def tokens(text: str) -> Iterator[Token]:
    """The words of a condition, the last one of kind `end`. Raises UsageError where there is none."""
    at = 0
    while True:
        found = _PATTERN.match(text, at)
        if found is None:
            raise _stray(text, len(text) - len(text[at:].lstrip()))
        kind, word = str(found.lastgroup), found[str(found.lastgroup)]
        if kind == "sign" or (kind == "name" and word.lower() in KEYWORDS):
            kind = _SYNONYMS.get(word, word.lower())
        yield Token("null" if kind == "none" else kind, word, found.start(str(found.lastgroup)))
        if kind == "end":
            return
        at = found.end()


def mistake(text: str, at: int, problem: str) -> UsageError:
    """The error that points at a place in the condition."""
    start = max(0, at - _AROUND)
    before, after = text[start:at], text[at : at + _AROUND]
    more = "..." if at + _AROUND < len(text) else ""
    shown = "".join(c if c.isprintable() else " " for c in f"{'...' if start else ''}{before}{after}{more}")
    indent = " " * (len(before) + (3 if start else 0))
    return UsageError(f"the condition cannot be read: {problem}\n  {shown}\n  {indent}^")


def _stray(text: str, at: int) -> UsageError:
    sign = text[at]
    if sign in "'\"`":
        return mistake(text, at, f"this {'backtick' if sign == '`' else 'quote'} is not closed")
    if sign in "+-":
        return mistake(text, at, f"a number should follow `{sign}`; conditions do not calculate")
    return mistake(text, at, f"{sign!r} means nothing here; names with other characters than letters, digits, _ / - . stand in backticks")
