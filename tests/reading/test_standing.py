"""Runs without a record: those that execute now, and those whose process died."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner import codec, reading, stores
from runner.errors import UsageError
from runner.logged import Artifact, Output, Rows
from runner.reading import Results, load
from runner.record import Failure, Record, Status, Trail
from runner.stores import SqliteStore
from runner.stores.presence import gone, this_process
from runner.workspace import Workspace
from tests.reading.conftest import CHILD, IDS, points

NEW = "ee000000-0000-8000-8000-000000000000"
FOLD = "ef000000-0000-8000-8000-000000000000"


def logged(id_run: str, epoch: int, *entries: object, attempt: int = 1, **known: str) -> Trail:
    return Trail(id_run=id_run, experiment="net", epoch=epoch, attempt=attempt, entries=tuple(("", e) for e in entries), **known)


@pytest.fixture
def store(workspace: Workspace) -> Iterator[SqliteStore]:
    opened = stores.open(workspace.store)
    yield opened
    opened.close()


@pytest.fixture
def epoch(store: SqliteStore) -> int:
    """Of an xrun that executes a new run, with a child run."""
    made = store.begin("net", 3.0)
    kept = (points("loss", [0, 1], [9.0, 8.0]), Artifact("w.bin", 3, "ab" * 32), Output("stdout", "now\n"), Rows("t", 1, '{"a":[1]}'))
    store.append([], [logged(NEW, made, *kept, params_json=codec.dumps({"lr": 0.7, "step": 4}))])
    store.append([], [logged(FOLD, made, points("loss", [0], [5.0]), params_json='{"fold":1}', parent=NEW, name="fold1")])
    return made


def statuses(results: Results, **chosen: object) -> dict[str, str]:
    frame = results.runs(**chosen)
    return dict(zip(frame["id_run"], frame["status"], strict=True))


def test_a_run_that_executes_is_there_with_all_that_it_has_logged_so_far(results: Results, epoch: int) -> None:
    frame = results.runs()
    first = frame.iloc[0]
    assert (first["id_run"], first["status"], first["lr"], first["metrics.loss"]) == (NEW, "RUNNING", 0.7, 8.0)
    assert statuses(results) == {NEW: "RUNNING", IDS[0]: "COMPLETED", IDS[1]: "COMPLETED", IDS[2]: "FAILED"}
    found = results.metrics("loss", where="lr == 0.7")
    assert list(zip(found["id_run"], found["step"], found["value"], strict=True)) == [(NEW, 0, 9.0), (NEW, 1, 8.0)]
    assert list(results.artifacts(where="lr == 0.7")["path"]) == ["w.bin"]
    assert results.logs(NEW) == "now\n"
    assert results.logs()[NEW] == "now\n"
    assert list(results.rows("t")["a"]) == [1]


def test_conditions_find_runs_by_what_is_shown_of_them(results: Results, epoch: int) -> None:
    assert statuses(results, where="status == 'RUNNING'") == {NEW: "RUNNING"}
    assert statuses(results, where="status ~ 'RUN|FAIL'") == {NEW: "RUNNING", IDS[2]: "FAILED"}
    assert statuses(results, where="status == 'LOST'") == {}
    with pytest.raises(UsageError, match="did you mean `RUNNING`"):
        results.runs(where="status == 'RUNING'")


def test_its_child_runs_are_no_runs_of_their_own(results: Results, store: SqliteStore, epoch: int) -> None:
    assert FOLD not in statuses(results)
    assert statuses(results, children=True)[FOLD] == "RUNNING"
    (child,) = reading.children_of(store, NEW)
    assert (child.id_run, child.name, child.params) == (FOLD, "fold1", {"fold": 1})
    assert [record.id_run for record in reading.children_of(store, IDS[0])] == [CHILD]
    family, _ = reading.targets(store, NEW, None)
    assert [row.record.id_run for row in family.rows] == [NEW, FOLD]


def test_it_is_known_for_how_long_it_has_been_executing(store: SqliteStore, epoch: int) -> None:
    time.sleep(0.1)
    assert 0.1 <= reading.find(store, NEW).shown.seconds < 30


def test_once_it_has_ended_its_record_is_all_there_is(results: Results, store: SqliteStore, epoch: int) -> None:
    store.append([Record(id_run=NEW, experiment="net", status=Status.COMPLETED, epoch=epoch)])
    assert statuses(results)[NEW] == "COMPLETED"
    assert list(results.runs()["id_run"]).count(NEW) == 1
    assert not reading.find(store, NEW).executing


def test_another_experiment_does_not_show_it(store: SqliteStore, workspace: Workspace, epoch: int) -> None:
    assert NEW not in statuses(load("other", workspace))
    assert store.unfinished("other") == []
    assert [attempt.id_run for attempt in store.unfinished("net")] == [NEW, FOLD]
    assert [attempt.id_run for attempt in store.unfinished(prefix="ef")] == [FOLD]


def test_a_run_that_executes_again_stays_its_record_and_comes_first(results: Results, store: SqliteStore) -> None:
    epoch = store.begin("net", 3.0)
    store.append([], [logged(IDS[2], epoch, points("loss", [0], [1.0]), Output("stdout", "again\n"))])
    assert statuses(results) == {IDS[2]: "FAILED", IDS[0]: "COMPLETED", IDS[1]: "COMPLETED"}
    assert next(iter(statuses(results))) == IDS[2]
    found = reading.find(store, IDS[2])
    assert found.executing
    assert found.record is not None
    assert results.logs(IDS[2]) == "again\n"


def test_of_several_attempts_the_last_one_is_shown(results: Results, store: SqliteStore, epoch: int) -> None:
    store.append([], [logged(NEW, epoch, points("loss", [0], [4.0]), attempt=2, params_json='{"lr":0.7}')])
    assert [attempt.id_run for attempt in store.unfinished()] == [FOLD, NEW]
    assert list(results.metrics("loss", where="lr == 0.7")["value"]) == [4.0]


WRITER = """
import sys, time
from pathlib import Path
from runner import stores
from runner.logged import Output
from runner.record import Trail
store = stores.open(Path(sys.argv[1]))
epoch = store.begin("net", 3.0)
entries = (("", Output("stdout", "so far")),)
store.append([], [Trail(id_run=name, experiment="net", epoch=epoch, attempt=1, entries=entries) for name in sys.argv[2:]])
print("ready", flush=True)
time.sleep(60)
"""


def test_a_run_whose_process_was_killed_is_lost_and_keeps_what_it_had_logged(results: Results, workspace: Workspace) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(workspace.store), NEW, IDS[2]], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        assert statuses(results)[NEW] == "RUNNING"
        writer.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while statuses(results)[NEW] == "RUNNING" and time.monotonic() < deadline:  # a zombie is as dead as they come
            time.sleep(0.02)
        assert statuses(results)[NEW] == "LOST"
    assert statuses(results) == {NEW: "LOST", IDS[0]: "COMPLETED", IDS[1]: "COMPLETED", IDS[2]: "FAILED"}
    assert results.logs(NEW) == "so far"
    reader = stores.read(workspace.store)
    found, other = reading.find(reader, NEW), reading.find(reader, IDS[2])
    reader.close()
    assert (found.executing, found.lost, found.record) == (False, True, None)
    assert math.isnan(found.shown.seconds)
    assert (other.executing, other.lost) == (False, False)
    assert other.shown.failure == Failure(kind="ValueError", message="no")


def test_a_rerun_forgets_what_was_lost(results: Results, store: SqliteStore, epoch: int) -> None:
    store.begin("net", 4.0)
    assert NEW not in statuses(results)


def process(**other: str) -> str:
    parts = dict(zip(("boot", "namespace", "pid", "since"), this_process().split(), strict=True))
    return " ".join((parts | other).values())


@pytest.mark.skipif(sys.platform != "linux", reason="what /proc tells")
@pytest.mark.parametrize(
    ("told", "is_gone"),
    [
        (process(), False),
        (process(pid="1", since="-"), False),
        (process(since="1"), True),  # the id is another process's by now
        (process(pid=str(2**22 + 1)), True),  # no id is that high
        (process(pid=str(2**70)), False),
        (process(boot="0" * 8), True),
        (process(boot="0" * 8, pid="1"), True),
        (process(namespace="pid:[1]", pid=str(2**22 + 1)), False),  # another container: nobody can tell
        (None, False),
        ("", False),
        ("nonsense", False),
        ("a b c d", False),
    ],
    ids=map(str, range(12)),  # what they are made of differs from process to process
)
def test_a_process_is_gone_when_that_is_certain(told: str | None, is_gone: bool) -> None:
    assert gone(told) is is_gone


def test_on_a_network_file_system_another_boot_may_be_another_machine() -> None:
    assert not gone(process(boot="0" * 8), remote=True)


def test_what_a_store_knows_of_attempts_is_checked_like_everything_else(results: Results, store: SqliteStore, epoch: int) -> None:
    db = sqlite3.connect(results.workspace.store)
    db.execute("UPDATE attempt SET params = replace(params, '0.7', '0.9') WHERE id_run = ?", (NEW,))
    db.commit()
    db.close()
    with pytest.warns(stores.damage.DamageWarning, match=NEW):
        assert NEW not in statuses(results)


RECORDING = """
import os, signal
from runner.recorder import Recorder
run = Recorder("alone", params={"lr": 0.5})
run.log_metric("loss", 1.0)
print(run.id_run, flush=True)
input()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_program_that_records_its_run_itself_is_told_dead_from_alive_as_well(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XRUN_")}
    (tmp_path / "conf").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", RECORDING], cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        id_run = program.stdout.readline().strip()
        found = load("alone", tmp_path)
        assert statuses(found) == {id_run: "RUNNING"}
        assert list(found.metrics("loss")["lr"]) == [0.5]
        program.communicate("\n")
    assert statuses(found) == {id_run: "LOST"}
    assert list(found.metrics("loss")["value"]) == [1.0]


def test_records_are_told_from_what_stands_in_for_them() -> None:
    attempt = stores.base.Unfinished(id_run=NEW, experiment="net", params_json="{}", parent="", name="", started=1.0, lost=False)
    assert not reading.Found(NEW, None, attempt).shown.status.ok
    assert reading.Found(NEW, None, replace(attempt, lost=True)).shown.status == "LOST"
