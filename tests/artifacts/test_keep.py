"""Files and folders that a run keeps."""

import errno
import hashlib
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import artifacts, files
from runner.files import SourceError
from runner.logged import Artifact


@pytest.fixture
def folder(tmp_path):
    """The run's folder; not made yet."""
    return tmp_path / "kept" / "id"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"model")
    return tmp_path / "model.pkl"


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for name in ("b.txt", "a/x.txt", "a/deep/y.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("path", "kept"), [(None, "model.pkl"), ("m.pkl", "m.pkl"), ("models/a.pkl", "models/a.pkl"), ("models/", "models/model.pkl")]
)
def test_a_file_is_kept_under_its_path_with_size_and_digest(source, folder, path, kept):
    assert artifacts.keep(source, path, folder) == [Artifact(kept, 5, hashlib.sha256(b"model").hexdigest())]
    assert content(folder) == {kept: b"model"}


@pytest.mark.parametrize(("path", "prefix"), [(None, "tree"), ("t", "t"), ("some/", "some/tree")])
def test_a_folder_is_kept_with_everything_in_it_sorted_by_path(tree, folder, path, prefix):
    kept = artifacts.keep(tree, path, folder)
    assert [artifact.path for artifact in kept] == [f"{prefix}/{name}" for name in ("a/deep/y.txt", "a/x.txt", "b.txt")]
    assert content(folder) == {f"{prefix}/{name}": name.encode() for name in ("a/deep/y.txt", "a/x.txt", "b.txt")}


def test_names_are_relative_to_the_working_directory_and_any_spelling_has_a_name(tree, folder, monkeypatch):
    monkeypatch.chdir(tree / "a")
    assert [artifact.path for artifact in artifacts.keep(".", None, folder)] == ["a/deep/y.txt", "a/x.txt"]
    assert [artifact.path for artifact in artifacts.keep("deep/../x.txt", None, folder)] == ["x.txt"]


def test_the_same_path_replaces_and_leaves_nothing_beside_it(source, folder):
    artifacts.keep(source, "m", folder)
    source.write_bytes(b"better")
    (kept,) = artifacts.keep(source, "m", folder)
    assert (kept.size, content(folder)) == (6, {"m": b"better"})


def test_what_was_kept_does_not_change_when_the_run_writes_its_file_again_in_place(folder):
    folder.mkdir(parents=True)
    checkpoint = folder / "checkpoint"
    checkpoint.write_bytes(b"epoch 1")
    (kept,) = artifacts.keep(checkpoint, "epochs/1", folder)
    with checkpoint.open("r+b") as file:
        file.write(b"epoch 2")
    assert (folder / "epochs/1").read_bytes() == b"epoch 1"
    assert kept.sha256 == hashlib.sha256(b"epoch 1").hexdigest()


def test_a_file_that_lies_where_it_shall_be_is_measured_only(folder):
    (folder / "outputs").mkdir(parents=True)
    file = folder / "outputs/x"
    file.write_bytes(b"x")
    before = file.stat()
    assert [artifact.path for artifact in artifacts.keep(folder / "outputs", None, folder)] == ["outputs/x"]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("../x", r"`\.\.`"),
        ("a/../../x", r"`\.\.`"),
        ("a//x", "empty"),
        ("", "empty"),
        ("/", "absolute"),
        ("a//", "empty"),
        ("./x", r"`\.`"),
        ("a\\x", "backslash"),
        ("a\0x", "control"),
        ("a\nx", "control"),
        ("a\udc80", "UTF-8"),
        ("x" * 256, "255 bytes"),
        ("ü" * 128, "255 bytes"),
    ],
)
def test_a_path_that_could_not_be_meant_is_refused_and_nothing_is_written(source, folder, path, why):
    with pytest.raises(ValueError, match=why):
        artifacts.keep(source, path, folder)
    assert not folder.exists()


@pytest.mark.parametrize("path", ["x", "a b/ü (1).png", "a.b/..c/...", ".hidden", "\u3000", "x" * 255])
def test_names_of_all_languages_are_paths(path):
    assert artifacts.check_path(path) == path


@given(st.text(alphabet=st.sampled_from("ab./\\\0\n\udc80~ "), max_size=12))
def test_no_accepted_path_leaves_the_folder(path):
    try:
        artifacts.check_path(path)
    except ValueError:
        return
    inside = os.path.normpath(f"/run/{path}")
    assert inside == f"/run/{path}"
    path.encode()


@pytest.mark.parametrize("path", [b"x", 3])
def test_a_path_that_is_not_text_is_a_type_error(path):
    with pytest.raises(TypeError):
        artifacts.check_path(path)


def test_a_path_that_leaves_the_folder_through_a_link_is_refused(source, folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    with pytest.raises(ValueError, match="link leads out"):
        artifacts.keep(source, "link/x", folder)
    with pytest.raises(ValueError, match="link leads out"):
        artifacts.keep(source, "link/new/x", folder)
    assert not list(outside.iterdir())


def test_a_link_under_the_very_path_is_replaced_not_followed(source, folder, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder.mkdir(parents=True)
    (folder / "x").symlink_to(victim)
    artifacts.keep(source, "x", folder)
    assert victim.read_text() == "mine"
    assert not (folder / "x").is_symlink()


def test_a_folder_of_runs_behind_a_link_is_as_good(source, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "disk")
    artifacts.keep(source, "a/x", tmp_path / "here/id")
    assert (tmp_path / "disk/id/a/x").read_bytes() == b"model"


def test_a_file_and_a_folder_of_one_name_are_refused(source, folder):
    artifacts.keep(source, "a/b", folder)
    with pytest.raises(ValueError, match="'a' cannot be kept as a file"):
        artifacts.keep(source, "a", folder)
    with pytest.raises(ValueError, match="'a/b' is a file already"):
        artifacts.keep(source, "a/b/c/d", folder)
    assert content(folder) == {"a/b": b"model"}


@pytest.mark.parametrize("name", ["nowhere", "model.pkl/x", "x" * 300])
def test_what_is_not_there_is_named(source, folder, name):
    with pytest.raises(SourceError, match=name):
        artifacts.keep(source.parent / name, "x", folder)
    assert not folder.exists()


def test_an_empty_name_is_not_the_working_directory(folder):
    with pytest.raises(ValueError, match="empty"):
        artifacts.keep("", None, folder)


def test_the_root_folder_has_no_name(folder):
    with pytest.raises(ValueError, match="empty"):
        artifacts.keep("/", None, folder)


def special(path, kind):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))  # the path of a socket is short


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_special_files_are_refused_alone_and_in_a_folder(tree, folder, kind, monkeypatch):
    monkeypatch.chdir(tree)
    special(tree / "z", kind)
    with pytest.raises(SourceError, match="/z"):
        artifacts.keep(tree / "z", None, folder)
    with pytest.raises(SourceError, match="/z"):
        artifacts.keep(tree, None, folder)
    assert not folder.exists()


def test_links_are_kept_as_what_they_lead_to(tree, folder, source):
    (tree / "model").symlink_to(source)
    (tree / "again").symlink_to(tree / "a/deep")
    artifacts.keep(tree, "t", folder)
    assert not (folder / "t/model").is_symlink()
    assert content(folder)["t/model"] == b"model"
    assert content(folder)["t/again/y.txt"] == b"a/deep/y.txt"


def test_links_that_run_in_a_circle_are_refused(tree, folder):
    (tree / "a/deep/up").symlink_to(tree)
    with pytest.raises(ValueError, match="circle"):
        artifacts.keep(tree, None, folder)
    assert not folder.exists()


def test_a_link_to_nothing_is_named(tree, folder):
    (tree / "a/gone").symlink_to("nowhere")
    with pytest.raises(SourceError, match="a/gone"):
        artifacts.keep(tree, None, folder)


@pytest.mark.parametrize("around", [".", "..", "../.."])
def test_a_folder_that_holds_the_runs_own_is_refused(folder, around):
    folder.mkdir(parents=True)
    (folder / "x").write_text("x")
    with pytest.raises(ValueError, match="own folder lies in it"):
        artifacts.keep(folder / around, "all", folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_the_sources_fault_and_an_unwritable_folder_is_not(source, folder):
    source.chmod(0)
    with pytest.raises(SourceError, match=r"model\.pkl"):
        artifacts.keep(source, None, folder)
    source.chmod(0o600)
    folder.chmod(0o500)
    with pytest.raises(PermissionError):
        artifacts.keep(source, None, folder)


def test_trouble_with_the_target_is_no_source_error(source, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken") as raised:
        artifacts.keep(source, None, tmp_path / "taken" / "id")
    assert not isinstance(raised.value, SourceError)


def test_a_full_disk_raises_and_leaves_what_was_kept_before(folder, tmp_path):
    """A limit on the size of files stands for the disk: the system refuses the write in the middle."""
    big = tmp_path / "big"
    big.write_bytes(b"1" * 1_000_000)
    artifacts.keep(big, "x", folder)
    big.write_bytes(b"2" * 1_000_000)
    code = f"""
import resource, signal
from pathlib import Path
from runner import artifacts, files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
try:
    artifacts.keep({str(big)!r}, "x", Path({str(folder)!r}))
except artifacts.files.SourceError:
    print("source")
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (str(errno.EFBIG), "")
    assert content(folder) == {"x": b"1" * 1_000_000}


def test_a_file_of_another_file_system_is_kept(folder):
    """/proc tells a size of 0 and cannot be copied by the kernel."""
    (kept,) = artifacts.keep("/proc/self/status", None, folder)
    assert b"VmRSS" in (folder / "status").read_bytes()
    assert kept.size == (folder / "status").stat().st_size > 0


def test_a_large_file_is_copied_without_holding_it_in_memory(folder, tmp_path):
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(300 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (kept,) = artifacts.keep(sparse, None, folder)
    assert kept.size == 300 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_scan_finds_every_file_with_its_path_from_the_runs_folder(tree, folder):
    artifacts.keep(tree, "outputs", folder)
    found = artifacts.scan(folder / "outputs")
    assert [(artifact.path, artifact.kind) for artifact in found] == [
        ("outputs/a/deep/y.txt", "output"),
        ("outputs/a/x.txt", "output"),
        ("outputs/b.txt", "output"),
    ]
    assert found[2].sha256 == hashlib.sha256(b"b.txt").hexdigest()
    assert [artifact.path for artifact in artifacts.scan(folder / "outputs/a/deep", root=folder)] == ["outputs/a/deep/y.txt"]


def test_scan_leaves_out_what_is_no_file_of_the_run(tree, source, monkeypatch):
    monkeypatch.chdir(tree)
    outside = source.parent / "elsewhere"
    outside.mkdir()
    outside.joinpath("x").write_text("x")
    (tree / "out").symlink_to(outside)
    (tree / "model").symlink_to(source)
    (tree / "gone").symlink_to("nowhere")
    (tree / "up").symlink_to(tree)
    (tree / "inside").symlink_to(tree / "b.txt")
    special(tree / "pipe", "fifo")
    (tree / "a\nb").write_text("no path may have this name")
    (tree / ".xrun-0123.part").write_text("left by a process that was killed")
    found = artifacts.scan(tree, root=tree)
    assert [artifact.path for artifact in found] == ["a/deep/y.txt", "a/x.txt", "b.txt", "inside"]


def test_scan_of_a_folder_that_is_not_there_finds_nothing(tmp_path):
    assert artifacts.scan(tmp_path / "outputs") == []


def test_a_process_killed_while_it_copies_leaves_the_old_file(folder, tmp_path):
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"old")
    code = f"""
import os, signal
from pathlib import Path
from runner import files
with files.replacing(Path({str(folder / "x")!r})) as writing:
    os.write(writing, b"ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (folder / "x").read_bytes() == b"old"
    assert [artifact.path for artifact in artifacts.scan(folder, root=folder)] == ["x"]
    assert len(list(Path(folder).iterdir())) == 2


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "cached").write_bytes(b"old")
    (tmp_path / "cached").chmod(0o444)
    (tmp_path / "symbolic").symlink_to(tmp_path / "cached")
    (tmp_path / "hard").hardlink_to(tmp_path / "cached")
    for name in ("symbolic", "hard"):
        files.put(b"new", tmp_path / name)
        assert ((tmp_path / name).read_bytes(), (tmp_path / name).is_symlink()) == (b"new", False)
    assert (tmp_path / "cached").read_bytes() == b"old"


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        files.put(b"all of it", tmp_path / "pipe")
        assert reader.communicate(timeout=30)[0] == b"all of it"
    assert (tmp_path / "pipe").is_fifo()


def test_a_standard_stream_is_written_to_also_where_it_is_a_file(tmp_path):
    code = (
        "from pathlib import Path; from runner import files; files.put(b'2', Path('/dev/fd/1')); files.put(b'3', Path('/proc/self/fd/1'))"
    )
    with (tmp_path / "out").open("wb") as out:
        out.write(b"1")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"123"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
