"""A check, frozen; and what YAML or the command line say -> it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from runner import where as conditions
from runner.checks.aggregating import AGGREGATIONS, CERTAIN
from runner.checks.grammar import Limit, parse
from runner.errors import ConfigError, UsageError
from runner.selectors import parse as parse_selector
from runner.suggest import did_you_mean

KEYS: Final = ("check", "metric", "name", "agg", "group_by", "where", "direction", "rtol", "atol", "n_sigma", "severity")
"""Keys of a check that is a mapping."""
DIRECTIONS: Final = {"": "==", "min": "<=", "max": ">="}
SEVERITIES: Final = ("fail", "warn")
_EXAMPLES: Final = {"check": "write error.mean <= 0.1, or loss.min <= 1.05 * baseline", "metric": "write error, or val/acc.max"}
_PERCENT = re.compile(r"\s*([0-9.eE+-]+)\s*%\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What must hold of some runs."""

    name: str
    """As it is told."""
    metric: str
    """A selector, maybe with an aggregation behind it."""
    sign: str
    """`<=` and the like; `==` where no change is better."""
    limit: Limit
    agg: str = ""
    """Empty: what `metric` ends in, or else the mean."""
    group_by: tuple[str, ...] | None = None
    """Selectors; None: all runs together where there is an aggregation, else each point on its own."""
    where: str = ""
    """Only runs that satisfy this; empty: all."""
    rtol: float = 0.0
    """Part of the baseline (of the limit, where it is a number) by which a value may be beyond the limit."""
    atol: float = 0.0
    n_sigma: float | None = None
    """Standard errors by which it must be worse; None: any."""
    severity: str = "fail"

    @property
    def relative(self) -> bool:
        """Whether there must be a baseline."""
        return self.limit.factor is not None

    @property
    def key(self) -> str:
        """What is measured: checks that measure the same have one place in a baseline file."""
        agg = f" {self.agg}" if self.agg else ""
        by = "" if self.group_by is None else f" by {','.join(self.group_by) or 'nothing'}"
        return f"{self.metric}{agg}{by}{f' where {self.where}' if self.where else ''}"


def read(declared: Iterable[Mapping[str, Any] | str], key: str = "checks") -> tuple[Check, ...]:
    """The checks of an experiment. Raises ConfigError that names the key, for the first that cannot be understood."""
    made = []
    for n, entry in enumerate(declared):
        place = f"{key}[{n}]"
        told = {"check": entry} if isinstance(entry, str) else entry
        try:
            made.append(_check(told, place))
        except ConfigError:
            raise
        except UsageError as error:
            raise ConfigError(str(error), key=place) from None
    return _distinct(made)


def _distinct(made: Sequence[Check]) -> tuple[Check, ...]:
    """The same; those that are called the same and are not the same get what else they say behind their names."""
    names = Counter(check.name for check in made)
    return tuple(check if names[check.name] == 1 else replace(check, name=_in_full(check)) for check in made)


def _in_full(check: Check) -> str:
    """The name with every option that makes a difference."""
    options = {"rtol": check.rtol, "atol": check.atol, "n_sigma": check.n_sigma or 0}
    told = [f"{name} {value:g}" for name, value in options.items() if value]
    told += [f"by {', '.join(check.group_by) or 'nothing'}"] if check.group_by is not None else []
    told += [f"where {check.where}"] if check.where else []
    told += [check.severity] if check.severity != SEVERITIES[0] else []
    return f"{check.name} ({', '.join(told)})" if told else check.name


def _check(told: Mapping[str, Any], place: str) -> Check:
    for name in told:
        if name not in KEYS:
            raise ConfigError(f"unknown key `{name}`", key=f"{place}.{name}", hint=did_you_mean(str(name), KEYS))
    if ("check" in told) == ("metric" in told):
        raise ConfigError("a check has either `check` or `metric`", key=place, hint="metric: loss.min, or check: loss.min <= 0.5")
    if "check" in told:
        text = _text(told, "check", place)
        metric, sign, limit = parse(text)
        if told.get("direction") is not None:
            raise ConfigError("the sign in `check` says what is better", key=f"{place}.direction", hint="remove it")
        relation = text.strip().removeprefix(metric)
    else:
        metric = _text(told, "metric", place).strip()
        parse_selector(metric)
        sign, limit = DIRECTIONS[_member(told, "direction", place, [*DIRECTIONS][1:], "")], Limit(factor=1.0)
        relation = f" {sign} {limit}"
    agg = _member(told, "agg", place, list(AGGREGATIONS), "")
    made = Check(
        name=_text(told, "name", place, f"{metric}{agg and f'.{agg}'}{relation}"),
        metric=metric,
        sign=sign,
        limit=limit,
        agg=agg,
        group_by=_group_by(told.get("group_by"), place),
        where=_text(told, "where", place, ""),
        rtol=_number(told, "rtol", place) or 0.0,
        atol=_number(told, "atol", place) or 0.0,
        n_sigma=_number(told, "n_sigma", place),
        severity=_member(told, "severity", place, SEVERITIES, "fail"),
    )
    if made.where:
        conditions.parse(made.where)
    if made.n_sigma is not None and agg and agg not in CERTAIN:
        raise ConfigError(f"the standard error of `{agg}` is not known", key=f"{place}.n_sigma", hint=f"agg: {', '.join(CERTAIN)}")
    return made


def _group_by(value: Any, place: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{value!r} is not a list of selectors", key=f"{place}.group_by", hint="group_by: [params.model]")
    for name in names:
        parse_selector(name)
    return tuple(name.strip() for name in names)


def _text(told: Mapping[str, Any], name: str, place: str, default: str | None = None) -> str:
    value = told.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and not value.strip():
        raise ConfigError(f"`{name}` is empty", key=f"{place}.{name}", hint=_EXAMPLES.get(name))
    if not isinstance(value, str):
        raise ConfigError(f"{value!r} is not a text", key=f"{place}.{name}", hint=_EXAMPLES.get(name))
    return value


def _member(told: Mapping[str, Any], name: str, place: str, choices: Iterable[str], default: str) -> str:
    value = told.get(name)
    if value is None:
        return default
    known = list(choices)
    if value not in known:
        close = next((choice for choice in known if str(value).lower().startswith(choice)), str(value))  # maximize
        raise ConfigError(
            f"{value!r} is none of: {', '.join(known)}", key=f"{place}.{name}", hint=did_you_mean(close, known, "it is one of")
        )
    return str(value)


def _number(told: Mapping[str, Any], name: str, place: str) -> float | None:
    """A number of at least 0; with `%` behind it a hundredth."""
    value = told.get(name)
    if value is None:
        return None
    found: Any = value
    if isinstance(value, str) and name == "rtol" and (percent := _PERCENT.fullmatch(value)):
        try:
            found = float(percent[1]) / 100
        except ValueError:
            found = None
    if type(found) not in (int, float) or not 0 <= found < float("inf"):
        hint = "rtol: 0.01 or rtol: 1%" if name == "rtol" else None
        raise ConfigError(f"{value!r} is not a number of at least 0", key=f"{place}.{name}", hint=hint)
    return float(found)
