"""Points as frames, a part at a time, and what is shown of them."""

from array import array

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import table
from runner.table import exported


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 9))
def test_a_glimpse_of_parts_is_the_summary_of_the_whole(sizes: list[int], limit: int) -> None:
    numbers = iter(range(sum(sizes)))
    frames = [pd.DataFrame({"n": pd.Series([next(numbers) for _ in range(size)], dtype="int64")}) for size in sizes]
    assert table.glimpse(iter(frames), limit) == table.summarise(table.joined(frames), limit)


def test_points_of_many_runs_come_in_parts_that_join_to_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "PART", 3)
    series = [(run, "loss", array("q", [0, 1]), array("d", [run, -run]), array("d", [5.0, 6.0])) for run in (0, 1, 1)]
    frames = list(table.pointwise({"id_run": ["a", "b"], "lr": [0.1, None]}, series))
    assert [len(frame) for frame in frames] == [4, 2]
    whole = table.joined(frames)
    assert whole["id_run"].tolist() == ["a", "a", "b", "b", "b", "b"]
    assert whole["value"].tolist() == [0.0, 0.0, 1.0, -1.0, 1.0, -1.0]
    assert whole["lr"].isna().tolist() == [False, False, True, True, True, True]


def test_no_points_are_a_frame_without_rows() -> None:
    whole = table.joined(table.pointwise({"id_run": []}, []))
    assert (list(whole), len(whole)) == (["id_run", "metric", "step", "time", "value"], 0)
