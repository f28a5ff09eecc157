"""Tracelet's calls over xrun: the document's own code, and what each call means."""

import numpy as np
import pytest

from runner.compat import tracelet
from runner.compat.tracelet import Experiment, ExperimentConfig
from runner.record import Status

PRELUDE = """
import pathlib
from runner.compat.tracelet import Experiment

class Model:
    def state_dict(self):
        return {"w": [1.0]}

class Loss:
    def item(self):
        return 0.5

model, loss, mlflow_backend = Model(), Loss(), None
train_losses, val_losses = [3, 2, 1], [4, 3, 2]
train_loss, train_acc, val_loss, accuracy, epoch, learning_rate, batch_size = 0.5, 0.9, 0.6, 0.9, 3, 0.01, 16
dataloader = [(0, 0)] * 201
pathlib.Path("config.yaml").touch()
pathlib.Path("processed_data.csv").touch()
"""
TORCH = """
import pickle

def save(content, path):
    with open(path, "wb") as file:
        pickle.dump(content, file)
"""


@pytest.fixture
def document(blocks):
    """The document's code in order, with its import lines changed, behind what it takes for granted."""
    text = "\n".join([PRELUDE, *blocks("tracelet.md")])
    text = text.replace("from tracelet.core.experiment import", "from runner.compat.tracelet import")
    return text.replace("import tracelet\n", "from runner.compat import tracelet\n")


@pytest.fixture(autouse=True)
def _stopped(project):
    yield
    tracelet.stop_logging()


def test_the_document_runs_outside_of_xrun(document, project, start, kept):
    (project / "torch.py").write_text(TORCH)
    start(document)
    store = kept()
    assert sorted(name for name, *_ in store.experiments()) == ["manual_control", "metrics_demo", "test"]
    demo, manual, custom = (store.run(name) for name in ("metrics_demo", "manual_control", "test"))
    assert {demo.status, manual.status, custom.status} == {Status.COMPLETED}
    check(store, demo, manual, custom)
    assert demo.tags == {"project": "examples"}
    assert manual.tags == {"project": "test"}
    assert custom.tags == {"team": "ml", "version": "v2.0", "project": "research_project"}


def check(store, demo, manual, custom):
    assert store.points(demo.id_run, "accuracy")[:2] == [(100, 0.95), (0, 0.9)]
    assert store.points(demo.id_run, "train_loss") == [(epoch, 1.0 / (epoch + 1)) for epoch in range(10)]
    assert [step for step, _ in store.points(demo.id_run, "val_loss")] == [0, 2, 4, 6, 8, *range(0, 200, 2)]
    assert store.points(demo.id_run, "loss") == [(100, 0.1), *((epoch, 0.1) for epoch in range(100))]
    assert demo.logged["optimizer"] == "adam"
    assert demo.logged["data_augmentation"] is True
    assert len(demo.logged) == 13
    files = [
        "configs/experiment_config.yaml",
        "data/processed/final_dataset.csv",
        "models/checkpoint_epoch_10.pth",
        "plots/training_curves.png",
    ]
    assert store.files(demo.id_run) == files
    assert store.points(manual.id_run, "initial_metric") == [(0, 1.0)]
    assert custom.logged["model.num_layers"] == 12
    assert custom.logged["batch_200_loss"] == 0.5
    assert custom.logged["batch_size"] == 16
    assert store.points(custom.id_run, "accuracy") == [(99, 0.9)]


def test_the_document_is_a_script_step(document, project, xrun, kept):
    (project / "torch.py").write_text(TORCH)
    (project / "train.py").write_text(document)
    xrun("params: {x: [1]}\nsteps: [{script: train.py, env: {MPLBACKEND: Agg}}]\n")
    store = kept()
    demo = store.run("e")
    check(store, demo, *sorted(store.children(demo.id_run), key=lambda child: child.name))
    assert [name for name, *_ in store.experiments()] == ["e"]


def test_iteration_0_is_honoured_and_the_set_one_is_for_metrics_without(kept):
    made = tracelet.start_logging("e")
    made.log_metric("loss", 1)
    made.log_metric("loss", 2)
    made.set_iteration(7)
    made.log_metric("loss", np.float32(0.5))
    made.log_metric("loss", 4, iteration=0)
    made.stop()
    assert kept().points(made_id(kept), "loss") == [(0, 1.0), (1, 2.0), (7, 0.5), (0, 4.0)]


def made_id(kept):
    return kept().run("e").id_run


def test_much_at_once_is_kept_in_order(kept):
    made = tracelet.start_logging("e")
    for n in range(30_000):
        made.log_metric("loss", n, iteration=n)
    made.end()
    assert kept().points(made_id(kept), "loss") == [(n, float(n)) for n in range(30_000)]


def test_starting_stops_what_was_active(kept):
    first = tracelet.start_logging("a")
    second = tracelet.start_logging("b")
    assert tracelet.get_active_experiment() is second
    with pytest.raises(RuntimeError, match="'a' was stopped"):
        first.log_metric("loss", 1)
    tracelet.stop_logging()
    assert tracelet.get_active_experiment() is None
    assert [kept().run(name).status for name in "ab"] == [Status.COMPLETED] * 2


def test_a_stopped_experiment_starts_anew_as_another_run(kept):
    made = Experiment("e")
    first = made.id
    made.stop()
    made.start().log_metric("loss", 1)
    made.stop()
    assert len(kept().runs("e")) == 2
    assert kept().metrics(first) == {}


def test_an_experiment_that_logs_nothing_is_no_run(project):
    Experiment("e")
    assert not (project / ".xrun").exists()


def test_an_exception_in_the_block_fails_the_run(kept):
    with pytest.raises(ZeroDivisionError), Experiment("e"):
        1 / 0  # noqa: B018
    assert kept().run("e").failure.kind == "ZeroDivisionError"


def test_names_and_tags_come_from_the_call_then_from_the_config(kept):
    config = ExperimentConfig(name="c", project="p", tags={"a": 1, "b": 2})
    with Experiment("own", config=config, tags=["x"]):
        pass
    with Experiment(config=config, tags={"b": 3}):
        pass
    assert kept().run("own").tags == {"a": "1", "b": "2", "x": None, "project": "p"}
    assert kept().run("c").tags == {"a": "1", "b": "3", "project": "p"}


def test_parameters_that_are_no_data_are_their_text(kept):
    with Experiment("e") as made:
        made.log_param("f", len)
        made.log_hyperparameter("n", 3)
        made.set_tags(["t"])
    assert kept().run("e").logged == {"f": "<built-in function len>", "n": 3}
    assert kept().run("e").tags == {"t": None}


def test_in_a_step_it_is_the_steps_run_then_child_runs(step):
    tracelet.start_logging("a", project="p").log_metric("loss", 1)
    tracelet.start_logging("b").log_metric("loss", 2)
    tracelet.get_active_experiment().stop()
    first, second = step.points
    assert (first[0], second[0] != "") == ("", True)
    assert step.tags == {"project": "p"}
