"""What of the environment is not as it was; and what a process needs to be told so that it works on the checkout alone."""

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

from runner import __version__
from runner.listing import few
from runner.manifest import Manifest
from runner.provenance import environment, worktree

_SHOWN: Final = 8
_DROPPED: Final = frozenset(("XRUN_CONF", "XRUN_WORKSPACE", *worktree.LOCAL))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of the environment."""

    name: str
    """`python`, `xrun` or a distribution."""
    then: str
    """"": it was not there."""
    now: str

    def __str__(self) -> str:
        return f"{self.name} {self.then or 'absent'} -> {self.now or 'absent'}"


def differences(manifest: Manifest) -> list[Difference]:
    """What differs between the recorded environment and this one: Python, xrun, then distributions by name."""
    then = manifest.packages
    now = environment.installed()
    found = [
        Difference("python", manifest.python or "", platform.python_version()),
        Difference("xrun", manifest.xrun or "", __version__),
    ]
    found += [Difference(name, then.get(name, ""), now.get(name, "")) for name in sorted({*then, *now} - {"xrun"}) if then]
    return [each for each in found if each.then != each.now]


def sentence(found: list[Difference]) -> str:
    """The differences, the first of them at least, in one."""
    return few(found, _SHOWN)


def variables(top: Path, tree: Path) -> dict[str, str]:
    """The environment of a process that works on the checkout: the user's, where what names the user's tree names the checkout.

    Packages of the project that are installed in place (`pip install -e .`) would be imported from the user's tree otherwise.
    """
    told = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    given = [Path(entry).absolute() for entry in told.pop("PYTHONPATH", "").split(os.pathsep) if entry]
    paths = dict.fromkeys(_there(path, top, tree) for path in (*given, *_in_place()))
    kept = [str(path) for path in paths if path is not None and (path in given or path.is_relative_to(tree))]
    return told | ({"PYTHONPATH": os.pathsep.join(kept)} if kept else {})


def _there(path: Path, top: Path, tree: Path) -> Path | None:
    """Where in the checkout a folder of the user's tree is: None where it is not, itself where it lies elsewhere."""
    if not path.is_relative_to(top) and not path.resolve().is_relative_to(top):
        return path
    inside = tree / (path if path.is_relative_to(top) else path.resolve()).relative_to(top)
    return inside if inside.is_dir() else None


def _in_place() -> Iterator[Path]:
    """Folders from which Python imports, and those of distributions that are installed in place, whatever way that is done."""
    yield from (Path(entry).absolute() for entry in sys.path if entry)
    from importlib.metadata import distributions

    for distribution in distributions():
        told = distribution.read_text("direct_url.json")
        source = json.loads(told) if told else {}
        if source.get("dir_info", {}).get("editable"):
            folder = Path(unquote(urlparse(str(source.get("url"))).path))
            yield from (folder / "src", folder)
