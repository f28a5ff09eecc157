"""Which files and modules of the project the words of a command execute: what a shell would do with them, as far as it can be read.

`cd`, `PYTHONPATH=`, the word after `-c` of a shell or of Python, and what shell scripts say in their turn are followed. Variables, and
what programs start by themselves, are not.
"""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner import templates
from runner.code import Program

MAX_FILE = 10_000_000
"""Bytes; a larger file that a command names is data, not code."""
_DEPTH = 8
"""Of shell scripts that call shell scripts."""
_HERE = re.compile(r"\$PWD\b|\$\{PWD\}|\$\(pwd\)|`pwd`")
_SEPARATES = frozenset(";&|(\n")
_KEYWORDS = frozenset(("then", "do", "else", "{", "!", "exec", "time", "export"))
_SHELL = re.compile(r"(?:ba|da|z|k|a)?sh|fish")
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
_SHELL_FILES = (".sh", ".bash", ".zsh", ".ksh")
_SHEBANG = re.compile(rb"#![^\n]*\b(?:ba|da|z|k|a)?sh\b")
_COMMENT = re.compile(r"(?m)^[ \t]*#.*$")


@dataclass(slots=True)
class _Place:
    """Where a command is while it is read."""

    folder: Path
    searched: tuple[Path, ...]


@dataclass(slots=True)
class Reading:
    """What has been found so far below a project root."""

    root: Path
    folder: Path
    found: dict[Program, None] = field(default_factory=dict)
    """In the order of the words."""
    _scripts: set[tuple[Path, Path]] = field(default_factory=set)

    def command(self, command: str | tuple[str, ...], searched: tuple[Path, ...]) -> list[Program]:
        """The programs of a command; `searched`: the folders of its PYTHONPATH."""
        place = _Place(self.folder, searched)
        self._words(_split(command) if isinstance(command, str) else list(command), place, 0)
        return list(self.found)

    def _words(self, words: list[str], place: _Place, depth: int) -> None:
        program, begins, outer = "", True, list[tuple[Path, tuple[Path, ...]]]()
        following = iter(range(len(words)))
        for n in following:
            word, after = words[n], words[n + 1] if n + 1 < len(words) else ""
            if word and _SEPARATES.union(")<>").issuperset(word):
                _brackets(word, place, outer)
                begins = begins or not _SEPARATES.isdisjoint(word)
                continue
            if word.startswith("PYTHONPATH="):
                place.searched = (*self._entries(words[n:], place), *place.searched)
            elif begins and word in ("cd", "pushd") and after:
                if (target := place.folder / after).is_dir():
                    place.folder = target
                next(following, None)
                continue
            elif begins and word not in _KEYWORDS and "=" not in word:
                program, begins = Path(word).name, False
            elif _PYTHON.fullmatch(Path(word).name) or _SHELL.fullmatch(Path(word).name):
                program = Path(word).name  # behind `env`, `nice`, `timeout 5`
            self._word(word, after, program, place, depth)

    def _word(self, word: str, after: str, program: str, place: _Place, depth: int) -> None:
        """What one word executes."""
        if word == "-m":
            self._add(place, modules=(after,))
        elif re.fullmatch(r"-[a-zA-Z]*c", word) and after and depth < _DEPTH:
            if _SHELL.fullmatch(program):
                self._words(_split(after), _Place(place.folder, place.searched), depth + 1)
            elif _PYTHON.fullmatch(program):
                self._add(place, text=after)
        for name in (word, word.partition("=")[2]):
            if name and (file := self._file(name, place.folder)) is not None:
                self._add(place, file=file)
                self._script(file, place, depth)

    def _add(self, place: _Place, **what: object) -> None:
        # Python puts the folder that it is called in first, for `-m` and `-c`
        first = () if "file" in what or place.folder == self.root else (place.folder,)
        self.found[Program(searched=(*first, *place.searched), **what)] = None  # type: ignore[arg-type]

    def _script(self, file: Path, place: _Place, depth: int) -> None:
        """What a shell script executes in the folder that it is called in."""
        if depth >= _DEPTH or (file, place.folder) in self._scripts:
            return
        try:
            source = file.read_bytes()
        except OSError:
            return  # whoever digests it says so
        if file.suffix in _SHELL_FILES or _SHEBANG.match(source):
            self._scripts.add((file, place.folder))
            self._words(_split(_COMMENT.sub("", source.decode(errors="replace"))), _Place(place.folder, place.searched), depth + 1)

    def _entries(self, words: list[str], place: _Place) -> Iterator[Path]:
        """The folders of `PYTHONPATH=a:b`, which is split at its colons."""
        entries = [words[0].partition("=")[2]]
        for colon, entry in zip(words[1::2], words[2::2], strict=False):
            if colon != ":":
                break
            entries.append(entry)
        yield from (place.folder / entry for text in entries for entry in text.split(os.pathsep) if entry)

    def _file(self, name: str, folder: Path) -> Path | None:
        for base in dict.fromkeys((folder, self.folder, self.root)):
            path = base / name
            try:
                if path.is_file() and path.resolve().is_relative_to(self.root.resolve()) and path.stat().st_size <= MAX_FILE:
                    return path
            except (OSError, ValueError):  # too long for a name, a text with a null, and the like
                continue
        return None


def _brackets(signs: str, place: _Place, outer: list[tuple[Path, tuple[Path, ...]]]) -> None:
    """`(` and `)`: what is changed inside is as it was outside."""
    for sign in signs:
        if sign == "(":
            outer.append((place.folder, place.searched))
        elif sign == ")" and outer:
            place.folder, place.searched = outer.pop()


def _split(command: str) -> list[str]:
    text = templates.PATTERN.sub("_", _HERE.sub(".", command)).replace("\\\n", " ")
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.commenters, lexer.whitespace = "", " \t\r"
    try:
        return list(lexer)
    except ValueError:  # a quotation mark without its partner; the shell will say so
        return command.split()
