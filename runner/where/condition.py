"""A condition, and the predicate that it is among given names. Three-valued: True, False, None (unknown)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from runner.errors import UsageError
from runner.record import Status
from runner.selectors import MISSING, Names, Row, Selector, resolve
from runner.suggest import did_you_mean
from runner.where.logic import ORDER, Get, Test, equal, every, is_nan, match, negation, ordered, scalar, some, truth
from runner.where.tokens import mistake
from runner.where.tree import All, Among, Compare, Either, Literal, Match, Name, Node, Not, Null, Operand, Truth, written

_STATUS: Final = Selector("run", "status")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a run may satisfy; made by `runner.where.parse`."""

    text: str
    """As it was written."""
    tree: Node

    def __str__(self) -> str:
        return written(self.tree)

    def bind(self, names: Names) -> Callable[[Row], bool]:
        """The predicate. Raises UsageError, with the nearest choice, for a name that is not among `names` and for a status that is none."""
        test = _Binder(self.text, names).test(self.tree)
        return lambda row: test(row) is True


class _Binder:
    def __init__(self, text: str, names: Names) -> None:
        self._text, self._names = text, names

    def test(self, node: Node) -> Test:  # noqa: PLR0911 - one a kind of node
        """The node as a function of a run."""
        match node:
            case Truth(operand):
                return truth(self._get(operand))
            case Compare(first, rest):
                operands = [first, *(operand for _, operand in rest)]
                pairs = [self._pair(sign, operands[n], right) for n, (sign, right) in enumerate(rest)]
                return pairs[0] if len(pairs) == 1 else every(pairs)
            case Among(operand, items, negated):
                test = some([self._pair("==", operand, item) for item in items])
                self._get(operand)  # an empty list must not hide a wrong name
                return negation(test) if negated else test
            case Null(operand, negated):
                get = self._get(operand)
                return lambda row: (get(row) is MISSING) is not negated
            case Match(operand, pattern):
                return match(self._get(operand), pattern)
            case Not(item):
                return negation(self.test(item))
            case All(items):
                return every([self.test(item) for item in items])
            case Either(items):
                return some([self.test(item) for item in items])

    def _selector(self, name: Name) -> Selector:
        try:
            return resolve(name.text, self._names)
        except UsageError as error:
            hint = f" (a text stands in quotes: '{name.text}')" if name.text.isidentifier() and str(error).startswith("there is no") else ""
            raise mistake(self._text, name.at, f"{error}{hint}") from None

    def _get(self, operand: Operand) -> Get:
        if isinstance(operand, Literal):
            value = MISSING if operand.value is None else operand.value
            return lambda _: value
        selector = self._selector(operand)
        return lambda row: scalar(selector.value(row))

    def _pair(self, sign: str, left: Operand, right: Operand) -> Test:
        for one, other in ((left, right), (right, left)):
            self._check_status(one, other)
        a, b = self._get(left), self._get(right)
        if sign in ORDER:
            return ordered(ORDER[sign], a, b)
        if Literal(None) in (left, right):
            same: Test = lambda row: a(row) is MISSING and b(row) is MISSING  # noqa: E731
        else:
            same = equal(a, b, same_nan=any(isinstance(o, Literal) and is_nan(o.value) for o in (left, right)))
        return same if sign == "==" else negation(same)

    def _check_status(self, operand: Operand, other: Operand) -> None:
        if not isinstance(operand, Name) or not isinstance(other, Literal) or not isinstance(other.value, str):
            return
        choices = [status.value for status in Status]
        if other.value not in choices and self._selector(operand) == _STATUS:
            raise mistake(
                self._text, operand.at, f"no run ends as '{other.value}'; {did_you_mean(other.value, choices, 'a status is one of')}"
            )
