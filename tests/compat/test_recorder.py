"""Runs that a program records by itself."""

import math
import signal
import subprocess
import sys
import time

import pytest

from runner.codec import UnserialisableError
from runner.errors import StoreError, UsageError
from runner.record import Status
from runner.recorder import Recorder


def test_a_run_is_in_the_store_with_all_that_it_logged(project, kept):
    (project / "model.bin").write_bytes(b"model")
    with Recorder("iris", "first", {"lr": 0.1, "net": {"depth": 3}}, {"team": "ml"}) as run:
        run.log_metrics({"loss": 0.5, "acc": math.inf})
        run.log_metric("loss", 0.25)
        run.log_param("size", 3)
        run.log_row("rows", a=1)
        run.log_artifact("model.bin", "models/")
        run.fields.score = 7
    store = kept()
    record = store.run("iris")
    assert (record.id_run, record.status, record.name) == (run.id_run, Status.COMPLETED, "first")
    assert (record.params, record.logged, record.fields, record.tags) == (
        {"lr": 0.1, "net.depth": 3},
        {"size": 3},
        {"score": 7},
        {"team": "ml"},
    )
    assert store.metrics(run.id_run) == {"loss": [0.5, 0.25], "acc": [math.inf]}
    assert store.files(run.id_run) == ["models/model.bin"]
    assert store.tables(run.id_run) == {"rows": [{"a": [1]}]}
    assert (project / ".xrun/artifacts" / run.id_run / "models/model.bin").read_bytes() == b"model"
    assert record.max_rss > 10_000_000
    assert 0 < record.seconds < 60


def test_every_run_has_an_id_of_its_own_and_its_provenance(kept):
    for _ in range(2):
        Recorder("iris").end()
    store = kept()
    first, second = store.runs("iris")
    assert first.id_run != second.id_run
    assert store.provenance(second.epoch).python == sys.version.split()[0]


def test_the_state_of_git_is_recorded(project, start, kept):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    source = "from runner.recorder import Recorder\nRecorder('e').end()\n"
    (project / "program.py").write_text(source)
    for words in (["init", "-q"], ["add", "program.py"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, cwd=project)
    start(source)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, cwd=project, capture_output=True, text=True).stdout.strip()
    state = kept().provenance(1).git
    assert (state.commit, state.dirty) == (commit, False)


def test_child_runs_are_recorded_below_it(kept):
    with Recorder("iris") as run:
        with run.child_run("fold0", {"fold": 0}) as child:
            child.log_metric("loss", 1)
        run.child_run("open")
    store = kept()
    assert [(c.name, c.params, c.status) for c in store.children(run.id_run)] == [
        ("fold0", {"fold": 0}, Status.COMPLETED),
        ("open", {}, Status.COMPLETED),
    ]
    assert store.metrics(child.id_run) == {"loss": [1.0]}
    assert len(store.runs("iris")) == 1


def test_an_exception_in_the_block_is_the_failure_and_goes_on(kept):
    run = Recorder("iris")
    run.log_metric("loss", 1)
    with pytest.raises(ValueError, match="no good"), run:
        raise ValueError("no good")
    record = kept().run("iris")
    assert (record.status, record.failure.kind, record.failure.message) == (Status.FAILED, "ValueError", "no good")
    assert "test_recorder.py:" in record.failure.where
    assert kept().metrics(run.id_run) == {"loss": [1.0]}


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), Status.CANCELLED), (SystemExit(0), Status.COMPLETED), (SystemExit(3), Status.FAILED)]
)
def test_how_the_block_is_left_is_the_status(kept, error, status):
    with pytest.raises(type(error)), Recorder("iris"):
        raise error
    assert kept().run("iris").status is status


def test_ending_twice_is_ending_once(kept):
    run = Recorder("iris")
    run.end()
    run.end(Status.FAILED)
    assert kept().run("iris").status is Status.COMPLETED


def test_fields_that_are_no_data_fail_the_run_and_raise(kept):
    run = Recorder("iris")
    run.fields.update(thing=object())  # set by itself it is refused at once
    run.log_metric("loss", 1)
    with pytest.raises(UnserialisableError, match="thing"):
        run.end()
    record = kept().run("iris")
    assert record.status is Status.FAILED
    assert "thing" in record.failure.message
    assert kept().metrics(run.id_run) == {"loss": [1.0]}


@pytest.mark.parametrize("name", ["", "  ", "a\nb"])
def test_an_experiment_has_a_name(project, name):
    with pytest.raises(UsageError, match="name of an experiment"):
        Recorder(name)
    assert not (project / ".xrun").exists()


def test_a_store_that_cannot_be_is_told_at_once(project):
    (project / ".xrun").write_text("in the way")
    with pytest.raises(StoreError, match=r"\.xrun"):
        Recorder("iris")


def test_a_program_that_forgets_to_end_has_completed(start, kept):
    start("from runner.recorder import Recorder\nRecorder('e').log_metric('loss', 1)\n")
    record = kept().run("e")
    assert record.status is Status.COMPLETED
    assert kept().metrics(record.id_run) == {"loss": [1.0]}


def test_a_program_that_dies_of_an_exception_has_failed_for_that_reason(start, kept):
    start("from runner.recorder import Recorder\nRecorder('e').log_metric('loss', 1)\n1 / 0\n", code=1)
    record = kept().run("e")
    assert (record.status, record.failure.kind, record.failure.where) == (Status.FAILED, "ZeroDivisionError", "program.py:3")


def test_a_killed_program_leaves_what_it_logged_more_than_a_second_before(project, kept):
    source = """
import time
from runner.recorder import Recorder
run = Recorder("e")
print(run.id_run, flush=True)
for n in range(10**6):
    run.log_metric("loss", n)
    time.sleep(0.05)
"""
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, cwd=project)
    with process:
        id_run = process.stdout.readline().strip()
        time.sleep(2.5)
        process.send_signal(signal.SIGKILL)
    values = kept().metrics(id_run)["loss"]
    assert values == [float(n) for n in range(len(values))]
    assert len(values) >= 15
    assert kept().runs("e") == []


def test_others_read_while_it_runs(kept):
    with Recorder("e") as run:
        run.log_metric("loss", 1)
        assert kept().metrics(run.id_run) == {"loss": [1.0]}


def test_programs_record_side_by_side(project, kept):
    source = "import sys\nfrom runner.recorder import Recorder\nwith Recorder('e') as run:\n    run.log_list('x', range(1000))\n"
    made = [subprocess.Popen([sys.executable, "-c", source], cwd=project) for _ in range(4)]
    assert [process.wait(60) for process in made] == [0] * 4
    store = kept()
    assert [store.metrics(record.id_run)["x"] == [float(n) for n in range(1000)] for record in store.runs("e")] == [True] * 4


def test_a_forked_process_neither_logs_nor_ends_the_run(start, kept):
    done = start("""
import os, sys, time
from runner.recorder import Recorder
run = Recorder("e")
run.log_metric("loss", 1)
if os.fork() == 0:
    time.sleep(1.1)
    run.log_metric("loss", 2)
    sys.exit(0)
os.wait()
run.log_metric("loss", 3)
""")
    assert "forked" in done.stderr
    record = kept().run("e")
    assert kept().metrics(record.id_run) == {"loss": [1.0, 3.0]}


def test_threads_log_to_it(start, kept):
    start("""
import threading, time
from runner.recorder import Recorder

def work():
    for n in range(15):
        run.log_metric("loss", n)
        time.sleep(0.1)

run = Recorder("e")
thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    record = kept().run("e")
    assert kept().metrics(record.id_run) == {"loss": [float(n) for n in range(15)]}


def test_a_disk_that_was_full_for_a_while_costs_what_was_logged_then(start, kept):
    done = start("""
import resource, signal, time
from runner.recorder import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Recorder("e") as run:
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    run.log_list("lost", [n / 10 for n in range(20_000)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    run.log_list("kept", [1, 2])
    time.sleep(1.1)
    run.log_list("kept", [3])
""")
    assert done.stderr.count("xrun: warning") == 1
    record = kept().run("e")
    assert (record.status, record.troubles) == (Status.COMPLETED, 1)
    assert kept().metrics(record.id_run) == {"kept": [1.0, 2.0, 3.0]}
