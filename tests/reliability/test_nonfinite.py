"""F17: values at the edges of what numbers can be come back to the bit, from the store and from every file."""

import csv
import json
import math
import struct

import pyarrow.parquet
import pytest

from runner import codec, stores

STEP = """
import math
import numpy as np
def step(run):
    run.fields.nan, run.fields.inf, run.fields.minus_inf, run.fields.minus_zero = math.nan, math.inf, -math.inf, -0.0
    run.fields.tiny, run.fields.huge, run.fields.third = 5e-324, 1.7976931348623157e308, 1 / 3
    run.fields.int64, run.fields.uint64, run.fields.beyond = -(2**63), 2**64 - 1, 2**200 + 1
    run.fields.float32, run.fields.numpy_int = np.float32(0.1), np.int64(2**53 + 1)
    for name, value in run.fields.items():
        if isinstance(value, float):
            run.log_metric(f"m/{name}", value)
"""
EXPECTED = {
    "nan": math.nan, "inf": math.inf, "minus_inf": -math.inf, "minus_zero": -0.0, "tiny": 5e-324, "huge": 1.7976931348623157e308,
    "third": 1 / 3, "int64": -(2**63), "uint64": 2**64 - 1, "beyond": 2**200 + 1,
    "float32": 0.10000000149011612, "numpy_int": 2**53 + 1,
}  # fmt: skip


def same(one, other):
    """To the bit, and of the same type."""
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack(">d", one) == struct.pack(">d", other)
    return type(one) is type(other) and one == other


@pytest.fixture
def made(project):
    project.module(STEP)
    project.experiment("edge", "{}")
    code, _, err = project.run("+experiment=edge")
    assert code == 0, err
    return project


def read(kind, project):
    """The twelve values as a reader gets them there."""
    results = project.root / "space" / "results" / "edge"
    if kind == "store":
        reader = stores.read(project.store)
        (record,) = reader.records("edge")
        reader.close()
        return dict(record.fields)
    if kind == "parquet":
        (row,) = pyarrow.parquet.read_table(results / "table.parquet").to_pylist()
        return {**row, "beyond": int(row["beyond"])}  # no column of whole numbers is that wide: it is one of texts
    if kind == "csv":
        (row,) = csv.DictReader((results / "table.csv").read_text().splitlines())
        return {name: type(EXPECTED[name])(text) for name, text in row.items() if name in EXPECTED}
    code, out, err = project.run(*{"ls": ("ls", "edge", "--json"), "table": ("table", "edge", "--json")}[kind])
    assert code == 0, err
    row = codec.loads(out) if kind == "table" else codec.loads(out)["fields"]
    assert json.loads(out)  # standard JSON: no bare NaN
    return {**row, "beyond": int(row["beyond"])}


@pytest.mark.parametrize("kind", ["store", "parquet", "csv", "ls", "table"])
def test_twelve_values_come_back_to_the_bit(made, kind):
    found = read(kind, made)
    assert {name: value for name, value in EXPECTED.items() if not same(found[name], value)} == {}


def test_so_do_points_of_metrics(made):
    reader = stores.read(made.store)
    (record,) = reader.records("edge")
    for name, value in EXPECTED.items():
        if isinstance(value, float) and name != "float32":
            ((_, values, _),) = reader.points(record.id_run, f"m/{name}")
            assert same(values[0], value), name
    reader.close()


@pytest.mark.parametrize("comparison", ["== fields.nan", "< 1", ">= 1", "<= inf", "!= inf and fields.nan < inf", ">= fields.nan"])
def test_nan_satisfies_no_comparison(made, comparison):
    """But for `== nan`, which asks for it by name."""
    code, out, err = made.run("ls", "edge", "--json", "--where", f"fields.nan {comparison}")
    assert (code in (0, 3), out) == (True, ""), err
    assert made.run("ls", "edge", "--json", "--where", "fields.nan == nan")[1] != ""


@pytest.mark.parametrize("reverse", [False, True])
def test_nan_is_last_in_either_order(project, reverse):
    project.module("import math\ndef step(n):\n    return {'value': [2.0, math.nan, math.inf, 1.0, -math.inf][n]}\n")
    project.experiment("edge", '{n: "range(0,5)"}')
    assert project.run("+experiment=edge")[0] == 0
    code, out, err = project.run("ls", "edge", "--json", "--sort", "value", *(["--reverse"] if reverse else []))
    assert code == 0, err
    values = [codec.loads(line)["fields"]["value"] for line in out.splitlines()]
    assert math.isnan(values[-1])
    assert values[:-1] == sorted(values[:-1], reverse=reverse)
