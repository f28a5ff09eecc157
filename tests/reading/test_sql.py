"""SQL on the store: documented views, exact values, nothing written."""

import math
import re
import shutil
import sqlite3

import pytest

from runner import stores
from runner.errors import IncompleteError, UsageError
from runner.reading import load, sql, unpacking
from runner.reading.views import VIEWS
from runner.record import Trail
from runner.workspace import Workspace
from tests.reading.conftest import points

A, B, C = (f"{n}{n}000000-0000-8000-8000-000000000000" for n in "abc")
CHILD = "d0000000-0000-8000-8000-000000000000"


def ask(workspace: Workspace, statement: str) -> list[tuple[object, ...]]:
    with sql.query(workspace, statement) as answer:
        return list(answer.rows)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_the_columns_that_its_description_names_in_that_order(workspace: Workspace, name: str) -> None:
    with sql.query(workspace, f"SELECT * FROM {name}") as answer:
        list(answer.rows)
    described = re.sub(r"\([^)]*\)|;.*", "", VIEWS[name][0])
    assert list(answer.columns) == re.findall(
        r"\b(?!of parameters that steps\b)[a-z_0-9]+(?=\s*(?:,|$))", described.replace(" of parameters that steps logged", "")
    )


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT id_run, status, seconds, max_rss, parent, name, failure FROM runs WHERE experiment = 'net' ORDER BY 1",
         [(A, "COMPLETED", 0.0, 5, None, None, None), (B, "COMPLETED", 0.5, None, None, None, None),
          (C, "FAILED", 1.0, None, None, None, "ValueError: no"), (CHILD, "COMPLETED", 0.0, None, A, "fold0", None)]),
        ("SELECT id_run FROM experiments WHERE experiment = 'other' ORDER BY 1", [("ab" + A[2:],), (B,)]),
        ("SELECT name, value FROM params WHERE id_run LIKE 'bb%'", [("lr", 0.2), ("step", 2)]),
        ("SELECT name, value FROM kwargs WHERE id_run LIKE 'bb%'", [("P", 2), ("same", 0)]),
        ("SELECT name, value FROM logged", [("twice", 0.4)]),
        ("SELECT name, value FROM tags", [("owner", "me")]),
        ("SELECT name, value FROM fields ORDER BY id_run, name",
         [("error", 0.5), ("nested.a", math.inf), ("nested.b", "[1,2]"), ("error", None), ("loss", "as a field")]),
        ("SELECT last, first, min, max, mean, count, n_nan, last_step, min_step FROM metrics WHERE name = 'loss' AND id_run LIKE 'aa%'",
         [(None, 3.0, 1.0, 3.0, 2.0, 5, 2, 10, 1)]),
        ("SELECT step, time, value FROM points WHERE name = 'loss' AND id_run LIKE 'aa%'",
         [(0, 1000.0, 3.0), (1, 1000.25, 1.0), (2, 1000.5, 2.0), (10, 2000.0, None), (5, 2000.0, -math.inf)]),
        ("SELECT path, size, kind, step FROM artifacts", [("images/x.png", 5, "image", 7)]),
        ("SELECT stream, text FROM logs WHERE id_run LIKE 'aa%' ORDER BY 1", [("stderr", "trouble\n"), ("stdout", "one\ntwo\n")]),
        ("SELECT p.value, max(q.value) FROM params p JOIN points q USING (id_run) WHERE p.name = 'lr' AND q.name = 'loss' GROUP BY 1",
         [(0.1, 3.0), (0.2, 7.0)]),
    ],
)  # fmt: skip
def test_views_hold_what_runs_left(workspace: Workspace, statement: str, rows: list[tuple[object, ...]]) -> None:
    assert ask(workspace, statement) == rows


def test_minus_zero_is_a_number_that_keeps_its_sign(workspace: Workspace) -> None:
    store = stores.open(workspace.store)
    made = Trail(id_run=CHILD, experiment="net", epoch=0, attempt=1, entries=(("", points("zero", [0, 1], [0.5, -0.0])),))
    store.append(list(store.children(A)), [made])
    store.close()
    (row,) = ask(workspace, "SELECT last, min, first, max FROM metrics WHERE name = 'zero' AND last <= 0 AND last < first")
    assert list(map(str, row)) == ["-0.0", "-0.0", "0.5", "0.5"]
    runs = load("net", workspace).runs(columns={"last": "zero.last"}, children=True)
    assert "-0.0" in map(str, runs["last"])


def test_artifacts_say_where_they_lie_also_in_a_folder_with_a_quote(workspace: Workspace) -> None:
    moved = Workspace(workspace.folder.with_name("it's"), workspace.results)
    shutil.copytree(workspace.folder, moved.folder)
    assert ask(moved, "SELECT file FROM artifacts") == [(str(moved.artifacts / A / "images/x.png"),)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM run",
        "DELETE FROM runs",
        "INSERT INTO params VALUES (1, 2, 3)",
        "UPDATE main.run SET seed = 1",
        "DROP TABLE run",
        "DROP VIEW runs",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "ATTACH 'x.db' AS x",
        "VACUUM",
        "VACUUM INTO 'x.db'",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "BEGIN IMMEDIATE",
        "SELECT load_extension('x')",
        "REINDEX",
        "ANALYZE",
        "WITH t AS (SELECT 1) DELETE FROM run",
        "EXPLAIN DELETE FROM run",
    ],
)
def test_whatever_would_write_is_refused_and_changes_nothing(workspace: Workspace, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.folder)
    before = {path.name: path.read_bytes() for path in workspace.folder.iterdir() if path.suffix != ".db-shm"}
    with pytest.raises(UsageError) as error:
        ask(workspace, statement)
    assert "more than read" in str(error.value) or "SQLite:" in str(error.value)
    assert {path.name: path.read_bytes() for path in workspace.folder.iterdir() if path.suffix not in (".db-shm", ".db-wal")} == {
        name: data for name, data in before.items() if not name.endswith("-wal")
    }


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM rums", "no such table: rums; did you mean `runs`?"),
        ("SELECT nowhere FROM runs", "no such column: nowhere"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("", "begins with SELECT"),
        ("-- a comment", "begins with SELECT"),
        ("SELECT ?", "bindings"),
        ("SELECT '\0'", "null character"),
        ("SELECT '\ud800'", "surrogates"),
        ("SELECT json('{')", "malformed JSON"),
        ("SELECT zeroblob(10000000000)", "too big"),
    ],
)
def test_a_wrong_statement_is_a_usage_error_with_sqlites_words_and_the_views(workspace: Workspace, statement: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        ask(workspace, statement)
    assert told in str(error.value)
    assert "points " in str(error.value)


def test_columns_of_one_name_are_told_apart(workspace: Workspace) -> None:
    with sql.query(workspace, "SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a") as answer:
        assert list(answer.rows) == [(1, 2, 3, 4)]
    assert answer.columns == ("a", "a_2", "a_2_2", "a_3")


def test_text_that_is_not_utf8_can_be_read(workspace: Workspace) -> None:
    assert ask(workspace, "SELECT CAST(x'41ff' AS TEXT)") == [("A\\xff",)]


def test_without_a_store_there_is_nothing_to_ask(workspace: Workspace) -> None:
    with pytest.raises(IncompleteError, match="no results yet"):
        ask(Workspace(workspace.folder / "none", workspace.results), "SELECT 1")
    assert not (workspace.folder / "none").exists()


def test_a_writer_at_work_is_no_obstacle(workspace: Workspace) -> None:
    writer = sqlite3.connect(workspace.store, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE run SET seed = 77")
    assert ask(workspace, "SELECT DISTINCT seed FROM runs") == [(0,)]
    writer.execute("ROLLBACK")
    writer.close()


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ('{"a":1}', '{"a":1}'),
        ('{"a":{"b":"Infinity"},"c":{"$f":"-inf"},"d":{"$f":"nan"}}', '{"a.b":"Infinity","c":-9e999,"d":null}'),
        ('{"a":{"$datetime":"2026-01-02T03:04:05"}}', '{"a":"2026-01-02T03:04:05"}'),
        ('{"a":[{"$f":"inf"},{"x":[{"$f":"nan"}]}]}', '{"a":[9e999,{"x":[null]}]}'),
        ('{"a":{},"big":{"$int":"-0x' + "f" * 4000 + '"}}', '{"a":{},"big":-9e999}'),
        ('{"a":{"$seconds":[0,90,500000]},"b":{"$bytes":"QQ=="}}', '{"a":90.5,"b":"b\'A\'"}'),
        ('{"$$f":1}', '{"$f":1}'),
    ],
)
def test_fields_in_the_stores_terms_become_plain_json(text: str, flat: str) -> None:
    assert unpacking.flattened(text) == flat
