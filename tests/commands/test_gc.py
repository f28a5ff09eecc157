"""`xrun gc`: what a manifest names stays, the rest goes when it is told to, and the space with it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner import upkeep
from runner.lock import Presence
from runner.workspace import locate

XRUN = Path(sys.executable).with_name("xrun")
STEP = """
def step(run, x):
    run.log_list('loss', [x / 3] * 20000)
    (run.dir / 'model.bin').write_bytes(os.urandom(200_000))
    run.log_artifact(run.dir / 'model.bin')
    with run.child_run('part') as part:
        part.log_metric('m', 1)
    if x > 90:
        raise ValueError(x)
    return {'y': x}
"""


@pytest.fixture
def made(project, xrun, template):
    """20 runs, of which the last plan names 5; two of the others failed."""
    if template.exists():
        shutil.copytree(template, project, dirs_exist_ok=True)
        return project
    (project / "big.py").write_text("import os\n" + STEP)
    (project / "conf" / "experiment" / "big.yaml").write_text("# @package _global_\nparams: {x: [1]}\nsteps: [big.step]\n")
    assert xrun("+experiment=big", "x=range(0,18)").returncode == 0
    assert xrun("+experiment=big", "x=91,92").returncode == 1
    assert xrun("+experiment=big", "x=range(0,5)").returncode == 0
    shutil.copytree(project, template)
    return project


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def told(xrun, *arguments):
    done = xrun("gc", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_says_what_would_go_and_removes_nothing(made, xrun):
    before = snapshot(made / ".xrun")
    said = told(xrun)
    assert (len(said["runs"]["big"]), said["removed"]) == (30, False)  # 15 and their child runs
    assert 15 * 360_000 < said["bytes"] < 15 * 400_000
    assert "30 runs that no manifest names" in xrun("gc").stdout
    assert snapshot(made / ".xrun") == before


def test_with_yes_it_goes_the_space_too_and_what_a_manifest_names_stays(made, xrun):
    before = size(made / ".xrun")
    table = (made / "results/big/table.csv").read_text()
    said = told(xrun, "--yes")
    assert said["removed"]
    freed = before - size(made / ".xrun")
    assert freed == said["freed"]
    assert freed > 0.95 * said["bytes"] > 0.7 * 0.95 * before
    names = json.loads((made / "results/big/manifest.json").read_text())["runs"]
    assert sorted(path.name for path in (made / ".xrun/artifacts").iterdir()) == sorted(names)
    assert {json.loads(line)["id_run"] for line in xrun("ls", "big", "--json").stdout.splitlines()} == set(names)
    again = json.loads(xrun("+experiment=big", "x=range(0,5)", "--json").stdout)
    assert again["cached"] == 5
    assert (made / "results/big/table.csv").read_text() == table
    assert xrun("doctor").returncode == 0
    assert told(xrun)["runs"] == {}


def test_failed_and_age_and_experiment_narrow_it(made, xrun):
    assert len(told(xrun, "--failed")["runs"]["big"]) == 4
    assert told(xrun, "--older-than", "1h")["runs"] == {}
    assert len(told(xrun, "--older-than", "0s", "--experiment", "big")["runs"]["big"]) == 30
    assert xrun("gc", "--experiment", "bog").returncode == 3
    assert "did you mean `big`?" in xrun("gc", "--experiment", "bog").stderr
    wrong = xrun("gc", "--older-than", "month")
    assert wrong.returncode == 2
    assert "30d" in wrong.stderr


def test_experiments_without_a_manifest_go_only_by_name(made, xrun):
    code = "from runner.recorder import Recorder\nwith Recorder('mine') as run:\n    run.log_metric('loss', 1)\n"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XRUN_")}
    subprocess.run([sys.executable, "-c", code], cwd=made, env=environment, check=True)
    assert "mine" not in told(xrun)["runs"]
    assert list(told(xrun, "--experiment", "mine")["runs"]) == ["mine"]


def test_folders_of_no_run_and_drafts_go(made, xrun):
    orphan = made / ".xrun/artifacts/00000000-0000-8000-8000-000000000000"
    orphan.mkdir()
    (orphan / "x").write_bytes(b"x" * 1000)
    draft = made / "results/big/.xrun-00.part"
    draft.write_text("half")
    said = told(xrun, "--failed", "--older-than", "1h")
    assert (said["orphans"], said["drafts"], said["bytes"]) == ([orphan.name], [str(draft)], 1004)
    told(xrun, "--failed", "--older-than", "1h", "--yes")
    assert not orphan.exists()
    assert not draft.exists()


CHECKPOINTED = """
import os
from pathlib import Path

def step(run, x, epochs=1):
    (run.checkpoint / "state").write_bytes(b"x" * 300_000)
    if x == 2 and not Path("through").exists():
        raise ValueError(x)
    if x == 3 and not Path("through").exists():
        os.killpg(os.getpgid(run.meta.xrun_pid), 9)
"""


@pytest.fixture
def checkpointed(project, xrun):
    """Checkpoints of a run that completed, of one that failed, of one that has no record, of two that share one."""
    (project / "work.py").write_text(CHECKPOINTED)
    head = "# @package _global_\nsteps: [work.step]\nexecutor: {workers: 1}\n"
    experiments = project / "conf" / "experiment"
    (experiments / "own.yaml").write_text(f"{head}params: {{x: [1, 2]}}\n")
    (experiments / "kept.yaml").write_text(f"{head}params: {{x: [11]}}\ncheckpoint: keep\n")
    (experiments / "both.yaml").write_text(f"{head}params: {{x: [21], epochs: [1, 2]}}\ncheckpoint: {{exclude: [epochs]}}\n")
    assert [xrun(f"+experiment={name}").returncode for name in ("own", "kept", "both")] == [1, 0, 0]
    command = [Path(sys.executable).with_name("xrun"), "+experiment=own", "x=[3]"]
    killed = subprocess.run(command, cwd=project, capture_output=True, check=False, start_new_session=True)
    assert killed.returncode == -9
    ids = {json.loads(line)["params"]["x"]: json.loads(line)["id_run"] for line in xrun("ls", "own", "--json").stdout.splitlines()}
    folder = project / ".xrun" / "checkpoints"
    left = folder / ids[1]  # as where it was killed between the record and the removal
    left.mkdir()
    (left / "state").write_bytes(b"x" * 300_000)
    left.with_name(f"{left.name}.lock").write_text(f"run {ids[1]}, attempt 1 of process 1")
    folders = {path.name for path in folder.iterdir() if path.is_dir()}
    assert len(folders) == 5
    return folder, ids, folders


def test_of_checkpoints_those_of_completed_runs_go(checkpointed, xrun, project):
    folder, ids, folders = checkpointed
    before = size(project / ".xrun")
    said = told(xrun)
    assert said["checkpoints"] == [ids[1]]
    assert said["bytes"] >= 300_000
    assert size(project / ".xrun") == before
    assert "1 checkpoints that no run goes on from" in xrun("gc").stdout
    assert told(xrun, "--yes")["freed"] > 0.95 * 300_000
    assert {path.name for path in folder.iterdir() if path.is_dir()} == folders - {ids[1]}
    assert not (folder / f"{ids[1]}.lock").exists()
    assert (project / ".xrun/locks/runs").exists()
    assert told(xrun)["checkpoints"] == []


def test_others_go_when_they_are_old_or_their_experiment_is_named(checkpointed, xrun, project):
    folder, ids, folders = checkpointed
    assert told(xrun, "--older-than", "1h")["checkpoints"] == []
    assert set(told(xrun, "--experiment", "own")["checkpoints"]) == {ids[1], ids[2], *_of(project, "own")} & folders
    assert len(told(xrun, "--experiment", "both")["checkpoints"]) == 1
    assert told(xrun, "--experiment", "own", "--older-than", "1h")["checkpoints"] == []
    old = folder / ids[2]
    for path in (old, old / "state"):
        os.utime(path, (1e9, 1e9))
    assert told(xrun, "--older-than", "1h")["checkpoints"] == [ids[2]]
    os.utime(old / "state")
    assert told(xrun, "--older-than", "1h")["checkpoints"] == []
    assert told(xrun, "--failed", "--experiment", "kept")["checkpoints"] != []


@pytest.mark.parametrize("content", [b"checkpoint: [", b"a: &a [1, 2]\nb: *b\n", b"[" * 100_000, b"checkpoint", b"\xff", b"", None])
def test_where_nobody_can_tell_whether_an_experiment_keeps_its_checkpoints_they_stay(checkpointed, xrun, project, content):
    folder, _, folders = checkpointed
    file = project / "results/own/experiment.yaml"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert told(xrun, "--yes")["checkpoints"] == []
    assert {path.name for path in folder.iterdir() if path.is_dir()} == folders


def _of(project, name):
    return json.loads((project / "results" / name / "manifest.json").read_text())["runs"]


def test_one_that_is_in_use_stays(checkpointed, xrun):
    folder, ids, folders = checkpointed
    holding = "checkpoint.hold(Path(sys.argv[1]), 'me')\nprint(flush=True)\nsys.stdin.read()\n"
    code = f"import sys\nfrom pathlib import Path\nfrom runner import checkpoint\n{holding}"
    with subprocess.Popen([sys.executable, "-c", code, folder / ids[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert told(xrun, "--yes")["checkpoints"] == []
        assert {path.name for path in folder.iterdir() if path.is_dir()} == folders
        holder.stdin.close()
    assert told(xrun)["checkpoints"] == [ids[1]]


def edited(**changes):
    """A change of a manifest's keys."""
    return lambda content: json.dumps({**json.loads(content), **changes}).encode()


DAMAGES = {
    "cut off": (lambda content: content[:-3], "it is not JSON"),
    "no text": (lambda _: b"\xff{}", "it is not UTF-8"),
    "deep": (lambda _: b"[" * 100_000, "it is nested too deeply"),
    "a list": (lambda _: b"[]", "it is [], where a mapping is expected"),
    "no runs": (edited(runs=None), "does not say which runs it names"),
    "runs that are none": (edited(runs="all"), '`runs` is "all", where a list is expected'),
    "a run that is none": (edited(runs=["a", 5]), "`runs[1]` is 5, where a text is expected"),
    "something else": (edited(platform=5), "`platform` is 5, where a text is expected"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_manifest_that_cannot_be_read_stops_it(made, xrun, damage):
    damaged, sentence = DAMAGES[damage]
    file = made / "results/big/manifest.json"
    file.write_bytes(damaged(file.read_bytes()))
    before = snapshot(made / ".xrun")
    done = xrun("gc", "--yes")
    assert done.returncode == 74, done.stderr
    assert "manifest.json" in done.stderr
    assert sentence in done.stderr
    assert "running the experiment again writes it again" in done.stderr
    assert snapshot(made / ".xrun") == before


def test_a_run_that_another_experiment_names_stays(project, xrun):
    folder = project / "conf" / "experiment"
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(f"# @package _global_\nname: {name}\nparams: {{x: [1, 2]}}\nsteps: [steps.square]\n")
        assert xrun(f"+experiment={name}").returncode == 0
    xrun("+experiment=one", "x=7")
    assert told(xrun, "--yes")["runs"] == {}
    assert json.loads(xrun("+experiment=two", "--json").stdout)["cached"] == 2
    assert Path(project / "results/one/manifest.json").is_file()


def test_while_it_cleans_up_nobody_comes_and_while_somebody_is_there_it_does_not_begin(made, xrun):
    """What it has found to be nobody's stays so until it is gone."""
    workspace = locate(made, None)
    with upkeep.alone(workspace):
        done = xrun("+experiment=big", "x=1")
        assert done.returncode == 73
        assert f"xrun: {workspace.folder} is being cleaned up by process {os.getpid()} of " in done.stderr
        assert "Traceback" not in done.stderr
    assert xrun("+experiment=big", "x=1").returncode == 0
    with Presence(workspace), Presence(workspace):
        for arguments in (("gc", "--yes"), ("doctor", "--repair")):
            done = xrun(*arguments)
            assert done.returncode == 73
            assert "this needs the workspace alone" in done.stderr
        assert xrun("gc").returncode == 0
        assert xrun("+experiment=big", "x=2").returncode == 0
    assert xrun("gc", "--yes").returncode == 0


@pytest.mark.parametrize("command", [["gc"], ["gc", "--yes"], ["doctor"], ["doctor", "--repair"]])
def test_where_nothing_was_ever_run_nothing_is_made(tmp_path, command):
    done = subprocess.run([XRUN, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("xrun: there are no results yet: ")
    assert list(tmp_path.iterdir()) == []
