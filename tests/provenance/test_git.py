"""F22: the state of the repository, whatever state that is, and a patch that gives the working tree again."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runner import codec
from runner.errors import DirtyError
from runner.provenance import git, patch
from runner.provenance.search import Search
from runner.record import GitState
from tests.provenance.conftest import run

pytestmark = pytest.mark.usefixtures("isolated")


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def commit(root):
    run(root, "add", "--all")
    run(root, "commit", "--quiet", "--allow-empty", "-m", "x")
    return run(root, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    run(root, "init", "--quiet", "--initial-branch=trunk")
    write(root, {"a.py": "one\ntwo\nthree\n", "folder/b.py": "b\n", "image.png": bytes(range(256)) * 4, ".gitignore": "*.log\n"})
    commit(root)
    return root


def contents(root):
    """Everything but .git: type and permission to execute, and bytes or the target of a link."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if ".git" in path.relative_to(root).parts or (path.is_dir() and not path.is_symlink()):
            continue
        mode = path.lstat().st_mode
        found[name] = (stat.S_IFMT(mode), mode & 0o100, path.readlink() if path.is_symlink() else path.read_bytes())
    return found


def inside(folder):
    """The files of a repository proper, with their time stamps: what must not change."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def observed(root, **kwargs):
    """The state of `root`; asking for it changed nothing."""
    top = Path(run(root, "rev-parse", "--absolute-git-dir"))
    before = inside(top)
    state = git.state(root, **kwargs)
    assert inside(top) == before
    assert "\0" not in state.patch
    assert codec.dumps([state.patch, *state.untracked])  # valid Unicode, so that a store takes it
    return state


def reproduced(root, state, tmp_path):
    """The files that the commit and the patch of `state` give."""
    other = tmp_path / "reproduced"
    run(tmp_path, "clone", "--quiet", "--no-checkout", str(root), str(other))
    run(other, "checkout", "--quiet", state.commit)
    run(other, "apply", "--whitespace=nowarn", "-", told=state.patch.encode())
    return contents(other)


def test_clean_repository_has_commit_and_branch_and_no_patch(repo):
    write(repo, {"ignored.log": "x"})

    state = observed(repo)

    assert state == GitState(commit=run(repo, "rev-parse", "HEAD"), branch="trunk")
    git.require_clean(state)


def test_folder_without_repository_has_no_state(tmp_path):
    assert git.state(tmp_path) is None
    assert git.state(tmp_path / "nowhere") is None


def test_repository_without_commits_has_a_branch_and_its_files_in_the_patch(tmp_path):
    run(tmp_path, "init", "--quiet", "--initial-branch=trunk", "new")
    write(tmp_path / "new", {"staged.py": "1\n", "file.py": "2\n"})
    run(tmp_path / "new", "add", "staged.py")

    state = observed(tmp_path / "new")

    assert (state.commit, state.branch, state.dirty, state.untracked) == (None, "trunk", True, ("file.py",))
    assert patch.paths(state.patch) == ["file.py", "staged.py"]


def test_detached_head_has_no_branch(repo):
    run(repo, "checkout", "--quiet", "--detach")

    assert observed(repo).branch is None


CHANGES = {
    "a changed line": {"a.py": "one\nTWO\nthree\n"},
    "a change of the same size at once": {"folder/b.py": "B\n"},
    "no newline at the end": {"a.py": "one\ntwo"},
    "windows line ends": {"a.py": "one\r\ntwo\r\n", "new.txt": "a\r\nb\r"},
    "a changed binary file": {"image.png": bytes(reversed(range(256)))},
    "untracked text": {"new.py": "n\n", "deep/er/new.py": "n\n"},
    "untracked binary": {"new.bin": bytes(range(256))},
    "an empty file": {"empty": b"", "a.py": b""},
    "names with spaces and accents": {"my file é.py": "x\n", 'quo"te\n.py': "x\n", "tab\t": "x\n", " ": "x\n"},
    "a name that is a pathspec": {":(top)x": "x\n", "*": "x\n", "-x": "x\n", "b b/b": "x\n"},
    "text that is not UTF-8": {"latin.txt": "caf\xe9\n".encode("latin-1") * 99, "a.py": b"one\n\xff\n"},
    "a zero byte far into a text": {"late.txt": b"x\n" * 9000 + b"\0\n"},
    "text that looks like a patch": {"x.patch": "diff --git a/a.py b/a.py\n--- a/a.py\n# x\n", "a.py": "diff --git a/x b/x\n"},
    "trailing white space": {"a.py": "one \t\n\n\n"},
}


@pytest.mark.parametrize("files", CHANGES.values(), ids=CHANGES)
def test_patch_reproduces_the_working_tree(repo, tmp_path, files):
    write(repo, files)

    state = observed(repo)

    assert state.dirty
    assert reproduced(repo, state, tmp_path) == contents(repo)
    with pytest.raises(DirtyError, match="not clean"):
        git.require_clean(state)


def test_change_that_only_the_age_of_the_index_gives_away_is_in_the_patch(repo, tmp_path):
    run(repo, "config", "core.trustctime", "false")
    old = (1_600_000_000,) * 2
    for path, content in (("folder/b.py", "1\n"), ("folder/b.py", "2\n")):
        write(repo, {path: content})
        os.utime(repo / path, old)
        if content == "1\n":
            commit(repo)
    os.utime(repo / ".git/index", old)

    state = observed(repo)

    assert patch.paths(state.patch) == ["folder/b.py"]
    assert reproduced(repo, state, tmp_path) == contents(repo)


def test_file_name_that_is_not_unicode_is_in_the_patch_and_listed_escaped(repo, tmp_path):
    (repo / os.fsdecode(b"caf\xe9.py")).write_text("x\n")

    state = observed(repo)

    assert state.untracked == ("caf\\xe9.py",)
    assert reproduced(repo, state, tmp_path) == contents(repo)


def test_patch_reproduces_modes_links_deletions_and_replacements(repo, tmp_path):
    write(repo, {"gone.py": "g\n", "was_file": "f\n", "was_folder/x": "x\n", "latin": b"\xe9\n"})
    (repo / "was_link").symlink_to("a.py")
    commit(repo)
    for name in ("gone.py", "was_file", "was_folder/x", "was_link", "latin"):
        (repo / name).unlink()
    (repo / "was_folder").rmdir()
    write(repo, {"was_file/x": "x\n", "was_folder": "f\n", "was_link": "l\n", "new.sh": "#!/bin/sh\n"})
    (repo / "a.py").chmod(0o755)
    (repo / "new.sh").chmod(0o755)
    (repo / "new_link").symlink_to("nowhere")

    assert reproduced(repo, observed(repo), tmp_path) == contents(repo)


def test_patch_reproduces_what_is_staged(repo, tmp_path):
    write(repo, {"staged.py": "s\n", "both.py": "1\n", "a.py": "staged\n", "added_and_gone.py": "x\n"})
    run(repo, "add", "--all")
    write(repo, {"both.py": "2\n"})
    (repo / "added_and_gone.py").unlink()
    run(repo, "rm", "--quiet", "--cached", "folder/b.py")
    run(repo, "mv", "image.png", "moved.png")

    assert reproduced(repo, observed(repo), tmp_path) == contents(repo)


def test_patch_reproduces_a_tree_amid_a_merge_conflict(repo, tmp_path):
    run(repo, "checkout", "--quiet", "-b", "other")
    write(repo, {"a.py": "theirs\n"})
    commit(repo)
    run(repo, "checkout", "--quiet", "trunk")
    write(repo, {"a.py": "ours\n"})
    commit(repo)
    subprocess.run(["git", "merge", "--quiet", "other"], cwd=repo, check=False, capture_output=True)
    assert "<<<<" in (repo / "a.py").read_text()

    assert reproduced(repo, observed(repo), tmp_path) == contents(repo)


def test_patch_does_not_depend_on_the_users_configuration(repo, tmp_path):
    write(repo, {"a.py": "one\nTWO\nthree\n", "new é.py": "x\n", ".gitattributes": "*.txt diff\n", "forced.txt": b"\xe9\n"})
    expected = observed(repo).patch
    settings = {"diff.noprefix": "true", "color.ui": "always", "diff.external": "false", "diff.context": "0", "core.quotePath": "false"}
    settings |= {"core.splitIndex": "true", "status.showUntrackedFiles": "no", "diff.mnemonicPrefix": "true", "core.fsmonitor": "false"}
    settings |= {"diff.relative": "true", "status.relativePaths": "true"}
    for name, value in settings.items():
        run(repo, "config", "--global", name, value)

    state = observed(repo / "folder")

    assert state.patch == expected
    assert reproduced(repo, state, tmp_path) == contents(repo)


def test_patch_reproduces_files_whose_line_ends_git_converts(repo, tmp_path):
    run(repo, "config", "--global", "core.autocrlf", "true")
    write(repo, {"new.txt": "a\r\nb\r\n", "latin.txt": b"\xe9\r\n"})

    assert reproduced(repo, observed(repo), tmp_path) == contents(repo) | {
        name: (kind, mode, content.replace(b"\n", b"\r\n"))  # a checkout under that setting
        for name, (kind, mode, content) in contents(repo).items()
        if name in {"a.py", "folder/b.py", ".gitignore"}
    }


def test_filtered_file_that_is_neither_text_nor_binary_is_left_out_and_named(repo, tmp_path):
    run(repo, "config", "filter.upper.clean", "tr a-z A-Z")
    write(repo, {".gitattributes": "*.up filter=upper\n", "new é.up": b"caf\xe9\n", "new.py": "x\n"})

    state = observed(repo)

    assert patch.notes(state.patch) == ["neither UTF-8 nor binary, left out: new é.up"]
    assert reproduced(repo, state, tmp_path) == {name: file for name, file in contents(repo).items() if name != "new é.up"}


def test_untracked_content_over_the_limit_is_listed_and_the_smallest_files_are_kept(repo):
    write(repo, {"large.bin": os.urandom(900_000), "medium.bin": os.urandom(200_000), "small.py": "x\n"})

    state = observed(repo)

    assert state.untracked == ("large.bin", "medium.bin", "small.py")
    assert patch.paths(state.patch) == ["medium.bin", "small.py"]


def test_large_changed_file_is_left_out_and_named(repo, monkeypatch):
    monkeypatch.setattr(patch, "TRACKED_LIMIT", 1000)
    write(repo, {"image.png": os.urandom(2000), "a.py": "x\n"})

    state = observed(repo)

    assert patch.notes(state.patch) == ["too large, left out: image.png"]
    assert patch.paths(state.patch) == ["a.py"]


def test_untracked_environment_files_never_enter_the_patch(repo):
    write(repo, {".env": "PASSWORD=hunter2\n", "folder/.env.local": "TOKEN: hunter2\n", "new.py": "x\n"})

    state = observed(repo)

    assert state.untracked == (".env", "folder/.env.local", "new.py")
    assert "hunter2" not in state.patch
    assert patch.paths(state.patch) == ["new.py"]


def test_results_are_neither_dirt_nor_part_of_the_patch(repo):
    write(repo, {"results/coins/table.csv": "a\n", "results_of_others": "x\n"})
    commit(repo)
    write(repo, {"results/coins/table.csv": "b\n", "results/new/table.csv": "c\n"})
    assert observed(repo) == GitState(commit=run(repo, "rev-parse", "HEAD"), branch="trunk")

    write(repo, {"results_of_others": "y\n", "folder/results/x": "x\n"})
    state = observed(repo)

    assert patch.paths(state.patch) == ["folder/results/x", "results_of_others"]
    assert observed(repo, exclude=()).untracked == ("folder/results/x", "results/new/table.csv")


def test_excluded_folders_are_those_below_the_root_even_in_a_subfolder_of_the_repository(repo):
    write(repo, {"folder/results/x": "x\n", "results/x": "x\n"})

    state = observed(repo / "folder", exclude=("results", "../..", "./a/../results"))

    assert state.untracked == ("results/x",)


@pytest.mark.parametrize("place", ["space", "folder/space", "folder"])
def test_results_of_a_workspace_elsewhere_in_the_repository_are_no_dirt_either(repo, place):
    write(repo, {f"{place}/results/x": "x\n", "results/x": "x\n", "folder/results/x": "x\n", "space/other": "x\n"})
    found = observed(repo / "folder", exclude=git.own(repo / "folder", repo / place / "results")).untracked
    assert f"{place}/results/x" not in found
    assert {"results/x", "space/other"} <= set(found)


def test_a_workspace_whose_gitignore_a_kill_has_left_empty_is_no_dirt(repo):
    write(repo, {"space/.xrun/.gitignore": "", "space/.xrun/artifacts/x": "x\n", "other": "x\n"})
    found = Search(repo, (), (), (repo / "space/results", repo / "space/.xrun")).git()
    assert found.untracked == ("other",)


def test_linked_worktree_has_its_own_state(repo, tmp_path):
    run(repo, "remote", "add", "origin", "https://host/x")
    run(repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    write(tmp_path / "side", {"a.py": "changed\n", "new.py": "x\n"})

    state = observed(tmp_path / "side")

    assert (state.branch, state.remote, state.untracked) == ("side", "https://host/x", ("new.py",))
    assert reproduced(repo, state, tmp_path) == contents(tmp_path / "side")
    assert not git.state(repo).dirty


def test_changes_inside_a_submodule_make_the_tree_dirty_and_are_named(repo, tmp_path):
    run(tmp_path, "clone", "--quiet", str(repo), "library")
    run(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "sub")
    commit(repo)
    assert not observed(repo).dirty
    assert git.state(repo / "sub").branch == "trunk"

    write(repo, {"sub/a.py": "changed\n"})
    state = observed(repo)

    assert (state.dirty, patch.notes(state.patch), patch.paths(state.patch)) == (True, ["has changes of its own, left out: sub"], [])


def test_repository_inside_the_repository_is_listed_and_left_out(repo):
    run(repo, "init", "--quiet", "nested")
    write(repo, {"nested/x": "x\n"})
    commit(repo / "nested")

    state = observed(repo)

    assert (state.dirty, state.untracked, state.patch) == (True, ("nested/",), "")


def test_root_outside_the_working_tree_of_its_repository_is_not_shown_to_be_clean(repo, tmp_path):
    (tmp_path / "tree").mkdir()
    run(repo, "config", "core.worktree", str(tmp_path / "tree"))

    assert git.state(repo / ".git").dirty


def test_bare_repository_has_its_commit_and_nothing_shows_that_it_is_clean(repo, tmp_path):
    run(tmp_path, "clone", "--quiet", "--bare", str(repo), "bare.git")

    state = git.state(tmp_path / "bare.git")

    assert (state.commit, state.branch, state.dirty) == (run(repo, "rev-parse", "HEAD"), "trunk", True)
    with pytest.raises(DirtyError, match="no working tree"):
        git.require_clean(state)


def test_repository_of_another_user_has_its_commit_and_the_reason(repo, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    state = git.state(repo)

    monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    assert (state.commit, state.branch, state.dirty) == (run(repo, "rev-parse", "HEAD"), "trunk", True)
    with pytest.raises(DirtyError, match="dubious ownership"):
        git.require_clean(state)
    told = git.trouble(state)
    assert told.startswith("git does not tell what differs from the commit: fatal: detected dubious ownership in repository")
    assert "safe.directory" in told
    assert "\n" not in told


def test_no_trouble_is_told_of_what_git_can_tell(repo, tmp_path):
    run(repo, "init", "--quiet", "nested")
    write(repo, {"nested/x": "x\n", "a.py": "another\n"})
    commit(repo / "nested")

    assert observed(repo).dirty
    assert [git.trouble(observed(repo)), git.trouble(None)] == ["", ""]


def test_damaged_repository_does_not_stop_us(repo):
    (repo / ".git/index").write_bytes(b"garbage")

    state = git.state(repo)

    assert state.dirty
    assert "index" in state.patch


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_patch_reproduces_in_repositories_of_both_object_formats(tmp_path, kind):
    root = tmp_path / "r"
    run(tmp_path, "init", "--quiet", f"--object-format={kind}", "r")
    write(root, {"a": "a\n"})
    assert patch.paths(observed(root).patch) == ["a"]
    commit(root)
    write(root, {"a": b"\xe9\n", "new": "n\n"})

    assert reproduced(root, observed(root), tmp_path) == contents(root)


def test_call_from_a_hook_of_another_repository_is_about_the_root(repo, tmp_path, monkeypatch):
    run(tmp_path, "init", "--quiet", "other")
    write(repo, {"new.py": "x\n"})
    monkeypatch.chdir(tmp_path / "other")
    for name, value in {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_WORK_TREE": str(tmp_path / "other")}.items():
        monkeypatch.setenv(name, value)

    state = git.state(repo)

    assert (state.branch, state.untracked, patch.paths(state.patch)) == ("trunk", ("new.py",), ["new.py"])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:tok@host/x.git", "https://host/x.git"),
        ("https://ghp_token@host:8443/x", "https://host:8443/x"),
        ("https://user:p@ss@host/x", "https://host/x"),
        ("https://host/x?private_token=t#t", "https://host/x"),
        ("https://host/~me@work/x", "https://host/~me@work/x"),
        ("ssh://git@host:22/x", "ssh://git@host:22/x"),
        ("ssh://me:p@host/x", "ssh://host/x"),
        ("git@host:group/x.git", "git@host:group/x.git"),
        ("../elsewhere", "../elsewhere"),
    ],
)
def test_remote_has_no_credentials(repo, url, shown):
    run(repo, "remote", "add", "origin", url)

    assert observed(repo).remote == shown


def test_remote_is_origin_or_the_only_one(repo):
    run(repo, "remote", "add", "one", "https://host/1")
    assert git.state(repo).remote == "https://host/1"

    run(repo, "remote", "add", "two", "https://host/2")
    assert git.state(repo).remote is None

    run(repo, "remote", "add", "origin", "https://host/3")
    assert git.state(repo).remote == "https://host/3"


def test_without_git_there_is_no_state(repo):
    code = "import sys, pathlib; from runner.provenance import git; print(git.state(pathlib.Path(sys.argv[1])))"
    environment = {**os.environ, "PATH": str(repo), "PYTHONPATH": str(Path(git.__file__).parents[2])}

    done = subprocess.run([sys.executable, "-c", code, repo], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout == "None\n"


@pytest.mark.parametrize(("state", "reason"), [(None, "no git repository"), (GitState(branch="trunk"), "no commit")])
def test_cleanness_that_nothing_shows_is_refused(state, reason):
    with pytest.raises(DirtyError, match=reason) as caught:
        git.require_clean(state)

    assert caught.value.exit_code == 65


def test_refusal_names_the_files_and_what_to_do(repo):
    write(repo, {"a.py": "x\n", "new é.py": "x\n"} | {f"f{n:02}": "" for n in range(30)})

    with pytest.raises(DirtyError) as caught:
        git.require_clean(git.state(repo))

    text = str(caught.value)
    assert "- changed: a.py\n" in text
    assert "- untracked: f18\n  - and 12 more\n" in text
    assert text.endswith("commit, stash or ignore these, or drop that requirement")
