"""A table is compared with its schema; only what differs in storage is made to fit."""

import datetime as dt
import math
import sys
import textwrap

import pytest

from runner import codec
from runner.table import Row, Violation, build, conform, validate

ERROR = {"dtype": "float64", "nullable": False, "checks": {"greater_than_or_equal_to": 0, "less_than_or_equal_to": 1}}
COINS = {"columns": {"error": ERROR, "n": {"dtype": "int64"}}}


def frame_of(*fields, **axes):
    rows = [
        Row(id_run=f"run{n}", params={axis: values[n] for axis, values in axes.items()}, fields_json=codec.dumps(one))
        for n, one in enumerate(fields)
    ]
    return build(rows, tuple(axes))


def columns(**declared):
    return {"columns": declared}


def test_no_schema():
    frame = frame_of({"x": 1})
    assert validate(frame, None) == ()
    assert conform(frame, None) is frame


def test_a_valid_table():
    assert validate(frame_of({"error": 0.5, "n": 1}, {"error": 0.0, "n": 2}), COINS) == ()


def test_every_breach_names_the_run_the_column_the_value_and_the_check():
    frame = frame_of({"error": 0.5, "n": 1}, {"error": 2.5, "n": 2}, {"error": -1.0, "n": 3})
    assert set(validate(frame, COINS)) == {
        Violation(id_run="run1", column="error", value="2.5", check="less_than_or_equal_to(1)", row=1),
        Violation(id_run="run2", column="error", value="-1.0", check="greater_than_or_equal_to(0)", row=2),
    }


def test_a_missing_column():
    assert validate(frame_of({"error": 0.5}), COINS) == (Violation(column="n", check="column_in_dataframe"),)


def test_a_wrong_type_is_one_violation_and_its_checks_are_not_reported():
    frame = frame_of({"error": "low", "n": 1}, {"error": "high", "n": 2})
    assert validate(frame, COINS) == (Violation(column="error", value="string", check="dtype('float64')"),)


def test_the_run_that_spoilt_a_column_of_numbers_is_named():
    frame = frame_of({"error": 0.5, "n": 1}, {"error": "oops", "n": 2}, {"error": 0.25, "n": 3})
    assert [(v.id_run, v.value) for v in validate(frame, COINS)] == [(None, "string"), ("run1", "'\"oops\"'")]


def test_null_and_nan_are_null_to_a_schema():
    frame = frame_of({"x": 1.0}, {"x": None}, {"x": math.nan})
    breaches = validate(frame, columns(x={"dtype": "float64"}))
    assert [(v.id_run, v.value, v.check) for v in breaches] == [("run1", "None", "not_nullable"), ("run2", "nan", "not_nullable")]
    assert validate(frame, columns(x={"dtype": "float64", "nullable": True, "checks": {"ge": 0}})) == ()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "int64"),
        ([1, None], "Int64"),
        ([1, 2], "Int64"),
        ([1, 2], "int"),
        ([2**63, 1], "uint64"),
        ([1.5, None], "float64"),
        ([1.5, None], "Float64"),
        ([1, None], "float64"),
        ([1, 2], "float"),
        ([True, None], "bool"),
        ([True, False], "boolean"),
        (["a", None], "str"),
        (["a", None], "string"),
        (["a", None], "object"),
        ([[1], None], "object"),
        ([None, None], "float64"),
        ([None, None], "int64"),
        ([None, None], "str"),
        ([None, None], "datetime64[ns]"),
        ([None, None], "category"),
    ],
)
def test_storage_is_no_matter_of_validity(values, dtype):
    frame = frame_of(*({"x": value} for value in values))
    assert validate(frame, columns(x={"dtype": dtype, "nullable": True})) == ()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_a_time_is_no_matter_but_its_zone_is(unit):
    time = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    naive, aware = frame_of({"x": time.replace(tzinfo=None)}), frame_of({"x": time})
    assert validate(naive, columns(x={"dtype": f"datetime64[{unit}]"})) == ()
    assert validate(aware, columns(x={"dtype": f"datetime64[{unit}, UTC]"})) == ()
    assert len(validate(aware, columns(x={"dtype": f"datetime64[{unit}]"}))) == 1


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1.0, 2.0], "int64"), ([1, 2], "str"), ([True, False], "float64"), ([1, 2], "bool"), ([2**53 + 1, 1], "float64")],
)
def test_nothing_is_converted_that_could_change_its_meaning(values, dtype):
    frame = frame_of(*({"x": value} for value in values))
    assert [v.id_run for v in validate(frame, columns(x={"dtype": dtype}))] == [None]
    assert conform(frame, columns(x={"dtype": dtype})).dtypes.to_dict() == frame.dtypes.to_dict()


def test_whole_numbers_become_floats_where_the_schema_says_so():
    frame = frame_of({"x": 1, "y": 1, "z": None}, {"x": 2, "y": None, "z": None})
    made = conform(frame, columns(x={"dtype": "float64"}, y={"dtype": "float64"}, z={"dtype": "int64"}))
    assert [str(dtype) for dtype in made.dtypes[1:]] == ["float64", "Float64", "Int64"]
    assert [str(dtype) for dtype in frame.dtypes[1:]] == ["int64", "Int64", "object"]


class TestCoerce:
    def test_it_converts_and_the_result_is_the_table(self):
        schema = columns(x={"dtype": "int64", "coerce": True}, y={"dtype": "str", "coerce": True})
        made = conform(frame_of({"x": "12", "y": 1.5}), schema)
        assert (made["x"].tolist(), made["y"].tolist(), list(made)) == ([12], ["1.5"], ["id_run", "x", "y"])
        assert validate(made, schema) == ()

    def test_what_cannot_be_converted_is_named(self):
        schema = {"coerce": True, **columns(x={"dtype": "int64"})}
        frame = conform(frame_of({"x": "12"}, {"x": "twelve"}), schema)
        assert frame["x"].tolist() == ["12", "twelve"]
        assert ("run1", "'twelve'", "coerce_dtype('int64')") in [(v.id_run, v.value, v.check) for v in validate(frame, schema)]

    def test_missing_values_are_no_obstacle(self):
        schema = {"coerce": True, **columns(x={"dtype": "int64", "nullable": True})}
        made = conform(frame_of({"x": 1}, {"x": None}), schema)
        assert (str(made["x"].dtype), validate(made, schema)) == ("Int64", ())

    def test_a_type_for_all_means_the_declared_columns(self):
        schema = {"coerce": True, "dtype": "float64", **columns(x={}, y={})}
        made = conform(frame_of({"x": "1.5", "y": 2, "s": "a"}), schema)
        assert [str(dtype) for dtype in made.dtypes] == ["string", "float64", "float64", "string"]

    def test_defaults_and_missing_columns(self):
        pytest.importorskip("pandera", "0.30", reason="older ones do not read `default`")
        schema = {"add_missing_columns": True, **columns(x={"dtype": "float64", "default": 7.0}, y={"dtype": "int64", "default": 3})}
        made = conform(frame_of({"x": 1.5}, {"x": None}), schema)
        assert (made["x"].tolist(), made["y"].tolist(), validate(made, schema)) == ([1.5, 7.0], [3, 3], ())


class TestStrict:
    def test_undeclared_columns_are_reported_but_id_run_is_not(self):
        frame = frame_of({"x": 1, "y": 1}, N=[1])
        assert validate(frame, {"strict": True, **columns(N={}, x={}, y={})}) == ()
        assert validate(frame, {"strict": True, **columns(N={}, x={})}) == (Violation(column="y", check="column_in_schema"),)

    def test_filter_takes_nothing_away(self):
        schema = {"strict": "filter", "coerce": True, **columns(x={"dtype": "float64"})}
        frame = frame_of({"x": 1, "y": 1}, N=[1])
        assert list(conform(frame, schema)) == list(frame)
        assert validate(frame, schema) == ()


class TestMoreOfThePanderaVocabulary:
    def test_a_column_without_anything_must_be_there(self):
        assert validate(frame_of({"x": 1}), columns(x=None)) == ()
        assert validate(frame_of({"x": 1}), columns(y=None)) != ()

    def test_optional_columns(self):
        assert validate(frame_of({"x": 1}), columns(y={"dtype": "int64", "required": False})) == ()

    def test_patterns(self):
        frame = frame_of({"loss_a": 1, "loss_b": 0.5, "n": 1}, {"loss_a": None, "loss_b": 2.0, "n": 1})
        schema = columns(**{"loss_.*": {"dtype": "float64", "regex": True, "nullable": True, "checks": {"le": 1}}})
        assert [(v.column, v.id_run) for v in validate(frame, schema)] == [("loss_b", "run1")]
        assert str(conform(frame, schema)["loss_a"].dtype) == "Float64"
        both = columns(**schema["columns"], loss_b={"dtype": "float64", "checks": {"ge": 1}})
        assert {(v.column, v.id_run) for v in validate(frame, both)} == {("loss_b", "run0"), ("loss_b", "run1")}
        assert len(validate(frame, columns(**{"gain_.*": {"regex": True}}))) == 1

    def test_unique_columns_and_combinations(self):
        frame = frame_of({"x": 1, "y": 1}, {"x": 1, "y": 1})
        assert [(v.column, v.row, v.check) for v in validate(frame, columns(x={"unique": True}))] == [
            ("x", 0, "field_uniqueness"),
            ("x", 1, "field_uniqueness"),
        ]
        assert {(v.column, v.row) for v in validate(frame, {"unique": ["x", "y"]})} == {("x", 0), ("x", 1), ("y", 0), ("y", 1)}

    @pytest.mark.parametrize(
        "declared",
        [
            {"dtype": "int64", "checks": {"gt": 1}},
            {"dtype": "int64", "gt": 1},
            {"dtype": "int64", "gt": 1, "checks": {"lt": 9}},
            {"dtype": "int64", "checks": {"greater_than": {"min_value": 1, "error": "too small"}}},
            {"dtype": "int64", "checks": [{"min_value": 1, "options": {"check_name": "greater_than"}}]},
            {"dtype": "int64", "lt": 9, "checks": [{"value": 1, "options": {"check_name": "greater_than"}}]},
        ],
    )
    def test_every_way_to_write_a_check(self, declared):
        before = codec.dumps(declared)
        assert [v.id_run for v in validate(frame_of({"x": 1}, {"x": 2}), columns(x=declared))] == ["run0"]
        assert codec.dumps(declared) == before, "the declaration is not changed"

    def test_columns_as_a_list_and_an_index(self):
        schema = {"columns": [{"name": "x", "dtype": "int64"}], "index": {"dtype": "int64", "checks": {"ge": 0}}}
        assert validate(frame_of({"x": 1}), schema) == ()

    def test_checks_apply_to_missing_values_never(self):
        frame = frame_of({"x": 5}, {"x": None})
        checks = {"in_range": {"min_value": 1, "max_value": 9}}
        assert validate(frame, columns(x={"dtype": "int64", "nullable": True, "checks": checks})) == ()

    def test_a_check_that_cannot_be_computed(self):
        (breach,) = validate(frame_of({"x": "a"}), columns(x={"checks": {"gt": 1}}))
        assert breach.id_run is None
        assert breach.check.startswith("greater_than(1): ")

    def test_validation_cannot_be_switched_off_by_the_environment(self):
        from pandera.config import config_context

        with config_context(validation_enabled=False):
            assert validate(frame_of({"x": 1}), COINS) != ()


class TestNoRows:
    @pytest.mark.parametrize("schema", [COINS, columns(N={"dtype": "int64"}), columns(N={"dtype": "category", "checks": {"isin": [1]}})])
    def test_types_and_fields_are_not_missed(self, schema):
        assert validate(build([], ("N",)), schema) == ()
        assert validate(conform(build([], ("N",)), schema), schema) == ()

    def test_undeclared_columns_are_still_reported(self):
        assert [v.column for v in validate(build([], ("N",)), {"strict": True, **COINS})] == ["N"]

    def test_declared_types_are_given(self):
        assert str(conform(build([], ("N",)), columns(N={"dtype": "float64"}))["N"].dtype) == "Float64"


@pytest.fixture
def models(tmp_path, monkeypatch):
    (tmp_path / "table_models.py").write_text(
        textwrap.dedent("""
            import pandera.pandas as pa
            from pandera.typing.pandas import Series

            class Coins(pa.DataFrameModel):
                error: Series[float] = pa.Field(ge=0, le=1)
                n: Series[int] = pa.Field(nullable=True)

                @pa.dataframe_check
                def small(cls, frame):
                    return frame["error"] * frame["n"].fillna(0) < 10

            class Broken(pa.DataFrameModel):
                x: Series[int]

                @pa.dataframe_parser
                def spoil(cls, frame):
                    raise RuntimeError("parser is broken")

            schema = pa.DataFrameSchema({"x": pa.Column("float64", pa.Check(lambda x: x > 0, name="positive"))})
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "table_models"
    sys.modules.pop("table_models", None)


class TestDottedPaths:
    @pytest.mark.parametrize("separator", [".", ":"])
    def test_a_model(self, models, separator):
        path = f"{models}{separator}Coins"
        assert validate(frame_of({"error": 1, "n": 1}, {"error": 0, "n": None}), path) == ()
        (breach,) = validate(frame_of({"error": 0.5, "n": 1}, {"error": 5.0, "n": 1}), path)
        assert (breach.id_run, breach.column, breach.value) == ("run1", "error", "5.0")

    def test_a_check_of_rows_is_one_violation_a_row(self, models):
        (breach,) = validate(frame_of({"error": 0.5, "n": 1}, {"error": 0.5, "n": 100}), f"{models}:Coins")
        assert (breach.id_run, breach.column, breach.check, breach.row) == ("run1", "*", "small", 1)

    def test_a_schema_object_is_used_and_not_changed(self, models):
        path = f"{models}.schema"
        frame = frame_of({"x": 1}, {"x": -1})
        expected = (Violation(id_run="run1", column="x", value="-1.0", check="positive", row=1),)
        assert validate(frame, path) == validate(frame, path) == expected

    def test_an_error_in_a_users_own_code_is_a_violation(self, models):
        frame = frame_of({"x": 1})
        assert conform(frame, f"{models}.Broken") is frame
        assert validate(frame, f"{models}.Broken") == (Violation(column="*", check="RuntimeError: parser is broken"),)
