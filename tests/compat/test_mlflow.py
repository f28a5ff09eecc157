"""MLflow's functions over xrun: the document's own code, and what each call means."""

import json
import textwrap

import numpy as np
import pytest
from PIL import Image

import runner.compat.mlflow as mlflow
from runner.record import Status
from runner.tracking import ParamConflictError
from tests import calling
from tests.calling import XRUN


@pytest.fixture
def document(blocks):
    """The document's code with its import line changed."""
    (block,) = blocks("mlflow.md")
    return block.replace("import mlflow", "import runner.compat.mlflow as mlflow", 1)


@pytest.fixture(autouse=True)
def _fresh(project):
    mlflow.set_experiment(None)
    yield
    while mlflow.active_run() is not None:
        mlflow.end_run()


def test_the_document_runs_outside_of_xrun(document, start, kept):
    done = start(document)
    record = kept().run("iris_classification")
    assert done.stdout.strip() == f"Run ID: {record.id_run}"
    assert (record.status, record.name, record.logged) == (Status.COMPLETED, "random_forest_v1", {"n_estimators": 100, "max_depth": 5})
    (accuracy,) = kept().metrics(record.id_run)["accuracy"]
    assert 0.5 < accuracy <= 1
    assert kept().files(record.id_run) == ["model/model.pkl"]


def test_the_kept_model_predicts(document, project, start, kept):
    import joblib

    start(document)
    model = joblib.load(project / ".xrun/artifacts" / kept().run("iris_classification").id_run / "model/model.pkl")
    assert model.predict([[5.1, 3.5, 1.4, 0.2]]).tolist() == [0]


def test_the_document_is_a_script_step(document, project, xrun, kept):
    (project / "train.py").write_text(document)
    xrun("params: {x: [1, 2]}\nsteps: [{script: train.py}]\n")
    assert_two_whole_runs(kept())


def test_the_document_is_a_function_step(document, project, xrun, kept):
    (project / "train.py").write_text("def train(x):\n" + textwrap.indent(document, "    "))
    xrun("params: {x: [1, 2]}\nsteps: [train.train]\n")
    assert_two_whole_runs(kept())


def assert_two_whole_runs(store):
    """Two runs of one worker, each with its own values; no other experiment."""
    assert [name for name, *_ in store.experiments()] == ["e"]
    assert sorted(record.params["x"] for record in store.runs("e")) == [1, 2]
    for record in store.runs("e"):
        assert (record.status, record.logged) == (Status.COMPLETED, {"n_estimators": 100, "max_depth": 5})
        assert record.tags == {"mlflow.runName": "random_forest_v1"}
        assert len(store.metrics(record.id_run)["accuracy"]) == 1
        assert store.files(record.id_run) == ["model/model.pkl"]


def test_metrics_without_a_step_count_and_step_0_is_a_step(kept):
    with mlflow.start_run() as active:
        for value in (3, 2, 1):
            mlflow.log_metric("loss", value)
        mlflow.log_metric("at", 5, step=7)
        mlflow.log_metric("at", 4, step=0)
        mlflow.log_metric("at", float("inf"), 1, timestamp=1, synchronous=True)
        mlflow.log_metrics({"a": True, "b": "1.5", "c": np.float32(0.5)}, step=3)
    store, id_run = kept(), active.info.run_id
    assert store.points(id_run, "loss") == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert store.points(id_run, "at") == [(7, 5.0), (0, 4.0), (1, float("inf"))]
    assert [store.points(id_run, name) for name in "abc"] == [[(3, 1.0)], [(3, 1.5)], [(3, 0.5)]]


def test_the_active_run_tells_what_was_logged():
    mlflow.set_experiment("exp")
    with mlflow.start_run(run_name="n", tags={"a": 1}, description="why") as active:
        assert mlflow.active_run() is active
        mlflow.log_params({"lr": 0.1, "net": object})
        mlflow.log_metric("loss", 1, step=5)
        mlflow.log_metric("loss", 2, step=2)
        mlflow.log_metric("acc", 1)
        mlflow.log_metric("acc", 2)
        mlflow.set_tags({"b": 2})
        mlflow.delete_tag("a")
        assert (active.info.status, active.info.run_name, active.info.experiment_id) == ("RUNNING", "n", "exp")
        assert active.data.params == {"lr": "0.1", "net": "<class 'object'>"}
        assert active.data.metrics == {"loss": 1.0, "acc": 2.0}
        assert active.data.tags == {"mlflow.runName": "n", "mlflow.note.content": "why", "b": "2"}
    assert mlflow.active_run() is None
    assert mlflow.last_active_run() is active
    assert active.info.status == "FINISHED"


def test_a_parameter_does_not_change_and_keeps_its_type(kept):
    with mlflow.start_run():
        assert mlflow.log_param("lr", 1) == 1
        mlflow.log_param("lr", 1)
        with pytest.raises(ParamConflictError, match="lr"):
            mlflow.log_param("lr", "1")
    assert kept().run("Default").logged == {"lr": 1}


def test_logging_begins_a_run_and_end_run_ends_it(kept, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "by environment")
    mlflow.log_metric("loss", 1)
    assert mlflow.active_run() is not None
    mlflow.end_run()
    mlflow.end_run()
    assert kept().run("by environment").status is Status.COMPLETED


@pytest.mark.parametrize(("status", "kept_as"), [("FINISHED", "COMPLETED"), ("FAILED", "FAILED"), ("KILLED", "CANCELLED")])
def test_statuses_are_translated(kept, status, kept_as):
    mlflow.start_run()
    mlflow.end_run(status)
    assert kept().run("Default").status == kept_as


def test_a_status_that_there_is_not_is_refused():
    mlflow.start_run()
    with pytest.raises(ValueError, match="'DONE'"):
        mlflow.end_run("DONE")


def test_an_exception_in_the_block_fails_the_run_with_its_reason(kept):
    with pytest.raises(ZeroDivisionError), mlflow.start_run():
        1 / 0  # noqa: B018
    record = kept().run("Default")
    assert (record.status, record.failure.kind) == (Status.FAILED, "ZeroDivisionError")


def test_a_second_run_must_be_nested_and_is_a_child_run(kept):
    with mlflow.start_run(run_name="outer") as outer:
        with pytest.raises(RuntimeError, match=outer.info.run_id):
            mlflow.start_run()
        for _ in range(2):
            with mlflow.start_run(run_name="same", nested=True) as inner:
                mlflow.log_metric("loss", 1)
        mlflow.log_metric("loss", 2)
        mlflow.start_run(run_name="open", nested=True)
        mlflow.start_run(run_name="deeper", nested=True)
    assert mlflow.active_run() is None
    store = kept()
    assert [child.tags["mlflow.runName"] for child in store.children(outer.info.run_id)] == ["same", "same", "open"]
    assert store.metrics(inner.info.run_id) == {"loss": [1.0]}
    assert store.metrics(outer.info.run_id) == {"loss": [2.0]}
    assert {record.status for record in store.records(children=True)} == {Status.COMPLETED}


def test_a_run_that_is_over_cannot_be_gone_on_with():
    with pytest.raises(ValueError, match="stays as it is"):
        mlflow.start_run(run_id="abc")
    mlflow.start_run()
    with pytest.raises(ValueError, match="abc is not active"):
        mlflow.log_metric("loss", 1, run_id="abc")


def test_a_folder_is_what_artifact_path_names(project, kept):
    (project / "data").mkdir()
    for name in ("a.txt", "data/b.txt", "data/c.txt"):
        (project / name).write_text(name)
    with mlflow.start_run() as active:
        mlflow.log_artifact("a.txt")
        mlflow.log_artifact("a.txt", "some/where")
        mlflow.log_artifact("data", "whole/")
        mlflow.log_artifacts("data", "flat")
        mlflow.log_artifacts(str(project / "data"))
        assert mlflow.get_artifact_uri("a.txt").endswith(f"{active.info.run_id}/a.txt")
    names = ["a.txt", "b.txt", "c.txt", "flat/b.txt", "flat/c.txt", "some/where/a.txt", "whole/data/b.txt", "whole/data/c.txt"]
    assert kept().files(active.info.run_id) == names


def test_texts_data_figures_and_images_are_files(project, kept):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    pixels = np.zeros((4, 5, 3), dtype=np.uint8)
    with mlflow.start_run() as active:
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"a": [1]}, "a.json")
        mlflow.log_dict({"a": [1]}, "a.yaml")
        mlflow.log_figure(figure, "plots/f.svg")
        mlflow.log_image(pixels, "i.png")
        mlflow.log_image(pixels, "i.jpg")
        mlflow.log_image(pixels, key="grid", step=3)
        mlflow.log_table({"x": [1, 2]}, "rows.json")
    folder = project / ".xrun/artifacts" / active.info.run_id
    files = ["a.json", "a.yaml", "i.jpg", "i.png", "images/grid/3.png", "notes/a.txt", "plots/f.svg"]
    assert kept().files(active.info.run_id) == files
    assert (folder / "notes/a.txt").read_text() == "hello"
    assert json.loads((folder / "a.json").read_text()) == {"a": [1]}
    assert (folder / "a.yaml").read_text() == "a:\n- 1\n"
    assert "<svg" in (folder / "plots/f.svg").read_text()
    for name, kind in (("i.png", "PNG"), ("i.jpg", "JPEG")):
        with Image.open(folder / name) as image:
            assert (image.format, image.size) == (kind, (5, 4))
    assert kept().tables(active.info.run_id) == {"rows": [{"x": [1, 2]}]}


def test_a_model_is_a_file_under_its_name(kept):
    with mlflow.start_run() as active:
        told = mlflow.sklearn.log_model({"any": "thing"}, name="net")
    assert told.model_uri == f"runs:/{active.info.run_id}/net"
    assert kept().files(active.info.run_id) == ["net/model.pkl"]


def test_what_has_no_effect_is_said_once(start):
    done = start("""
import runner.compat.mlflow as mlflow
for _ in range(2):
    mlflow.set_tracking_uri("http://server")
    mlflow.autolog()
    mlflow.sklearn.autolog()
""")
    said = done.stderr.splitlines()
    assert [line[:15] for line in said] == ["xrun: warning: "] * 2
    assert "xrun export mlflow EXPERIMENT --uri http://server" in said[0]
    assert "autolog" in said[1]


def test_a_function_that_is_not_here_is_an_error_that_names_the_nearest():
    with pytest.raises(AttributeError, match="did you mean `log_metric`"):
        mlflow.log_metrik  # noqa: B018
    with pytest.raises(AttributeError, match=r"runner\.load"):
        mlflow.search_runs  # noqa: B018


def test_in_a_step_everything_is_the_steps_run(step):
    mlflow.set_experiment("other")
    mlflow.log_metric("before", 1)
    assert mlflow.active_run().info.run_id == step.id_run
    with mlflow.start_run(run_name="x", tags={"a": 1}) as active:
        mlflow.log_param("lr", 0.1)
        mlflow.log_param("size", 2)
        mlflow.log_metric("loss", 1)
        with pytest.raises(ParamConflictError, match="lr"):
            mlflow.log_param("lr", 0.2)
    assert (active.info.run_id, active.info.experiment_id) == (step.id_run, "steps")
    assert [point[:2] for point in step.points] == [("", "before"), ("", "loss")]
    assert step.logged == {"size": 2}
    assert step.tags == {"mlflow.runName": "x", "a": "1"}


def test_in_a_step_a_second_run_is_a_child_run(step):
    for name in ("first", "second"):
        with mlflow.start_run(run_name=name) as active:
            mlflow.log_metric("loss", 1)
    assert active.info.run_id != step.id_run
    assert [point[:2] for point in step.points] == [("", "loss"), (active.info.run_id, "loss")]


def test_in_a_step_a_status_that_is_not_raised_is_a_tag(step, capsys):
    mlflow.start_run()
    mlflow.end_run("FAILED")
    assert step.tags["status"] == "FAILED"
    assert "raise an exception" in capsys.readouterr().err


def test_the_command_line_knows_the_run(document, project, start, kept):
    start(document)
    id_run = kept().run("iris_classification").id_run
    for words, seen in ((["ls", "iris_classification"], id_run), (["show", id_run], "accuracy"), (["metrics", id_run], "accuracy")):
        done = calling.run([XRUN, *words], cwd=project)
        assert done.returncode == 0, done.stderr
        assert seen in done.stdout


def test_calls_that_only_concern_a_server_say_once_that_they_do_nothing(start, kept):
    done = start(
        "import runner.compat.mlflow as mlflow\n"
        "from runner.compat.mlflow import register_model\n"
        "from runner.compat.mlflow.models import infer_signature\n"
        "mlflow.set_registry_uri('databricks')\n"
        "with mlflow.start_run(experiment_id=mlflow.create_experiment('moved')):\n"
        "    for _ in range(3):\n"
        "        mlflow.log_input(object(), context='training')\n"
        "    mlflow.sklearn.log_model({}, 'model', signature=infer_signature([1], [2]))\n"
        "    mlflow.log_metric('loss', 1.0, model_id='m-1')\n"
        "    mlflow.flush_async_logging()\n"
        "assert register_model('runs:/1/model', 'best') is None\n"
    )
    said = done.stderr.splitlines()
    assert [line.split("()")[0] for line in said] == [
        "xrun: warning: mlflow.set_registry_uri",
        "xrun: warning: mlflow.log_input",
        "xrun: warning: infer_signature",
        "xrun: warning: mlflow.register_model",
    ]
    assert kept().metrics(kept().run("moved").id_run) == {"loss": [1.0]}


@pytest.mark.parametrize(
    ("name", "told"),
    [("MlflowClient", r"runner\.load\('EXPERIMENT'\)"), ("search_runs", r"\.runs\(where="), ("log_metrc", "did you mean `log_metric`")],
)
def test_what_programs_live_by_is_refused_with_what_there_is_instead(name, told):
    with pytest.raises(AttributeError, match=f"runner.compat.mlflow has no `{name}`; .*{told}"):
        getattr(mlflow, name)


def test_to_turn_autologging_off_is_no_reason_for_a_warning(capsys):
    mlflow.autolog(disable=True)
    mlflow.sklearn.autolog(disable=True)
    assert capsys.readouterr().err == ""
    mlflow.autolog()
    assert "does nothing here" in capsys.readouterr().err
