"""MLflow, the real one, on SQLite: what its own client reads afterwards."""

import contextlib
import io
import json
import math
import os
import shutil
import socket
import time
import warnings
from pathlib import Path

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow import MlflowClient

from runner.commands import export
from runner.errors import XrunError
from runner.exports.base import ExportWarning

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
FIRST, SECOND, FAILED, LATE = (f"aaaaaaaa-0000-8000-8000-00000000000{n}" for n in (1, 2, 3, 4))
CHILD = "bbbbbbbb-0000-8000-8000-000000000001"
URI = "sqlite:///mlflow.db"


def call(root: Path, *arguments: str) -> str:
    """What `xrun export mlflow` says, called in this process: MLflow takes two seconds to import."""
    told = io.StringIO()
    with contextlib.chdir(root), contextlib.redirect_stderr(told), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", ExportWarning)
        try:
            assert export.main(["mlflow", *arguments, "--uri", f"sqlite:///{root}/mlflow.db"]) == 0
        except XrunError as error:
            told.write(f"exit {error.exit_code}: {error}")
    return told.getvalue() + "".join(f"warning: {one.message}\n" for one in warned)


class There:
    """What is in MLflow."""

    def __init__(self, root: Path) -> None:
        self.client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db")

    def runs(self, name: str = "coins", filter_string: str = "") -> dict:
        experiment = self.client.get_experiment_by_name(name)
        found = self.client.search_runs([experiment.experiment_id], filter_string, max_results=1000)
        assert len({run.data.tags["xrun.id_run"] for run in found}) == len(found)
        return {run.data.tags["xrun.id_run"]: run for run in found}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """MLflow's own, empty, to be copied: making its tables takes a second. `shown` is exported to where there is none."""
    file = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def project(project, database):
    shutil.copy(database, project.root)
    return project


@pytest.fixture
def exported(project):
    assert "coins: 5 new, to sqlite:///" in call(project.root, "coins")
    return There(project.root)


@pytest.fixture(scope="module")
def shown(shared_project):
    assert "coins: 5 new, to sqlite:///" in call(shared_project.root, "coins")
    return There(shared_project.root)


def test_every_run_is_there_with_its_params_and_state(shown, shared_project):
    runs = shown.runs()
    assert {key: run.info.status for key, run in runs.items()} == {
        FIRST: "FINISHED",
        SECOND: "FINISHED",
        FAILED: "FAILED",
        LATE: "KILLED",
        CHILD: "FINISHED",
    }
    first = runs[FIRST]
    assert first.data.params == {"P": "0.8", "model.C": "1", "N": "1", "lr": "0.5", "width": "128"}
    assert first.info.run_name == "N=1 lr=0.5"
    assert (first.info.start_time, first.info.end_time) == (shared_project.started * 1000, (shared_project.started + 2.5) * 1000)


def test_metrics_have_all_points_with_steps_and_times_and_infinities_as_mlflow_has_them(shown, shared_project):
    key = shown.runs()[FIRST].info.run_id
    loss = shown.client.get_metric_history(key, "loss")
    assert [(point.step, point.value, point.timestamp) for point in loss] == [
        (0, 3.0, shared_project.started * 1000),
        (1, 2.0, shared_project.started * 1000 + 1000),
        (2, 1.0, shared_project.started * 1000 + 2000),
    ]
    odd = sorted((point.step, point.value) for point in shown.client.get_metric_history(key, "odd") if not math.isnan(point.value))
    assert odd == [(2, pytest.approx(-1.797e308, rel=1e-3)), (5, pytest.approx(1.797e308, rel=1e-3))]
    assert any(math.isnan(point.value) for point in shown.client.get_metric_history(key, "odd"))


def test_fields_that_are_numbers_are_metrics_and_others_are_tags(shown):
    run = shown.runs()[FIRST]
    assert run.data.metrics["error"] == 0.25
    assert run.data.metrics["ok"] == 1.0
    assert run.data.metrics["system/cpu_seconds"] == 2.0
    assert run.data.metrics["system/max_rss_mb"] == 5.0
    assert run.data.tags["note"] == "first"
    assert run.data.tags["huge"] == str(10**400)
    assert "nothing" not in run.data.tags


def test_tags_say_whose_run_it_is_and_where_it_comes_from(shown, shared_project):
    tags = shown.runs()[FIRST].data.tags
    assert tags["owner"] == "ada"
    assert tags["flag"] == ""
    assert tags["xrun.status"] == "COMPLETED"
    assert tags["xrun.seed"] == "11"
    assert tags["mlflow.user"] == "ada"
    assert tags["mlflow.source.name"] == "xrun +experiment=coins"
    assert tags["mlflow.source.git.commit"] == shared_project.commit
    assert tags["mlflow.source.git.branch"] == "main"
    assert tags["mlflow.source.git.dirty"] == "true"


def test_a_failed_run_has_its_reason(shown):
    tags = shown.runs()[FAILED].data.tags
    assert tags["xrun.failure"] == "ValueError: no 50 here"
    assert tags["xrun.traceback"].endswith("ValueError: no 50 here\n")


def test_child_runs_are_below_their_parent(shown):
    runs = shown.runs()
    child = runs[CHILD]
    assert child.data.tags["mlflow.parentRunId"] == runs[FIRST].info.run_id
    assert child.info.run_name == "fold0"
    assert child.data.params["fold"] == "0"
    assert "mlflow.parentRunId" not in runs[FIRST].data.tags


def test_artifacts_tables_and_output_are_there(shown, shared_project, tmp_path):
    key = shown.runs()[FIRST].info.run_id

    def files(path: str | None = None) -> set[str]:
        return {name for item in shown.client.list_artifacts(key, path) for name in (files(item.path) if item.is_dir else [item.path])}

    assert files() == {"model/weights.bin", "images/confusion/3.png", "readme.txt", "tables/scores.json", "logs/stdout.txt"}
    (tmp_path / "down").mkdir()
    got = Path(shown.client.download_artifacts(key, "tables/scores.json", str(tmp_path / "down")))
    table = json.loads(got.read_text())
    assert table == {"columns": ["name", "score", "extra"], "data": [["a", 1.5, None], ["b", "NaN", None], ["c", None, 1]]}
    assert json.loads(shown.runs()[FIRST].data.tags["mlflow.loggedArtifacts"]) == [{"path": "tables/scores.json", "type": "table"}]
    log = Path(shown.client.download_artifacts(key, "logs/stdout.txt", str(tmp_path / "down")))
    assert log.read_text() == "epoch 1\nepoch 2\n"


def test_exporting_again_adds_nothing(exported, project):
    before = {key: run.info.run_id for key, run in exported.runs().items()}
    told = call(project.root, "coins")
    assert "coins: 5 unchanged" in told
    assert {key: run.info.run_id for key, run in exported.runs().items()} == before


def test_a_run_that_was_executed_again_replaces_its_copy_and_those_of_its_children(exported, project):
    before = {key: run.info.run_id for key, run in exported.runs().items()}
    sweep = project.sweep()
    sweep[0].metrics["loss"] = ([0], [0.5])
    project.put(sweep[0], sweep[4], publish=False)
    told = call(project.root, "coins")
    assert "coins: 2 replaced, 3 unchanged" in told
    runs = exported.runs()
    changed = {key for key, run in runs.items() if run.info.run_id != before[key]}
    assert changed == {FIRST, CHILD}
    assert runs[FIRST].data.metrics["loss"] == 0.5
    assert runs[CHILD].data.tags["mlflow.parentRunId"] == runs[FIRST].info.run_id
    assert exported.client.get_run(before[FIRST]).info.lifecycle_stage == "deleted"


def test_child_runs_that_are_no_more_go_with_the_old_copy_of_their_parent(exported, project):
    project.put(project.sweep()[0], publish=False)  # the store drops the child of the former execution
    call(project.root, "coins")
    assert set(exported.runs()) == {FIRST, SECOND, FAILED, LATE}


def test_a_run_whose_export_was_interrupted_is_exported_anew(exported, project):
    run = exported.runs()[SECOND]
    exported.client.delete_tag(run.info.run_id, "xrun.exported")
    told = call(project.root, "coins")
    assert "1 replaced" in told
    assert "4 unchanged" in told
    assert exported.runs()[SECOND].info.run_id != run.info.run_id


def test_other_runs_in_the_experiment_are_left_alone(exported, project):
    experiment = exported.client.get_experiment_by_name("coins").experiment_id
    own = exported.client.create_run(experiment).info.run_id
    call(project.root, "coins")
    assert exported.client.get_run(own).info.lifecycle_stage == "active"


def test_a_condition_chooses_runs_and_a_name_the_experiment(project):
    call(project.root, "coins", "--where", "params.N == 25", "--name", "other")
    assert set(There(project.root).runs("other")) == {SECOND}


def test_files_may_be_left_out(project):
    call(project.root, "coins", "--no-artifacts")
    there = There(project.root)
    assert there.client.list_artifacts(there.runs()[FIRST].info.run_id) == []


def test_long_series_and_many_params_go_through_in_several_requests(project):
    params = {f"p{n}": "é" * 5000 for n in range(250)}
    run = project.Made("ffffffff-0000-8000-8000-000000000001", params, metrics={"loss": (range(2500), [float(n) for n in range(2500)])})
    project.put(run, experiment="wide")
    call(project.root, "wide")
    there = There(project.root)
    (found,) = there.runs("wide").values()
    assert found.data.params == {**params, "P": "0.8", "model.C": "1"}
    assert [point.value for point in there.client.get_metric_history(found.info.run_id, "loss")] == [float(n) for n in range(2500)]


def test_what_mlflow_does_not_take_is_changed_with_a_warning(project):
    odd = {"a+b": 1, "a?b": 2, "../up": 3, "long": "x" * 6001}
    project.put(project.Made("ffffffff-0000-8000-8000-000000000002", odd), experiment="odd")
    told = call(project.root, "odd")
    assert "warning: param long has 6,001 characters; MLflow keeps 6,000 of them" in told
    assert "'a+b'; it becomes 'a_b'" in told
    (run,) = There(project.root).runs("odd").values()
    assert run.data.params["a_b"] == "1"
    assert run.data.params["a_b_2"] == "2"
    assert run.data.params["_up"] == "3"
    assert run.data.params["long"] == "x" * 6000


def test_a_file_that_was_deleted_is_a_warning(project):
    (project.root / ".xrun/artifacts" / FIRST / "readme.txt").unlink()
    told = call(project.root, "coins")
    assert "readme.txt was deleted" in told


def test_no_target_is_a_usage_error_and_the_environment_may_name_it(project, xrun):
    done = xrun("export", "mlflow", "coins")
    assert done.returncode == 2
    assert "MLFLOW_TRACKING_URI" in done.stderr
    assert xrun("export", "mlflow", "coins", MLFLOW_TRACKING_URI=URI).returncode == 0
    assert len(There(project.root).runs()) == 5


def test_a_folder_as_target_is_refused_in_a_sentence(project, xrun):
    done = xrun("export", "mlflow", "coins", "--uri", "./mlruns")
    assert done.returncode == 2
    assert "sqlite:///mlflow.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert xrun("export", "mlflow", "coins", "--uri", "./mlruns", MLFLOW_ALLOW_FILE_STORE="true").returncode == 0


def test_a_deleted_experiment_is_a_sentence(exported, project):
    exported.client.delete_experiment(exported.client.get_experiment_by_name("coins").experiment_id)
    told = call(project.root, "coins")
    assert told.startswith("exit 2: ")
    assert "is deleted; `mlflow experiments restore" in told


def test_a_target_that_cannot_be_opened_is_exit_74(project, xrun):
    (project.root / "mlflow.db").write_text("no database at all, and longer than the header of one would be " * 4)
    done = xrun("export", "mlflow", "coins", "--uri", URI)
    assert done.returncode == 74
    assert "Traceback" not in done.stderr


def test_a_server_that_does_not_answer_is_told_within_ten_seconds_in_a_line(project, xrun):
    begun = time.monotonic()
    done = xrun("export", "mlflow", "coins", "--uri", "http://127.0.0.1:9")
    assert done.returncode == 74
    assert done.stderr == "xrun: MLflow at http://127.0.0.1:9 does not answer: Connection refused\n"
    assert time.monotonic() - begun < 60  # MLflow's own: 250 s


def test_a_server_that_takes_the_request_and_is_silent_is_given_up_as_the_user_says(project, xrun):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = xrun("export", "mlflow", "coins", "--uri", uri, MLFLOW_HTTP_REQUEST_TIMEOUT="1")
    assert done.stderr == f"xrun: MLflow at {uri} does not answer: it took too long\n"


def test_a_database_in_a_folder_that_does_not_exist_is_refused_and_nothing_is_made(project, xrun):
    before = set(project.root.iterdir())
    done = xrun("export", "mlflow", "coins", "--uri", "sqlite:///mising/mlflow.db")
    assert done.returncode == 2
    assert "there is no folder mising; make it first" in done.stderr
    assert set(project.root.iterdir()) == before


def test_files_lie_beside_the_database(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with contextlib.chdir(project.root), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert export.main(["mlflow", "coins", "--name", "a b/c", "--uri", f"sqlite:///{elsewhere}/mlflow.db"]) == 0
    assert not (project.root / "mlruns").exists()
    assert len(list((elsewhere / "mlartifacts").rglob("readme.txt"))) == 1
    client = MlflowClient(tracking_uri=f"sqlite:///{elsewhere}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("a b/c").experiment_id], f"tags.`xrun.id_run` = '{FIRST}'")
    assert "readme.txt" in [file.path for file in client.list_artifacts(run.info.run_id)]
