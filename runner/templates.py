"""`${params.X}`, `${kwargs.X}` and `${run.X}` in the texts of scripts and commands: found at plan time, filled in when a run executes."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

RUN = ("dir", "id_run", "seed")
"""What `${run.X}` may name."""

PATTERN = re.compile(r"(?<!\\)\$\{\s*((?:params|kwargs|run)\.[^${}:\s]+)\s*\}")
_TOKENS = {  # by the innermost quotation mark or parenthesis that is open
    "'": re.compile(rf"{PATTERN.pattern}|'"),
    '"': re.compile(rf'{PATTERN.pattern}|\\.|\$\(|"', re.DOTALL),
    "": re.compile(rf"{PATTERN.pattern}|\\.|\$\(|[\"'()]|(?:(?<=\s)|^)#[^\n]*", re.DOTALL | re.MULTILINE),
}

Lookup = Callable[[str], Any]
"""`params.lr` -> the value at the point."""


def names(tree: Any) -> Iterator[str]:
    """The names (`params.lr`) that the texts of plain data mention, keys of mappings left out."""
    if isinstance(tree, str):
        yield from PATTERN.findall(tree)
    elif isinstance(tree, dict | list | tuple):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from names(item)


def fill(value: Any, lookup: Lookup) -> Any:
    """The value with its templates filled in. A text that is nothing but one template becomes the value itself, of whatever type."""
    if not isinstance(value, str):
        return value
    if whole := PATTERN.fullmatch(value):
        return lookup(whole[1])
    return PATTERN.sub(lambda found: word(lookup(found[1])), value)


def fill_shell(text: str, lookup: Lookup) -> str:
    """A text for the shell with its templates filled in. Every value stays one word, or a part of one, whatever is in it: it is quoted as
    the place needs where it stands, inside quotation marks or not.
    """
    inside = [""]  # the innermost open mark last
    done, position = [], 0
    while token := _TOKENS[inside[-1]].search(text, position):
        done.append(text[position : token.start()])
        done.append(token[0] if token[1] is None else _quoted(word(lookup(token[1])), inside[-1]))
        position = token.end()
        _follow(inside, token[0])
    return "".join([*done, text[position:]])


def _quoted(value: str, mark: str) -> str:
    quoted = shlex.quote(value)
    return f"{mark}{quoted}{mark}" if quoted != value else value  # the mark is closed before it and opened again


def _follow(inside: list[str], token: str) -> None:
    """Open or close what a token opens or closes. Parentheses count, because quotation marks begin anew in `"$(...)"`."""
    if token in ("'", '"'):
        if inside[-1] == token:
            inside.pop()
        else:
            inside.append(token)
    elif token in ("(", "$("):
        inside.append("")
    elif token == ")" and len(inside) > 1:
        inside.pop()


def word(value: Any) -> str:
    """A plain value as one word of a command line: text as it is, numbers so that they are read back exactly, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)
