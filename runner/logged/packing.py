"""Entries on their way from a process that holds user code: JSON lists, so that nothing which comes from it is ever unpickled.

The coordinator hands the packed series on to the store without looking at each point.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final

from runner.logged.entries import Artifact, Begun, Child, Entries, Entry, Loaded, Output, Params, Prefix, Progress, Restart, Rows, Trouble
from runner.logged.points import Points, Summary

_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (Loaded, Rows, Params, Artifact, Output, Progress, Trouble, Child, Prefix, Restart, Begun)
}


def pack(entries: Entries) -> list[list[Any]]:
    """Entries as JSON lists."""
    return [_packed(child, entry) for child, entry in entries]


def unpack(rows: Sequence[Sequence[Any]]) -> Entries:
    """What `pack` made. Raises ValueError or TypeError for what it did not make."""
    return tuple((child, _unpacked(kind, parts)) for child, kind, *parts in rows)


def _packed(child: str, entry: Entry) -> list[Any]:
    if not isinstance(entry, Points):
        return [child, type(entry).__name__, *astuple(entry)]
    told = [_told(value) for value in astuple(entry.summary)]
    packed = [base64.b64encode(entry.steps).decode(), base64.b64encode(entry.values).decode()]
    return [child, "Points", entry.name, told, entry.start, *packed, entry.begun, entry.ended]


def _unpacked(kind: str, parts: Sequence[Any]) -> Entry:
    if kind == "Points":
        name, summary, start, steps, values, begun, ended = parts
        told = Summary(*_numbers(summary))
        return Points(name, told, start, base64.b64decode(steps), base64.b64decode(values), begun, ended)
    if kind not in _KINDS:
        raise ValueError(f"there is no entry {kind!r}")
    return _KINDS[kind](*parts)  # type: ignore[no-any-return]


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [float(value) if isinstance(value, str) else value for value in values]


def _told(value: float | None) -> float | str | None:
    """NaN and the infinities as text, which standard JSON has no numbers for."""
    return value if value is None or math.isfinite(value) else repr(value)
