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
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "merge")) | {"!"}
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
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"the file is larger than {MAX_BYTES:,} bytes", where=str(path))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} is not UTF-8", where=str(path), hint="save the file as UTF-8") from None


def check(text: str, where: str) -> tuple[str, ...]:
    """Refuse what YAML would take and nobody means; return warnings about literals that YAML 1.1 reads in its own way.

    Raises ConfigError, with the line, for: a syntax error, a duplicate key, a key that YAML reads as a boolean (`on`, `no`),
    a tag that is not plain data, a second document, a file that is no mapping, more than 64 levels, and more than a million
    nodes once the aliases are expanded.
    """
    try:
        walk = _Walk(where)
        return tuple(warning for event in yaml.parse(text, Loader=_Loader) for warning in walk.see(event))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"{where}:{mark.line + 1}" if mark else where
        raise ConfigError(f"not valid YAML: {error.problem or error.context}", where=line) from None
    except yaml.YAMLError as error:
        place = f"character {error.position}: " if isinstance(error, yaml.reader.ReaderError) else ""
        reason = "this control character is not allowed" if place else str(error)
        raise ConfigError(f"not valid YAML: {place}{reason}", where=where) from None


@dataclass(slots=True)
class _Walk:
    """One pass over a file's events."""

    where: str
    stack: list[_Level] = field(default_factory=list)
    sizes: dict[str | None, int] = field(default_factory=dict)
    """Anchor -> number of nodes once its own aliases are expanded."""
    total: int = 0
    documents: int = 0

    def see(self, event: yaml.Event) -> Iterator[str]:
        """Take the next event in; yields warnings."""
        line = f"{self.where}:{event.start_mark.line + 1}" if event.start_mark else self.where
        if isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise ConfigError("a second YAML document begins here", where=line, hint="keep one document in a file")
        elif isinstance(event, yaml.NodeEvent):
            _check_node(event, line, top=not self.stack)
            self._count(event, line)
            is_key = _take_turn(self.stack)
            if isinstance(event, yaml.CollectionStartEvent):
                self._open(event, line)
            elif isinstance(event, yaml.ScalarEvent) and is_key:
                _check_key(event, self.stack[-1], line)
            elif isinstance(event, yaml.ScalarEvent):
                yield from _surprise(event, line)

    def _count(self, event: yaml.NodeEvent, line: str) -> None:
        grown = self.sizes.get(event.anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
        self.total += grown
        if self.total > MAX_NODES:
            raise ConfigError(f"more than {MAX_NODES:,} values once the aliases are expanded", where=line)
        if self.stack and not isinstance(event, yaml.CollectionStartEvent):
            self.stack[-1].nodes += grown

    def _open(self, event: yaml.CollectionStartEvent, line: str) -> None:
        self.stack.append(_Level(mapping=isinstance(event, yaml.MappingStartEvent), anchor=event.anchor))
        if len(self.stack) > MAX_DEPTH:
            raise ConfigError(f"nested deeper than {MAX_DEPTH} levels", where=line)

    def _close(self) -> None:
        level = self.stack.pop()
        if level.anchor:
            self.sizes[level.anchor] = level.nodes
        if self.stack:
            self.stack[-1].nodes += level.nodes


def _check_node(event: yaml.NodeEvent, line: str, *, top: bool) -> None:
    tag = getattr(event, "tag", None)
    if tag is not None and tag not in _TAGS:
        name = tag.replace("tag:yaml.org,2002:", "!!")
        raise ConfigError(f"the tag {name} is not allowed", where=line, hint="write plain values; a step makes objects of them")
    if top and not isinstance(event, yaml.MappingStartEvent) and (not isinstance(event, yaml.ScalarEvent) or event.value):
        raise ConfigError("the file is not a mapping", where=line, hint="write key: value")


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
    if not event.style and _BOOLEAN_KEY.fullmatch(key):
        raise ConfigError(f"YAML reads the key `{key}` as a boolean", where=line, hint=f'quote it: "{key}": ...')


def _surprise(event: yaml.ScalarEvent, line: str) -> Iterator[str]:
    if event.style or event.tag:
        return
    text = str(event.value)
    for pattern, reading in _SURPRISES:
        if pattern.fullmatch(text):
            yield f'{line}: YAML reads {text} as {reading}; write "{text}" if you mean the text'
            return
