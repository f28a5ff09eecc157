"""Reads YAML text with limits, before anything expands it.

OmegaConf expands aliases, so that a file of 276 bytes can cost half a minute (measured; reliability row F27). The check
here is one pass over the parser's events: constant memory per level, no recursion, each alias counted at its expanded size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from runner.errors import ConfigError

MAX_BYTES = 10_000_000
MAX_DEPTH = 64
MAX_NODES = 1_000_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEAN_KEY = re.compile(r"(?i:yes|no|on|off|true|false)")
_SURPRISES = (
    (re.compile(r"[-+]?0[0-7_]+"), "an octal number"),
    (re.compile(r"[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), "a base-60 number"),
    (re.compile(r"(?i:yes|no|on|off)"), "a boolean"),
    (re.compile(r"[-+]?[0-9]+(_[0-9]+)+"), "a number without its underscores"),
)


@dataclass(slots=True)
class _Level:
    """One open collection."""

    mapping: bool
    anchor: str | None
    nodes: int = 1
    expects_key: bool = True
    keys: set[str] = field(default_factory=set)


def read(path: Path) -> str:
    """The text of a YAML file. Raises ConfigError when it is too large or not UTF-8."""
    raw = path.read_bytes()
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"the file has {len(raw):,} bytes; the limit is {MAX_BYTES:,}", where=str(path))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} is not UTF-8", where=str(path), hint="save the file as UTF-8") from None


def check(text: str, where: str) -> tuple[str, ...]:
    """Refuse what YAML would take and nobody means; return warnings about literals that YAML 1.1 reads in its own way.

    Raises ConfigError, with the line, for: a syntax error, a duplicate key, a key that YAML reads as a boolean (`on`, `no`),
    more than 64 levels, and more than a million nodes once the aliases are expanded.
    """
    try:
        return tuple(_walk(text, where))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"{where}:{mark.line + 1}" if mark else where
        raise ConfigError(f"not valid YAML: {error.problem or error.context}", where=line) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}", where=where) from None


def _walk(text: str, where: str) -> Iterator[str]:
    stack: list[_Level] = []
    sizes: dict[str, int] = {}
    total = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            level = stack.pop()
            if level.anchor:
                sizes[level.anchor] = level.nodes
            if stack:
                stack[-1].nodes += level.nodes
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        line = f"{where}:{event.start_mark.line + 1}"
        grown = sizes.get(event.anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
        total += grown
        if total > MAX_NODES:
            raise ConfigError(f"more than {MAX_NODES:,} values once the aliases are expanded", where=line)
        if stack and isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            stack[-1].nodes += grown
        is_key = _take_turn(stack)
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                sizes[event.anchor] = 1
            if is_key:
                _check_key(event, stack[-1], line)
            else:
                yield from _surprise(event, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            stack.append(_Level(mapping=isinstance(event, yaml.MappingStartEvent), anchor=event.anchor))
            if len(stack) > MAX_DEPTH:
                raise ConfigError(f"nested deeper than {MAX_DEPTH} levels", where=line)


def _take_turn(stack: list[_Level]) -> bool:
    """Whether the node that comes now is a mapping's key."""
    if not stack or not stack[-1].mapping:
        return False
    is_key = stack[-1].expects_key
    stack[-1].expects_key = not is_key
    return is_key


def _check_key(event: yaml.ScalarEvent, level: _Level, line: str) -> None:
    key = str(event.value)
    if key in level.keys and key != "<<":
        raise ConfigError(f"the key `{key}` appears twice in this mapping", where=line, hint="keep one of them")
    level.keys.add(key)
    if event.style is None and _BOOLEAN_KEY.fullmatch(key):
        raise ConfigError(f"YAML reads the key `{key}` as a boolean", where=line, hint=f'quote it: "{key}": ...')


def _surprise(event: yaml.ScalarEvent, line: str) -> Iterator[str]:
    if event.style is not None or (event.tag and event.tag != "!"):
        return
    text = str(event.value)
    for pattern, reading in _SURPRISES:
        if pattern.fullmatch(text):
            yield f'{line}: YAML reads {text} as {reading}; write "{text}" if you mean the text'
            return
