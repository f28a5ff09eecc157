"""The text of a check -> its parts."""

import math
import re
from dataclasses import dataclass
from typing import Final

from runner.errors import UsageError
from runner.selectors import TOKEN
from runner.selectors import parse as parse_selector
from runner.suggest import nearest

SIGNS: Final = ("<=", ">=", "==", "<", ">")
WORD: Final = "baseline"
_NUMBER: Final = r"(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])"
_METRIC = re.compile(rf"\s*({TOKEN})\s*")
_SIGN = re.compile(r"(<=|>=|==|<|>)\s*")
_PLAIN = re.compile(rf"(?P<number>[+-]?\s*{_NUMBER})\s*\Z")
_RELATIVE = re.compile(
    rf"(?:(?P<factor>[+-]?\s*{_NUMBER})\s*\*\s*)?{WORD}\b\s*(?:(?P<plus>[+-])\s*(?P<offset>{_NUMBER})\s*)?\Z",
)
_EXAMPLE: Final = "write `error.mean <= 0.1` or `loss.min <= 1.05 * baseline`"


@dataclass(frozen=True, slots=True)
class Limit:
    """`factor * baseline + offset`, or just `offset`."""

    offset: float = 0.0
    factor: float | None = None
    """None: it has nothing to do with a baseline."""

    def at(self, baseline: float) -> float:
        """Its value. Raises OverflowError where that is beyond all floats, and not the baseline itself."""
        if self.factor is None:
            return self.offset
        return baseline if (self.factor, self.offset) == (1, 0) else self.factor * baseline + self.offset

    def __str__(self) -> str:
        if self.factor is None:
            return f"{self.offset:g}"
        scaled = WORD if self.factor == 1 else f"{self.factor:g} * {WORD}"
        return f"{scaled} {'-' if self.offset < 0 else '+'} {abs(self.offset):g}" if self.offset else scaled


def parse(text: str) -> tuple[str, str, Limit]:
    """Metric (with its aggregation, if it has one), sign, limit. Raises UsageError that points at the mistake."""
    metric = _METRIC.match(text)
    if metric is None:
        raise _mistake(text, len(text) - len(text.lstrip()), "expected the name of a field or metric")
    parse_selector(metric[1])
    sign = _SIGN.match(text, metric.end())
    if sign is None:
        raise _mistake(text, metric.end(), f"expected one of {' '.join(SIGNS)}")
    rest = text[sign.end() :]
    if plain := _PLAIN.match(rest):
        limit = Limit(_number(plain["number"]))
    elif relative := _RELATIVE.match(rest):
        offset = _number(f"{relative['plus']}{relative['offset']}") if relative["offset"] else 0.0
        limit = Limit(offset, _number(relative["factor"]) if relative["factor"] else 1.0)
    else:
        raise _mistake(text, sign.end(), _expected(rest))
    if not (math.isfinite(limit.offset) and math.isfinite(limit.factor or 0.0)):
        raise _mistake(text, sign.end(), "the number is beyond all floats")
    return metric[1], sign[1], limit


def _expected(rest: str) -> str:
    words = re.findall(r"[A-Za-z_]\w*", rest)
    close = nearest(words[0], [WORD]) if words else None
    hint = f"; did you mean `{WORD}`?" if close and words[0] != WORD else ""
    return f"expected a number, or [number *] {WORD} [+ number | - number]{hint}"


def _number(text: str) -> float:
    return float(re.sub(r"\s", "", text))


def _mistake(text: str, at: int, problem: str) -> UsageError:
    shown = "".join(c if c.isprintable() else " " for c in text)
    return UsageError(f"the check cannot be read: {problem}; {_EXAMPLE}\n  {shown}\n  {' ' * at}^")
