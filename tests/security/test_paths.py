"""F26: no name leads out of a run's folder: not one that a step gives, not one that stands in a store, not through a link."""

import shutil
import sqlite3
import threading
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runner import artifacts, stores
from runner.logged import Artifact
from runner.record import Record, Status, Trail
from runner.stores.damage import DamageWarning

ID = "aa000000-0000-8000-8000-000000000000"
UP = "../" * 12
TRAVERSALS = [
    "..",
    "../x",
    "../../x",
    f"{UP}etc/passwd",
    "a/../../x",
    "a/..",
    "a/b/../../../x",
    "./x",
    "a/./x",
    ".",
    "a/.",
    "./../x",
    "/x",
    "//x",
    "/etc/passwd",
    "//etc/passwd",
    "///",
    "a//x",
    "",
    "/",
    "~/../x",
    "..\\x",
    "..\\..\\x",
    "a\\..\\x",
    "\\x",
    "\\\\host\\share\\x",
    "C:\\x",
    "C:/x",
    "c:/x",
    "Z:/",
    "C:",
    "..%2fx",
    "..%2Fx",
    "%2e%2e/x",
    "%2E%2E/x",
    "%2e%2e%2fx",
    "%2e./x",
    ".%2e/x",
    "..%5cx",
    "%2fetc%2fpasswd",
    "..%252fx",
    "%252e%252e/x",
    "%25252e/x",
    "a/%2e%2e/%2e%2e/x",
    "a%2f..%2f..%2fx",
    "..\0/x",
    "x\0.png",
    "\0",
    "../x\n",
    "a\n../x",
    "a\r\nx",
    "\x1b[2J",
    "a\x7f",
    "\ud800",
    "a\udc80",
    "../\udcff",
    "x" * 256,
    "é" * 128,
    f"a/{'x' * 300}/b",
    "..//..//x",
    ".../../x",
    "../" * 400,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "p" / ".xrun" / "artifacts" / ID


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.txt"
    file.write_text("s")
    return file


def outside(tmp_path: Path) -> set[Path]:
    """Every file that is in no run's folder."""
    return {path for path in tmp_path.rglob("*") if path.is_file() and "artifacts" not in path.parts}


def test_there_are_enough_of_them():
    assert len(set(TRAVERSALS)) >= 60


@pytest.mark.parametrize("path", TRAVERSALS)
def test_a_path_that_leads_out_is_not_written_to(folder, source, tmp_path, path):
    before = outside(tmp_path)
    for kind in (source, tmp_path / "folder"):
        if kind.suffix == "":
            kind.mkdir()
            (kind / "x").write_text("x")
            before |= outside(tmp_path)
        with pytest.raises(ValueError, match=r"cannot be the path of an artifact|embedded null|surrogates"):
            artifacts.keep(kind, path, folder)
    assert outside(tmp_path) == before
    assert not folder.exists()


@pytest.mark.parametrize("path", [path for path in TRAVERSALS if "\ud800" not in path and "\udc80" not in path and "\udcff" not in path])
def test_a_path_in_a_store_that_leads_out_is_damage_and_no_file_is_read(tmp_path, folder, path):
    store = stores.open(tmp_path / "xrun.db")
    epoch = store.begin("e", 1.0)
    trail = Trail(id_run=ID, experiment="e", epoch=epoch, attempt=1, entries=(("", Artifact(path, 1, "0" * 64)),))
    store.append([Record(id_run=ID, experiment="e", status=Status.COMPLETED, epoch=epoch)], [trail])
    store.close()
    reader = stores.read(tmp_path / "xrun.db")
    with closing(reader), pytest.warns(DamageWarning, match="artifacts of run"):
        assert reader.artifacts([ID]) == {}


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "%2e%2e/x"])
def test_a_child_process_of_a_step_cannot_keep_one_either(tmp_path, xrun, written, path):
    script = f"""
import runner

run = runner.get_run()
(run.dir / "x").write_text("x")
try:
    run.log_artifact(run.dir / "x", {path!r})
except ValueError as error:
    run.fields.refused = str(error)
with run.child_run("child") as child:
    try:
        child.log_artifact(run.dir / "x", {path!r})
    except ValueError as error:
        child.fields.refused = str(error)
"""
    written(tmp_path, {"tell.py": script, "conf/experiment/e.yaml": "steps: [{script: tell.py}]\n"})
    before = set(tmp_path.iterdir())
    done = xrun("+experiment=e", "--json")
    assert done.returncode == 0, done.stderr
    assert xrun(
        "query", "--csv", "SELECT count(*) FROM fields WHERE name = 'refused' AND value LIKE '%cannot be the path%'"
    ).stdout.split()[-1] in ("1", "2")
    assert {file.name for file in tmp_path.iterdir()} - {file.name for file in before} <= {".xrun", "results", "__pycache__"}
    assert xrun("artifacts", "e").returncode == 3


@pytest.mark.parametrize("id_run", ["..", "../..", "a/b", "/etc", ".", "", "a/../.."])
def test_a_record_whose_id_is_a_path_is_damage_and_gc_removes_nothing(tmp_path, xrun, written, id_run):
    """An id names a folder, which gc removes whole."""
    written(tmp_path, {"steps.py": "def f():\n    return {}\n", "conf/experiment/e.yaml": "steps: [steps.f]\n", "precious.txt": "x"})
    (tmp_path / ".xrun").mkdir()
    store = stores.open(tmp_path / ".xrun" / "xrun.db")
    store.begin("e", 1.0)
    store.append([Record(id_run=id_run, experiment="e", status=Status.FAILED, epoch=1)])
    store.close()
    (tmp_path / ".xrun" / "artifacts" / "a").mkdir(parents=True)
    reader = stores.read(tmp_path / ".xrun" / "xrun.db")
    with closing(reader), warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert list(reader.records()) == []
    xrun("gc", "e", "--yes")
    assert (tmp_path / "precious.txt").exists()
    assert (tmp_path / ".xrun" / "xrun.db").exists()


@pytest.mark.parametrize("path", ["link/x", "link/deep/x", "a/link/x"])
def test_a_link_that_leads_out_is_not_followed(folder, source, tmp_path, path):
    target = tmp_path / "elsewhere"
    target.mkdir()
    link = folder / Path(path[: path.index("link") + 4])
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    with pytest.raises(ValueError, match="link leads out"):
        artifacts.keep(source, path, folder)
    assert list(target.rglob("*")) == []


def test_a_link_that_is_put_there_while_files_are_kept_leads_nowhere(folder, source, tmp_path):
    """A step's own process that swaps a folder for a link as fast as it can."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    folder.mkdir(parents=True)
    place, spare = folder / "a", folder / "spare"
    place.mkdir()
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            shutil.rmtree(spare, ignore_errors=True)  # `keep` has made the folder anew, and this one could not go back
            with suppress(OSError):
                place.rename(spare)
                place.symlink_to(target)
            with suppress(OSError):
                place.unlink()
            with suppress(OSError):
                spare.rename(place)

    swapping = threading.Thread(target=swap)
    swapping.start()
    kept = refused = 0
    ends = time.monotonic() + 60
    try:
        while (kept < 200 or refused < 200) and time.monotonic() < ends:
            try:
                artifacts.keep(source, f"a/{kept + refused}", folder)
                kept += 1
            except (ValueError, OSError):
                refused += 1
    finally:
        over.set()
        swapping.join()
    assert list(target.iterdir()) == []
    assert kept  # else nothing was tried
    assert refused


def test_an_image_is_not_written_through_a_link(tmp_path, xrun, written):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    steps = """
import numpy


def draw(run):
    (run.dir / "images").symlink_to(run.kwargs.elsewhere)
    run.log_image("a", numpy.zeros((4, 4)))
"""
    written(tmp_path, {"steps.py": steps, "conf/experiment/e.yaml": f"kwargs: {{elsewhere: {elsewhere}}}\nsteps: [steps.draw]\n"})
    done = xrun("+experiment=e")
    assert done.returncode == 1
    assert "a link leads out of the run's folder" in done.stderr
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == []


def test_a_store_with_such_paths_is_still_one(tmp_path):
    """That the rows above were really written, and nobody's checksum was in the way."""
    store = stores.open(tmp_path / "xrun.db")
    epoch = store.begin("e", 1.0)
    trail = Trail(
        id_run=ID, experiment="e", epoch=epoch, attempt=1, entries=(("", Artifact("../x", 1, "0" * 64)), ("", Artifact("x", 1, "0" * 64)))
    )
    store.append([Record(id_run=ID, experiment="e", status=Status.COMPLETED, epoch=epoch)], [trail])
    store.close()
    with closing(sqlite3.connect(tmp_path / "xrun.db")) as db:
        assert [path for (path,) in db.execute("SELECT path FROM artifact ORDER BY path")] == ["../x", "x"]
    reader = stores.read(tmp_path / "xrun.db")
    with closing(reader), pytest.warns(DamageWarning):
        assert [artifact.path for artifact in reader.artifacts([ID])[ID]] == ["x"]
