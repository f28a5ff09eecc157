"""`xrun reproduce`: the recorded code, whatever has become of the working tree; the verdict; and that nobody's files change."""

import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.reproduce.conftest import BIN, STEPS, Project

EDITED = STEPS.replace("x * x * scale", "x * x * scale + 1")


def test_results_of_a_clean_commit_are_the_same_bit_for_bit(project: Project) -> None:
    project.xrun("+experiment=squares", "x=1,2,5", "-q")

    done = project.reproduce("squares")

    assert done.stdout == "squares: the same, bit for bit: 3 runs\n"
    told = json.loads(project.reproduce("results/squares/manifest.json", "--json").stdout)
    assert (told["verdict"], told["same_ids"], told["same_table_digest"], told["differences"]) == ("same", True, True, [])
    assert told["commit"] == project.git("rev-parse", "HEAD")


def test_modified_new_and_deleted_files_of_a_dirty_tree_come_back(project: Project) -> None:
    project.write({"gone.py": "", "factor.bin": bytes(range(256))})
    project.commit()
    project.write({"steps.py": EDITED.replace("import os", "import os\n\nimport extra"), "extra.py": "VALUE = 7\n"})
    project.write({"factor.bin": bytes(reversed(range(256))), "new data.bin": bytes(range(200))})
    changed = "from pathlib import Path\n\n\ndef read(x: int) -> dict:\n    here = Path(__file__).parent\n"
    changed += "    assert not (here / 'gone.py').exists()\n"
    changed += "    return {'y': (here / 'factor.bin').read_bytes()[x] + (here / 'new data.bin').read_bytes()[x]}\n"
    project.write(
        {
            "reading.py": changed,
            "conf/experiment/read.yaml": "# @package _global_\nname: read\nparams: {x: [1]}\nsteps: [reading.read, steps.square]\n",
        }
    )
    (project.root / "gone.py").unlink()
    project.xrun("+experiment=read", "-q")
    assert project.manifest("read")["git"]["dirty"]
    project.git("stash", "push", "--quiet", "--include-untracked")

    assert "the same, bit for bit" in project.reproduce("read").stdout


def test_head_that_moved_on_and_code_that_is_edited_do_not_matter(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    project.commit({"steps.py": STEPS.replace("x * x", "x + x")})
    project.write(
        {"steps.py": "raise SystemExit('this is not the recorded code')\n", "untracked.py": "", "conf/experiment/squares.yaml": "x"}
    )
    project.git("add", "untracked.py")

    assert "the same, bit for bit: 3 runs" in project.reproduce("squares").stdout


def test_commit_whose_branch_was_deleted_is_enough(project: Project) -> None:
    project.git("checkout", "--quiet", "-b", "side")
    project.commit({"steps.py": EDITED})
    project.xrun("+experiment=squares", "-q")
    project.git("checkout", "--quiet", "trunk")
    project.git("branch", "--quiet", "-D", "side")

    assert "the same, bit for bit: 3 runs" in project.reproduce("squares").stdout


def test_commit_that_is_gone_is_told_with_what_brings_it(project: Project) -> None:
    project.git("remote", "add", "origin", "https://host.example/x.git")
    project.git("checkout", "--quiet", "-b", "side")
    commit = project.commit({"steps.py": EDITED})
    project.xrun("+experiment=squares", "-q")
    project.git("checkout", "--quiet", "trunk")
    project.git("branch", "--quiet", "-D", "side")
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("gc", "--quiet", "--prune=now")

    done = project.reproduce("squares", code=3)

    assert f"does not have the commit {commit} (branch side)" in done.stderr
    assert f"git fetch https://host.example/x.git {commit}" in done.stderr


def test_results_without_a_repository_are_refused_with_what_can_be_done(project: Project) -> None:
    (project.root / ".git").rename(project.home / "git")
    project.xrun("+experiment=squares", "-q")
    (project.home / "git").rename(project.root / ".git")
    moved = project.home / "not here"
    (project.root / "results").rename(moved)

    done = project.reproduce(str(moved / "squares"), code=3)

    assert "was written outside of a git repository" in done.stderr
    said = shlex.split(done.stderr.splitlines()[-1])
    assert said[:4] == ["xrun", str(moved / "squares" / "experiment.yaml"), "--workspace", "DIR"]


def test_step_that_is_not_deterministic_gives_a_table_of_differences(project: Project) -> None:
    project.xrun("+experiment=shaky", "-q")

    done = project.reproduce("shaky", code=1)

    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["point", "column", "recorded", "reproduced", "delta"]
    assert [line[:2] for line in lines[1:-1]] == [["x=2", "other"], ["x=2", "more"]]
    assert done.stdout.endswith("shaky: not reproduced: 1 of 2 runs differ\n")
    told = json.loads(project.reproduce("shaky", "--json", code=1).stdout)
    assert [(each["point"], each["column"]) for each in told["differences"]] == [({"x": 2}, "other"), ({"x": 2}, "more")]
    assert told["differences"][1]["delta"] == told["differences"][1]["reproduced"] - told["differences"][1]["recorded"]
    assert (told["verdict"], told["exit_code"], told["same_ids"]) == ("different", 1, True)
    assert project.reproduce("shaky", "--ignore", "other", "--ignore=more").stdout.endswith("2 runs; not compared: other, more\n")
    assert "has no column `moer`; did you mean `more`?" in project.reproduce("shaky", "--ignore", "moer", code=2).stderr


def test_numbers_within_the_tolerance_are_equal_and_no_others(project: Project) -> None:
    project.xrun("+experiment=noisy", "-q")

    assert "not reproduced: 2 of 2 runs differ" in project.reproduce("noisy", code=1, NOISE="1e-9").stdout
    close = project.reproduce("noisy", "--atol", "1e-8", NOISE="1e-9")
    assert close.stdout == "noisy: equal within rtol 0, atol 1e-08: 2 runs, 4 values not bit for bit\n"
    assert "not reproduced" in project.reproduce("noisy", "--rtol", "1e-8", code=1, NOISE="1e-9").stdout  # of 0 it is 0
    assert "1e-8x' is no tolerance" in project.reproduce("noisy", "--rtol", "1e-8x", code=2).stderr


def test_run_that_failed_and_fails_again_is_equal(project: Project) -> None:
    project.xrun("+experiment=picky", "-q", code=1)

    assert project.reproduce("picky").stdout == "picky: the same, bit for bit: 3 runs, 1 of them failed again\n"


def test_run_that_failed_for_the_environment_and_completes_now_is_a_difference(project: Project) -> None:
    project.xrun("+experiment=noisy", "-q", code=1, NOISE="abc")

    done = project.reproduce("noisy", code=1)

    assert [line.split()[:4] for line in done.stdout.splitlines()[1:3]] == [[f"x={n}", "status", "FAILED", "COMPLETED"] for n in (1, 2)]


def test_one_run_of_a_sweep_with_replicates_is_reproduced_alone(project: Project) -> None:
    project.xrun("+experiment=lucky", "-q")
    chosen = project.manifest("lucky")["runs"][3]

    done = project.reproduce("lucky", "--run", chosen[:13], "--keep")

    assert done.stdout == "lucky: the same, bit for bit: 1 run; not compared: run.seconds\n"
    kept = Path(done.stderr.rpartition("kept: ")[2].strip())
    assert json.loads((kept / "manifest.json").read_text())["runs"] == [chosen]
    assert sorted(path.name for path in kept.parents[2].iterdir()) == ["out"]
    shutil.rmtree(kept.parents[2])
    assert "1 run;" in project.reproduce(chosen[:13]).stdout
    assert "names no run whose id begins with `zz`" in project.reproduce("lucky", "--run", "zz", code=2).stderr
    assert "leave out --run" in project.reproduce(chosen, "--run", chosen, code=2).stderr


def test_target_that_is_no_result_is_refused_with_the_nearest_one(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")

    assert "did you mean `squares`?" in project.reproduce("squars", code=3).stderr
    assert "there are no results `nowhere/manifest.json`" in project.reproduce("nowhere/manifest.json", code=3).stderr
    assert "give a results folder" in project.reproduce("results/squares/table.csv", code=2).stderr
    assert "there is no manifest.json" in project.reproduce("conf", code=3).stderr


def test_files_that_are_not_what_the_manifest_tells_of_are_refused(project: Project) -> None:
    project.write({"steps.py": EDITED})
    project.xrun("+experiment=squares", "-q")
    folder = project.root / "results/squares"
    for name in ("experiment.yaml", "changes.patch", "table.csv"):
        text = (folder / name).read_text()
        (folder / name).write_text(f"{text}\n")
        assert f"{name} is not the" in project.reproduce("squares", code=3).stderr
        (folder / name).write_text(text)
    (folder / "changes.patch").unlink()
    assert "without it there is nothing to reproduce from" in project.reproduce("squares", code=3).stderr


def test_missing_secret_is_told_before_anything_runs(project: Project) -> None:
    project.xrun("+experiment=secret", "-q", TOKEN="abc")

    assert "the environment variable TOKEN is not set" in project.reproduce("secret", code=2).stderr
    assert "the same" in project.reproduce("secret", TOKEN="abc").stdout


def test_secret_that_stood_in_the_file_is_given_again(project: Project) -> None:
    project.xrun("+experiment=secret", "kwargs.token=hunter2222", "-q")

    assert "kwargs.token: a value is required" in project.reproduce("secret", code=2).stderr
    told = json.loads(project.reproduce("secret", "kwargs.token=hunter2222", "--json").stdout)
    assert (told["verdict"], told["same_ids"]) == ("same", True)
    assert "note: secret: ids: " in project.xrun("verify", "secret").stderr


def test_table_that_was_not_committed_is_compared_by_its_digest(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    project.xrun("+experiment=shaky", "-q")
    for name in ("squares", "shaky"):
        for table in ("table.csv", "table.parquet"):
            (project.root / "results" / name / table).unlink()

    assert "the same, bit for bit: 3 runs" in project.reproduce("squares").stdout
    assert "has no table" in project.reproduce("shaky", code=3).stderr


def test_csv_alone_is_enough(project: Project) -> None:
    project.xrun("+experiment=shaky", "-q")
    project.xrun("+experiment=squares", "-q")
    for name in ("squares", "shaky"):
        (project.root / "results" / name / "table.parquet").unlink()

    assert "the same, bit for bit: 3 runs" in project.reproduce("squares").stdout
    assert "1 of 2 runs differ" in project.reproduce("shaky", code=1).stdout


def test_project_below_the_top_of_its_repository_and_submodules_are_found(project: Project, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    project.git("init", "--quiet", "--initial-branch=trunk", cwd=library)
    (library / "shape.py").write_text("SIDES = 4\n")
    project.git("add", "--all", cwd=library)
    project.git("commit", "--quiet", "-m", "x", cwd=library)
    inner = Project(project.root / "deep/er", project.home)
    inner.root.mkdir(parents=True)
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "deep/er/lib")
    inner.write({"conf/experiment/shapes.yaml": "# @package _global_\nname: shapes\nparams: {n: [1, 2]}\nsteps: [shapes.sides]\n"})
    inner.write({"shapes.py": "from lib.shape import SIDES\n\n\ndef sides(n: int) -> dict:\n    return {'sides': SIDES * n}\n"})
    project.commit({".gitignore": "__pycache__/\nresults/\n"})
    inner.xrun("+experiment=shapes", "-q")
    assert inner.manifest("shapes")["root"] == "deep/er"
    (inner.root / "lib/shape.py").write_text("SIDES = 3\n")
    project.git("commit", "--quiet", "--all", "-m", "x", cwd=inner.root / "lib")
    inner.xrun("+experiment=shapes", "n=1,2,3", "-q", "--workspace", str(tmp_path / "moved"))  # the submodule is ahead of the commit
    project.commit()
    project.git("checkout", "--quiet", "HEAD~1", cwd=inner.root / "lib")
    told = inner.xrun("reproduce", str(tmp_path / "moved/results/shapes"), "--json").stdout
    assert (json.loads(told)["verdict"], json.loads(told)["runs"], json.loads(told)["same_ids"]) == ("same", 3, True)

    before = project.snapshot()
    assert "the same, bit for bit: 2 runs" in inner.xrun("reproduce", "shapes").stdout
    assert project.snapshot() == before

    file = inner.root / "results/shapes/manifest.json"  # as earlier versions wrote it
    file.write_text(json.dumps({key: value for key, value in inner.manifest("shapes").items() if key not in ("root", "files")}))
    assert "the same, bit for bit: 2 runs" in inner.xrun("reproduce", "shapes").stdout


def test_project_root_is_that_of_a_config_directory_with_a_name_of_its_own(project: Project) -> None:
    deep = {"deep/odd.py": "def odd(x: int) -> dict:\n    return {'y': x}\n"}
    project.commit({**deep, "deep/settings/experiment/odd.yaml": "# @package _global_\nname: odd\nparams: {x: [1]}\nsteps: [odd.odd]\n"})
    project.xrun("-cp", "deep/settings", "+experiment=odd", "-q")

    assert "the same, bit for bit: 1 run" in project.reproduce("deep/results/odd").stdout


def test_package_that_is_installed_in_place_is_imported_from_the_checkout(project: Project) -> None:
    code = "def half(x: int) -> dict:\n    return {'y': x / 2}\n"
    project.write({"src/own/__init__.py": "", "src/own/steps.py": code})
    project.write({"conf/experiment/halves.yaml": "# @package _global_\nname: halves\nparams: {x: [1, 3]}\nsteps: [own.steps.half]\n"})
    project.commit()
    source = {"PYTHONPATH": str(project.root / "src")}
    project.xrun("+experiment=halves", "-q", **source)
    project.write({"src/own/steps.py": code.replace("x / 2", "x / 3")})

    assert "the same, bit for bit: 2 runs" in project.reproduce("halves", **source).stdout


def test_call_from_a_hook_of_another_repository_is_about_this_one(project: Project, tmp_path: Path) -> None:
    project.xrun("+experiment=squares", "-q")
    project.git("init", "--quiet", str(tmp_path / "other"))
    other = str(tmp_path / "other/.git")

    done = project.xrun("reproduce", "squares", GIT_DIR=other, GIT_INDEX_FILE=f"{other}/index", GIT_WORK_TREE=str(tmp_path / "other"))
    assert "the same, bit for bit" in done.stdout


def test_repository_that_git_refuses_to_read_is_told(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    assert "dirty tree" not in project.xrun("+experiment=squares").stderr
    refused = project.xrun("+experiment=squares", "--workspace", "elsewhere", GIT_TEST_ASSUME_DIFFERENT_OWNER="1").stderr
    told = "xrun: warning: the results are recorded as those of a dirty tree, without its patch: git does not tell what differs"
    assert refused.count(told) == 1
    assert "safe.directory" in refused

    done = project.xrun("reproduce", "squares", code=3, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert "git cannot read the repository" in done.stderr
    assert "dubious ownership" in done.stderr
    assert "note: squares: commit: git cannot read" in project.xrun("verify", "squares", GIT_TEST_ASSUME_DIFFERENT_OWNER="1").stderr


def test_hooks_of_the_repository_do_not_run(project: Project) -> None:
    hook = project.root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {project.home}/hooked\n")
    hook.chmod(0o755)
    project.xrun("+experiment=squares", "-q")

    project.reproduce("squares")

    assert not (project.home / "hooked").exists()


def test_another_environment_is_told(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    file = project.root / "results/squares/manifest.json"
    told = json.loads(file.read_text())
    told["python"], told["packages"]["numpy"], told["packages"]["absentee"] = "3.10.1", "1.0", "2.0"
    file.write_text(json.dumps(told))

    done = project.reproduce("squares")

    assert "the environment is not the recorded one: python 3.10.1 -> 3." in done.stderr
    assert "absentee 2.0 -> absent, numpy 1.0 -> " in done.stderr


def test_ids_that_are_other_ones_are_told_with_the_reason(project: Project) -> None:
    project.write({"ignored/hidden.py": "VALUE = 1\n"})
    project.write({"conf/experiment/hid.yaml": "# @package _global_\nname: hid\nparams: {x: [1]}\nsteps: [hiding.look]\n"})
    look = "try:\n    from ignored.hidden import VALUE\nexcept ImportError:\n    VALUE = 1\n\n\n"
    look += "def look(x: int) -> dict:\n    return {'y': VALUE}\n"
    project.commit({"hiding.py": look})
    project.xrun("+experiment=hid", "-q")

    done = project.reproduce("hid")

    assert done.stdout.startswith("hid: the same, bit for bit: 1 run\nthe ids are other ones, because of: code step ")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_interrupted_reproduction_leaves_nothing(project: Project, number: int) -> None:
    project.xrun("+experiment=waiting", "-q")
    before, mark = project.snapshot(), project.home / "mark"
    process, tree = _waiting(project, mark)

    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 128 + number, err
    assert project.snapshot() == before
    assert not tree.exists()
    assert list((project.home / "tmp").iterdir()) == []


def test_interrupted_checkout_leaves_nothing(project: Project) -> None:
    project.commit({".gitattributes": "*.slow filter=slow\n", "x.slow": "x\n"})
    project.xrun("+experiment=waiting", "-q")
    mark = project.home / "mark"
    project.git("config", "filter.slow.smudge", f"sh -c 'pwd > {mark}; exec sleep 20'")
    before = project.snapshot()
    process, _ = _waiting(project, mark)
    assert len(project.worktrees()) == 2

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM, err
    assert project.snapshot() == before
    assert list((project.home / "tmp").iterdir()) == []


def test_worktree_of_a_killed_reproduction_is_removed_by_the_next(project: Project) -> None:
    project.xrun("+experiment=waiting", "-q")
    before, mark = project.snapshot(), project.home / "mark"
    process, tree = _waiting(project, mark)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert len(project.worktrees()) == 2

    project.xrun("reproduce", "waiting")

    assert len(project.worktrees()) == 1
    assert not tree.exists()
    assert project.snapshot() == before


def test_worktree_of_a_reproduction_that_goes_on_is_left_alone_by_another(project: Project) -> None:
    for name in ("waiting", "squares"):
        project.xrun(f"+experiment={name}", "-q")
    process, tree = _waiting(project, project.home / "mark")
    try:
        assert "the same" in project.xrun("reproduce", "squares").stdout
        assert tree.exists()
        assert len(project.worktrees()) == 2
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert not tree.exists()


def test_results_that_are_published_anew_meanwhile_change_nothing(project: Project) -> None:
    project.xrun("+experiment=gated", "-q")
    mark = project.home / "mark"
    process, _ = _waiting(project, mark, "gated")
    try:
        project.xrun("+experiment=gated", "x=5", "-q")
        assert len(project.manifest("gated")["runs"]) == 1
    finally:
        Path(f"{mark}.go").write_text("")
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "gated: the same, bit for bit: 2 runs\n"), err


def test_results_that_were_made_from_a_subfolder_are_made_there_again(project: Project) -> None:
    project.commit({"studies/deep/number.txt": "7\n"})
    project.xrun("+experiment=near", "-q", cwd=project.root / "studies/deep")
    assert project.manifest("near")["cwd"] == "studies/deep"

    assert project.reproduce("near").stdout == "near: the same, bit for bit: 2 runs\n"

    file = project.root / "results/near/manifest.json"
    told = project.manifest("near")
    for bad in ("/etc", "../..", "studies/../../.."):
        file.write_text(json.dumps({**told, "cwd": bad}))
        assert "cwd: " in project.reproduce("near", code=3).stderr
    file.write_text(json.dumps({key: value for key, value in told.items() if key != "cwd"}))  # as earlier versions wrote it
    assert "not reproduced" in project.reproduce("near", code=1).stdout


def test_overrides_of_what_is_recorded_are_refused_and_those_of_how_to_execute_are_not(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    for override in (
        "x=3",
        "x=1,2",
        "scale=2",
        "params.x=[1]",
        "kwargs.scale=2",
        "+M=1,2",
        "~x",
        "seed=3",
        "results.columns=[y]",
        "steps=[]",
    ):
        told = project.reproduce("squares", override, code=2).stderr
        assert f"{override}: this is recorded" in told
        assert "may be given: executor.NAME=" in told
    assert project.reproduce("squares", "executor.workers=1", "executor=serial").stdout == "squares: the same, bit for bit: 3 runs\n"
    assert "arguments are required: RESULTS\n" in project.reproduce(code=2).stderr


def test_a_table_that_was_edited_is_told_with_the_whole_path(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    project.git("add", "--force", "results")
    project.commit()
    file = project.root / "results/squares/table.csv"
    file.write_text(file.read_text().replace("4.0", "5.0"))
    told = project.reproduce("squares", code=3).stderr
    command = told.partition("\n  ")[2].partition(" may bring")[0]
    assert command == "git checkout results/squares/table.csv"
    project.git(*command.split()[1:])
    assert "the same" in project.reproduce("squares").stdout


def test_runs_that_were_left_out_are_said_to_have_no_result(project: Project) -> None:
    first = json.loads(project.xrun("plan", "+experiment=squares", "--json").stdout.split("\n")[0])["id_run"]
    project.xrun("+experiment=squares", "-q", "--only", first)
    assert project.reproduce("squares").stdout.endswith(": 1 run; 2 have no recorded result (interrupted, or left out)\n")


def test_files_that_are_gone_a_moment_later_are_not_named_on_a_terminal(project: Project) -> None:
    project.xrun("+experiment=squares", "-q")
    for arguments, named in (((), False), (("--keep",), True)):
        main, side = pty.openpty()
        process = subprocess.Popen(
            [BIN / "xrun", "reproduce", "squares", *arguments],
            cwd=project.root,
            env=project.environment(),
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)
        told = b""
        with suppress(OSError):  # EIO: the other end is closed
            while part := os.read(main, 4096):
                told += part
        os.close(main)
        assert process.wait(60) == 0
        assert b"the same, bit for bit" in told
        assert (b"table.parquet" in told) == named


def _waiting(project: Project, mark: Path, name: str = "waiting") -> tuple["subprocess.Popen[str]", Path]:
    """A reproduction that is in the middle of a run, which has written `mark`, and what it has written: `waiting` its project root."""
    process = subprocess.Popen(
        [BIN / "xrun", "reproduce", name],
        cwd=project.root,
        env=project.environment(MARK=str(mark)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (mark.exists() and mark.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, Path(mark.read_text())


@pytest.mark.parametrize("root", ["/etc", "../../../..", "inner/../..", "out"])
def test_nothing_is_written_outside_of_the_checkout_whatever_root_a_manifest_names(project: Project, tmp_path: Path, root: str) -> None:
    target = tmp_path / "outside"
    target.mkdir()
    (project.root / "out").symlink_to(target)
    project.commit()
    project.xrun("+experiment=squares", "-q")
    file = project.root / "results/squares/manifest.json"
    file.write_text(json.dumps({**project.manifest("squares"), "root": root}))
    before = project.snapshot()

    done = project.xrun("reproduce", "squares", code=3)

    assert root in done.stderr
    assert "nothing was run" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(target.iterdir()) == []
    assert project.snapshot() == before
    assert project.worktrees() == [f"worktree {project.root}"]
