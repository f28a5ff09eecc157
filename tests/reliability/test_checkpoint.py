"""`run.checkpoint`: what it survives, when it goes, and that two runs never use one at the same time."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest

from runner import checkpoint
from runner.config.load import Request, load
from runner.errors import ConfigError

COUNT = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent

def step(run):
    at = run.checkpoint / "at"
    done = int(at.read_text()) if at.exists() else 0
    with open(HERE / "log", "a") as file:
        file.write(f"{run.params.n} from {done} in attempt {run.meta.attempt}\\n")
    while done < 40:
        done += 1
        time.sleep(run.kwargs.wait)
        draft = run.checkpoint / "draft"
        draft.write_text(str(done))
        draft.rename(at)
        END
    run.fields.update(value=(run.params.n * 2654435761 % 1000003) / 7, text=f"run {run.params.n}")
"""


def counting(project, end="pass", runs=2, steps="[work.step]", wait=0.03, **top):
    project.module(COUNT.replace("END", end))
    project.experiment("sweep", f'{{n: "range(0,{runs})"}}', steps=steps, kwargs={"wait": wait}, **top)


def log(project):
    return [tuple(map(int, re.findall(r"\d+", line))) for line in (project.root / "log").read_text().splitlines()]


def folders(project):
    folder = project.root / "space" / ".xrun" / "checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def kill_everything(project, process):
    """The coordinator, and whoever still lives of those that it started."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_run_goes_on_where_it_was_when_everything_was_killed_and_leaves_nothing_once_it_is_through(project):
    counting(project)
    for _ in range(3):
        process = project.start("+experiment=sweep")
        before = len(log(project)) if (project.root / "log").exists() else 0
        deadline = time.monotonic() + 20
        while not (project.root / "log").exists() or len(log(project)) < before + 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.2)
        kill_everything(project, process)
        assert len([name for name in folders(project) if not name.endswith(".lock")]) == 2
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    starts = {n: [done for m, done, _ in log(project) if m == n] for n in (0, 1)}
    for begun in starts.values():
        assert len(begun) == 4
        assert begun[0] == 0
        assert all(later > sooner for sooner, later in pairwise(begun)), "nobody wrote into it after the kill"
    project.assert_ok()
    assert folders(project) == []


@pytest.mark.parametrize("end", ["if done == 20: raise ValueError", "if done == 20: os._exit(3)", "if done == 20: time.sleep(60)"])
def test_a_retry_goes_on_there(project, end):
    counting(project, end, steps="[{call: work.step, retries: 1, timeout: 2, backoff: 10ms}]", wait=0.001)
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    assert sorted(log(project)) == [(0, 0, 1), (0, 20, 2), (1, 0, 1), (1, 20, 2)]
    assert folders(project) == []


def test_one_of_a_run_that_failed_stays_until_the_run_completes(project):
    counting(project, "if done == 20: raise ValueError", wait=0.001)
    assert project.run("+experiment=sweep")[0] == 1
    assert len(folders(project)) == 4
    assert project.run("+experiment=sweep")[0] == 0
    assert sorted(log(project)) == [(0, 0, 1), (0, 20, 1), (1, 0, 1), (1, 20, 1)]
    assert folders(project) == []


def test_it_is_kept_if_that_is_said(project):
    counting(project, wait=0.001, checkpoint="keep")
    assert project.run("+experiment=sweep")[0] == 0
    assert len(folders(project)) == 4
    assert project.run("+experiment=sweep", "--force")[0] == 0
    assert sorted(log(project)) == [(0, 0, 1), (0, 40, 1), (1, 0, 1), (1, 40, 1)]


def test_nothing_is_made_for_runs_that_do_not_ask(project):
    project.experiment("sweep", '{n: "range(0,50)"}')
    assert project.run("+experiment=sweep")[0] == 0
    assert folders(project) == []


def test_a_serial_run_and_a_child_run_have_one(project):
    project.module(
        """
def step(run):
    with run.child_run("fold") as child:
        (child.checkpoint / "x").write_text("1")
        assert child.checkpoint.parent == run.checkpoint
    run.fields.files = sorted(str(path.relative_to(run.checkpoint)) for path in run.checkpoint.rglob("x"))
"""
    )
    project.experiment("sweep", "{n: [0]}", executor={"name": "serial"}, checkpoint={"keep": True})
    code, _, err = project.run("+experiment=sweep")
    assert code == 0, err
    (fields,) = [fields for _, status, fields in project.rows().values() if status == "COMPLETED" and fields]
    assert len(fields["files"]) == 1
    counts = {name.endswith(".lock") for name in folders(project)}
    assert counts == {True, False}


# -- shared ---------------------------------------------------------------------------------------------------------------------------

TRAIN = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent

def train(run, lr, epochs):
    at = run.checkpoint / "epoch"
    log = os.open(HERE / "times", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{lr} {epochs} begin {time.monotonic()}\\n".encode())
    begun = done = int(at.read_text()) if at.exists() else 0
    while done < epochs:
        time.sleep(0.02)
        done += 1
        at.write_text(str(done))
    os.write(log, f"{lr} {epochs} end {time.monotonic()}\\n".encode())
    return {"begun": begun, "done": done}
"""


def training(project, name="train", epochs="[5, 10, 20]", **more):
    project.module(TRAIN, "training")
    project.experiment(
        name, f"{{lr: [1, 2, 3], epochs: {epochs}}}", steps="[training.train]", **{"checkpoint": {"exclude": ["epochs"]}, **more}
    )


def spans(project):
    """lr -> when the runs with it executed."""
    found, open_ = {}, {}
    for line in (project.root / "times").read_text().splitlines():
        lr, epochs, what, at = line.split()
        if what == "begin":
            open_.setdefault((lr, epochs), []).append(float(at))
        else:
            found.setdefault(lr, []).append((open_[lr, epochs].pop(0), float(at)))
    return found


def assert_no_two_at_once(project):
    for times in spans(project).values():
        times.sort()
        assert all(later[0] >= sooner[1] for sooner, later in pairwise(times)), times


def test_runs_that_share_one_go_on_where_the_last_one_ended_and_never_execute_at_the_same_time(project):
    training(project)
    code, _, err = project.run("+experiment=train")
    assert code == 0, err
    rows = [fields for _, _, fields in project.rows().values()]
    assert sorted((f["begun"], f["done"]) for f in rows) == [(0, 5)] * 3 + [(5, 10)] * 3 + [(10, 20)] * 3
    assert_no_two_at_once(project)
    assert len(folders(project)) == 6, "they are kept"
    overlapping = sorted(span for times in spans(project).values() for span in times)
    assert any(later[0] < sooner[1] for sooner, later in pairwise(overlapping)), "others use the worker"
    assert project.run("+experiment=train", "epochs=30")[0] == 0
    assert sorted(f["begun"] for _, _, f in project.rows().values() if f["done"] == 30) == [20, 20, 20]


def test_the_plan_is_read_on_behind_many_runs_that_wait_for_one_checkpoint(project):
    training(project, epochs="[" + ", ".join(map(str, range(1, 700))) + "]")
    project.module(TRAIN.replace("0.02", "0.0001"), "training")
    code, _, err = project.run("+experiment=train")
    assert code == 0, err
    assert_no_two_at_once(project)
    first = min(start for start, _ in spans(project)["2"])
    assert first < sorted(end for _, end in spans(project)["1"])[100], "lr=2 lies behind 699 runs of lr=1, and did not wait for them"


def test_two_sweeps_that_share_one_take_turns(project):
    training(project, "one", "[5, 15]")
    training(project, "two", "[6, 16]")
    both = [project.start(f"+experiment={name}") for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert_no_two_at_once(project)
    assert len(folders(project)) == 6


def test_params_that_count_for_results_have_checkpoints_of_their_own(project):
    training(project)
    assert project.run("+experiment=train")[0] == 0
    before = folders(project)
    assert project.run("+experiment=train", "seed=5")[0] == 0
    assert len(folders(project)) == 2 * len(before)
    assert project.run("+experiment=train", "+K=1")[0] in (0, 2)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("kep", "neither `keep` nor a mapping"),
        ("{exclude: [epoch]}", "did you mean `epochs`?"),
        ("{exclude: epochs}", "one value where a list is meant"),
        ("{exlude: [epochs]}", "did you mean `exclude`?"),
        ("{exclude: [epochs], keep: false}", "is kept"),
        ("{keep: maybe}", "neither true nor false"),
    ],
)
def test_what_says_nothing_is_refused(project, value, complaint):
    folder = project.root / "conf" / "experiment"
    folder.mkdir(parents=True)
    text = f"# @package _global_\nparams: {{epochs: [1]}}\nsteps: [work.step]\ncheckpoint: {value}\n"
    (folder / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        load(Request(overrides=("+experiment=x",), cwd=project.root))


# -- the lock -------------------------------------------------------------------------------------------------------------------------


def held_by_another_process(folder, holder="run a"):
    code = (
        f"import sys, pathlib; from runner import checkpoint; checkpoint.hold(pathlib.Path({str(folder)!r}), {holder!r}); print(flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", f"{code}; sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_one_that_is_in_use_is_waited_for_and_that_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(checkpoint, "PATIENCE", 0.2)
    with held_by_another_process(tmp_path / "a") as other:
        assert not checkpoint.remove(tmp_path / "a")
        assert checkpoint.hold(tmp_path / "a", "run a") is None, "another process of the same attempt has it"
        begun = time.monotonic()
        killer = threading.Timer(0.7, other.kill)
        killer.start()
        descriptor = checkpoint.hold(tmp_path / "a", "run b")
        killer.join()
        assert time.monotonic() - begun > 0.6
    assert "used by another run (run a)" in capsys.readouterr().err
    os.close(descriptor)
    assert checkpoint.remove(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_what_the_one_before_wrote_is_not_taken_for_who_has_it(tmp_path):
    os.close(checkpoint.hold(tmp_path / "a", "run a"))
    lock = str(tmp_path / "a.lock")
    code = f"import fcntl, time; file = open({lock!r}, 'r+'); fcntl.lockf(file, fcntl.LOCK_EX, 1); print(flush=True); time.sleep(0.5)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:  # it has it, and has not said so yet
        other.stdout.readline()
        descriptor = checkpoint.hold(tmp_path / "a", "run a")
        assert descriptor is not None
    os.close(descriptor)


def test_many_that_hold_and_remove_one_never_have_it_together(tmp_path):
    code = f"""
import os, pathlib, sys
from runner import checkpoint
folder = pathlib.Path({str(tmp_path / "a")!r})
for n in range(60):
    descriptor = checkpoint.hold(folder, f"{{os.getpid()}}")
    mine = folder / "mine"
    os.close(os.open(mine, os.O_CREAT | os.O_EXCL))
    mine.unlink()
    os.close(descriptor)
    if n % 3 == 0:
        checkpoint.remove(folder)
"""
    together = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in together:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
