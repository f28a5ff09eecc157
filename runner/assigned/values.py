"""What is shown of a value that is assigned to a name that tells of a secret."""

import re

from runner.assigned.families import Family
from runner.mask import without_defaults

PLAIN = re.compile(r"[-+]?[\d.,_]+(?:e[-+]?\d+)?|true|false|null|none|yes|no|nil|undefined|\?\?\?", re.IGNORECASE)
_REFERENCE = re.compile(r"\$(?:\w+|\(.*\)|\{.*\})|%\w+%|`.*`")
"""What a shell finds elsewhere."""
_CALL = re.compile(r"[A-Za-z_][\w.:]*[(\[].*|[a-z_]+(?:\.[a-z_]+)+;?")
"""An expression, where a file may be a program."""
_PLACEHOLDER = re.compile(r"\{\w*\}|%(?:\(\w+\))?s|\{\{.*\}\}")
_TYPE = re.compile(r"str|bytes|[A-Z][A-Za-z]*|[\w.]+\[[^\]]*\]|\w+(?:\s*\|\s*\w+)+")
_ANNOTATES = re.compile(r"\s*:\s*[rbufRBUF]?\Z")


def starred(found: re.Match[str], name: str, family: Family) -> str | None:
    """`***` for each line of the value that a form has found; None where it is no secret, or none that stands there."""
    groups = found.groupdict()
    value, mark = found["value"], (groups.get("mark") or "").lstrip("\\")
    if "${" in value:
        return without_defaults(value, telling=True)
    if PLAIN.fullmatch(value.strip()) or not value.strip(" *\n") or (value.isupper() and value.isalpha() and value.lower() in name.lower()):
        return None  # the last: `--token TOKEN`
    if (
        _is_reference(value, mark, family)
        or _PLACEHOLDER.fullmatch(value)
        or ("f" in (groups.get("letters") or "").lower() and "{" in value)
    ):
        return None
    head = found.string[found.start() : found.start("mark")] if mark else ""
    if family is Family.PYTHON and _ANNOTATES.fullmatch(head) and _TYPE.fullmatch(value):
        return None
    if "\n" in value and not (len(mark) == 3 or mark == "`" or family in (Family.SHELL, Family.SETTINGS)):
        return None  # a mark without its partner
    return "\n".join("***" if line.strip() else line for line in value.split("\n"))


def _is_reference(value: str, mark: str, family: Family) -> bool:
    if family is Family.SHELL:
        return mark != "'" and _REFERENCE.fullmatch(value) is not None
    if family is Family.TEXT and not mark:
        return (_REFERENCE.fullmatch(value) or _CALL.fullmatch(value)) is not None
    return False
