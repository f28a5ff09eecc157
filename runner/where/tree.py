"""A condition as a tree of frozen values, and as text again."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the condition."""

    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A selector."""

    text: str
    at: int = field(default=0, compare=False)
    """Where it begins in the condition's text."""


Operand: TypeAlias = Literal | Name


@dataclass(frozen=True, slots=True)
class Truth:
    """The operand is true."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Compare:
    """A chain: every operand stands to the next one as the operator between them says."""

    first: Operand
    rest: tuple[tuple[str, Operand], ...]
    """At least one (operator, operand); operators are `==`, `!=`, `<`, `<=`, `>`, `>=`."""


@dataclass(frozen=True, slots=True)
class Among:
    """The operand equals one of the items; `negated`: none."""

    operand: Operand
    items: tuple[Operand, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Null:
    """The operand is missing; `negated`: is there."""

    operand: Operand
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The regular expression is found in the operand, a text."""

    operand: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    item: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """Two or more conditions hold."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of two or more conditions holds."""

    items: "tuple[Node, ...]"


Node: TypeAlias = Truth | Compare | Among | Null | Match | Not | All | Either

_LOOSE: Final[dict[type, tuple[type, ...]]] = {Either: (Either,), All: (All, Either), Not: (All, Either)}
"""What stands in parentheses below a node; an Either in an Either does, to come back as the tree that it was."""


def written(node: Node) -> str:  # noqa: PLR0911 - one a kind of node
    """Text that parses to this tree."""
    match node:
        case Truth(operand):
            return _operand(operand)
        case Compare(first, rest):
            return " ".join([_operand(first), *(f"{operator} {_operand(operand)}" for operator, operand in rest)])
        case Among(operand, items, negated):
            return f"{_operand(operand)} {'not ' if negated else ''}in [{', '.join(map(_operand, items))}]"
        case Null(operand, negated):
            return f"{_operand(operand)} is {'not ' if negated else ''}null"
        case Match(operand, pattern):
            return f"{_operand(operand)} ~ {_quoted(pattern)}"
        case Not(item):
            return f"not {_inner(node, item)}"
        case All(items):
            return " and ".join(_inner(node, item) for item in items)
        case Either(items):
            return " or ".join(_inner(node, item) for item in items)


def _inner(outer: Node, item: Node) -> str:
    return f"({written(item)})" if isinstance(item, _LOOSE[type(outer)]) else written(item)


def _operand(operand: Operand) -> str:
    if isinstance(operand, Name):
        return operand.text
    value = operand.value
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
