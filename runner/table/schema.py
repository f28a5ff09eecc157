"""A schema as it is declared -> pandera's schema object."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from runner.errors import ConfigError
from runner.suggest import did_you_mean
from runner.table.vocabulary import CHECKS, DTYPES, KEY, Problem, problems

Schema = Mapping[str, Any] | str
"""pandera's YAML vocabulary, or a dotted path to a DataFrameModel or DataFrameSchema."""


def load(schema: Schema) -> Any:
    """The pandera DataFrameSchema. Raises what pandera or the import raises; `check_schema` says it better."""
    if isinstance(schema, str):
        return _imported(schema)
    from pandera.io import pandas_io

    deserialise: Any = pandas_io.deserialize_schema  # it has no annotations
    return deserialise(_complete(schema))


def check_schema(schema: Schema | None, where: str | None = None) -> None:
    """Check everything about a schema that can be known before there is a table. Imports pandera.

    Raises ConfigError for the first thing that is wrong; `where` is the file that declares the schema, None where the caller adds it.
    """
    for key, problem, hint in _problems(schema):
        raise ConfigError(problem, where=where, key=key, hint=hint)


def _problems(schema: Schema | None) -> Iterator[Problem]:
    yield from problems(schema)
    if isinstance(schema, str):
        yield from _path_problems(schema)
    elif schema is not None:
        for name, column in _columns(schema):
            yield from _part_problems({"columns": {name: column}}, (column or {}).get("dtype"), f"{KEY}.columns.{name}")
        yield from _part_problems(schema, schema.get("dtype"), KEY)


def _path_problems(path: str) -> Iterator[Problem]:
    try:
        schema = _imported(path)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a user's module may raise anything
        yield Problem(KEY, f"{path} cannot be used: {type(error).__name__}: {error}")
        return
    if schema.drop_invalid_rows:
        yield from problems({"drop_invalid_rows": True})


def _part_problems(part: Mapping[str, Any], dtype: str | None, key: str) -> Iterator[Problem]:
    """What pandera itself says to a part of a schema."""
    from pandera.engines.pandas_engine import Engine

    try:
        if dtype is not None and not dtype.startswith("Decimal("):  # pandera's deserialiser knows that one, its engine does not
            Engine.dtype(dtype)
    except (TypeError, ValueError):
        yield Problem(f"{key}.dtype", f"unknown dtype {dtype!r}", did_you_mean(dtype or "", DTYPES, "valid"))
        return
    try:
        load(part)
    except Exception as error:  # noqa: BLE001  # whatever a check's constructor raises
        yield Problem(key, f"pandera rejects it: {error}")


def _imported(path: str) -> Any:
    import pandera.pandas as pa

    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if isinstance(found, type) and issubclass(found, pa.DataFrameModel):
        return found.to_schema()
    if isinstance(found, pa.DataFrameSchema):
        return found
    raise TypeError(f"{name} is neither a DataFrameModel nor a DataFrameSchema of pandera.pandas")


def _columns(schema: Mapping[str, Any]) -> list[tuple[Any, Mapping[str, Any] | None]]:
    columns = schema.get("columns") or {}
    return list(columns.items()) if isinstance(columns, Mapping) else [(column["name"], column) for column in columns]


def _complete(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with everything that pandera's deserialiser wants to find; it also changes what it is given."""
    import pandera

    index = schema.get("index")
    parts = [index] if isinstance(index, Mapping) else index
    given = {
        "columns": {str(name): _component(column or {}) for name, column in _columns(schema)},
        "checks": _plain(schema.get("checks")),
        "index": [_component(part) for part in parts] if parts else None,
    }
    return {"schema_type": "dataframe", "version": pandera.__version__, **_plain(schema), **given}


def _component(part: Mapping[str, Any]) -> dict[str, Any]:
    """A column with all of its checks under `checks`; pandera reads those beside it only where there is no `checks`."""
    plain: dict[str, Any] = {name: value for name, value in _plain(part).items() if name not in CHECKS}
    beside = {name: value for name, value in _plain(part).items() if name in CHECKS}
    checks = plain.get("checks")
    if isinstance(checks, list):
        listed = [{**(value if isinstance(value, dict) else {"value": value}), "options": {"check_name": n}} for n, value in beside.items()]
        return {**plain, "checks": checks + listed}
    return {**plain, "checks": {**(checks or {}), **beside} or None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
