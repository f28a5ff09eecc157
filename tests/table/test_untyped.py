"""table.csv read back without table.parquet: what was written, with the types of the manifest, and no text that was made a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import codec, table
from runner.errors import IncompleteError, StoreError
from runner.table import Row
from runner.table.text import present

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6) | st.sampled_from(
    ["3.10", "1_0", "nan", "inf", "True", "", "1e5", "٣", " 1", "+1", "007", "-0", "0x1"]
)
VALUES = st.one_of(
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
)


def rows_of(folder, columns):
    return list(table.csv_rows(folder, columns))


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=4) | st.lists(VALUES | st.none(), min_size=1, max_size=4))
def test_what_was_written_comes_back_with_the_types_of_the_manifest(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("t")
    frame = table.build([Row(id_run=str(n), params={}, fields_json=codec.dumps({"v": value})) for n, value in enumerate(values)], ())
    table.write(frame, folder)
    columns = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}

    found = [row.get("v") for row in rows_of(folder, columns)]

    assert codec.dumps(found) == codec.dumps(present(frame["v"]) if "v" in frame else [None] * len(values))


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_without_a_manifest_only_what_is_written_as_a_number_is_one(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("t")
    table.write(table.build([Row(id_run=str(n), params={}, fields_json=codec.dumps({"v": v})) for n, v in enumerate(texts)], ()), folder)

    for row, text in zip(rows_of(folder, {}), texts, strict=True):
        value = row["v"]
        assert value == text if isinstance(value, str) else str(value) == text


def test_one_text_in_a_column_makes_all_of_it_texts(tmp_path):
    (tmp_path / "table.csv").write_text("a,b,c,d\n3.10,1,1.5,True\n3.9,2,nan,False\n1_0,,-0.0,\n")
    assert rows_of(tmp_path, {}) == [
        {"a": "3.10", "b": 1, "c": 1.5, "d": True},
        {"a": "3.9", "b": 2, "c": "nan", "d": False},
        {"a": "1_0", "c": -0.0},
    ]


def test_a_cell_may_be_longer_than_a_block_of_the_reader(tmp_path):
    (tmp_path / "table.csv").write_text(f"a,b\n{'x' * 3_000_000},1\n")
    assert [len(row["a"]) for row in rows_of(tmp_path, {})] == [3_000_000]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"a\n\xff\n", {}),
        (b"\xff\n1\n", {}),
        (b"", {}),
        (b"a,b\n1\n", {}),
        (b"a\n1_0\n", {"a": "int64"}),
        (b"a\n1_0\n", {"a": "float64"}),
        (b"a\ntrue\n", {"a": "bool"}),
        (b"a\n[1\n", {"a": "object"}),
    ],
)
def test_what_is_no_such_table_is_told_with_the_file(tmp_path, content, columns):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(StoreError, match=r"table\.csv cannot be read: "):
        rows_of(tmp_path, columns)


def test_where_there_is_no_table_that_is_told(tmp_path):
    with pytest.raises(IncompleteError, match="there is no table"):
        rows_of(tmp_path, {})
