"""Azure ML's Run over xrun: the document's own code, and what each call means."""

import io
import json
import re
import time

import numpy as np
import pytest

from runner.compat.azureml import (
    ActivityFailedException,
    Estimator,
    Experiment,
    Run,
    RunConfiguration,
    RunDetails,
    ScriptRunConfig,
    Workspace,
)
from runner.errors import UsageError
from runner.record import Status

WORKSPACE = "from runner.compat.azureml import Workspace\nws = Workspace.from_config()"
DATA = """
class Data:
    def to_csv(self, path):
        with open(path, "w") as file:
            file.write("a\\n1\\n")

data = Data()
"""


@pytest.fixture
def document(blocks):
    """The document's code blocks by what they show, with their import lines changed."""
    changed = [
        re.sub(r"from azure(ml)?\.(core|widgets) import", "from runner.compat.azureml import", block) for block in blocks("azureml.md")
    ]
    names = ("start", "details", "metrics", "files", "script", "submit", "arguments", "estimator")
    return dict(zip(names, changed, strict=True))


@pytest.fixture
def train(document):
    """The script of the document, which takes arguments."""
    return f"{DATA}\n{document['arguments']}\ninfo_var = reg\n{document['script']}"


@pytest.fixture
def experiment(project):
    return Experiment(Workspace.from_config(), "exp")


@pytest.fixture
def run(experiment):
    with experiment.start_logging() as made:
        yield made


def test_the_document_logs_and_reads_back(document, start, kept):
    done = start("\n".join([WORKSPACE, *(document[name] for name in ("start", "details", "metrics", "files"))]))
    record = kept().run("my-experiment")
    assert (record.status, record.fields) == (Status.COMPLETED, {"observations": "my log"})
    assert done.stdout.startswith(f"my-experiment  {record.id_run}  Completed\n")
    assert done.stdout.endswith('{\n  "observations": "my log"\n}\n[]\n')


def test_the_document_submits_a_script(document, train, project, start, kept):
    (project / "scripts_folder").mkdir()
    (project / "scripts_folder/my_experiment.py").write_text(train)
    start(f"{WORKSPACE}\n{document['submit']}\nprint(run.get_metrics(), run.get_file_names())\n")
    record = kept().run("my exp")
    assert record.status is Status.COMPLETED
    assert kept().metrics(record.id_run) == {"some info": [0.01]}
    assert kept().files(record.id_run) == ["outputs/my_data.csv"]
    assert [text for _, text in kept().output(record.id_run, "stdout")] == ["0.01\n"]
    assert not (project / "scripts_folder/outputs").exists()


def test_the_document_is_a_script_step(train, project, xrun, kept):
    (project / "train.py").write_text(train)
    xrun('params: {reg_rate: [0.1, 0.5]}\nsteps: [{script: train.py, args: {--reg_rate: "${params.reg_rate}"}, outputs: outputs}]\n')
    for record in kept().runs("e"):
        assert kept().metrics(record.id_run) == {"some info": [record.params["reg_rate"]]}
        assert kept().files(record.id_run) == ["outputs/my_data.csv"]


def test_the_documents_script_is_a_recorded_run_when_it_is_called_alone(train, project, start, kept):
    (project / "outputs").mkdir()
    (project / "outputs/old.csv").write_text("of another day")
    time.sleep(0.3)
    start(train, "--reg_rate", "0.3", name="my_train.py")
    record = kept().run("my_train")
    assert kept().metrics(record.id_run) == {"some info": [0.3]}
    assert kept().files(record.id_run) == ["outputs/my_data.csv"]


def test_the_documents_estimator_passes_arguments(document):
    namespace = {"Estimator": Estimator}
    exec(document["estimator"], namespace)
    assert namespace["estimator"].arguments == ["--reg_rate", 0.1]
    assert Estimator(script_params={"--verbose": "", "--n": 0}).arguments == ["--verbose", "--n", 0]


def test_values_are_read_in_azures_shapes(run, kept):
    run.log("one", 1)
    run.log("two", np.float64(0.5))
    run.log("two", True)
    run.log("text", "a")
    run.log("texts", "a")
    run.log("texts", "b")
    run.log_list("list", [1, 2, 3])
    run.log_list("list", [])
    run.log_list("words", ["a", None])
    run.log_row("row", x=1, y="a")
    run.log_row("rows", x=1)
    run.log_row("rows", x=2, y=3)
    run.log_table("table", {"x": [1, 2], "y": [3, 4]})
    told = {
        "one": 1,
        "two": [0.5, True],
        "text": "a",
        "texts": ["a", "b"],
        "list": [1, 2, 3],
        "words": ["a", None],
        "row": {"x": 1, "y": "a"},
        "rows": {"x": [1, 2], "y": [None, 3]},
        "table": {"x": [1, 2], "y": [3, 4]},
    }
    assert json.loads(json.dumps(run.get_metrics())) == told
    assert run.get_metrics("two") == {"two": [0.5, True]}
    assert run.get_metrics("nothing") == {}
    run.complete()
    store, record = kept(), kept().run("exp")
    assert store.metrics(run.id) == {"one": [1.0], "two": [0.5, 1.0], "list": [1.0, 2.0, 3.0]}
    assert record.fields == {"text": "a", "texts": ["a", "b"], "words": ["a", None]}
    assert store.tables(run.id)["rows"] == [{"x": [1]}, {"x": [2], "y": [3]}]


def test_a_step_is_taken_where_it_is_given_in_any_order(run, kept):
    run.log("loss", 1, step=5)
    run.log("loss", 2, "described", 0)
    run.log("loss", 3)
    run.complete()
    assert kept().points(run.id, "loss") == [(5, 1.0), (0, 2.0), (1, 3.0)]


def test_a_list_is_not_a_value(run):
    with pytest.raises(TypeError, match="log_list"):
        run.log("loss", [1, 2])


def test_an_image_is_a_file_or_a_plot(run, project, kept):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    plt.figure(figsize=(1, 1))
    run.log_image("plot", plot=plt)
    plt.close("all")
    (project / "a.jpg").write_bytes(b"x")
    run.log_image("file", path="a.jpg")
    for wrong in ({}, {"path": "a.jpg", "plot": plt}):
        with pytest.raises(ValueError, match="either"):
            run.log_image("x", **wrong)
    assert run.get_metrics("plot") == {"plot": ["images/plot/0.png"]}
    run.complete()
    assert kept().files(run.id) == ["images/file/0.jpg", "images/plot/0.png"]


def test_files_are_uploaded_listed_and_downloaded(run, project, kept):
    (project / "data").mkdir()
    (project / "data/b.txt").write_text("b")
    assert run.get_file_names() == []
    run.upload_file("x/b.txt", "data/b.txt")
    run.upload_file("s.txt", io.StringIO("stream"))
    run.upload_file("s.bin", io.BytesIO(b"\x00"))
    run.upload_folder("all", "data")
    assert run.get_file_names() == ["all/b.txt", "s.bin", "s.txt", "x/b.txt"]
    run.download_file("x/b.txt", "copy.txt")
    assert (project / "copy.txt").read_text() == "b"
    run.complete()
    assert kept().files(run.id) == ["all/b.txt", "s.bin", "s.txt", "x/b.txt"]


def test_tags_are_kept(run, kept):
    run.tag("a", 1)
    run.tag("b")
    run.set_tags({"c": "d"})
    assert run.tags == run.get_tags() == {"a": "1", "b": None, "c": "d"}
    run.complete()
    assert kept().run("exp").tags == {"a": "1", "b": None, "c": "d"}


def test_child_runs_have_values_of_their_own(run, kept):
    run.log("loss", 1)
    first, second = run.child_run("fold"), run.child_run("fold")
    first.log("loss", 2)
    second.log("loss", 3)
    first.complete()
    with pytest.raises(ValueError, match="no"), run.child_run("bad"):
        raise ValueError("no")
    assert [child.id for child in run.get_children()[:2]] == [first.id, second.id]
    assert run.get_metrics(recursive=True) == {
        run.id: {"loss": [1]},
        first.id: {"loss": [2]},
        second.id: {"loss": [3]},
        run.get_children()[2].id: {},
    }
    run.complete()
    assert [child.status for child in kept().children(run.id)] == [Status.COMPLETED, Status.COMPLETED, Status.FAILED]


@pytest.mark.parametrize(
    ("call", "status", "word"), [("complete", "COMPLETED", "Completed"), ("fail", "FAILED", "Failed"), ("cancel", "CANCELLED", "Canceled")]
)
def test_a_run_ends_as_it_is_told(experiment, kept, call, status, word):
    run = experiment.start_logging()
    assert run.get_status() == "Running"
    getattr(run, call)()
    run.complete()
    assert run.get_status() == word
    assert run.get_details() == {"runId": run.id, "status": word, "tags": {}}
    assert kept().run("exp").status == status


def test_the_reason_of_a_failure_is_kept(experiment, kept):
    experiment.start_logging().fail("out of luck", "E7")
    assert kept().run("exp").failure.message == "E7: out of luck"


def test_the_context_is_the_run_that_the_program_has_begun(run, project):
    assert Run.get_context() is run
    run.complete()
    with pytest.raises(UsageError, match="allow_offline"):
        Run.get_context(allow_offline=False)


def test_details_are_printed(run, capsys):
    run.log("loss", 1)
    RunDetails(run).show()
    assert capsys.readouterr().out == f'exp  {run.id}  Running\n{{\n  "loss": 1\n}}\n'


def test_in_a_step_it_is_the_steps_run_then_child_runs(step, capsys):
    context = Run.get_context()
    context.log("loss", 1)
    assert Run.get_context() is context
    first = Experiment(name="x").start_logging()
    assert first is context
    first.complete()
    second = Experiment(name="x").start_logging()
    second.log("loss", 2)
    assert [point[0] for point in step.points] == ["", second.id]
    Run.get_context().log("loss", 3)
    assert len(step.points) == 3


def test_in_a_step_a_failure_that_is_not_raised_is_a_tag(step):
    Run.get_context().fail("no luck")
    assert step.tags == {"status": "FAILED", "error": "no luck"}


@pytest.fixture
def submit(project, experiment):
    """submit(source, **options) -> the run of that script."""
    (project / "src").mkdir()

    def start(source, **options):
        (project / "src/s.py").write_text(source)
        return experiment.submit(
            ScriptRunConfig(source_directory="src", script="s.py", run_config=RunConfiguration(), **options), tags={"t": "1"}
        )

    return start


def test_a_submitted_script_is_shown_while_it_runs_and_read_back(submit, capfd, kept):
    run = submit(
        """
import sys, time
from runner.compat.azureml import Run
run = Run.get_context()
print(sys.argv[1:], flush=True)
for n in range(3):
    run.log("loss", n)
    time.sleep(0.7)
run.log("text", "a")
run.log_row("rows", x=1)
run.tag("a", "b")
child = run.child_run("c")
child.log("z", 1)
child.complete()
print("to stderr", file=sys.stderr)
run.complete()
""",
        arguments=["--n", 3, "--path", "a b"],
    )
    assert run.get_status() == "Running"
    seen = ""
    while not seen and run.get_status() == "Running":
        run._show(shown := {"stdout": 0, "stderr": 0})
        seen = capfd.readouterr().out
        time.sleep(0.1)
    assert run.get_status() == "Running"
    assert seen == "['--n', '3', '--path', 'a b']\n"
    assert shown["stdout"] > 0
    details = run.wait_for_completion(show_output=True)
    told = capfd.readouterr()
    assert (told.out, told.err) == (seen, "to stderr\n")
    assert details == {"runId": run.id, "status": "Completed", "tags": {"t": "1", "a": "b"}}
    assert run.get_metrics() == {"loss": [0.0, 1.0, 2.0], "text": "a", "rows": {"x": 1}}
    (child,) = kept().children(run.id)
    assert run.get_metrics(recursive=True)[child.id_run] == {"z": [1.0]}
    assert kept().run("exp").id_run == run.id


def test_a_submitted_script_that_fails_is_told_with_its_last_words(submit, kept):
    run = submit("import sys\nprint('oh dear', file=sys.stderr)\nsys.exit(3)\n")
    with pytest.raises(ActivityFailedException, match=r"exit 3(.|\n)*oh dear"):
        run.wait_for_completion()
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"
    assert kept().run("exp").status is Status.FAILED


def test_a_submitted_script_may_take_so_long(submit, kept):
    run = submit("import time\ntime.sleep(60)\n", max_run_duration_seconds=1)
    with pytest.raises(ActivityFailedException, match="Failed"):
        run.wait_for_completion()
    assert kept().run("exp").status is Status.TIMED_OUT


def test_a_submitted_script_can_be_cancelled(project, submit, kept):
    run = submit(f"import pathlib, time\npathlib.Path({str(project / 'on')!r}).touch()\ntime.sleep(60)\n")
    while not (project / "on").exists():
        time.sleep(0.05)
    run.cancel()
    assert run.get_status() == "Canceled"
    assert kept().run("exp").status is Status.CANCELLED


def test_a_command_is_submitted(project, experiment, kept):
    run = experiment.submit(ScriptRunConfig(command=["sh", "-c", "echo $0 $1; echo x > outputs/a", "a b", 3]))
    run.wait_for_completion()
    assert [text for _, text in kept().output(run.id, "stdout")] == ["a b 3\n"]
    assert run.get_file_names() == ["outputs/a"]


def test_a_script_that_is_not_there_is_told_with_the_nearest(project, experiment):
    (project / "train.py").touch()
    with pytest.raises(UsageError, match=r"did you mean `train\.py`"):
        experiment.submit(ScriptRunConfig(script="trian.py"))
    assert not (project / ".xrun").exists()


def test_calls_on_portals_and_registries_stop_no_program(run, kept, capsys):
    assert run.get_portal_url() == f"xrun show {run.id}"
    assert run.register_model("best", "outputs/model.pkl") is None
    assert run.input_datasets == {}
    run.add_properties({"owner": "ada"})
    run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "data": {"matrix": [[1, 0], [0, 1]]}})
    run.complete()
    assert capsys.readouterr().err.count("xrun: warning: ") == 2
    record = kept().runs()[0]
    assert record.tags == {"owner": "ada"}
    assert kept().files(record.id_run) == ["confusion.json"]


def test_what_is_not_here_is_told_with_the_nearest(run):
    import runner.compat.azureml as azureml

    with pytest.raises(AttributeError, match="Run has no `log_lists`; did you mean `log_list`"):
        run.log_lists  # noqa: B018
    with pytest.raises(AttributeError, match="Experiment has no `submitt`; did you mean `submit`"):
        run.experiment.submitt  # noqa: B018
    with pytest.raises(AttributeError, match=r"runner\.compat\.azureml has no `Dataset`"):
        azureml.Dataset  # noqa: B018
    assert not hasattr(run, "__deepcopy__")
