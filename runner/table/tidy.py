"""Columns of plain values, and points of metrics, as data frames in which every row is one observation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.table import exported
from runner.table.collection import no_collection
from runner.table.column import Values
from runner.table.preview import Preview, summarise

if TYPE_CHECKING:
    import pandas as pd


def framed(columns: Mapping[str, Values]) -> "pd.DataFrame":
    """The data frame of these columns, typed as `runner.table.column` says; None is missing."""
    with no_collection():
        return exported.framed(columns)


def pointwise(runs: Mapping[str, Values], points: Iterable[exported.Series]) -> Iterator["pd.DataFrame"]:
    """One row a point, some rows at a time: the columns of its run, then `metric`, `step`, `time` (UTC), `value`. At least one frame."""
    return exported.tidy(framed(runs), points)


def joined(frames: Iterable["pd.DataFrame"]) -> "pd.DataFrame":
    """Frames of equal columns, at least one, as one."""
    import pandas as pd

    return pd.concat(list(frames), ignore_index=True)


def glimpse(frames: Iterable["pd.DataFrame"], limit: int) -> Preview:
    """The first and last rows of frames of equal columns, at most `limit` of them; there may be more than memory holds."""
    last = limit // 2
    head: pd.DataFrame | None = None
    tail: pd.DataFrame | None = None
    rows = 0
    for frame in frames:
        rows += len(frame)
        if head is None or len(head) < limit:
            head = joined([frame.iloc[:limit]] if head is None else [head, frame.iloc[: limit - len(head)]])
        ending = frame.iloc[max(0, len(frame) - last) :]
        tail = ending if tail is None else joined([tail, ending]).iloc[-last:]
    if head is None or tail is None:
        return Preview(columns=(), dtypes=(), rows=0, head=(), tail=())
    if rows <= limit:
        return summarise(head, limit)
    return replace(summarise(head.iloc[: limit - last], limit), rows=rows, tail=summarise(tail, limit).head)
