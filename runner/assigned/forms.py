"""How a value is given to a name: what stands before the name, and what after it. All of it is bounded or possessive, so that no line,
however long or odd, takes more than one look at each of its names.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from runner.assigned.families import Family

_MARK = r"""(?P<mark>\\{0,3}(?:\"{3}|'{3}|["'`]))"""
_WITHIN = r"(?P<value>(?:(?!(?P=mark))(?:\\.|[^\\\n]))++|(?:(?!(?P=mark))[\s\S]){1,20000}+)(?P=mark)"
"""Up to the same mark: on its line, else (a text of several lines) within 20,000 characters."""
_LETTERS = r"(?P<letters>[rbufRBUF]{0,2})"
_CLOSING = r"""["'`\\\]\[)]{0,6}+"""
_TYPE = r"(?:[ \t]{0,9}:[ \t]{0,9}[\w.\[\], |&*]{1,80}?|[ \t]{1,9}string)?"
_ASSIGN = r"(?:::?=|[?+|]?=>?(?!=)|<{1,2}-|:)"
_WORD = r"(?P<value>[^\s\"'`;&|<>()\\,${}%\[\]][^\s\"'`;&|<>()\\]*+)"
_ENDS = re.IGNORECASE | re.MULTILINE

MORE = re.compile(rf"[\s\\]{{0,200}}+(?P<plus>\+?)[\s\\]{{0,200}}+{_LETTERS}{_MARK}{_WITHIN}")
"""The rest of a text that is written in pieces."""


@dataclass(frozen=True, slots=True)
class Form:
    """A way to give a value to a name."""

    after: re.Pattern[str]
    """What follows the name; its group `value` is what may be secret."""
    before: re.Pattern[str] | None = None
    """What precedes it; None: anything."""
    flag: bool | None = None
    """Whether the name begins with a dash; None: either."""
    families: frozenset[Family] = frozenset(Family)
    unless: re.Pattern[str] | None = None
    """Names that this form gives something else to."""

    def of(self, text: str, name: str, before: str, end: int) -> re.Match[str] | None:
        """What of a text is given in this form to the name that ends there."""
        if self.flag is not None and self.flag != name.startswith("-"):
            return None
        if self.before is not None and self.before.search(before) is None:
            return None
        if self.unless is not None and self.unless.search(name) is not None:
            return None
        return self.after.match(text, end)


_BARE = frozenset((Family.SHELL, Family.SETTINGS, Family.TEXT))
_QUOTED = frozenset((Family.PYTHON, Family.PROGRAM))
_COMMANDS = r"""-[eD]|--env|--build-arg|--set|export|ENV|ARG|setx?|env|set_env|setenv|declare|local|readonly|typeset|override"""

_NO_VALUE = re.compile(r"(?:stdin|file|path|dir|prompt|env|name)\Z", re.IGNORECASE)
_LITERAL = Form(re.compile(rf"{_CLOSING}{_TYPE}\s{{0,200}}+{_ASSIGN}(?P<gap>[\s(]{{0,200}}+){_LETTERS}{_MARK}{_WITHIN}"))
_ARGUMENT = Form(
    re.compile(rf"\\?[\"']\s{{0,99}}+,\s{{0,99}}+{_LETTERS}{_MARK}{_WITHIN}"),
    re.compile(r"(?:setenv|putenv|getenv|setdefault|environ\.get|environ\.pop|set_var|EnvironmentVariable)\s?\(\s{0,9}\\?[\"']\Z"),
)
"""`os.environ.setdefault("API_KEY", "...")`."""
_LISTED = Form(re.compile(rf"\\?[\"']\s{{0,99}}+,\s{{0,99}}+{_LETTERS}{_MARK}(?!-){_WITHIN}"), flag=True)
"""`["--token", "..."]`."""
_HEADER = Form(
    re.compile(r"\s{0,9}:[ \t]{0,9}(?:(?:Bearer|Basic|Token)[ \t]{1,9})?(?P<value>[^\s\"'`$<{%\\][^\s\"'`\\]*+)", re.IGNORECASE),
    re.compile(r"""(?:-H|--header)["']?[ \t,=]{0,4}["']?\Z"""),
)
"""`-H "Authorization: Bearer ..."`."""
_DEFAULT = Form(re.compile(r"[\"']?[ \t]?[=:][ \t]?[\"']?\$\{\w{1,99}:?[-=](?P<value>[^}$\s\"']++)\}"), families=_BARE)
"""`NAME=${NAME:-...}` of a shell."""
_FLAG = Form(re.compile(rf"={_WORD}"), flag=True)
"""`--password=...`."""
_FLAG_WORD = Form(re.compile(rf"(?:[ \t]{{1,9}}|,[ \t]{{0,9}}){_WORD}"), flag=True, unless=_NO_VALUE, families=_BARE - {Family.TEXT})
"""`--token ...`."""
_FLAG_TOKEN = Form(re.compile(rf"[ \t]{{1,9}}(?=[^\s\"'`]{{0,99}}\d|[^\s\"'`]{{16}}){_WORD}"), flag=True, unless=_NO_VALUE)
"""The same in programs and prose, where `--token is required` may be said: with a digit, or long."""
_TOLD = Form(
    re.compile(rf"={_WORD}"),
    re.compile(rf"""(?:(?:^|[\s"'!%;&|(\[,:])(?:{_COMMANDS})["']?[ \t,=]{{1,4}}["']?|["'\s,]-e|[?&"'`!])\Z""", _ENDS),
)
"""`NAME=value` of a command line that a program holds: `-e NAME=value`, `"NAME=value"`, `?name=value`."""
_TIGHT = Form(re.compile(rf"={_WORD}"), families=_BARE)
_SPACED = Form(
    re.compile(rf"[ \t]{{1,9}}{_WORD}"),
    re.compile(r"(?:^|\\n|[;&|])[ \t]*(?:ENV|setx|setenv|set[ \t]+-\w+)[ \t]+\Z", _ENDS),
    families=frozenset((Family.SHELL, Family.TEXT)),
)
"""`ENV NAME value`, `setx NAME value`."""
_ELEMENT = Form(re.compile(r">(?P<value>[^<>\s{][^<>\n]*+)</"), re.compile(r"<\Z"))
_FLOW = Form(
    re.compile(r"[\"']?:[ \t]{1,9}(?P<value>[^\s,{}\[\]\"'$&*?|>#][^,{}\n]*+)(?=[,}])"),
    re.compile(r"[{,][ \t]*[\"']?\Z"),
    families=frozenset((Family.SETTINGS, Family.TEXT)),
)
"""`{name: value}` of YAML."""
_BEGIN = rf"""^[ \t]*(?:[-*][ \t]+)*(?:(?:{_COMMANDS})[ \t]+(?:-\w+[ \t]+)*|\$env:)?["']?\Z"""
_REST_OF_LINE = r"""[ \t]{0,99}+(?P<value>[^\s"'#\[{|>&*?=](?:(?!\s\#)[^\n])*+)"""
_LINE = Form(
    re.compile(rf"""["']?[ \t]{{0,99}}+(?:::?=|[?+]?=(?!=)|:(?!:)){_REST_OF_LINE}"""),
    re.compile(_BEGIN, _ENDS),
    families=frozenset((Family.TEXT,)),
)
_SHELL_LINE = Form(
    re.compile(rf"[ \t]{{0,99}}+(?:::?=|[?+]?=(?!=)){_REST_OF_LINE}"),
    re.compile(_BEGIN, _ENDS),
    families=frozenset((Family.SHELL,)),
)
_FORMS = (
    *(_DEFAULT, _LITERAL, _ARGUMENT, _LISTED, _FLAG, _HEADER, _ELEMENT, _FLOW),
    *(_TOLD, _TIGHT, _SPACED, _LINE, _SHELL_LINE, _FLAG_WORD, _FLAG_TOKEN),
)


@cache
def forms_of(family: Family) -> tuple[Form, ...]:
    """The forms of a kind of file, the most telling first."""
    chosen: Iterable[Form] = (form for form in _FORMS if family in form.families)
    return tuple(chosen)
