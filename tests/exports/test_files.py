"""CSV and Parquet: the runs as a table, or the points of their metrics."""

import csv
import datetime as dt
import io
import math

import pandas as pd
import pyarrow.parquet as pq
import pytest


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_a_run_with_point_fields_metrics_and_logged_parameters(project, xrun):
    assert xrun("export", "csv", "coins").returncode == 0
    found = rows((project.root / "coins.csv").read_text())
    assert list(found[0])[:6] == ["id_run", "status", "N", "lr", "late", "error"]
    assert [row["status"] for row in found] == ["COMPLETED", "COMPLETED", "FAILED", "TIMED_OUT"]
    first = found[0]
    assert (first["N"], first["error"], first["loss"], first["val/acc"], first["width"]) == ("1", "0.25", "1.0", "0.75", "128")
    assert first["odd"] == "inf"  # the value of the highest step
    assert found[2]["error"] == ""
    assert "system/cpu_percent" not in first


def test_parquet_has_the_same_rows_with_types(project, xrun):
    assert xrun("export", "parquet", "coins").returncode == 0
    table = pq.read_table(project.root / "coins.parquet")
    assert table.column("N").to_pylist() == [1, 25, 50, 100]
    assert str(table.schema.field("N").type) == "int64"
    assert str(table.schema.field("error").type) == "double"
    assert table.column("error").to_pylist() == [0.25, 0.75, None, None]


def test_columns_are_selectors_named_as_they_are_written_but_for_backticks(project, xrun):
    done = xrun("export", "csv", "coins", "-", "--columns", "N, loss.min,fields.error,`val/acc`.max", "--where", "status == 'COMPLETED'")
    lines = done.stdout.splitlines()
    assert lines[0] == "id_run,N,loss.min,fields.error,val/acc.max"
    assert [line.partition(",")[2] for line in lines[1:]] == ["1,1.0,0.25,0.75", "25,2.0,0.75,"]


def test_an_unknown_column_names_the_nearest(project, xrun):
    done = xrun("export", "csv", "coins", "--columns", "eror")
    assert done.returncode == 2
    assert "did you mean `error`?" in done.stderr


def test_metrics_are_a_row_a_point_in_the_order_in_which_they_were_logged(project, xrun):
    assert xrun("export", "csv", "coins", "--metrics", "loss", "odd", "--columns", "N").returncode == 0
    text = (project.root / "coins.metrics.csv").read_text()
    found = rows(text)
    assert text.splitlines()[0] == "id_run,N,metric,step,time,value"
    first = [(row["metric"], row["step"], row["value"]) for row in found if row["N"] == "1"]
    assert first == [
        ("loss", "0", "3.0"),
        ("loss", "1", "2.0"),
        ("loss", "2", "1.0"),
        ("odd", "5", "inf"),
        ("odd", "2", "nan"),
        ("odd", "2", "-inf"),
    ]
    assert [row["N"] for row in found] == ["1"] * 6 + ["25"] * 2 + ["50"]
    assert dt.datetime.fromisoformat(found[1]["time"]).timestamp() == project.started + 1


def test_metrics_without_a_name_are_all_but_those_of_the_system(project, xrun):
    names = {row["metric"] for row in rows(xrun("export", "csv", "coins", "-", "--metrics").stdout)}
    assert names == {"loss", "odd", "val/acc"}
    named = rows(xrun("export", "csv", "coins", "-", "--metrics", "system/cpu_percent").stdout)
    assert [row["value"] for row in named] == ["99.0"]


def test_an_unknown_metric_names_the_nearest(project, xrun):
    done = xrun("export", "csv", "coins", "--metrics", "los")
    assert done.returncode == 2
    assert "there is no metric `los`; did you mean `loss`?" in done.stderr


def test_points_as_parquet_are_typed_and_exact_over_several_parts(project, xrun):
    count = 70_001  # more than are written at once
    values = [math.pi * n for n in range(count)]
    runs = [
        project.Made(f"dddddddd-0000-8000-8000-00000000000{n}", {"x": [1, 2] if n else None}, metrics={"curve": (range(count), values)})
        for n in (0, 1)
    ]
    project.put(*runs, experiment="long")
    assert xrun("export", "parquet", "long", "points.parquet", "--metrics", "curve").returncode == 0
    table = pq.read_table(project.root / "points.parquet")
    frame = table.to_pandas()
    assert list(frame) == ["id_run", "x", "metric", "step", "time", "value"]
    assert frame["value"].tolist() == values * 2
    assert frame["step"].tolist() == [*range(count)] * 2
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert frame["time"].iloc[0] == pd.Timestamp(project.started, unit="s", tz="UTC")
    assert table.column("x")[0].as_py() is None
    assert table.column("x")[count].as_py() == [1, 2]


def test_a_target_that_cannot_be_written_is_exit_74_and_leaves_no_draft(project, xrun):
    (project.root / "taken").write_text("a file, no folder")
    done = xrun("export", "csv", "coins", "taken/coins.csv")
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
    assert [path.name for path in project.root.iterdir() if path.name.startswith(".xrun-")] == []


def test_exporting_again_replaces_the_file(project, xrun):
    (project.root / "coins.csv").write_text("old")
    xrun("export", "csv", "coins")
    first = (project.root / "coins.csv").read_bytes()
    xrun("export", "csv", "coins")
    assert (project.root / "coins.csv").read_bytes() == first
    assert b"old" not in first


def test_parquet_is_not_for_the_standard_output(project, xrun):
    done = xrun("export", "parquet", "coins", "-")
    assert done.returncode == 2
    assert "name a file" in done.stderr


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_runs_without_metrics_are_a_sentence(kind, project, xrun):
    project.put(project.Made("eeeeeeee-0000-8000-8000-000000000001", {"N": 1}, {"error": 1.0}), experiment="plain")
    done = xrun("export", kind, "plain", "--metrics")
    assert done.returncode == 3
    assert "no metrics" in done.stderr


def test_a_file_in_a_folder_that_does_not_exist_is_refused(project, xrun):
    done = xrun("export", "csv", "coins", "mising/coins.csv")
    assert done.returncode == 2
    assert "mising/coins.csv: there is no folder mising; make it first" in done.stderr
    assert not (project.root / "mising").exists()


def test_where_no_run_meets_the_condition_what_looks_like_a_mistake_is_said(project, xrun):
    done = xrun("export", "csv", "coins", "--where", "N == '25'")
    assert done.returncode == 3
    assert "`N` is a number in these runs and is compared with a text" in done.stderr


def test_child_runs_stand_behind_their_parent_with_its_params_when_asked_for(project, xrun):
    found = rows(xrun("export", "csv", "coins", "-", "--children").stdout)
    assert [(row["N"], row["fold"], row["run.name"]) for row in found[:3]] == [("1", "", ""), ("1", "0", "fold0"), ("25", "", "")]
    assert found[1]["run.parent"] == found[0]["id_run"]
    assert len(rows(xrun("export", "csv", "coins", "-").stdout)) == len(found) - 1
    points = rows(xrun("export", "csv", "coins", "-", "--children", "--metrics", "loss").stdout)
    assert [(point["N"], point["value"]) for point in points if point["fold"] == "0"] == [("1", "0.5")]


def test_rows_that_runs_logged_are_exported(project, xrun):
    assert xrun("export", "csv", "coins", "--rows", "scores", "--where", "N == 1").returncode == 0
    found = rows((project.root / "coins.scores.csv").read_text())
    assert [(row["N"], row["name"], row["score"], row["extra"]) for row in found] == [
        ("1", "a", "1.5", ""),
        ("1", "b", "nan", ""),
        ("1", "c", "", "1"),
    ]
    wrong = xrun("export", "csv", "coins", "--rows", "score")
    assert (wrong.returncode, wrong.stderr) == (3, "xrun: the runs of `coins` have logged no table `score`; did you mean `scores`?\n")
    assert xrun("export", "csv", "coins", "--rows", "scores", "--columns", "N").returncode == 2
