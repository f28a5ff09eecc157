"""A console gets a table's head and tail as plain text."""

import math
import pickle

from runner import codec
from runner.table import Row, build, summarise


def frame_of(*fields):
    return build([Row(id_run=f"run{n}", params={}, fields_json=codec.dumps(one)) for n, one in enumerate(fields)], ())


def test_a_short_table_is_shown_whole():
    preview = summarise(frame_of({"x": 1 / 3, "n": 12345678901, "s": "a"}, {"x": 1e-9, "n": None, "s": ""}))
    assert preview.columns == ("id_run", "x", "n", "s")
    assert preview.dtypes == ("string", "float64", "Int64", "string")
    assert preview.head == (("run0", "0.333333", "12345678901", "a"), ("run1", "1e-09", "", ""))
    assert (preview.rows, preview.tail, preview.elided) == (2, (), 0)


def test_a_long_table_is_elided_in_the_middle():
    preview = summarise(frame_of(*({"n": n} for n in range(100))), limit=5)
    assert [row[1] for row in preview.head] == ["0", "1", "2"]
    assert [row[1] for row in preview.tail] == ["98", "99"]
    assert (preview.rows, preview.elided) == (100, 95)


def test_every_limit_shows_that_many_rows():
    frame = frame_of(*({"n": n} for n in range(7)))
    for limit in range(10):
        preview = summarise(frame, limit=limit)
        shown = preview.head + preview.tail
        assert len(shown) == min(limit, 7)
        assert preview.elided == 7 - len(shown)


def test_values_of_all_sorts():
    (row,) = summarise(frame_of({"a": math.nan, "b": [1.23456789, None], "c": True, "d": "x,y"})).head
    assert row == ("run0", "nan", "[1.23457, null]", "True", "x,y")


def test_no_rows():
    assert summarise(build([], ("N",))).head == ()


def test_it_crosses_processes():
    preview = summarise(frame_of({"x": 1}))
    assert pickle.loads(pickle.dumps(preview)) == preview
