"""Files of settings: values without quotation marks, and those that stand in lines below their name."""

import re
from collections.abc import Iterable, Iterator

from runner.assigned.values import PLAIN
from runner.mask import without_defaults
from runner.secret import looks_secret

_ENTRY = re.compile(
    r"""(?P<head>(?P<indent>[ \t]*(?:-[ \t]+)*+)(?:export[ \t]+)?["']?(?P<name>[A-Za-z_][\w.\-]*+)["']?[ \t]*+[:=][ \t]*+)"""
    r"""(?P<value>[^\s"'#\[{|>&*?](?:(?!\s#)[^\n])*)?"""
)
_ITEM = re.compile(r"(?P<head>[ \t]*(?:-[ \t]+|[\w.\-]+[ \t]*:[ \t]+)+)(?P<value>[^\s#$\[{|>&*?][^\n]*)")
_BLOCK = re.compile(r"[|>][-+\d]{0,2}[ \t]*(?:#.*)?")
"""Begins a text of several lines."""


def without_values(text: str) -> str:
    """The text with `***` for what belongs to a name that tells of a secret."""
    return "\n".join(_lines(text.split("\n")))


def _lines(lines: Iterable[str]) -> Iterator[str]:
    """Lines; what stands below a name that tells, indented or in a list, is secret as well."""
    depth, whole = -1, False
    for line in lines:
        indent = len(line) - len(line.lstrip(" \t"))
        if depth >= 0 and (not line.strip() or indent > depth or (indent == depth and not whole and line.lstrip().startswith("- "))):
            yield _below(line, indent, whole=whole)
            continue
        found = _ENTRY.match(line)
        if found is None:
            depth = -1
            yield line
            continue
        rest = line[found.end() :].strip()
        whole = _BLOCK.fullmatch(rest) is not None
        depth = indent if found["value"] is None and (whole or not rest) and _tells(found["name"]) else -1
        yield f"{found['head']}{_shown(found)}{line[found.end() :]}" if found["value"] else line


def _below(line: str, indent: int, *, whole: bool) -> str:
    if not line.strip():
        return line
    if whole:
        return line if "${" in line else f"{line[:indent]}***"
    found = _ITEM.match(line)
    return line if found is None or PLAIN.fullmatch(found["value"].strip()) else f"{found['head']}***"


def _shown(found: re.Match[str]) -> str:
    value = found["value"]
    if "${" in value:
        return without_defaults(value, telling=_tells(found["name"]))
    return value if not _tells(found["name"]) or PLAIN.fullmatch(value.strip()) or not value.strip(" *") else "***"


def _tells(name: str) -> bool:
    return looks_secret(name) and name != "secrets"  # that one is a section of ours
