"""Metrics of programs that know nothing of xrun: lines of their output, and files that they write."""

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.logged import Trouble
from runner.run import Run
from runner.scripts.failing import ScriptError

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|[nN]a[nN]|NAN|[iI]nf(?:inity)?)"
_NAME = r"\w[\w./\-]*(?: [^\W\d][\w./\-]*){0,2}"
PATTERN = re.compile(rf"^(?P<key>{_NAME}):\s+(?P<value>{_NUMBER})(?:\s+\(step\s+(?P<step>[-+]?\d+)\))?\s*$")
"""`loss: 0.5`, `best val accuracy: 0.5 (step 20)`; a line `step: 20` is about the lines after it.

A name has three words at most: what is longer is prose. The second and third begin with no digit: `Epoch 3: 0.5` is not a metric a line.
"""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_STEPS = ("step", "epoch")
MAX_LINE = 100_000
"""Bytes; what is longer is no line with a metric."""


class Scalars:
    """Lines of stdout that are metrics."""

    def __init__(self, run: Run, pattern: str | bool) -> None:
        self._run = run
        self._pattern = re.compile(pattern) if isinstance(pattern, str) else PATTERN
        self._step: int | None = None
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """More of the output. Only whole lines count; a carriage return ends one as well."""
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + data)
        self._rest = self._rest[:MAX_LINE]
        for line in lines:
            if line:
                self._line(_COLOUR.sub("", line.decode("utf-8", "replace")))

    def finish(self) -> None:
        """The last line may have no end."""
        self.feed(b"\n")

    def _line(self, text: str) -> None:
        for found in self._pattern.finditer(text):
            groups = found.groupdict()
            key, value, step = groups["key"], _number(groups["value"]), _number(groups.get("step"))
            if key is None or value is None:
                continue
            if key == "step" and value.is_integer():
                self._step = int(value)
            else:
                _log(self._run, key.strip(), value, self._step if step is None or not step.is_integer() else int(step))


class MetricsFile:
    """A file of metrics. JSON Lines are followed while they grow; a JSON object is read at the end."""

    def __init__(self, run: Run, path: Path) -> None:
        self._run, self._path = run, path
        self._lines = path.suffix == ".jsonl"
        self._before = self._state()
        self._offset, self._rest, self._number = self._before[0] if self._before else 0, b"", 0

    def _state(self) -> tuple[int, int, int] | None:
        """Size, time of the last change, number of the file."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ino

    @property
    def is_there(self) -> bool:
        """Whether the process has written it; one that an earlier process left does not count."""
        return self._path.is_file() and self._state() != self._before

    def follow(self) -> None:
        """Log the lines that were added."""
        if not self._lines or not self.is_there:
            return
        if self._path.stat().st_size < self._offset:
            self._offset, self._rest = 0, b""  # it was begun anew
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._number += 1
            if line.strip():
                self._log(_object(line, f"line {self._number} of {self._path.name}"))

    def finish(self) -> None:
        """Log the rest. Raises ScriptError when there is no such file, or it is no JSON."""
        if not self.is_there:
            raise ScriptError("metrics", f"the process has not written its metrics_file {self._path.name}")
        if not self._lines:
            self._log(_object(self._path.read_bytes(), self._path.name))
            return
        self.follow()
        if self._rest.strip():
            self._log(_object(self._rest, f"the last line of {self._path.name}"))

    def _log(self, tree: dict[str, Any]) -> None:
        step = None
        if self._lines:
            key = next((key for key in _STEPS if (found := _number(tree.get(key))) is not None and found.is_integer()), None)
            step = None if key is None else int(tree.pop(key))
        for name, value in _numbers(tree):
            _log(self._run, name, value, step)


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ScriptError("metrics", f"{what} is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ScriptError("metrics", f"{what} is not a JSON object")
    return tree


def _numbers(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of nested objects, their names joined by `/`. Other values are no metrics."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{key}/")
        elif isinstance(value, bool):
            yield f"{prefix}{key}", float(value)
        elif isinstance(value, int | float) and (number := _number(value)) is not None:
            yield f"{prefix}{key}", number
        elif isinstance(value, str) and value in _NAMED:
            yield f"{prefix}{key}", _NAMED[value]


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _log(run: Run, name: str, value: float, step: int | None) -> None:
    """A name that cannot be a metric's is no reason to end somebody's program: it is counted as trouble."""
    try:
        run.log_metric(name, value, step)
    except (ValueError, TypeError) as error:
        run.relay((("", Trouble(1, str(error))),))


def file_of(path: str, folder: Path) -> Path:
    """A metrics file's place."""
    return Path(os.path.normpath(folder / path))
