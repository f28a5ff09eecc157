"""Completed runs become one typed table that holds exactly what the steps wrote."""

import datetime as dt
import math
import uuid
from types import MappingProxyType

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner import codec
from runner.table import Row, build

UTC2 = dt.timezone(dt.timedelta(hours=2))
NAIVE, FIRST, LAST = dt.datetime(2024, 1, 1), dt.datetime.min, dt.datetime.max  # noqa: DTZ001, DTZ901  # what a step may write


def rows(*fields, **axes):
    return [
        Row(id_run=f"run{n}", params={axis: values[n] for axis, values in axes.items()}, fields_json=codec.dumps(one))
        for n, one in enumerate(fields)
    ]


def column(*values):
    """The column of a field that has these values in successive runs; `...`: the run does not have it."""
    return build(rows(*({} if value is ... else {"x": value} for value in values)), ())["x"]


def listed(series):
    if str(series.dtype) == "float64":  # which has no nulls: its NaN are values
        return series.tolist()
    return [None if gone else value for value, gone in zip(series.tolist(), series.isna(), strict=True)]


class TestColumns:
    def test_id_then_axes_then_fields_in_order_of_first_appearance(self):
        frame = build(rows({"z": 1}, {"y": 2, "z": 3}, {"a": 1}, b=[1, 2, 3], a2=[1, 2, 3]), ("b", "a2"))
        assert list(frame) == ["id_run", "b", "a2", "z", "y", "a"]
        assert frame["id_run"].tolist() == ["run0", "run1", "run2"]
        assert listed(frame["y"]) == [None, 2, None]

    def test_a_field_whose_name_is_taken_is_prefixed(self):
        frame = build(rows({"N": 1, "id_run": 2, "fields.N": 3}, N=[7]), ("N",))
        assert list(frame) == ["id_run", "N", "fields.N", "fields.id_run", "fields.fields.N"]
        assert frame.iloc[0].tolist() == ["run0", 7, 1, 2, 3]

    def test_nested_mappings_become_dotted_columns(self):
        frame = build(rows({"a": {"b": 1, "c": {"d": "x"}}}, {"a": {"b": 2}}, {"a": {}}), ())
        assert list(frame) == ["id_run", "a.b", "a.c.d", "a"]
        assert listed(frame["a"]) == [None, None, "{}"]

    def test_neither_of_two_leaves_with_one_name_is_lost(self):
        frame = build(rows({"a.b": 1, "a": {"b": 2}}), ())
        assert (frame["a.b"][0], frame["fields.a.b"][0]) == (1, 2)

    def test_mapping_valued_parameters_stay_one_column(self):
        frame = build(rows({}, {}, model=[{"name": "svm", "C": 1.0}, {"name": "tree"}]), ("model",))
        assert frame["model"].tolist() == ['{"name":"svm","C":1.0}', '{"name":"tree"}']

    def test_a_point_may_lack_an_axis_and_be_any_mapping(self):
        points = [MappingProxyType({"N": 1}), {}]
        frame = build([Row(id_run="a", params=point, fields_json="{}") for point in points], ("N",))
        assert listed(frame["N"]) == [1, None]

    def test_a_column_that_begins_late_and_many_runs(self):
        frame = build((row for row in rows(*({"a": n} | ({"b": n} if n > 9000 else {}) for n in range(10_000)))), ())
        assert frame["a"].tolist() == list(range(10_000))
        assert frame["b"].isna().sum() == 9001
        assert frame["b"].dropna().tolist() == list(range(9001, 10_000))

    def test_no_runs(self):
        frame = build([], ("N", "M"))
        assert (list(frame), len(frame)) == (["id_run", "N", "M"], 0)


@pytest.mark.parametrize(
    ("values", "dtype", "kept"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1, ...], "Int64", [1, None]),
        ([1, None], "Int64", [1, None]),
        ([-(2**63), 2**63 - 1], "int64", [-(2**63), 2**63 - 1]),
        ([0, 2**64 - 1], "uint64", [0, 2**64 - 1]),
        ([0, 2**64 - 1, None], "UInt64", [0, 2**64 - 1, None]),
        ([-1, 2**63], "string", ["-1", str(2**63)]),
        ([2**64, None], "string", [str(2**64), None]),
        ([0.5, 1], "float64", [0.5, 1.0]),
        ([0.5, 2**53 + 1], "string", ["0.5", str(2**53 + 1)]),
        ([0.5, 2**2000], "string", ["0.5", str(2**2000)]),
        ([0.5, None], "Float64", [0.5, None]),
        ([True, False], "bool", [True, False]),
        ([True, ...], "boolean", [True, None]),
        ([True, 1], "string", ["true", "1"]),
        (["a", ""], "string", ["a", ""]),
        (["a", None], "string", ["a", None]),
        (["1", 1, None], "string", ['"1"', "1", None]),
        ([None, None], "object", [None, None]),
        ([[1, 2], [3]], "object", [[1, 2], [3]]),
        ([[1, 2], [3, 4]], "object", [[1, 2], [3, 4]]),
        ([[1, 0.5], []], "object", [[1.0, 0.5], []]),
        ([[1, "a"], []], "string", ['[1,"a"]', "[]"]),
        ([[[1]], []], "string", ["[[1]]", "[]"]),
        ([[2**64], []], "string", ["[18446744073709551616]", "[]"]),
        ([[{"a": 1}], None], "string", ['[{"a":1}]', None]),
        ([dt.date(2024, 2, 29)], "string", ["2024-02-29"]),
        ([dt.time(1, 2, 3)], "string", ["01:02:03"]),
        ([uuid.UUID(int=5)], "string", ["00000000-0000-0000-0000-000000000005"]),
        ([b"\x00\xff"], "string", ["AP8="]),
        ([dt.date(2024, 2, 29), "x"], "string", ['{"$date":"2024-02-29"}', '"x"']),
        ([dt.timedelta(days=-3, microseconds=7)], "timedelta64[us]", [dt.timedelta(days=-3, microseconds=7)]),
        ([dt.timedelta.max], "string", ['{"$seconds":[999999999,86399,999999]}']),
        ([FIRST, LAST], "datetime64[us]", [FIRST, LAST]),
        ([dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None], "datetime64[us, UTC]", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None]),
        ([dt.datetime(2024, 1, 1, 5, tzinfo=UTC2)], "datetime64[us, UTC+02:00]", [dt.datetime(2024, 1, 1, 5, tzinfo=UTC2)]),
        (
            [dt.datetime(2024, 1, 1, tzinfo=UTC2), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)],
            "string",
            ["2024-01-01T00:00:00+02:00", "2024-01-01T00:00:00+00:00"],
        ),
        ([NAIVE, NAIVE.replace(tzinfo=dt.UTC)], "string", ["2024-01-01T00:00:00", "2024-01-01T00:00:00+00:00"]),
    ],
)
def test_a_column_has_the_type_of_its_values_and_keeps_them(values, dtype, kept):
    series = column(*values)
    assert str(series.dtype) == dtype
    assert listed(series) == kept
    assert [type(a) for a in listed(series)] == [type(b) for b in kept] or "time" in dtype


def test_nan_and_missing_are_two_things():
    series = column(math.nan, None, 1.5)
    assert series.isna().tolist() == [False, True, False]
    assert math.isnan(series.tolist()[0])


def test_signs_and_infinities_stay():
    assert [repr(value) for value in column(-0.0, math.inf, -math.inf, math.nan)] == ["-0.0", "inf", "-inf", "nan"]


TEXT = st.text(alphabet="aé☃\U0001f600.$ 0", max_size=5)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.binary(), st.dates(), st.uuids())
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5)


@given(st.lists(st.dictionaries(TEXT, values, max_size=3), max_size=6))
def test_any_fields_make_a_table_with_one_row_a_run(fields):
    frame = build(rows(*fields), ())
    assert len(frame) == len(fields)
    assert len(set(frame)) == len(list(frame))


@example([float("nan")])
@given(st.one_of(st.lists(st.none() | kind, min_size=1) for kind in (st.integers(), st.floats(), TEXT)))
def test_values_of_one_kind_come_back(items):
    got = listed(column(*items))
    wanted = [str(item) if item is not None and str(column(*items).dtype) == "string" else item for item in items]
    assert list(map(repr, got)) == list(map(repr, wanted))


@given(st.lists(st.integers() | st.floats(allow_nan=False), min_size=1))
def test_numbers_of_both_kinds_keep_their_value(items):
    series = column(*items)
    if str(series.dtype) == "string":
        assert [codec.loads(text) for text in series] == items
    else:
        assert series.tolist() == items


@given(st.lists(st.none() | st.datetimes(timezones=st.timezones() | st.none()), min_size=1))
def test_datetimes_keep_instant_and_offset(items):
    series = column(*items)
    back = [item.isoformat() if isinstance(item, pd.Timestamp) else item for item in listed(series)]
    assert back == [item and item.isoformat() for item in items]
