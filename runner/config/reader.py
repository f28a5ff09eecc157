"""Checked access to a composed config: which file a key comes from, and how a refusal names it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from runner.errors import ConfigError
from runner.secret import looks_secret
from runner.suggest import did_you_mean

COMMAND_LINE = "command line"
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
E = TypeVar("E", bound=StrEnum)

Origin = tuple[str, str, Mapping[Any, Any]]
"""(config path, file, content at its package) of one config that took part in a composition."""


@dataclass(slots=True)
class Locator:
    """Says where a key path was set; for error messages only, so that `origins` is asked when there is one."""

    origins: Callable[[], list[Origin]]
    default: str = COMMAND_LINE
    given: list[str] = field(default_factory=list)
    """Key paths that the command line set."""

    def __reduce__(self) -> tuple[type["Locator"], tuple[Any, ...]]:
        """It goes to other processes, as a part of its experiment, without the way to the files: errors are told here."""
        return Locator, (list, self.default, self.given)

    def __call__(self, key: str) -> str:
        """`command line`, or the last file that sets the key or else the nearest key above it."""
        parts = split(key)
        if any(parts[: len(path)] == path for path in map(split, self.given)):
            return COMMAND_LINE
        origins = self.origins()
        parts = [part for part in re.split(r"[.\[\]]", key) if part]
        for depth in range(len(parts), 0, -1):
            for _, file, content in reversed(origins):
                if _holds(content, parts[:depth]):
                    return file
        return self.default


@contextmanager
def located(locate: Callable[[str], str] | None) -> Iterator[None]:
    """Errors about a key that name no file yet name it: those that are found once the experiment is frozen."""
    try:
        yield
    except ConfigError as error:
        if error.where is not None or error.key is None or locate is None:
            raise
        raise ConfigError(error.problem, where=locate(error.key), key=error.key, hint=error.hint) from None


def split(key: str) -> list[str]:
    """The parts of a key path; for an axis without the grid and the zip that it is in, which an override does not name."""
    parts = [part for part in re.split(r"[.\[\]]", key) if part]
    if parts[:1] == ["params"]:
        parts = [part for part in parts if part != "zip" and not part.isdigit()]
    return parts


def _holds(content: Any, parts: list[str]) -> bool:
    for n, part in enumerate(parts):
        if isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        elif isinstance(content, dict) and part in content:
            content = content[part]
        else:
            return isinstance(content, dict) and ".".join(parts[n:]) in content
    return True


def shown(value: Any) -> str:
    """A value as a person would write it in YAML, on one line of at most 60 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = f"a value of type {type(value).__name__}"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True, slots=True)
class Reader:
    """The resolved config; every refusal names the file and the key."""

    tree: Mapping[str, Any]
    locate: Locator

    def refuse(self, key: str, problem: str, hint: str | None = None) -> ConfigError:
        """The error for a key; where its name tells of a secret, without the value."""
        if any(map(looks_secret, key.split("."))):
            problem, hint = _QUOTED.sub('"***"', problem), hint and _QUOTED.sub('"***"', hint)
        return ConfigError(problem, where=self.locate(key), key=key, hint=hint)

    def mapping(self, value: Any, key: str) -> dict[str, Any]:
        """A mapping whose keys are strings."""
        if not isinstance(value, dict):
            raise self.refuse(key, f"{shown(value)} is not a mapping")
        for name in value:
            if not isinstance(name, str):
                raise self.refuse(f"{key}.{name}", f"the name {shown(name)} is not a string", f'quote it: "{name}"')
        return value

    def closed(self, value: Any, key: str, known: tuple[str, ...]) -> dict[str, Any]:
        """A mapping that has none but the known keys."""
        if not isinstance(value, dict):
            raise self.refuse(key, f"{shown(value)} is not a mapping", f"valid keys: {', '.join(known)}")
        for name in value:
            if name not in known:
                raise self.refuse(f"{key}.{name}", f"unknown key `{name}`", did_you_mean(str(name), known))
        return value

    def text(self, value: Any, key: str) -> str:
        """A string."""
        if not isinstance(value, str):
            raise self.refuse(key, f"{shown(value)} is not a text", None if value is None else f"quote it: {shown(str(value))}")
        return value

    def integer(self, value: Any, key: str, low: int | None = None) -> int:
        """A whole number without a lossy cast."""
        if type(value) is not int or (low is not None and value < low):
            raise self.refuse(key, f"{shown(value)} is not a whole number" + (f" of at least {low}" if low is not None else ""))
        return value

    def boolean(self, value: Any, key: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.refuse(key, f"{shown(value)} is neither true nor false")
        return value

    def items(self, value: Any, key: str) -> list[Any]:
        """A list."""
        if not isinstance(value, list):
            hint = "write a list: [...]" if value is None or isinstance(value, dict) else f"write [{shown(value)}]"
            kind = "a mapping" if isinstance(value, dict) else "one value"
            raise self.refuse(key, f"{shown(value)} is {kind} where a list is meant", hint)
        return value

    def texts(self, value: Any, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self.text(item, f"{key}[{n}]") for n, item in enumerate(self.items(value, key)))

    def member(self, value: Any, key: str, kind: type[E]) -> E:
        """A member of an enumeration, by its value. YAML reads `off` as False, so that is what it may be as well."""
        choices = [str(m.value) for m in kind]
        if value is False and "off" in choices:
            value = "off"
        if not isinstance(value, str) or value not in choices:
            raise self.refuse(key, f"{shown(value)} is none of: {', '.join(choices)}", did_you_mean(str(value), choices, "valid"))
        return kind(value)
