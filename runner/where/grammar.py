"""Text -> tree, by recursive descent. Nothing of it is ever evaluated as Python."""

import re
import warnings
from collections.abc import Callable
from typing import Final

from runner.errors import UsageError
from runner.selectors import parse as parse_selector
from runner.where.condition import Condition
from runner.where.tokens import Token, mistake, tokens
from runner.where.tree import All, Among, Compare, Either, Literal, Match, Name, Node, Not, Null, Operand, Truth

DEEPEST: Final = 50
"""So deep may parentheses and `not` be nested."""
LONGEST: Final = 4000
"""So many characters may a number have; Python refuses to convert longer ones."""
_ORDER: Final = ("<", "<=", ">", ">=")
_OPERATORS: Final = ("==", "!=", *_ORDER)
_SHOWN: Final = {"==": "=", "end": "the end"}


def parse(text: str) -> Condition:
    """The condition that `text` says. Raises UsageError that points at the mistake and says what was expected."""
    reader = _Reader(text)
    tree = reader.either(0)
    if reader.now.kind != "end":
        raise reader.expected("`and`, `or` or the end")
    return Condition(text, tree)


class _Reader:
    """A condition's words, and how far they are read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self.now: Token = next(self._tokens)

    def _next(self) -> Token:
        token, self.now = self.now, next(self._tokens, self.now)
        return token

    def _take(self, *kinds: str) -> Token | None:
        return self._next() if self.now.kind in kinds else None

    def expected(self, what: str) -> UsageError:
        found = "there is nothing more" if self.now.kind == "end" else f"found `{self.now.text}`"
        return mistake(self._text, self.now.at, f"expected {what}, {found}")

    def either(self, depth: int) -> Node:
        items = self._joined("or", self._all, depth)
        return items[0] if len(items) == 1 else Either(items)

    def _all(self, depth: int) -> Node:
        items = self._joined("and", self._not, depth)
        return items[0] if len(items) == 1 else All(items)

    def _joined(self, word: str, read: Callable[[int], Node], depth: int) -> tuple[Node, ...]:
        items = [read(depth)]
        while self._take(word):
            items.append(read(depth))
        return tuple(items)

    def _not(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise mistake(self._text, self.now.at, f"more than {DEEPEST} levels of parentheses and `not`")
        if self._take("not"):
            return Not(self._not(depth + 1))
        if self._take("("):
            inner = self.either(depth + 1)
            if not self._take(")"):
                raise self.expected("`and`, `or` or `)`")
            return inner
        return self._comparison()

    def _comparison(self) -> Node:
        begin = self.now
        first = self._operand("a name, a value, `not` or `(`")
        if self._take("is"):
            negated = self._take("not") is not None
            if not self._take("null"):
                raise self.expected("`null`" if negated else "`null` or `not null`")
            return Null(first, negated)
        if self._take("not"):
            if not self._take("in"):
                raise self.expected("`in`")
            return Among(first, self._list(), negated=True)
        if self._take("in"):
            return Among(first, self._list())
        if self._take("~"):
            return Match(first, self._regex())
        return self._chain(first, begin)

    def _chain(self, first: Operand, begin: Token) -> Node:
        rest: list[tuple[str, Operand]] = []
        left, left_at = first, begin.at
        while operator := self._take(*_OPERATORS):
            at = self.now.at
            right = self._operand("a name or a value")
            if operator.kind in _ORDER and (null := [a for a, o in ((left_at, left), (at, right)) if o == Literal(None)]):
                raise mistake(self._text, null[0], "null is neither less nor greater; `is null` asks for what is missing")
            rest.append((operator.kind, right))
            left, left_at = right, at
        if rest:
            return Compare(first, tuple(rest))
        if isinstance(first, Literal) and not isinstance(first.value, bool):
            raise self.expected("a comparison (== != < <= > >= ~ in is)")
        return Truth(first)

    def _list(self) -> tuple[Operand, ...]:
        opened = self._take("[", "(")
        if opened is None:
            raise self.expected("a list, `[1, 2]`")
        close = "]" if opened.kind == "[" else ")"
        items: list[Operand] = []
        while not self._take(close):
            if items and not self._take(","):
                raise self.expected(f"`,` or `{close}`")
            if items and self._take(close):
                break
            items.append(self._operand(f"a value or `{close}`"))
        return tuple(items)

    def _operand(self, what: str) -> Operand:
        token = self._take("name", "text", "number", "true", "false", "null")
        if token is None:
            raise self.expected(what)
        if token.kind == "name":
            try:
                parse_selector(token.text)
            except UsageError as error:
                raise mistake(self._text, token.at, str(error)) from None
            return Name(token.text, token.at)
        if token.kind == "number":
            return Literal(self._number(token))
        return Literal(_unquoted(token.text) if token.kind == "text" else {"true": True, "false": False}.get(token.kind))

    def _number(self, token: Token) -> float:
        if len(token.text) > LONGEST:
            raise mistake(self._text, token.at, f"the number has more than {LONGEST} characters")
        try:
            return int(token.text)
        except ValueError:
            return float(token.text)

    def _regex(self) -> str:
        token = self._take("text")
        if token is None:
            raise self.expected("a regular expression in quotes")
        pattern = _unquoted(token.text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise mistake(self._text, token.at, f"not a regular expression: {error}") from None
        return pattern


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)
