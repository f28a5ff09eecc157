import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.errors import DirtyError, MissingDataError
from runner.provenance import data, hashing
from runner.record import DataState, DataStatus

# DVC itself, when it adds data, uses what its own libraries deprecate.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

LISTING = b'[{"md5": "b026324c6904b2a9cb4b88d6d61c81d1", "relpath": "1"}, {"md5": "26ab0db90d72e28ad0ba1e22ee510510", "relpath": "s/2"}]'
"""As DVC writes it, of a folder with the files `1` and `s/2`."""


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """No configuration and no caches of this machine."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "DVC_"))]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def later(monkeypatch):
    """The clock that hashing reads is ten seconds ahead: every file is old enough for the cache."""
    now = time.time_ns
    monkeypatch.setattr(hashing.time, "time_ns", lambda: now() + 10**10)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A DVC project, and `dvc` in it."""
    from dvc.repo import Repo

    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    with Repo.init(str(root), no_scm=True) as repo:
        yield repo


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def only(states):
    (state,) = states
    return state


def status(root, entry):
    return only(data.states(root, (entry,))).status


def test_tracked_file_is_clean_with_the_hash_that_dvc_recorded(project):
    root = Path(project.root_dir)
    write(root, {"data/iris.csv": "a,b\r\n1,2\r\n"})
    project.add("data/iris.csv")

    (state,) = data.states(root, ("data/iris.csv",))

    expected = md5(b"a,b\r\n1,2\r\n")
    source_hash = md5((root / "data/iris.csv.dvc").read_bytes())
    assert state == DataState(
        path="data/iris.csv",
        recorded=expected,
        actual=expected,
        size=10,
        status=DataStatus.CLEAN,
        source="data/iris.csv.dvc",
        source_hash=source_hash,
    )
    data.require_present([state], root)
    data.require_clean([state])


FOLDERS = {
    "nested": {"1": "1\n", "s/2": "2\n", "s/t/3": ""},
    "hard names": {"b b": "x", "é/ü": "x", "Z": b"", "a.b": "x", "a/b": "x", 'q"uote\n': "x", "\U0001f600": "x"},
    "repositories inside": {"1": "1\n", ".git/HEAD": "x", ".hg/x": "x", "s/.git": "x", "sub/.dvc/config": "x", "sub/x": "x"},
    "hidden files": {".hidden": "x", ".dvc_not/x": "x", "x.dvc.txt": "x"},
}


@pytest.mark.parametrize("files", FOLDERS.values(), ids=FOLDERS)
@pytest.mark.parametrize("patterns", ["# a comment\n\n", "*.tmp\nskipped/\n!keep.tmp\n"], ids=["nothing ignored", "ignored"])
def test_folder_hash_size_and_count_are_those_of_dvc(project, files, patterns):
    root = Path(project.root_dir)
    write(root, {f"data/raw/{name}": content for name, content in files.items()})
    write(root, {".dvcignore": patterns, "data/raw/x.tmp": "x", "data/raw/keep.tmp": "x", "data/raw/skipped/x": "x"})
    (root / "data/raw/link").symlink_to(root / "data/raw/x.tmp")
    (root / "data/raw/link_to_folder").symlink_to(root)
    project.add("data/raw")
    out = only(only(project.stage.load_file(str(root / "data/raw.dvc"))).outs)

    (state,) = data.states(root, ("data/raw/",))

    assert (state.actual, state.recorded, state.status) == (out.hash_info.value, out.hash_info.value, DataStatus.CLEAN)
    assert (state.size, state.files) == (out.meta.size, out.meta.nfiles)


def test_changed_data_is_modified(project):
    root = Path(project.root_dir)
    write(root, {"x.csv": "1", "raw/1": "1", "raw/2": "2", "swap": "s"})
    project.add(["x.csv", "raw", "swap"])
    write(root, {"x.csv": "2", "raw/3": "3", "swap.new/x": "s"})
    (root / "swap").unlink()
    (root / "swap.new").rename(root / "swap")

    states = data.states(root, ("x.csv", "raw", "swap"))

    assert [state.status for state in states] == [DataStatus.MODIFIED] * 3
    data.require_present(states, root)
    with pytest.raises(DirtyError, match=r"(?s)- x.csv: modified since x.csv.dvc was written.*- raw: .*`dvc commit raw`") as caught:
        data.require_clean(states)
    assert caught.value.exit_code == 65


def test_data_that_dvc_can_check_out_is_missing_with_that_command(project):
    root = Path(project.root_dir)
    write(root, {"my data/x.csv": "1", "raw/1": "1", "empty.csv": "1"})
    project.add(["my data/x.csv", "raw", "empty.csv"])
    (root / "my data/x.csv").unlink()
    (root / "raw/1").unlink()
    (root / "empty.csv").write_text("")

    states = data.states(root, ("my data/x.csv", "raw", "empty.csv"))

    assert [state.status for state in states] == [DataStatus.MISSING] * 3
    with pytest.raises(MissingDataError) as caught:
        data.require_present(states, root)
    assert caught.value.exit_code == 66
    assert str(caught.value).splitlines()[1:] == [
        "  - my data/x.csv: there is no such file or folder; `dvc checkout 'my data/x.csv'` brings it from DVC's cache",
        "  - raw: it is empty, which is not what raw.dvc records; `dvc checkout raw` brings it from DVC's cache",
        "  - empty.csv: it is empty, which is not what empty.csv.dvc records; `dvc checkout empty.csv` brings it from DVC's cache",
    ]
    project.checkout(["my data/x.csv", "raw", "empty.csv"], force=True)
    data.require_clean(data.states(root, ("my data/x.csv", "raw", "empty.csv")))


def test_data_that_is_not_in_the_cache_is_missing_with_the_pull_command(project):
    root = Path(project.root_dir)
    write(root, {"x.csv": "1", "raw/1": "one", "raw/2": "two"})
    project.add(["x.csv", "raw"])
    for value in (md5(b"1"), md5(b"two")):
        path = root / ".dvc/cache/files/md5" / value[:2] / value[2:]
        path.parent.chmod(0o755)
        path.unlink()
    for name in ("x.csv", "raw/1", "raw/2"):
        (root / name).unlink()
    (root / "raw").rmdir()

    with pytest.raises(MissingDataError, match=r"(?s)`dvc pull x.csv` brings it.*`dvc pull raw` brings it"):
        data.require_present(data.states(root, ("x.csv", "raw")), root)


def test_cache_elsewhere_is_found(project, tmp_path):
    root = Path(project.root_dir)
    with project.config.edit() as config:
        config["cache"]["dir"] = str(tmp_path / "shared cache")
    project.__init__(str(root))
    write(root, {"raw/s/1": "1"})
    project.add("raw")
    (root / "raw/s/1").unlink()

    states = data.states(root, ("raw/s/1",))

    assert states[0].recorded == md5(b"1")
    with pytest.raises(MissingDataError, match="`dvc checkout raw/s/1`"):
        data.require_present(states, root)


def test_missing_data_that_dvc_does_not_know_says_so(tmp_path):
    states = data.states(tmp_path, ("nothing.csv",))

    assert states == (DataState(path="nothing.csv", status=DataStatus.MISSING),)
    with pytest.raises(MissingDataError, match=r"nothing.csv: there is no such file or folder, and DVC does not know it"):
        data.require_present(states, tmp_path)
    with pytest.raises(MissingDataError, match=r"nothing.csv: missing, and DVC does not know it"):
        data.require_clean(states)


def test_entries_inside_a_tracked_folder_have_the_hashes_of_its_listing(project):
    root = Path(project.root_dir)
    write(root, {"raw/1": "1", "raw/s/2": "2", "raw/s/t/3": "3"})
    project.add("raw")
    write(root, {"raw/1": "changed", "raw/new": "n"})

    one, folder, new, gone = data.states(root, ("raw/1", "raw/s", "raw/new", "raw/gone"))

    assert (one.status, one.recorded, one.source) == (DataStatus.MODIFIED, md5(b"1"), "raw.dvc")
    assert (folder.status, folder.recorded, folder.files) == (DataStatus.CLEAN, folder.actual, 2)
    assert (new.status, new.recorded) == (DataStatus.UNTRACKED, None)
    assert gone.status is DataStatus.MISSING
    with pytest.raises(DirtyError, match=r"- raw/new: raw.dvc tracks the folder around it, but"):
        data.require_clean([new])


def test_entry_inside_a_tracked_folder_without_its_listing_is_untracked(project):
    root = Path(project.root_dir)
    write(root, {"raw/1": "1"})
    project.add("raw")
    only((root / ".dvc/cache").rglob("*.dir")).unlink()

    (state,) = data.states(root, ("raw/1",))

    assert (state.status, state.recorded, state.actual, state.source) == (DataStatus.UNTRACKED, None, md5(b"1"), "raw.dvc")


def test_outputs_and_dependencies_of_stages_are_found_in_dvc_lock(project):
    root = Path(project.root_dir)
    pipeline = """
stages:
  one:
    wdir: sub
    cmd: cp ../in.csv out.csv && mkdir -p folder && cp ../in.csv folder/1
    deps: [../in.csv]
    outs: [out.csv, folder]
  two:
    foreach: [p, q]
    do: {wdir: far/away, cmd: "cp ../../in.csv ${item}.csv", outs: ["${item}.csv"]}
"""
    write(root, {"in.csv": "1\n", "sub/other": "o", "far/away/x": "x", "dvc.yaml": pipeline})
    project.reproduce()

    entries = ("in.csv", "sub/out.csv", "sub/folder", "sub/folder/1", "far/away/q.csv", "sub/other")
    states = data.states(root, entries)

    assert [state.status for state in states] == [DataStatus.CLEAN] * 5 + [DataStatus.UNTRACKED]
    assert [state.source for state in states] == ["dvc.lock"] * 5 + [None]
    assert {state.source_hash for state in states[:5]} == {md5((root / "dvc.lock").read_bytes())}
    (root / "in.csv").unlink()
    with pytest.raises(MissingDataError, match=r"dvc.lock knows it only as a dependency"):
        data.require_present(data.states(root, entries), root)


@pytest.mark.parametrize(("folder", "command"), [("", "dvc repro"), ("my pipeline/", "dvc repro 'my pipeline/dvc.yaml'")])
def test_output_of_a_stage_that_is_nowhere_on_this_machine_can_be_pulled_or_made_again(tmp_path, folder, command):
    lock = f"schema: '2.0'\nstages: {{make: {{cmd: make, outs: [{{path: x.csv, hash: md5, md5: {md5(b'x')}}}]}}}}\n"
    write(tmp_path, {f"{folder}dvc.lock": lock, ".dvc/config": ""})

    states = data.states(tmp_path, (f"{folder}x.csv",))

    for require in (lambda: data.require_present(states, tmp_path), lambda: data.require_clean(states)):
        with pytest.raises(MissingDataError, match=rf"x.csv'?` brings it, or `{command}` makes it again"):
            require()


def test_dvc_file_with_another_name_or_place_is_found(project):
    root = Path(project.root_dir)
    write(root, {"data/x.csv": "1"})
    write(root, {"all.dvc": f"wdir: data\nouts:\n- {{md5: {md5(b'1')}, size: 1, hash: md5, path: x.csv}}\n"})

    assert only(data.states(root, ("data/x.csv",))).source == "all.dvc"


def test_hash_of_dvc_2_is_compared_with_line_ends_of_dvc_2(tmp_path):
    text, binary = b"a\r\nb\r\n", b"\0\r\n"
    write(tmp_path, {"raw/1": text, "raw/2": binary, "x.csv": text})
    listing = json.dumps([{"md5": md5(b"a\nb\n"), "relpath": "1"}, {"md5": md5(binary), "relpath": "2"}]).encode()
    write(tmp_path, {"x.csv.dvc": f"outs:\n- md5: {md5(b'a' + bytes([10]) + b'b' + bytes([10]))}\n  path: x.csv\n"})
    write(tmp_path, {"raw.dvc": f"outs:\n- md5: {md5(listing)}.dir\n  path: raw\n"})

    states = data.states(tmp_path, ("raw", "x.csv"))

    assert [state.status for state in states] == [DataStatus.CLEAN] * 2


def test_folder_on_versioned_cloud_storage_is_compared_by_its_list_of_files(tmp_path):
    write(tmp_path, {"raw/1": "1\n", "raw/s/2": "2\n", ".dvc/config": ""})
    files = "\n".join(f"  - {{relpath: {entry['relpath']}, md5: {entry['md5']}}}" for entry in json.loads(LISTING))
    write(tmp_path, {"raw.dvc": f"outs:\n- path: raw\n  hash: md5\n  files:\n{files}\n"})

    folder, file = data.states(tmp_path, ("raw", "raw/s/2"))

    assert (folder.status, folder.recorded) == (DataStatus.CLEAN, f"{md5(LISTING)}.dir")
    assert (file.status, file.recorded) == (DataStatus.CLEAN, md5(b"2\n"))


def test_hash_of_digits_stays_text(tmp_path):
    write(tmp_path, {"x": "1", "x.dvc": "outs:\n- md5: 00112233445566778899001122334455\n  path: x\n"})

    assert only(data.states(tmp_path, ("x",))).recorded == "00112233445566778899001122334455"


@pytest.mark.parametrize(
    "text", ["<<<<<<< HEAD\nouts:\n", "[1, 2]", "outs: 3", "outs:\n- {md5: x}\n", "outs: [{path: [x]}]", b"\xff\0", ""]
)
def test_damaged_dvc_file_leaves_the_data_untracked(tmp_path, text):
    write(tmp_path, {"x": "1", "x.dvc": text, "dvc.lock": text, "dvc.yaml": text})

    assert status(tmp_path, "x") is DataStatus.UNTRACKED


def test_without_dvc_the_data_is_untracked_and_hashed(tmp_path):
    write(tmp_path, {"mine é/1": "1\n", "mine é/s/2": "2\n", "x y.csv": "x"})

    folder, file = data.states(tmp_path, ("mine é", "x y.csv"))

    assert folder == DataState(path="mine é", actual=f"{md5(LISTING)}.dir", size=4, files=2, status=DataStatus.UNTRACKED)
    assert file == DataState(path="x y.csv", actual=md5(b"x"), size=1, status=DataStatus.UNTRACKED)
    with pytest.raises(DirtyError, match=r"- x y.csv: not tracked; `dvc add 'x y.csv'`"):
        data.require_clean([file])


def test_entries_outside_the_root_are_read_and_keep_their_declared_name(project, tmp_path):
    root = Path(project.root_dir)
    write(tmp_path, {"shared/x.csv": "x"})
    write(root, {"data/y.csv": "y", "sub/conf/x": ""})
    project.add("data/y.csv")
    entries = ("../../data/y.csv", str(tmp_path / "shared/x.csv"), "../../../shared")

    states = data.states(root / "sub/conf", entries)

    assert tuple(state.path for state in states) == entries
    assert [state.status for state in states] == [DataStatus.CLEAN, DataStatus.UNTRACKED, DataStatus.UNTRACKED]
    assert states[0].source == "../../data/y.csv.dvc"


def test_root_may_be_relative(project):
    write(Path(project.root_dir), {"x.csv": "x"})
    project.add("x.csv")

    assert status(Path(), "x.csv") is DataStatus.CLEAN


def test_links_to_nothing_and_special_files_are_not_read(tmp_path):
    write(tmp_path, {"raw/1": "1"})
    os.mkfifo(tmp_path / "raw/pipe")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "raw/dangling").symlink_to("nowhere")
    (tmp_path / "raw/loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")

    folder, pipe, dangling = data.states(tmp_path, ("raw", "pipe", "dangling"))

    assert (folder.files, folder.status) == (1, DataStatus.UNTRACKED)
    assert {pipe.status, dangling.status} == {DataStatus.MISSING}


def plant(cache, *files):
    """Puts another hash of these files into the cache, which shows whether a later call takes it from there."""
    tree = json.loads(cache.read_text())
    for file in files:
        tree["files"][str(file)][-1] = "planted"
    cache.write_text(json.dumps(tree))


def test_cache_saves_reading_what_has_not_changed(tmp_path, later):
    write(tmp_path, {"x": "x", "raw/1": "1", "raw/2": "2"})
    cache = tmp_path / "cache.json"
    first = data.states(tmp_path, ("x", "raw"), cache=cache)
    assert data.states(tmp_path, ("x", "raw"), cache=cache) == first

    plant(cache, tmp_path / "x", tmp_path / "raw/1", tmp_path / "raw/2")
    write(tmp_path, {"raw/2": "3"})
    x, raw = data.states(tmp_path, ("x", "raw"), cache=cache)

    assert (x.actual, raw.actual) == ("planted", hashing.tree({"1": "planted", "2": md5(b"3")}))


def test_change_of_the_same_size_with_the_time_set_back_is_seen(tmp_path, later):
    file, cache = tmp_path / "x", tmp_path / "cache.json"
    for n in range(20):
        file.write_text(f"{n:02}")
        before = file.stat()
        assert only(data.states(tmp_path, ("x",), cache=cache)).actual == md5(b"%02d" % n)
        time.sleep(0.01)  # the clock of the file system ticks every 4 ms
        file.write_text(f"{n + 50:02}")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert only(data.states(tmp_path, ("x",), cache=cache)).actual == md5(b"%02d" % (n + 50))


def test_file_that_was_changed_just_now_is_never_trusted(tmp_path):
    write(tmp_path, {"new": "1", "old": "1"})
    os.utime(tmp_path / "old", ns=(0, 0))  # its ctime is now
    cache = tmp_path / "cache.json"

    data.states(tmp_path, ("new", "old"), cache=cache)

    assert not cache.exists()


def test_two_hash_algorithms_do_not_share_cache_entries(tmp_path, later):
    write(tmp_path, {"x": "a\r\n"})
    cache = tmp_path / "cache.json"
    assert only(data.states(tmp_path, ("x",), cache=cache)).actual == md5(b"a\r\n")

    write(tmp_path, {"x.dvc": f"outs:\n- md5: {md5(bytes([97, 10]))}\n  path: x\n"})

    assert only(data.states(tmp_path, ("x",), cache=cache)).status is DataStatus.CLEAN


@pytest.mark.parametrize(
    "text",
    ["", "garbage", "[]", '{"version": 1}', '{"version": 1, "files": [], "folders": {}}', '{"version": 9, "files": {}, "folders": {}}'],
)
def test_damaged_cache_is_ignored_and_replaced(tmp_path, later, text):
    write(tmp_path, {"x": "x", "cache.json": text})
    cache = tmp_path / "cache.json"
    assert only(data.states(tmp_path, ("x",), cache=cache)).actual == md5(b"x")

    plant(cache, tmp_path / "x")

    assert only(data.states(tmp_path, ("x",), cache=cache)).actual == "planted"
    assert names(tmp_path) == ["cache.json", "x"]


def test_damaged_cache_entries_are_ignored(tmp_path, later):
    write(tmp_path, {"x": "x", "raw/1": "1\n", "raw/s/2": "2\n"})
    cache = tmp_path / "cache.json"
    first = data.states(tmp_path, ("x", "raw"), cache=cache)
    for damage in (None, [], 3, [1, 2, 3, 4, 5, 6], {}):
        tree = json.loads(cache.read_text())
        broken = {part: dict.fromkeys(tree[part], damage) for part in ("files", "folders")}
        cache.write_text(json.dumps(tree | broken))

        assert data.states(tmp_path, ("x", "raw"), cache=cache) == first


def test_cache_that_cannot_be_written_is_no_error(tmp_path, later):
    write(tmp_path, {"x": "x", "file": ""})
    (tmp_path / "cache").mkdir()

    for cache in (tmp_path / "no_folder/cache.json", tmp_path / "file/cache.json", tmp_path / "cache"):
        assert only(data.states(tmp_path, ("x",), cache=cache)).actual == md5(b"x")
    assert names(tmp_path) == ["cache", "file", "x"]


def test_ten_thousand_files_are_hashed_once(tmp_path, later):
    (tmp_path / "raw").mkdir()
    for n in range(10_000):
        (tmp_path / f"raw/{n}").write_bytes(b"x")
    cache = tmp_path / "cache.json"
    first = only(data.states(tmp_path, ("raw",), cache=cache))
    plant(cache, *(tmp_path / f"raw/{n}" for n in range(10_000)))

    second = only(data.states(tmp_path, ("raw",), cache=cache))

    assert (first.files, first.actual) == (10_000, hashing.tree(dict.fromkeys(map(str, range(10_000)), md5(b"x"))))
    assert second.actual == hashing.tree(dict.fromkeys(map(str, range(10_000)), "planted"))


def test_dvc_is_imported_only_to_hash(tmp_path):
    write(tmp_path, {"x": "x", "raw/1": "1", "x.dvc": f"outs:\n- {{md5: {md5(b'x')}, hash: md5, path: x}}\n", ".dvc/config": ""})
    code = """
import sys, pathlib, time
from runner.provenance import data, environment, git, hashing
loaded = lambda: sorted({"dvc", "dvc_data", "git"} & set(sys.modules))
root = pathlib.Path(sys.argv[1])
now = time.time_ns
hashing.time.time_ns = lambda: now() + 10**10
data.states(root, (), cache=root / "cache")
assert loaded() == [], loaded()
print(*(state.status.value for state in data.states(root, ("x", "raw"), cache=root / "cache")), *loaded())
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(data.__file__).parents[2])}

    def call():
        return subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, capture_output=True, text=True, check=True).stdout

    assert call() == "clean untracked dvc_data\n"
    assert call() == "clean untracked\n"
