"""Takes out of programs, scripts and files of settings what is assigned to a name that tells of a secret: `password = "..."`.

families    which kind of file it is: whether values stand in quotation marks there
forms       how a value is given to a name, in each of them
settings    what stands below a name, in lines of its own
"""

import re
from collections.abc import Iterator

from runner.assigned import settings
from runner.assigned.families import Family, family_of
from runner.assigned.forms import MORE, Form, forms_of
from runner.assigned.values import starred
from runner.mask import without_defaults, without_url_passwords
from runner.secret import looks_secret

__all__ = ["source"]

_STEM = re.compile(r"passw|passphrase|secret|credential|authorization|key|token|pass|pwd", re.IGNORECASE)
"""What every name that tells has in it. Looked for first, since most of a text has none: one pass, however long its lines are."""
_LONGEST = 200
"""Characters of a name, and of what is looked at before it."""
_REST = re.compile(rf"[\w.\-]{{0,{_LONGEST}}}+")
_BEGUN = re.compile(r"[\w.\-]*\Z")
_ESCAPED = "nrt"
"""Letters that are line breaks and tabs after a backslash."""


def source(text: str, path: str = "") -> str:
    """A program or a file of settings with `***` in place of what is assigned to a name that tells of a secret, and of URLs' passwords.

    `path` tells whether values stand without quotation marks. Line breaks stay where they are.
    """
    family = family_of(path)
    text = without_url_passwords(without_defaults(text, telling=False))
    text = _starred(text, family)
    return settings.without_values(text) if family is Family.SETTINGS else text


def _starred(text: str, family: Family) -> str:
    made: list[str] = []
    done = 0
    forms = forms_of(family)
    for start, end in _names(text):
        if start < done:
            continue
        name = text[start:end]
        if name[0] in _ESCAPED and text[start - 1 : start] == "\\":
            name = name[1:]
        if not looks_secret(name.rpartition(".")[2]) or name == "secrets":  # that one is a section of ours
            continue
        for begin, stop, shown in _found(text, start, end, forms, family):
            made += (text[done:begin], shown)
            done = stop
    return "".join([*made, text[done:]]) if made else text


def _names(text: str) -> Iterator[tuple[int, int]]:
    """Where names stand that may tell of a secret."""
    done = 0
    for stem in _STEM.finditer(text):
        if stem.start() < done:
            continue
        floor = max(done, stem.start() - _LONGEST)
        begun = _BEGUN.search(text[floor : stem.start()])
        start = stem.start() - (len(begun[0]) if begun else 0)
        rest = _REST.match(text, stem.start())
        done = rest.end() if rest else stem.end()
        yield start, done


def _found(text: str, start: int, end: int, forms: tuple[Form, ...], family: Family) -> Iterator[tuple[int, int, str]]:
    """(Begin, end, what is shown) of the value that is assigned to the name between `start` and `end`, in its pieces."""
    name, before = text[start:end], text[max(0, start - _LONGEST) : start]
    for form in forms:
        found = form.of(text, name, before, end)
        if found is None:
            continue
        shown = starred(found, name, family)
        if shown is None:
            return  # it is assigned, and no secret
        yield found.start("value"), found.end("value"), shown
        beside = family is Family.PYTHON and "(" in (found.groupdict().get("gap") or "")
        while "mark" in found.re.groupindex and (more := MORE.match(text, found.end())) is not None and (more["plus"] or beside):
            found = more
            if (shown := starred(found, name, family)) is not None:
                yield found.start("value"), found.end("value"), shown
        return
