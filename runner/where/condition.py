"""A condition, and the predicate that it is among given names. Three-valued: True, False, None (unknown)."""

import re
from dataclasses import dataclass
from typing import Final

from runner.errors import UsageError
from runner.numeric import is_nan
from runner.record import Standing, Status
from runner.selectors import MISSING, Names, Row, Selector, resolve, said
from runner.suggest import did_you_mean
from runner.where.kinds import Kinds
from runner.where.logic import ORDER, Get, Test, equal, every, match, negation, ordered, scalar, some, truth
from runner.where.tokens import mistake
from runner.where.tree import All, Among, Compare, Either, Literal, Match, Name, Node, Not, Null, Operand, Truth, written

_STATUS: Final = Selector("run", "status")
_STATUSES: Final = [status.value for status in (*Status, *Standing)]
"""Those of runs that have not ended included: lists show them as well."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a run may satisfy; made by `runner.where.parse`."""

    text: str
    """As it was written."""
    tree: Node

    def __str__(self) -> str:
        return written(self.tree)

    def bind(self, names: Names) -> "Predicate":
        """The predicate. Raises UsageError, with the nearest choice, for a name that is not among `names`, for a status that is none, and
        for a number (a metric) that stands alone where something true or false is needed.
        """
        binder = _Binder(self.text, names)
        return Predicate(binder.test(self.tree), tuple(binder.kinds))


@dataclass(frozen=True, slots=True)
class Predicate:
    """Whether a run satisfies a condition."""

    test: Test
    kinds: tuple[Kinds, ...]
    """What the condition was asked about values of a kind that they may not have."""

    def __call__(self, row: Row) -> bool:
        """Whether this run does."""
        return self.test(row) is True

    def notes(self) -> list[str]:
        """What looks like a mistake, by the runs that have been asked about so far; a sentence each."""
        return list(dict.fromkeys(note for kinds in self.kinds if (note := kinds.note())))


class _Binder:
    def __init__(self, text: str, names: Names) -> None:
        self._text, self._names = text, names
        self.kinds: list[Kinds] = []

    def test(self, node: Node) -> Test:  # noqa: PLR0911 - one a kind of node
        """The node as a function of a run."""
        match node:
            case Truth(operand):
                return truth(self._flag(operand))
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
                self._check_pattern(operand, pattern)
                return match(self._watched(operand, "a text"), pattern)
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
        a, b = self._watched(left, _kind(right)), self._watched(right, _kind(left))
        if sign in ORDER:
            return ordered(ORDER[sign], a, b)
        if Literal(None) in (left, right):
            same: Test = lambda row: a(row) is MISSING and b(row) is MISSING  # noqa: E731
        else:
            same = equal(a, b, same_nan=any(isinstance(o, Literal) and is_nan(o.value) for o in (left, right)))
        return same if sign == "==" else negation(same)

    def _watched(self, operand: Operand, kind: str) -> Get:
        """The operand, held against what it is compared with: a number, a text ("": anything)."""
        get = self._get(operand)
        if isinstance(operand, Literal) or not kind:
            return get
        kinds = Kinds(said(operand.text), kind)
        self.kinds.append(kinds)
        return kinds.watching(get)

    def _flag(self, operand: Operand) -> Get:
        """What stands alone, and so should be true or false."""
        if isinstance(operand, Literal):
            return self._get(operand)
        selector = self._selector(operand)
        if selector.kind in ("metrics", "run"):
            what = "a metric" if selector.kind == "metrics" else "a value of the run"
            example = f"{operand.text} == 'COMPLETED'" if selector == _STATUS else f"{operand.text} < 0.1"
            raise mistake(
                self._text,
                operand.at,
                f"{said(operand.text)} is {what} and neither true nor false; expected a comparison, {said(example)}",
            )
        return self._watched(operand, "true or false")

    def _check_pattern(self, operand: Operand, pattern: str) -> None:
        """A pattern that is found in no status."""
        if isinstance(operand, Name) and self._selector(operand) == _STATUS and not any(re.search(pattern, s) for s in _STATUSES):
            hint = did_you_mean(pattern, _STATUSES, "a status is one of")
            raise mistake(self._text, operand.at, f"no run ends as something with '{pattern}'; {hint}")

    def _check_status(self, operand: Operand, other: Operand) -> None:
        if not isinstance(operand, Name) or not isinstance(other, Literal) or not isinstance(other.value, str):
            return
        if other.value not in _STATUSES and self._selector(operand) == _STATUS:
            hint = did_you_mean(other.value, _STATUSES, "a status is one of")
            raise mistake(self._text, operand.at, f"no run ends as '{other.value}'; {hint}")


def _kind(operand: Operand) -> str:
    """What a value must be so that a comparison with this operand makes sense; "" where anything does."""
    if not isinstance(operand, Literal) or operand.value is None:
        return ""
    if isinstance(operand.value, bool):
        return "true or false"
    return "a text" if isinstance(operand.value, str) else "a number"
