"""The table's files hold the table exactly, and appear whole or not at all."""

import csv
import datetime as dt
import io
import json
import math
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from runner import codec
from runner.errors import IncompleteError, StoreError
from runner.table import Row, build, json_lines, read, write
from runner.table.files import from_arrow, to_arrow
from runner.table.text import csv as as_csv

TEXT = st.text(alphabet='a,"\r\n 0=é☃\U0001f600\t', max_size=6)
VALUE = st.none() | st.floats() | TEXT | st.lists(st.floats(), max_size=3)
NAIVE = dt.datetime(2024, 1, 1)  # noqa: DTZ001  # what a step may write


def frame_of(*fields):
    return build([Row(id_run=f"run{n}", params={}, fields_json=codec.dumps(one)) for n, one in enumerate(fields)], ())


EVERYTHING = frame_of(
    {
        "i": 1, "u": 2**63, "j": 1, "f": math.nan, "g": math.nan, "b": True, "c": True, "s": 'a,"b"\n', "r": "", "n": None, "m": 2**70,
        "l": [1.5, math.nan, None, math.inf], "k": [1], "e": [], "w": ["a", ""], "o": [True],
        "t": NAIVE.replace(microsecond=1), "z": dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=14))),
        "d": dt.timedelta(seconds=-1), "a": {"b": 1},
    },
    {"i": -1, "u": 0, "f": -0.0, "s": "=1+1", "r": "x", "l": [], "e": [], "t": NAIVE.replace(year=1999), "late": 0.1, "m": 1},
    {"i": 0, "u": 1, "f": math.inf, "g": 1e-300, "c": False, "s": "\r", "m": 0, "l": [0.1], "k": [], "e": []},
)  # fmt: skip


class TestParquet:
    def test_reading_gives_what_was_written(self, tmp_path):
        write(EVERYTHING, tmp_path)
        back = read(tmp_path)
        assert_frame_equal(EVERYTHING, back)
        assert list(map(repr, back["l"])) == ["[1.5, nan, None, inf]", "[]", "[0.1]"]

    def test_null_and_nan_are_told_apart(self, tmp_path):
        write(EVERYTHING, tmp_path)
        back = read(tmp_path)
        assert list(map(repr, back["f"].tolist())) == ["nan", "-0.0", "inf"]
        assert back["g"].isna().tolist() == [False, True, False]
        assert math.isnan(back["g"].tolist()[0])

    def test_bits_of_a_nan_survive(self, tmp_path):
        payload = np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64)
        write(pd.DataFrame({"id_run": ["a"], "x": payload}), tmp_path)
        assert read(tmp_path)["x"].to_numpy().view(np.uint64)[0] == 0x7FF8000000000123

    def test_other_readers_get_the_same_types(self, tmp_path):
        write(EVERYTHING, tmp_path)
        other = pd.read_parquet(tmp_path / "table.parquet")
        assert other.dtypes.drop("z").to_dict() == EVERYTHING.dtypes.drop("z").to_dict()
        assert other["z"].tolist() == EVERYTHING["z"].tolist()

    @given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUE, max_size=3), min_size=1, max_size=5))
    def test_any_table_round_trips(self, fields):
        frame = frame_of(*fields)
        back = from_arrow(to_arrow(frame))
        assert_frame_equal(frame, back)
        assert list(as_csv(frame)) == list(as_csv(back))

    def test_no_rows(self, tmp_path):
        frame = build([], ("N",))
        write(frame, tmp_path)
        assert_frame_equal(frame, read(tmp_path))


class TestCsv:
    def test_cells(self, tmp_path):
        frame = frame_of(
            {"f": 0.1 + 0.2, "g": math.nan, "s": "", "l": [1, 2], "b": True, "t": NAIVE.replace(day=2, hour=3), "i": 2**62, "q": "a,b"},
            {"f": math.inf, "g": None, "s": None, "q": 'say "hi"'},
            {"f": -math.inf, "g": -0.0, "s": "=1+1", "q": "two\nlines"},
        )
        write(frame, tmp_path)
        assert (tmp_path / "table.csv").read_bytes().decode() == (
            "id_run,f,g,s,l,b,t,i,q\n"
            'run0,0.30000000000000004,nan,"","[1,2]",True,2024-01-02T03:00:00,4611686018427387904,"a,b"\n'
            'run1,inf,,,,,,,"say ""hi"""\n'
            'run2,-inf,-0.0,=1+1,,,,,"two\nlines"\n'
        )

    @given(st.lists(st.floats(), min_size=1), st.integers(1, 3))
    def test_floats_read_back_exactly(self, items, rows):
        frame = frame_of(*({"x": item} for item in items))
        cells = [line["x"] for line in csv.DictReader(io.StringIO("".join(as_csv(frame, rows=rows))))]
        assert [repr(float(cell)) for cell in cells] == [repr(item) for item in items]

    @given(st.lists(TEXT, min_size=1))
    def test_strings_read_back_exactly(self, items):
        frame = frame_of(*({"x": item} for item in items))
        text = "".join(as_csv(frame))
        assert [line["x"] for line in csv.DictReader(io.StringIO(text, newline=""))] == items

    def test_lists_are_json(self):
        frame = frame_of({"x": [1.5, None, 2.0]})
        (cell,) = [line["x"] for line in csv.DictReader(io.StringIO("".join(as_csv(frame))))]
        assert json.loads(cell) == [1.5, None, 2.0]


class TestJson:
    def test_one_object_a_row(self):
        frame = frame_of({"i": 2**62, "f": 0.1, "l": [1.5, None], "b": True}, {"f": math.nan, "s": "é"})
        assert list(json_lines(frame)) == [
            '{"id_run":"run0","i":4611686018427387904,"f":0.1,"l":[1.5,null],"b":true,"s":null}',
            '{"id_run":"run1","i":null,"f":{"$f":"nan"},"l":null,"b":null,"s":"é"}',
        ]

    def test_times_are_text(self):
        (line,) = json_lines(frame_of({"t": NAIVE, "d": dt.timedelta(days=1)}))
        assert json.loads(line) == {"id_run": "run0", "t": "2024-01-01T00:00:00", "d": "1 days 00:00:00"}


class TestDigest:
    def test_equal_tables_have_equal_digests(self, tmp_path):
        first = write(EVERYTHING, tmp_path / "a")
        assert first == write(EVERYTHING.copy(), tmp_path / "b") == write(read(tmp_path / "a"), tmp_path / "c")
        assert len(first) == 64

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"x": 1}, {"x": 1.0}),
            ({"x": 1}, {"x": "1"}),
            ({"x": 1}, {"y": 1}),
            ({"x": 0.0}, {"x": -0.0}),
            ({"x": 0.1}, {"x": math.nextafter(0.1, 1)}),
            ({"x": ""}, {"x": None}),
            ({"x": math.nan}, {"x": None}),
            ({"x": "a"}, {"x": "b"}),
            ({"x": [1]}, {"x": "[1]"}),
            ({"x": NAIVE}, {"x": NAIVE.replace(tzinfo=dt.UTC)}),
        ],
    )
    def test_different_tables_have_different_digests(self, tmp_path, one, other):
        assert write(frame_of(one, {"x": None}), tmp_path) != write(frame_of(other, {"x": None}), tmp_path)

    def test_it_is_the_same_for_ever(self, tmp_path):
        """A change here breaks `reproduce` for every manifest in the world."""
        assert write(EVERYTHING, tmp_path) == "fab946e5f834bc58c8e48b1133009ee9a5ca77d6ec0ff1f0151e9bbffd95fbd5"

    def test_storage_does_not_count(self, tmp_path):
        frame = frame_of({"x": 1, "y": 0.5, "z": True})
        assert write(frame, tmp_path) == write(frame.astype({"x": "Int64", "y": "Float64", "z": "boolean"}), tmp_path)


class TestAtomicity:
    def test_nothing_but_the_two_files_is_left(self, tmp_path):
        write(EVERYTHING, tmp_path / "deep" / "er")
        write(EVERYTHING, tmp_path / "deep" / "er")
        assert sorted(path.name for path in (tmp_path / "deep" / "er").iterdir()) == ["table.csv", "table.parquet"]

    def test_a_failure_leaves_the_old_files(self, tmp_path, monkeypatch):
        write(EVERYTHING, tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(StoreError, match="No space left"):
            write(frame_of({"x": 1}), tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_the_folder_is_a_file(self, tmp_path):
        (tmp_path / "results").write_text("")
        with pytest.raises(StoreError, match="cannot be written"):
            write(EVERYTHING, tmp_path / "results")

    def test_files_have_the_usual_mode(self, tmp_path):
        write(EVERYTHING, tmp_path)
        (tmp_path / "other").write_text("")
        assert {path.stat().st_mode for path in tmp_path.iterdir()} == {(tmp_path / "other").stat().st_mode}

    def test_no_table_yet(self, tmp_path):
        with pytest.raises(IncompleteError):
            read(tmp_path)

    def test_a_damaged_table(self, tmp_path):
        (tmp_path / "table.parquet").write_bytes(b"PAR1 nonsense PAR1")
        with pytest.raises(StoreError, match="cannot be read"):
            read(tmp_path)
