"""What `runner.load` gives back."""

import math
import os
from pathlib import Path

import pandas as pd
import pytest

import runner
from runner import table
from runner.errors import IncompleteError, UsageError
from runner.reading import Results, load
from runner.table.text import present
from runner.workspace import Workspace

A, B, C = (f"{n}{n}000000-0000-8000-8000-000000000000" for n in "abc")
CHILD = "d0000000-0000-8000-8000-000000000000"
INF = math.inf


def rows(frame: pd.DataFrame, *names: str) -> list[tuple[object, ...]]:
    """The rows as plain values; NaN as text, missing as None."""
    plain = [[None if value is None else "nan" if value != value else value for value in present(frame[name])] for name in names or frame]
    return list(zip(*plain, strict=True))


def test_runs_have_all_there_is_to_say_under_the_shortest_names_that_stand_for_it(results: Results) -> None:
    frame = results.runs()
    assert list(frame) == [
        "id_run", "status", "lr", "step", "P", "error", "nested.a", "nested.b", "fields.loss", "metrics.loss", "val/acc", "twice",
    ]  # fmt: skip
    assert rows(frame) == [
        (A, "COMPLETED", 0.1, 1, 1, 0.5, INF, [1, 2], None, "nan", None, None),
        (B, "COMPLETED", 0.2, 2, 2, "nan", None, None, "as a field", 7.0, 0.5, 0.4),
        (C, "FAILED", 0.3, 3, 2, None, None, None, None, None, None, None),
    ]
    assert str(frame["lr"].dtype) == "float64"


def test_every_default_column_can_be_asked_for_by_its_name(results: Results) -> None:
    frame = results.runs()
    assert rows(results.runs(columns=list(frame))) == rows(frame)


def test_columns_are_selectors_and_may_be_named(results: Results) -> None:
    frame = results.runs(columns=["metrics.loss.min", "kwargs.same", "failure"])
    assert list(frame) == ["id_run", "metrics.loss.min", "kwargs.same", "failure"]
    assert rows(frame, "metrics.loss.min", "kwargs.same", "failure") == [(1.0, 0, None), (7.0, 0, None), (None, 0, "ValueError: no")]
    named = results.runs(columns={"best": "metrics.loss.min", "who": "run.id_run"})
    assert rows(named) == [(1.0, A), (7.0, B), (None, C)]
    with pytest.raises(UsageError, match="did you mean `error`"):
        results.runs(columns=["eror"])


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("params.lr < 0.25 and (fields.error > .1 or status == 'FAILED')", [A]),
        ("status == 'FAILED' or error == nan", [B, C]),
        ("error is null", [C]),
        ("metrics.loss.n_nan == 2", [A]),
        ("tags.owner == 'me'", [A]),
        ("lr > 1", []),
    ],
)
def test_where_chooses_runs(results: Results, condition: str, found: list[str]) -> None:
    assert [one for (one,) in rows(results.runs(where=condition), "id_run")] == found


def test_names_that_only_other_runs_have_are_known_all_the_same(results: Results) -> None:
    assert rows(results.runs(where="status == 'FAILED'", columns=["error"]), "error") == [(None,)]
    assert rows(results.runs(where="lr > 1", columns=["error"])) == []


def test_child_runs_are_there_when_asked_for(results: Results) -> None:
    frame = results.runs(children=True, columns=["fold", "metrics.loss"])
    assert rows(frame, "id_run", "fold", "metrics.loss", "parent", "name")[0] == (CHILD, 0, -1.0, A, "fold0")
    assert len(frame) == 4
    assert CHILD in set(results.metrics("loss", children=True)["id_run"])
    assert CHILD not in set(results.metrics("loss")["id_run"])


def test_metrics_have_a_row_a_point_exact_and_in_the_order_in_which_they_were_logged(results: Results) -> None:
    frame = results.metrics("loss")
    assert list(frame) == ["id_run", "lr", "params.step", "metric", "step", "time", "value"]
    assert rows(frame, "id_run", "lr", "params.step", "step", "value") == [
        (A, 0.1, 1, 0, 3.0), (A, 0.1, 1, 1, 1.0), (A, 0.1, 1, 2, 2.0), (A, 0.1, 1, 10, "nan"), (A, 0.1, 1, 5, -INF), (B, 0.2, 2, 0, 7.0),
    ]  # fmt: skip
    assert [time.timestamp() for time in frame["time"]] == [1000.0, 1000.25, 1000.5, 2000.0, 2000.0, 1000.0]
    assert [str(frame[name].dtype) for name in ("step", "time", "value")] == ["int64", "datetime64[us, UTC]", "float64"]


def test_all_metrics_but_those_of_the_system_unless_they_are_named(results: Results) -> None:
    assert set(results.metrics()["metric"]) == {"loss", "val/acc"}
    assert rows(results.metrics(["val/acc", "system/cpu_percent"]), "metric", "value") == [("system/cpu_percent", 99.0), ("val/acc", 0.5)]
    assert rows(results.metrics("loss", where="lr > 0.15"), "value") == [(7.0,)]
    assert len(results.metrics("loss", where="lr > 0.25")) == 0


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("lss", IncompleteError, "the runs of `net` have no metric `lss`; did you mean `loss`?"),
        ("loss.min", UsageError, "`loss.min` is one value a run"),
        ("status", IncompleteError, "metrics: loss, system/cpu_percent, val/acc"),
    ],
)
def test_a_metric_that_nobody_logged_is_an_error_with_the_nearest(results: Results, name: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind) as error:
        results.metrics(name)
    assert told in str(error.value)


def test_no_metrics_at_all_is_an_error(workspace: Workspace) -> None:
    other = load("other", workspace)
    assert rows(other.metrics("loss"), "value") == [(7.0,)]  # of the run that both experiments share
    with pytest.raises(IncompleteError, match="have no metrics"):
        Results("lonely", _with_a_run(workspace)).metrics()


def _with_a_run(workspace: Workspace) -> Workspace:
    from runner import stores
    from runner.record import Record, Status

    store = stores.open(workspace.store)
    store.begin("lonely", 3.0)
    store.append([Record(id_run="ef", experiment="lonely", status=Status.COMPLETED)])
    store.close()
    return workspace


def test_artifacts_tell_what_they_are_and_where_they_lie(results: Results) -> None:
    file = str(results.workspace.artifacts / A / "images/x.png")
    assert rows(results.artifacts()) == [(A, "images/x.png", 5, "ab" * 32, "image", 7, file)]
    assert len(results.artifacts(where="lr > 0.15")) == 0
    assert list(results.artifacts(where="lr > 0.15")) == list(results.artifacts())


def test_logs_of_one_run_by_the_beginning_of_its_id_or_of_all(results: Results) -> None:
    assert results.logs(A[:3]) == "one\ntrouble\ntwo\n"
    assert results.logs(A, "stdout") == "one\ntwo\n"
    assert results.logs(stream="stderr") == {A: "trouble\n", B: "", C: ""}
    with pytest.raises(UsageError, match="did you mean `stderr`"):
        results.logs(A, "stdrr")
    with pytest.raises(IncompleteError, match="no run whose id begins with `zz`"):
        results.logs("zz")
    with pytest.raises(UsageError, match="several runs begin with `a`"):
        results.logs("a")


def test_rows_of_a_logged_table_over_runs_with_null_where_a_row_lacks_a_column(results: Results) -> None:
    frame = results.rows("confusion")
    assert rows(frame, "id_run", "params.lr", "step", "label", "hits", "lr") == [
        (A, 0.1, 1, "a", 1, None), (A, 0.1, 1, "b", 2, None), (A, 0.1, 1, "c", None, "of the table"),
    ]  # fmt: skip
    with pytest.raises(IncompleteError, match="have logged no table `confusoin`; did you mean `confusion`"):
        results.rows("confusoin")


def test_the_published_table(results: Results) -> None:
    with pytest.raises(IncompleteError, match="there is no table"):
        results.table()
    table.write(pd.DataFrame({"id_run": ["x"], "y": [1.5]}), results.workspace.results / "net")
    assert rows(results.table()) == [("x", 1.5)]


def test_an_experiment_that_there_is_not_is_an_error_with_the_nearest(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"there are no results of `nte`.*did you mean `net`"):
        load("nte", workspace)
    with pytest.raises(IncompleteError, match="there are no results of `net`"):
        load("net", tmp_path / "elsewhere")


def test_the_project_around_the_working_directory_is_read_or_the_workspace_that_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XRUN_CONF", raising=False)
    monkeypatch.delenv("XRUN_WORKSPACE", raising=False)
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    assert len(runner.load("net").runs()) == 3
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    assert len(runner.load("net", tmp_path).runs()) == 3
    assert len(runner.load("net", os.fspath(tmp_path)).runs()) == 3
    monkeypatch.setenv("XRUN_WORKSPACE", str(tmp_path))
    assert len(runner.load("net").runs()) == 3


def test_a_table_without_a_store_can_be_loaded(tmp_path: Path) -> None:
    table.write(pd.DataFrame({"id_run": ["x"]}), tmp_path / "results/shipped")
    assert len(load("shipped", tmp_path).table()) == 1
    with pytest.raises(IncompleteError, match="there are no results yet"):
        load("shipped", tmp_path).runs()
