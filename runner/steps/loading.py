"""Which of the project's sources a process has really loaded, by content; and whether they are those that the plan counts on.

A finder in front of Python's own notes the digest of every project-local module at the moment in which it is loaded. A module that comes
another way (a loader of its own, a test runner's hook) is noted from its file when it is seen in `sys.modules`.
"""

import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_OURS = f"{Path(__file__).parent.parent}{os.sep}"
_FOREIGN = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
CHANGED = (
    "{} was changed after the sweep began, and this run would have used the new code under the identity of the old; "
    "nothing of it is kept; running again uses the new code"
)
_SETTLED = 2_000_000_000
"""ns; a file that is younger may be changed again without its time stamp, in a .pyc of whole seconds, telling."""

State = tuple[int, int, int, int]


class Finder(MetaPathFinder):
    """Python's own finder; of modules below its roots it notes what they were loaded from."""

    def __init__(self) -> None:
        self.roots: tuple[str, ...] = ()
        """Folders, each with a separator at the end."""
        self.loaded: dict[str, str] = {}
        """Absolute path -> SHA-256 of the bytes that were executed last."""
        self.loads = 0
        self.before = frozenset(sys.modules)
        """Modules of the program that called us, and what it has imported: nobody knows of what content."""

    def note(self, path: str, source: bytes) -> None:
        """These bytes are executed now."""
        self.loaded[path] = hashlib.sha256(source).hexdigest()
        self.loads += 1

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """As Python's, with a loader that notes."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and self.is_local(spec.loader.path):
            spec.loader = _Loader(name, spec.loader.path, self)
        return spec

    def is_local(self, path: str) -> bool:
        """Whether a file is one of the project's own."""
        return path.startswith(self.roots) and not path.startswith(_OURS) and not any(part in path for part in _FOREIGN)


class _Loader(SourceFileLoader):
    """Loads a module from its source and notes the digest. A .pyc serves only where it cannot be of another source."""

    def __init__(self, name: str, path: str, finder: Finder) -> None:
        super().__init__(name, path)
        self._finder = finder

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code."""
        before = state_of(self.path)
        source = self.get_data(self.path)
        code = super().get_code(fullname) if before and time.time_ns() - max(before[2:]) >= _SETTLED else None
        if code is None or state_of(self.path) != before:
            code = self.source_to_code(source, self.path)  # these bytes and no others
        self._finder.note(self.path, source)
        return code


def watch(root: Path) -> Finder:
    """The finder of this process, which from now on notes modules below `root` as well."""
    finder = next((each for each in sys.meta_path if isinstance(each, Finder)), None)
    if finder is None:
        finder = Finder()
        places = [n for n, each in enumerate(sys.meta_path) if each is PathFinder]
        sys.meta_path.insert(places[0] if places else len(sys.meta_path), finder)
    for folder in dict.fromkeys((f"{root}{os.sep}", f"{root.resolve()}{os.sep}")):
        if folder not in finder.roots:
            finder.roots += (folder,)
    return finder


def state_of(path: str) -> State | None:
    """What tells whether a file has been changed: inode, size, mtime, ctime; None when there is none."""
    with suppress(OSError):
        info = os.stat(path)  # noqa: PTH116 - for every file of every script's run
        return info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """The sources that the plan counts on."""

    root: Path
    steps: tuple[Mapping[str, str], ...]
    """Of each step: path below the root -> SHA-256."""
    scripts: frozenset[int] = frozenset()
    """Numbers of the steps that are scripts or commands, whose sources another process loads."""
    open_ended: bool = True
    """Whether a step counts whatever it imports (`code: closure`), so that there is to tell of what nobody could foresee."""
    exempt: frozenset[str] = frozenset()
    """Paths that no step's policy counts."""
    aside: tuple[Path, ...] = ()
    """Folders whose files are no sources: the workspace."""


class Guard:
    """Holds what this process loads against what the plan counts on. Costs under a microsecond a run where nothing is loaded."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._root = expected.root.resolve()
        self._counted = {path: digest for files in expected.steps for path, digest in files.items()}
        self._aside = tuple(f"{folder.resolve()}{os.sep}" for folder in expected.aside)
        self._finder = watch(expected.root)
        self._seen: dict[str, str] = {}
        self._names = set(self._finder.before)
        self._counts = (0, 0)
        self._news: dict[str, str] = {}
        self._known: dict[str, State] = {}
        """Absolute path of a script's source -> its state when it was found to be the plan's."""
        self.changed = ""
        """Path of a source that this process has loaded and that is not the plan's; empty: none. Loaded is loaded: it stays so."""

    def before(self, step: int) -> str:
        """What speaks against executing a step now (`CHANGED`), "" when nothing does."""
        return self._verdict(self.changed or (self._stale_file(step) if step in self._expected.scripts else ""))

    def after(self, step: int) -> str:
        """What speaks against keeping what a step has done, "" when nothing does."""
        return self._verdict(self._look() or (self._stale_file(step) if step in self._expected.scripts else ""))

    def _verdict(self, path: str) -> str:
        return CHANGED.format(path) if path else ""

    def _look(self) -> str:
        """`changed`, after a look at what has been loaded since the last one."""
        counts = (self._finder.loads, len(sys.modules))
        if counts != self._counts:
            self._counts = counts
            self._note(_others(self._finder, self._names))
            self._note(self._finder.loaded)
        return self.changed

    def _stale_file(self, step: int) -> str:
        """Path of a source of a step in another interpreter that is not the plan's now; empty: none. Before it starts and after its end."""
        for path, digest in self._expected.steps[step].items():
            file = str(self._root / path)
            state = state_of(file)
            if state is not None and self._known.get(file) == state:
                continue
            if _digest(file) != digest:
                return path
            if state is not None and time.time_ns() - max(state[2:]) >= _SETTLED:
                self._known[file] = state
        return ""

    def news(self) -> dict[str, str]:
        """Sources of the project that were loaded since the last call and that no step's digest counts: path -> SHA-256.

        Such as are imported under a name that is made while the step runs.
        """
        news, self._news = self._news, {}
        return news

    def _note(self, loaded: Mapping[str, str]) -> None:
        for file, digest in loaded.items():
            if self._seen.get(file) == digest:
                continue
            self._seen[file] = digest
            if self._aside and file.startswith(self._aside):
                continue
            told = _told(file, self._root)
            if told is None:
                continue  # another project's, which this process has executed as well
            if told in self._counted:
                self.changed = self.changed or (told if self._counted[told] != digest else "")
            elif self._expected.open_ended and told not in self._expected.exempt:
                self._news[told] = digest


def _others(finder: Finder, names: set[str]) -> dict[str, str]:
    """Project-local modules that came another way: path -> SHA-256 of the file now. `names` have been looked at before."""
    found = {}
    for name in [name for name in tuple(sys.modules) if name not in names]:
        names.add(name)
        file: Any = None
        with suppress(AttributeError, KeyError, TypeError):
            file = object.__getattribute__(sys.modules[name], "__dict__").get("__file__")  # a lazy module must not wake up
        if isinstance(file, str) and file not in finder.loaded and finder.is_local(file) and (digest := _digest(file)):
            found[file] = digest
    return found


def _told(file: str, root: Path) -> str | None:
    for path in (Path(file), Path(file).resolve()):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return None


def _digest(file: str) -> str:
    with suppress(OSError):
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return ""
