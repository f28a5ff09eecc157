"""F37: a run that has a record keeps its files while it executes again, and when that is cut off, however and at whatever moment."""

import hashlib
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.reliability.conftest import alive

STEP = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent

def step(run):
    turn, n = os.environ["TURN"], run.params.n
    run.fields.turn = turn
    (run.dir / "model.bin").write_text(f"{turn} {n} " * 2000)
    run.log_artifact(run.dir / "model.bin")
    (run.dir / "outputs").mkdir()
    (run.dir / "outputs" / f"only in {turn}").write_text(turn)
    (run.dir / "loose").write_text(turn)
    with run.child_run("fold") as child:
        child.fields.turn = turn
        (child.dir / "part").write_text(turn)
        child.log_artifact(child.dir / "part")
    with open(HERE / "log", "a") as file:
        file.write(f"{turn} {n}\\n")
    while (HERE / f"hang {n}").exists():
        time.sleep(0.01)
    if (HERE / "fail").exists():
        raise ValueError("as told")
"""
SWALLOW = """
def swallow():
    try:
        time.sleep(0.01)
    except BaseException:
        pass
"""


def files(project, name="e", runs=2, **more):
    """An experiment whose runs keep files that tell which invocation made them, once through."""
    project.module(STEP)
    project.experiment(name, f'{{n: "range(0,{runs})"}}', **more)
    code, _, err = execute(project, "old", name=name)
    assert code == 0, err
    return contents(project)


def execute(project, turn, *arguments, name="e"):
    return project.run(f"+experiment={name}", *arguments, environment={"TURN": turn})


def artifacts(project):
    return project.root / "space" / ".xrun" / "artifacts"


def contents(project):
    """Every file below the folder of artifacts: its bytes."""
    folder = artifacts(project)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def aside(project):
    folder = artifacts(project) / ".replaced"
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def begun(project, turn):
    log = project.root / "log"
    return [line for line in (log.read_text().splitlines() if log.exists() else []) if line.startswith(f"{turn} ")]


def hang(project, *runs, until=()):
    for n in runs:
        (project.root / f"hang {n}").touch()
    for n in until:
        (project.root / f"hang {n}").unlink()


def forced(project, turn, *arguments, runs=2, name="e"):
    """xrun that executes everything again, once so many steps are at their end and hang."""
    process = project.start(f"+experiment={name}", "--force", *arguments, environment={"TURN": turn})
    project.wait_until(lambda: len(begun(project, turn)) >= runs)
    return process


def kept(project, *, everything=True):
    """Id of every run and child run -> the invocation that its record is of; what readers show of its files must be of that one."""
    turns = {
        id_run: json.loads(fields).get("turn")
        for id_run, fields in project.query("SELECT id_run, fields FROM run WHERE status <> 'FAILED'")
    }
    code, out, err = project.run("query", "SELECT id_run, sha256, file FROM artifacts", "--json")
    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    for line in found:
        file = Path(line["file"])
        data = file.read_bytes()
        assert hashlib.sha256(data).hexdigest() == line["sha256"], line
        assert data.startswith(turns[line["id_run"]].encode()), line
        if not everything:
            continue
        others = {other for other in turns.values() if other != turns[line["id_run"]]}
        assert not others & {path.read_text() for path in file.parent.glob("loose")}
    return turns


def assert_settled(project):
    """Nothing lies aside, and what is there is what the store says."""
    assert aside(project) == []
    assert not (artifacts(project) / ".replaced").exists()
    kept(project)
    code, out, err = project.run("doctor", "--json")
    assert code == 0, (out, err)
    assert {found["kind"] for found in json.loads(out)["findings"]} <= {"attempts"}  # which the next run of the experiment forgets


def kill(process, project):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    project.assert_none_alive()


@pytest.mark.parametrize("executor", ["local", "serial"])
@pytest.mark.parametrize("cut", ["twice", "grace"])
def test_a_forced_rerun_that_is_cut_off_leaves_every_file_as_it_was(project, cut, executor):
    """F37: by Ctrl-C twice, and by a signal whose grace is over."""
    before = files(project, executor={"name": executor, **({"workers": 2} if executor == "local" else {})})
    hang(project, 0, 1)
    process = forced(project, "new", "--grace", "0.2", runs=2 if executor == "local" else 1)
    assert set(kept(project).values()) == {"old"}
    for _ in range(2 if cut == "twice" or executor == "serial" else 1):
        os.kill(process.pid, signal.SIGINT if cut == "twice" else signal.SIGTERM)
        time.sleep(0.1)
    _, err = process.communicate(timeout=30)
    assert process.returncode in (130, 143), err
    assert contents(project) == before
    assert_settled(project)
    hang(project, until=(0, 1))
    assert execute(project, "none")[0] == 0
    assert begun(project, "none") == []
    assert contents(project) == before
    assert project.run("verify", "e")[0] == 0


def test_when_everything_is_killed_readers_find_the_files_and_the_next_xrun_puts_them_back(project):
    """F37: also for `xrun show`, `artifacts`, `export` and `doctor`, which change nothing."""
    before = files(project)
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    killed = contents(project)
    assert len(aside(project)) == 4
    assert set(kept(project).values()) == {"old"}
    (id_run, *_) = kept(project)
    shown = json.loads(project.run("show", id_run, "--json")[1])
    assert all(Path(artifact["file"]).read_bytes().startswith(b"old") for artifact in shown["artifacts"])
    listed = [json.loads(line) for line in project.run("artifacts", "e", "--json")[1].splitlines()]
    assert {Path(line["file"]).read_bytes()[:3] for line in listed} == {b"old"}
    code, out, _ = project.run("doctor", "--json")
    assert code == 0
    assert {"replaced"} <= {found["kind"] for found in json.loads(out)["findings"] if not found["problem"]} <= {"attempts", "replaced"}
    assert contents(project) == killed
    code, _, err = execute(project, "none")
    assert code == 0, err
    assert begun(project, "none") == []
    assert contents(project) == before
    assert_settled(project)
    assert project.run("verify", "e")[0] == 0


@pytest.mark.parametrize("command", [("gc", "--yes"), ("doctor", "--repair")])
def test_who_has_the_workspace_alone_puts_them_back_as_well(project, command):
    before = files(project)
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    killed = contents(project)
    told = json.loads(project.run("gc", "--json")[1])
    assert len(told["replaced"]) == 4
    assert told["bytes"] > 2 * len(before[next(name for name in before if name.endswith("model.bin"))]) - 1
    assert contents(project) == killed
    assert project.run(*command)[0] == 0
    assert contents(project) == before
    assert_settled(project)


def test_gc_removes_what_lies_aside_of_a_run_together_with_the_run(project):
    files(project)
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    assert project.run("+experiment=e", "n=1", environment={"TURN": "one"})[0] == 0
    hang(project, 0)
    kill(forced(project, "third", "n=0", runs=1), project)
    manifest = project.root / "space" / "results" / "e" / "manifest.json"
    assert len(json.loads(manifest.read_text())["runs"]) == 1
    assert project.run("gc", "--yes")[0] == 0
    assert set(kept(project).values()) == {"old"}
    assert len(list(artifacts(project).iterdir())) == 2
    assert_settled(project)


def test_a_forced_rerun_that_completes_has_only_new_files(project):
    before = files(project)
    assert execute(project, "new", "--force")[0] == 0
    after = contents(project)
    assert {name.replace("new", "old") for name in after} == set(before)
    assert all(b"old" not in data for data in after.values())
    assert_settled(project)


def test_one_that_fails_has_the_files_of_its_failure(project):
    files(project)
    (project.root / "fail").touch()
    assert execute(project, "new", "--force")[0] == 1
    assert all(b"old" not in data for data in contents(project).values())
    assert aside(project) == []
    assert project.run("doctor")[0] == 0


def test_the_files_of_a_run_that_failed_survive_as_well_when_the_next_attempt_is_killed(project):
    """F37: without `--force`."""
    project.module(STEP)
    project.experiment("e", '{n: "range(0,2)"}')
    (project.root / "fail").touch()
    assert execute(project, "old")[0] == 1
    before = contents(project)
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    assert execute(project, "none", "--no-retry-failed")[0] == 1
    assert contents(project) == before
    assert aside(project) == []
    (project.root / "fail").unlink()
    assert execute(project, "last")[0] == 0
    assert_settled(project)


def test_a_kill_between_the_commit_and_the_removal_keeps_the_new_files(project):
    """F37: what has been committed is what stays, whatever still lies aside."""
    files(project, runs=4, executor={"workers": 1})
    for turn in ("a", "b", "c"):
        hang(project, 3)
        process = forced(project, turn, runs=4)
        project.wait_until(lambda turn=turn: len([row for row in project.rows().values() if row[2].get("turn") == turn]) == 6)
        kill(process, project)
        hang(project, until=(3,))
        landed = [name for name in aside(project) if kept(project)[name.partition(".")[0]] == turn]
        (project.root / "log").unlink()
        before = kept(project)
        assert execute(project, "none")[0] == 0
        assert kept(project) == before
        assert_settled(project)
        if landed:
            return
    raise AssertionError("everything was removed at once, three times")


@pytest.mark.forms(rounds=(5, 40))
def test_whenever_everything_is_killed_records_and_files_are_of_one_invocation(project, rounds, dice):
    """F37: at random moments, and again before anybody has tidied up."""
    files(project, runs=6, executor={"workers": 2})
    for n in range(rounds):
        process = project.start("+experiment=e", "--force", environment={"TURN": f"turn{n}"})
        project.wait_until(lambda: begun(project, f"turn{n}"))  # noqa: B023 - it is called here
        time.sleep(dice.uniform(0.0, 0.4))
        process.kill()
        process.communicate()
        project.assert_none_alive()
        before = kept(project, everything=False)
        if dice.random() < 0.6:
            assert execute(project, "none")[0] == 0
            assert kept(project) == before
            assert_settled(project)
    assert execute(project, "none")[0] == 0
    assert begun(project, "none") == []
    assert_settled(project)


def test_another_experiment_that_shares_the_run_puts_its_files_back(project):
    before = files(project)
    project.experiment("f", '{n: "range(0,2)"}')
    assert execute(project, "none", name="f")[0] == 0
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    assert execute(project, "none", name="f")[0] == 0
    assert begun(project, "none") == []
    assert contents(project) == before
    assert_settled(project)


def test_another_experiment_leaves_alone_what_executes(project):
    """F37: what lies aside of a run that goes on belongs to who executes it."""
    files(project)
    project.experiment("f", '{n: "range(0,2)"}')
    hang(project, 0, 1)
    process = forced(project, "new")
    assert len(aside(project)) == 4
    assert execute(project, "none", name="f")[0] == 0
    assert len(aside(project)) == 4
    hang(project, until=(0, 1))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert set(kept(project).values()) == {"new"}
    assert_settled(project)


def test_retries_keep_what_the_first_attempt_has_put_aside(project):
    before = files(project, steps="[{call: work.step, retries: 100000, backoff: 1ms}]")
    (project.root / "fail").touch()
    process = forced(project, "new", runs=6)
    assert set(kept(project).values()) == {"old"}
    kill(process, project)
    assert set(kept(project).values()) == {"old"}
    (project.root / "fail").unlink()
    assert execute(project, "none")[0] == 0
    assert contents(project) == before
    assert_settled(project)


FIRST = """
import os
def first(run):
    (run.dir / "data").write_text("made once")
    run.log_artifact(run.dir / "data")
    run.fields.turn = "old"
"""


def test_steps_that_are_executed_again_behind_others_take_over_their_files_and_leave_them_when_they_are_cut_off(project):
    """F37: `--force-from`."""
    project.module(FIRST + STEP)
    project.experiment("e", '{n: "range(0,2)"}', steps="[work.first, work.step]")
    code, _, err = execute(project, "old")
    assert code == 0, err
    before = contents(project)
    hang(project, 0, 1)
    for _ in range(2):
        process = project.start("+experiment=e", "--force-from", "step", environment={"TURN": "new"})
        project.wait_until(lambda: len(begun(project, "new")) >= 2)
        kill(process, project)
        (project.root / "log").unlink()
    hang(project, until=(0, 1))
    assert execute(project, "none")[0] == 0
    assert contents(project) == before
    code, _, err = execute(project, "last", "--force-from", "step")
    assert code == 0, err
    assert {data for name, data in contents(project).items() if name.endswith("data")} == {b"made once"}
    assert aside(project) == []
    assert project.run("doctor")[0] == 0


FORKING = STEP.replace(
    '    with open(HERE / "log"',
    """    pid = os.fork()
    if pid == 0:
        (run.dir / "forked").write_text(turn)
        os._exit(0)
    os.waitpid(pid, 0)
    with open(HERE / "log\"""",
)


def test_processes_that_a_step_forks_change_nothing_of_it(project):
    project.module(FORKING)
    project.experiment("e", '{n: "range(0,2)"}')
    assert execute(project, "old")[0] == 0
    before = contents(project)
    assert len([name for name in before if name.endswith("forked")]) == 2
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    assert execute(project, "none")[0] == 0
    assert contents(project) == before
    assert_settled(project)


LATE = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent

def step(run):
    turn, n = os.environ["TURN"], run.params.n
    run.fields.turn = turn
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
    with open(HERE / "log", "a") as file:
        file.write(f"{turn} {n}\\n")
    while turn == "killed":
        time.sleep(0.01)
    (run.dir / "model.bin").write_text(turn)
    run.log_artifact(run.dir / "model.bin")
"""


def test_who_executes_a_run_behind_one_that_was_killed_before_it_made_a_file_keeps_its_own(project):
    """F37: a step that forks has its old files put aside before it makes new ones."""
    project.module(LATE)
    for name in ("e", "f"):
        project.experiment(name, "{n: [0]}")
    assert execute(project, "old")[0] == 0
    killed = forced(project, "killed", runs=1)
    assert [name for name in contents(project) if not name.startswith(".replaced")] == []
    other = project.start("+experiment=f", "--force", environment={"TURN": "new"})
    project.wait_until(lambda: project.query("SELECT count(*) FROM epoch") == [(3,)])
    time.sleep(1)  # it waits for the run by now; where it does not yet, it has less to get right
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    _, err = other.communicate(timeout=60)
    assert other.returncode == 0, err
    assert set(kept(project).values()) == {"new"}
    assert execute(project, "none")[0] == 0
    assert set(kept(project).values()) == {"new"}
    assert_settled(project)


SCRIPT = """
import os, sys, time
from pathlib import Path
import runner
HERE = Path(__file__).parent
run = runner.get_run()
turn = os.environ["TURN"]
run.fields.turn = turn
with run.child_run("fold") as child:
    child.fields.turn = turn
    (child.dir / "part").write_text(turn)
    child.log_artifact(child.dir / "part")
Path("made").mkdir(exist_ok=True)
Path("made/model.bin").write_text(turn)
with open(HERE / "log", "a") as file:
    file.write(f"{turn} {run.params.n}\\n")
while (HERE / f"hang {run.params.n}").exists():
    time.sleep(0.01)
"""


def test_the_outputs_of_scripts_and_the_files_of_their_child_runs_are_no_exception(project):
    (project.root / "script.py").write_text(SCRIPT)
    project.experiment("e", '{n: "range(0,2)"}', steps="[{script: script.py, outputs: made}]")
    code, _, err = execute(project, "old")
    assert code == 0, err
    before = contents(project)
    assert len(before) == 4
    hang(project, 0, 1)
    kill(forced(project, "new"), project)
    hang(project, until=(0, 1))
    assert set(kept(project).values()) == {"old"}
    assert execute(project, "none")[0] == 0
    assert contents(project) == before
    assert_settled(project)


def test_nothing_is_put_aside_for_runs_without_a_folder(project):
    project.experiment("e", '{n: "range(0,50)"}')
    for _ in range(2):
        assert project.run("+experiment=e", "--force")[0] == 0
    assert not artifacts(project).exists()


def test_a_folder_that_is_a_mount_or_lies_on_another_disk_by_a_link_is_no_obstacle(project, tmp_path_factory):
    """All of the artifacts on another disk, by a link."""
    elsewhere = Path(tmp_path_factory.mktemp("other"))
    shm = Path("/dev/shm") / f"xrun-test-{os.urandom(4).hex()}"
    try:
        if os.access(shm.parent, os.W_OK):
            shm.mkdir()
            elsewhere = shm
        (project.root / "space" / ".xrun").mkdir(parents=True)
        artifacts(project).symlink_to(elsewhere)
        before = files(project)
        hang(project, 0, 1)
        kill(forced(project, "new"), project)
        hang(project, until=(0, 1))
        assert len(aside(project)) == 4
        assert execute(project, "none")[0] == 0
        assert contents(project) == before
        assert_settled(project)
    finally:
        subprocess.run(["rm", "-rf", str(shm)], check=True)


ELSEWHERE = {
    "a launcher plugin": (("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), {}),
    "a network file system": ((), {"XRUN_FORCE_NETFS": "1"}),
    "a network file system, serial": (("executor=serial",), {"XRUN_FORCE_NETFS": "1"}),
}


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request, monkeypatch):
    """Where runs execute, or the workspace lies: arguments that make it so."""
    arguments, variables = ELSEWHERE[request.param]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return arguments


def test_wherever_a_run_executes_again_its_new_record_has_its_new_files_alone(project, elsewhere):
    """F37 with F33."""
    files(project)
    code, _, err = execute(project, "new", "--force", *elsewhere)
    assert code == 0, err
    assert set(kept(project).values()) == {"new"}
    assert_settled(project)
    (project.root / "fail").touch()
    assert execute(project, "bad", "--force", *elsewhere)[0] == 1
    assert aside(project) == []
    assert {file.read_text() for file in artifacts(project).rglob("loose")} == {"bad"}


def test_wherever_everything_is_killed_readers_find_the_files_and_the_next_xrun_puts_them_back(project, elsewhere):
    before = files(project)
    hang(project, 0, 1)
    process = forced(project, "new", *elsewhere, runs=1 if "executor=serial" in elsewhere else 2)
    for pid in (process.pid, *alive(project.mark)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    project.assert_none_alive()
    hang(project, until=(0, 1))
    assert set(kept(project).values()) == {"old"}
    code, _, err = execute(project, "none", *elsewhere)
    assert code == 0, err
    assert begun(project, "none") == []
    assert contents(project) == before
    assert_settled(project)


def test_wherever_a_step_is_ended_with_xrun_the_next_one_puts_the_files_back(project, elsewhere):
    """The second Ctrl-C, where nobody but xrun itself could end the step."""
    before = files(project)
    project.module(STEP.replace("time.sleep(0.01)", "swallow()") + SWALLOW)
    code, _, err = execute(project, "old", "--force")
    assert code == 0, err
    before = contents(project)
    hang(project, 0, 1)
    process = forced(project, "new", *elsewhere, runs=1 if "executor=serial" in elsewhere else 2)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.3)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    hang(project, until=(0, 1))
    project.assert_none_alive(20)
    code, _, err = execute(project, "none", *elsewhere)
    assert code == 0, err
    assert begun(project, "none") == []
    assert contents(project) == before
    assert_settled(project)
