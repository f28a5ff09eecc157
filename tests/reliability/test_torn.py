"""F16: files that were cut, at every 512th byte of each of them: what is left is never taken for the whole, and a rerun makes it again."""

import json
import shutil
import subprocess

import pytest

STEP = """
def step(run):
    n = run.params.n
    (run.dir / "model.txt").write_text(f"{n}" * 1500)
    run.log_artifact(run.dir / "model.txt")
    (run.checkpoint / "state").write_text("x" * 600)
    run.log_metric("loss", n / 7)
    print("said", n)
    run.fields.y = n / 3
    run.fields.text = "t" * 100
"""
TABLE = ("table.csv", "table.parquet")


@pytest.fixture
def made(project):
    """A workspace with every sort of file that xrun makes, in a git repository with a change that is not committed."""
    project.module(STEP)
    (project.root / "data.txt").write_text("data")
    project.experiment("all", "{n: [1, 2, 3, 4]}", data=["data.txt"], checkpoint="keep", checks=["y.mean >= 0"])
    git = ("git", "-c", "user.email=a@example.org", "-c", "user.name=a", "-c", "init.defaultBranch=main")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        subprocess.run([*git, *words], cwd=project.root, check=True, capture_output=True)
    project.module(STEP + "\n# changed\n" * 60)
    code, _, err = project.run("+experiment=all")
    assert code == 0, err
    return project


def files(space):
    """All files but the store itself, which has tests of its own, and those without content."""
    return sorted(p for p in space.rglob("*") if p.is_file() and p.stat().st_size and not p.name.startswith("xrun.db"))


def cuts(space, *, everywhere):
    """(file, what is left of it): every 512th byte of every file, or the middle of one of each name."""
    if everywhere:
        return [(path, length) for path in files(space) for length in range(0, path.stat().st_size, 512)]
    return [(path, path.stat().st_size // 2) for path in {path.name: path for path in files(space)}.values()]


@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_a_file_that_was_cut_anywhere_is_told_and_made_again(made, warm, tmp_path_factory, everywhere):
    """Readers tell it, or show what is whole; no command has a traceback; a rerun makes the results as they were."""
    space, kept = made.root / "space", tmp_path_factory.mktemp("kept") / "space"
    shutil.copytree(space, kept)
    rows = [json.loads(line) for line in warm("ls", "all", "--json")[1].splitlines()]
    shown = warm("table", "all", "--json")[1].splitlines()
    assert (len(rows), len(shown)) == (4, 4)
    names = {path.name for path in files(space)}
    assert {*TABLE, "manifest.json", "experiment.yaml", "changes.patch", "model.txt", "state", "runs", ".gitignore"} <= names, names
    for path, length in cuts(space, everywhere=everywhere):
        before = path.read_bytes()
        path.write_bytes(before[:length])
        where = f"{path.relative_to(space)} cut to {length} of {len(before)} bytes"
        check_readers(warm, path, rows, shown, where)
        code, out, err = warm("+experiment=all", "--json")
        assert code == 0, f"{where}: {err}"
        assert json.loads(out)["cached"] == 4, where
        for name in names & {*TABLE, "experiment.yaml", "changes.patch"}:
            assert (space / "results" / "all" / name).read_bytes() == (kept / "results" / "all" / name).read_bytes(), f"{where}: {name}"
        assert [json.loads(line) for line in warm("table", "all", "--json")[1].splitlines()] == [json.loads(line) for line in shown], where
        if (code := warm("doctor")[0]) != 0:
            assert path.name == "model.txt", where  # what only the run itself could make again
        shutil.rmtree(space)
        shutil.copytree(kept, space)


def check_readers(warm, path, rows, shown, where):
    """What every reader says of a workspace with this file cut."""
    listed = [json.loads(line) for line in warm("ls", "all", "--json")[1].splitlines()]
    assert sorted(listed, key=lambda row: row["id_run"]) == sorted(rows, key=lambda row: row["id_run"]), (
        where
    )  # the plan's order is the manifest's
    assert warm("show", rows[0]["id_run"], "--json")[0] == 0, where
    code, out, err = warm("table", "all", "--json")
    assert out.splitlines() == shown or code != 0, f"{where}: {out}"
    assert err or code == 0, where
    warm("check", "all")
    warm("diff", "all", "all")
    code, out, _ = warm("doctor", "--json")
    if path.name in (*TABLE, "manifest.json", "model.txt"):
        assert code == 1, where
        assert any(finding["text"] for finding in json.loads(out)["findings"]), where
