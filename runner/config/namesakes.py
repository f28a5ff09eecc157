"""Two experiment files of one name: what the results folder of that name shows would depend on which was run last."""

import re
import warnings
from pathlib import Path

from runner.config.part import Part

_NAME = r"""^name:\s*(['"]?){}\1\s*(#.*)?$"""


class NameWarning(UserWarning):
    """Another experiment has the same name."""


def warn(name: str, part: Part) -> None:
    """Warn where an experiment is not called like its file, and another file of the group is called so.

    A name that the command line gives is meant. Nothing is looked for where name and file agree, so that most runs cost nothing.
    """
    option = part.experiment
    if option is None or name == option.replace("/", ".") or "name" in part.locate.given:
        return
    file = Path(part.locate.default)
    folder = file.parents[option.count("/")]
    named = re.compile(_NAME.format(re.escape(name)), re.MULTILINE)
    for other in sorted(folder.rglob("*.yaml")):
        if other == file:
            continue
        text = _text(other)
        itself = other.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
        if named.search(text) or (itself == name and not re.search(r"^name:", text, re.MULTILINE)):
            told = (
                f"{file} and {other} are both called `{name}`: results/{name} shows the one that was run last; give each a name of its own"
            )
            warnings.warn(told, NameWarning, stacklevel=2)
            return


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:  # it is another experiment's
        return ""
