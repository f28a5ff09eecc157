"""A wrong schema is found before run 1, the quick way or the full way, and the error names the place."""

import re
import sys
import warnings

import pytest

from runner.errors import ConfigError
from runner.table import check_schema, check_schema_quick
from runner.table.schema import load
from runner.table.vocabulary import CHECKS, DTYPES, problems

ARGUMENTS = {
    "value": 1, "min_value": 1, "max_value": 2, "include_min": True, "include_max": True, "allowed_values": [1], "forbidden_values": [1],
    "pattern": "a", "string": "a", "values": [1], "exact_value": None,
}  # fmt: skip

GOOD = [
    None,
    {},
    {"columns": {"error": {"dtype": "float64", "nullable": False, "checks": {"ge": 0, "le": 1}}}},
    {"columns": {"error": None, "n": {}}},
    {"columns": {"x": {"dtype": "float64", "gt": 1, "description": "d", "default": 1.0}}},
    {"columns": {"x": {"dtype": "float64", "required": False, "unique": True, "coerce": True}}},
    {"columns": [{"name": "x", "dtype": "int64"}], "index": [{"dtype": "int64"}], "checks": None, "strict": "filter", "ordered": False},
    {"columns": {"x": {"checks": [{"value": 1, "options": {"check_name": "gt"}}]}}, "unique": ["x"], "coerce": True, "title": "t"},
    {"columns": {"x": {"dtype": "datetime64[ns, UTC]"}, "z": {"dtype": "int64[pyarrow]"}}},
    {"schema_type": "dataframe", "version": "0.20.0", "columns": {}, "index": None, "checks": {}},
]

BAD = [
    ({"colums": {}}, "results.schema.colums", "did you mean `columns`"),
    ({"columns": {"x": {"dtyp": "int64"}}}, "results.schema.columns.x.dtyp", "did you mean `dtype`"),
    ({"columns": {"x": {"dtype": "flot64"}}}, "results.schema.columns.x.dtype", "did you mean `float64`"),
    ({"columns": {"x": {"dtype": 64}}}, "results.schema.columns.x.dtype", "64 is not the name"),
    ({"dtype": "intt"}, "results.schema.dtype", "did you mean `int`"),
    ({"columns": {"x": {"checks": {"greater_then": 1}}}}, "results.schema.columns.x.checks.greater_then", "did you mean `greater_than`"),
    ({"columns": {"x": {"greater_then": 1}}}, "results.schema.columns.x.greater_then", "did you mean `greater_than`"),
    ({"columns": {"x": {"checks": {"gt": {"min": 1}}}}}, "results.schema.columns.x.checks.gt.min", "valid: min_value"),
    ({"columns": {"x": {"checks": [{"value": 1, "options": {"check_name": "gtt"}}]}}}, "checks\\[0\\].gtt", "did you mean `gt`"),
    ({"columns": {"x": {"checks": [1]}}}, "results.schema.columns.x.checks\\[0\\]", "check_name"),
    ({"columns": {"x": {"checks": 1}}}, "results.schema.columns.x.checks", "not a mapping of checks"),
    ({"checks": {"nonsense": 1}}, "results.schema.checks.nonsense", "unknown check"),
    ({"columns": {"x": "float64"}}, "results.schema.columns.x", "write {dtype: float64}"),
    ({"columns": {"x": {"nullable": "no"}}}, "results.schema.columns.x.nullable", "neither true nor false"),
    ({"columns": [{"dtype": "int64"}]}, "results.schema.columns", "needs a `name`"),
    ({"columns": 3}, "results.schema.columns", "not a mapping"),
    ({"index": [{"dtpe": "int64"}]}, "results.schema.index\\[0\\].dtpe", "did you mean `dtype`"),
    ({"columns": {"x(": {"regex": True}}}, "results.schema.columns.x\\(", "not a regular expression"),
    ({"drop_invalid_rows": True}, "results.schema.drop_invalid_rows", "none may be dropped"),
    ({"columns": {"x": {"drop_invalid_rows": True}}}, "results.schema.columns.x.drop_invalid_rows", "none may be dropped"),
    (3, "results.schema", "neither a mapping"),
    ("Coins", "results.schema", "not a dotted path"),
    ("a b.c", "results.schema", "not a dotted path"),
]


@pytest.mark.parametrize("schema", GOOD)
def test_a_right_schema_passes_both_checks(schema):
    assert refusals(schema) == []


def refusals(schema):
    """What the quick check says against it, and what the full one does."""
    said = []
    for check in (check_schema_quick, check_schema):
        try:
            check(schema, "coins.yaml")
        except ConfigError as error:
            said.append(str(error))
    return said


def test_decimals_as_pandera_writes_them():
    pytest.importorskip("pandera", "0.30")
    schema = {"columns": {"x": {"dtype": "Decimal(28, 2)"}}}
    assert refusals(schema) == []
    dtype = load(schema).columns["x"].dtype
    assert (dtype.precision, dtype.scale) == (28, 2)


@pytest.mark.parametrize(("schema", "key", "hint"), BAD)
def test_a_wrong_word_is_found_by_both_checks(schema, key, hint):
    for check in (check_schema_quick, check_schema):
        with pytest.raises(ConfigError, match=f"^coins.yaml: .*{key}: (.|\n)*{re.escape(hint)}") as caught:
            check(schema, "coins.yaml")
        assert caught.value.where == "coins.yaml"


@pytest.mark.parametrize(
    ("schema", "key", "text"),
    [
        ({"columns": {"x": {"dtype": "datetime64[fs64]"}}}, "results.schema.columns.x.dtype", "unknown dtype"),
        ({"columns": {"x": {"checks": {"in_range": {"min_value": 1}}}}}, "results.schema.columns.x", "max_value"),
        ({"columns": {"x": {"checks": {"str_matches": "["}}}}, "results.schema.columns.x", "unterminated"),
        ({"checks": {"gt": None}}, "results.schema", "min_value must not be None"),
        ("no_such_package_at_all.Schema", "results.schema", "ModuleNotFoundError"),
        ("json:nothing", "results.schema", "AttributeError"),
        ("json.dumps", "results.schema", "neither a DataFrameModel nor"),
    ],
)
def test_what_only_pandera_knows(schema, key, text):
    check_schema_quick(schema)
    with pytest.raises(ConfigError, match=text) as caught:
        check_schema(schema, "coins.yaml")
    assert (caught.value.where, caught.value.key) == ("coins.yaml", key)


def test_a_module_of_the_users_that_fails_or_would_drop_rows(tmp_path, monkeypatch):
    (tmp_path / "failing_models.py").write_text("raise SystemError('boom')")
    (tmp_path / "dropping_models.py").write_text("import pandera.pandas as pa\nschema = pa.DataFrameSchema(drop_invalid_rows=True)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="SystemError: boom"):
        check_schema("failing_models.Schema", "coins.yaml")
    with pytest.raises(ConfigError, match="none may be dropped"):
        check_schema("dropping_models.schema", "coins.yaml")
    sys.modules.pop("dropping_models")


class TestTheListsAreThoseOfPandera:
    def test_checks(self):
        import pandera.backends.pandas.builtin_checks as builtin
        import pandera.pandas as pa

        real = {name for name, value in vars(builtin).items() if getattr(value, "__module__", "") == builtin.__name__ and callable(value)}
        aliases = {"eq", "ne", "gt", "ge", "lt", "le", "between"}
        assert set(CHECKS) == real | aliases
        assert all(callable(getattr(pa.Check, name)) for name in CHECKS)

    @pytest.mark.parametrize("check", CHECKS)
    def test_arguments(self, check):
        (made,) = load({"columns": {"x": {"checks": {check: {name: ARGUMENTS[name] for name in CHECKS[check]}}}}}).columns["x"].checks
        assert set(made.statistics) == set(CHECKS[check])

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_every_listed_type_is_one(self, dtype):
        from pandera.engines.pandas_engine import Engine

        schema = {"columns": {"x": {"dtype": dtype}}}
        assert refusals(schema) == []
        assert load(schema).columns["x"].dtype == Engine.dtype(dtype)

    def test_no_type_is_refused_that_pandera_takes(self):
        import numpy as np
        from pandera.engines.pandas_engine import Engine

        words = {name for name in np.sctypeDict if isinstance(name, str)} | set(DTYPES)
        words |= {alias for dtype in Engine.get_registered_dtypes() for alias in (str(dtype), getattr(dtype, "__name__", "").lower())}
        for word in sorted(word for word in words if len(word) > 1):  # numpy warns of some letters
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    Engine.dtype(word)
                except (TypeError, ValueError, KeyError):
                    continue
            assert not list(problems({"dtype": word})), word

    def test_keys(self):
        """What pandera itself writes is read by both checks."""
        import pandera.pandas as pa
        from pandera.io.pandas_io import serialize_schema

        schema = pa.DataFrameSchema(
            {"x": pa.Column("int64", [pa.Check.gt(1), pa.Check.isin([1, 2], ignore_na=False)]), "y": pa.Column("str", nullable=True)},
            index=pa.Index("int64"),
            unique=["x"],
        )
        written = serialize_schema(schema)
        for part in (written, *written["columns"].values(), *written["index"]):
            assert not part.pop("drop_invalid_rows", None)
        check_schema(written, "")
