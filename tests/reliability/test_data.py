"""F23, F24: declared data that is missing, or changes."""

import os
import time

import pytest

from tests import calling
from tests.calling import DVC

STEP = """
from pathlib import Path
HERE = Path(__file__).parent
def step(n):
    (HERE / "executed").touch()
    return {"value": len((HERE / "data" / "0.txt").read_text())}
"""


@pytest.fixture
def tracked(project, monkeypatch):
    """tracked(count): a folder of so many files that DVC tracks, and an experiment that reads it."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(project.root / "home" / name))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")

    def make(count):
        (project.root / "data").mkdir()
        for n in range(count):
            (project.root / "data" / f"{n}.txt").write_text(f"content {n}")
        for words in (("init", "--no-scm", "-q"), ("add", "-q", "data")):
            assert calling.run([DVC, *words], cwd=project.root, env=project.environment).returncode == 0
        project.module(STEP)
        project.experiment("data", "{n: [1, 2]}", data=["data"])

    return make


@pytest.mark.forms(count=(50, 10_000))
def test_missing_data_starts_no_run_and_says_how_to_get_it(project, tracked, count):
    """F23: exit 66 before run 1; an empty folder where the hash says otherwise is missing data too."""
    tracked(count)
    assert project.run("+experiment=data", timeout=120)[0] == 0
    (project.root / "executed").unlink()
    (project.root / "data").rename(project.root / "elsewhere")
    for empty in (False, True):
        if empty:
            (project.root / "data").mkdir()
        begun = time.monotonic()
        code, _, err = project.run("+experiment=data", "seed=5")
        print(f"{time.monotonic() - begun:.1f} s")
        assert code == 66, err
        assert "dvc checkout data" in err
        assert len(err.splitlines()) <= 3
        assert not (project.root / "executed").exists()
    (project.root / "data").rmdir()
    assert calling.run([DVC, "checkout", "-q"], cwd=project.root, env=project.environment).returncode == 0
    assert project.run("+experiment=data", "seed=5", timeout=120)[0] == 0
    assert (project.root / "executed").exists()


@pytest.mark.forms(edits=(3, 20))
def test_an_edit_of_the_same_size_with_its_time_put_back_is_always_seen(project, tracked, edits):
    """F24: the kernel's own time of a change (ctime) cannot be put back; and what was changed just now is read again in any case."""
    tracked(5)
    file = project.root / "data" / "0.txt"
    before = file.stat()
    assert project.run("+experiment=data")[0] == 0
    for n in range(edits):
        (project.root / "executed").unlink()
        if n % 2:
            time.sleep(2.1)  # old enough for what is known of it to be trusted
            assert project.run("+experiment=data")[0] == 0
            assert not (project.root / "executed").exists()
        file.write_text(f"{n:09d}")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        code, _, err = project.run("+experiment=data")
        assert code == 0, err
        assert (project.root / "executed").exists(), f"edit {n} was not seen"
    assert len(project.rows()) == 2 * (edits + 1)
