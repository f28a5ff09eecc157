"""The words of a schema mapping, and a check of them that costs no import of pandera.

It is pandera's own vocabulary, what `pandera.io.from_yaml` reads. The lists are literal, because pandera takes a third of
a second to import; a test compares them with pandera's registries.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from runner.errors import ConfigError
from runner.suggest import did_you_mean

KEY = "results.schema"

CHECKS: Mapping[str, tuple[str, ...]] = {
    "equal_to": ("value",),
    "eq": ("value",),
    "not_equal_to": ("value",),
    "ne": ("value",),
    "greater_than": ("min_value",),
    "gt": ("min_value",),
    "greater_than_or_equal_to": ("min_value",),
    "ge": ("min_value",),
    "less_than": ("max_value",),
    "lt": ("max_value",),
    "less_than_or_equal_to": ("max_value",),
    "le": ("max_value",),
    "in_range": ("min_value", "max_value", "include_min", "include_max"),
    "between": ("min_value", "max_value", "include_min", "include_max"),
    "isin": ("allowed_values",),
    "notin": ("forbidden_values",),
    "str_matches": ("pattern",),
    "str_contains": ("pattern",),
    "str_startswith": ("string",),
    "str_endswith": ("string",),
    "str_length": ("min_value", "max_value", "exact_value"),
    "unique_values_eq": ("values",),
}
"""Every check of a column, with its arguments."""

_OPTIONS = (
    *("value", "error", "ignore_na", "raise_warning", "n_failure_cases", "groupby", "groups"),
    *("element_wise", "name", "title", "description", "options"),
)
"""What any check takes besides."""

# fmt: off
DTYPES = (
    "bool", "boolean", "int", "int8", "int16", "int32", "int64", "Int8", "Int16", "Int32", "Int64", "uint", "uint8", "uint16", "uint32",
    "uint64", "UInt8", "UInt16", "UInt32", "UInt64", "float", "float16", "float32", "float64", "Float32", "Float64", "str", "string",
    "object", "category", "datetime", "datetime64", "timedelta", "timedelta64", "date", "time", "decimal", "complex", "complex64",
    "complex128", "bytes", "list", "dict", "tuple", "double", "half", "single", "longdouble", "integer",
)
"""The types by their plain names. Names with parameters (`datetime64[ns, UTC]`) are left to the full check."""

_ALIASES = (
    "byte", "ubyte", "short", "ushort", "intc", "uintc", "intp", "uintp", "long", "ulong", "longlong", "ulonglong", "csingle", "cdouble",
    "clongdouble", "float128", "complex256", "floating", "mixed", "unicode", "categorical", "interval", "Sparse", "NamedTuple",
    "TypedDict", "object0",
)
# fmt: on

_BOOLS = ("nullable", "unique", "coerce", "required", "regex")
_COLUMN = ("dtype", "checks", *_BOOLS, "name", "title", "description", "default", "report_duplicates")
_SCHEMA = (
    *("columns", "checks", "index", "multiindex", "dtype", "coerce", "strict", "name", "ordered", "unique", "report_duplicates"),
    *("unique_column_names", "add_missing_columns", "title", "description", "metadata"),
    *("schema_type", "version", "api", "dataframe_library"),
)

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*[.:][^\W\d]\w*(\.[^\W\d]\w*)*")


class Problem(NamedTuple):
    """What is wrong at one place of a schema."""

    key: str
    problem: str
    hint: str | None = None


def check_schema_quick(schema: Mapping[str, Any] | str | None, where: str | None = None) -> None:
    """Check the words and the structure of a schema. Raises ConfigError for the first that pandera would not understand."""
    for place, problem, hint in problems(schema):
        raise ConfigError(problem, where=where, key=place, hint=hint)


def problems(schema: object) -> Iterator[Problem]:
    """Everything that is wrong with the schema's words and structure."""
    if schema is None:
        return
    if isinstance(schema, str):
        if not _DOTTED.fullmatch(schema):
            yield Problem(KEY, f"{schema!r} is not a dotted path", "write pkg.module.Name or pkg.module:Name, or a mapping")
        return
    if not isinstance(schema, Mapping):
        yield Problem(KEY, f"{schema!r} is neither a mapping nor a dotted path")
        return
    yield from _unknown(schema, _SCHEMA, KEY)
    yield from _checks(schema.get("checks"), f"{KEY}.checks")
    yield from _dtype(schema.get("dtype"), f"{KEY}.dtype")
    for part in ("columns", "index"):
        yield from _components(schema.get(part), f"{KEY}.{part}", named=part == "columns")


def _components(parts: object, key: str, *, named: bool) -> Iterator[Problem]:
    if named and isinstance(parts, list | tuple) and not all(isinstance(part, Mapping) and "name" in part for part in parts):
        yield Problem(key, "every column of a list needs a `name`", "or write the columns as a mapping")
    elif named and isinstance(parts, Mapping):
        for name, part in parts.items():
            yield from _component(part, f"{key}.{name}")
            yield from _pattern(name, part, f"{key}.{name}")
    elif isinstance(parts, Mapping):
        yield from _component(parts, key)
    elif isinstance(parts, list | tuple):
        for number, part in enumerate(parts):
            yield from _component(part, f"{key}[{number}]")
    elif parts is not None:
        yield Problem(key, f"{parts!r} is not a mapping")


def _component(part: object, key: str) -> Iterator[Problem]:
    if part is None:
        return
    if not isinstance(part, Mapping):
        yield Problem(key, f"{part!r} is not a mapping", f"write {{dtype: {part}}}" if part in DTYPES else None)
        return
    yield from _unknown(part, (*_COLUMN, *CHECKS), key)
    yield from _dtype(part.get("dtype"), f"{key}.dtype")
    yield from _checks(part.get("checks"), f"{key}.checks")
    yield from _checks({name: part[name] for name in part if name in CHECKS}, key)
    for name, value in part.items():
        if name in _BOOLS and not isinstance(value, bool | None):
            yield Problem(f"{key}.{name}", f"{value!r} is neither true nor false")


def _pattern(name: object, part: object, key: str) -> Iterator[Problem]:
    if isinstance(part, Mapping) and part.get("regex") is True:
        try:
            re.compile(str(name))
        except re.error as error:
            yield Problem(key, f"{name!r} is not a regular expression: {error}")


def _checks(checks: object, key: str) -> Iterator[Problem]:
    if isinstance(checks, Mapping):
        yield from _unknown(checks, CHECKS, key, "check")
        for name, value in checks.items():
            if name in CHECKS and isinstance(value, Mapping):  # pandera overlooks arguments that it does not know
                yield from _unknown(value, (*CHECKS[name], *_OPTIONS), f"{key}.{name}", "argument")
    elif isinstance(checks, list | tuple):
        for number, check in enumerate(checks):
            options = check.get("options") if isinstance(check, Mapping) else None
            name = options.get("check_name") if isinstance(options, Mapping) else None
            if name is None:
                yield Problem(f"{key}[{number}]", "an entry needs `options: {check_name: ...}`", "or write the checks as a mapping")
            else:
                yield from _unknown({name: check}, CHECKS, f"{key}[{number}]", "check")
    elif checks is not None:
        yield Problem(key, f"{checks!r} is not a mapping of checks")


def _dtype(dtype: object, key: str) -> Iterator[Problem]:
    if isinstance(dtype, str) and re.fullmatch(r"[A-Za-z]{3,}\d*", dtype) and dtype not in (*DTYPES, *_ALIASES):
        yield Problem(key, f"unknown dtype {dtype!r}", did_you_mean(dtype, DTYPES, "valid"))
    elif not isinstance(dtype, str | None):
        yield Problem(key, f"{dtype!r} is not the name of a dtype")


def _unknown(given: Mapping[Any, Any], known: Collection[str], key: str, what: str = "key") -> Iterator[Problem]:
    for name in given:
        if name == "drop_invalid_rows":
            yield Problem(f"{key}.{name}", "a table has one row for every completed run; none may be dropped", "remove this key")
        elif name not in known:
            yield Problem(f"{key}.{name}", f"unknown {what} {name!r}", did_you_mean(str(name), known, "valid"))
