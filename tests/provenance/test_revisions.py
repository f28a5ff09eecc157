"""Files as they are in a commit; in shallow clones, with the command that brings the commit, and with objects that are not there."""

from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.provenance import revisions
from tests import calling
from tests.calling import XRUN
from tests.provenance.conftest import run

pytestmark = pytest.mark.usefixtures("isolated")


@pytest.fixture
def origin(tmp_path):
    """Four commits on main, the file says which; one on `feature` beside it."""
    root = tmp_path / "origin"
    root.mkdir()
    run(root, "init", "--quiet", "--initial-branch=main")
    for number in range(4):
        (root / "file.txt").write_text(f"{number}\n")
        run(root, "add", "--all")
        run(root, "commit", "--quiet", "-m", "x")
    run(root, "tag", "v1", "HEAD~2")
    run(root, "checkout", "--quiet", "-b", "feature")
    (root / "file.txt").write_text("feature\n")
    run(root, "commit", "--quiet", "--all", "-m", "x")
    return root


def clone(origin, *options):
    target = origin.with_name("clone")
    run(origin.parent, "clone", "--quiet", *options, f"file://{origin}", str(target))
    return target


def read(root, revision):
    return revisions.read(root, revision, [Path("file.txt")]).files.get(Path("file.txt"))


def refused(root, revision):
    with pytest.raises(UsageError) as caught:
        read(root, revision)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def told_command(text):
    """The first command that a sentence advises."""
    return text.partition("`git fetch")[2].partition("`")[0].split()


@pytest.mark.parametrize(
    ("revision", "content"),
    [
        ("main", "3\n"),
        ("main~1", "2\n"),
        ("HEAD", "feature\n"),
        ("HEAD^", "3\n"),
        ("v1", "1\n"),
        ("v1^0", "1\n"),
        ("main@{0}", "3\n"),
        (":/x", "feature\n"),
    ],
)
def test_whatever_git_understands_is_a_revision(origin, revision, content):
    assert read(origin, revision) == content.encode()


def test_a_branch_that_a_remote_alone_has_needs_no_prefix(origin):
    assert read(clone(origin), "main") == b"3\n"
    assert read(origin.with_name("clone"), "main~1") == b"2\n"


@pytest.mark.parametrize("revision", ["", "  "])
def test_an_empty_revision_is_told_as_that(origin, revision):
    assert "`git:` names no revision" in refused(origin, revision)


@pytest.mark.parametrize(
    "revision", ["mian", "HEAD~99", "HEAD:file.txt", "main^{tree}", "--all", "-n", "a..b", "@{u}", "\udcff", "0" * 40, "^", "x" * 5000]
)
def test_what_is_no_commit_is_one_sentence_with_what_there_is(origin, revision):
    assert "git has no revision `" in refused(origin, revision)


def test_the_nearest_branch_is_told(origin):
    assert "did you mean `main`?" in refused(origin, "mian")


@pytest.mark.parametrize(
    ("options", "revision", "content"),
    [
        (("--depth=1",), "HEAD~1", "3\n"),
        (("--depth=1",), "HEAD~3", "1\n"),
        (("--depth=1",), "HEAD^", "3\n"),
        (("--depth=1",), "HEAD^^", "2\n"),
        (("--depth=1",), "feature~2", "2\n"),
        (("--depth=1", "-b", "feature"), "origin/main", "3\n"),
        (("--depth=1", "-b", "feature"), "main", "3\n"),
        (("--depth=1", "-b", "feature"), "origin/main~2", "1\n"),
        (("--single-branch", "-b", "feature"), "origin/main", "3\n"),
        (("--depth=1", "-b", "feature"), "v1", "1\n"),
    ],
)
def test_in_a_clone_that_lacks_the_commit_the_advised_command_brings_it(origin, options, revision, content):
    root = clone(origin, *options)
    told = refused(root, revision)
    assert ("this clone is shallow" in told) == ("--depth=1" in options)
    arguments = told_command(told)
    if revision == "v1":  # might be a branch; the sentence tells what a tag needs
        arguments = told.partition("a tag: `git fetch ")[2].partition("`")[0].split()
    run(root, "fetch", "--quiet", *arguments)
    assert read(root, revision) == content.encode()


def test_a_commit_that_a_shallow_clone_lacks_is_brought_by_unshallow(origin):
    commit = run(origin, "rev-parse", "HEAD~3")
    root = clone(origin, "--depth=1")
    assert "`git fetch --unshallow`" in refused(root, commit)
    run(root, "fetch", "--quiet", "--unshallow")
    assert read(root, commit) == b"1\n"


def test_without_a_remote_nothing_is_to_be_fetched(origin):
    assert "git fetch" not in refused(origin, "nowhere")


def test_objects_that_are_gone_or_damaged_are_one_sentence(origin):
    for name in ("HEAD^{tree}", "HEAD:file.txt"):
        value = run(origin, "rev-parse", name)
        file = origin / ".git/objects" / value[:2] / value[2:]
        whole = file.read_bytes()
        file.chmod(0o644)
        for content in (None, b"", b"damage" * 10, whole[: len(whole) // 2]):
            file.unlink(missing_ok=True)
            if content is not None:
                file.write_bytes(content)
            assert "cannot be read" in refused(origin, "HEAD"), (name, content)
        file.write_bytes(whole)
    assert read(origin, "HEAD") == b"feature\n"


def test_a_repository_that_git_refuses_is_told_with_its_reason(origin, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "dubious ownership" in refused(origin, "HEAD")


def test_the_gate_and_the_diff_say_it_in_a_sentence(tmp_path):
    root = tmp_path / "project"
    (root / "conf/experiment").mkdir(parents=True)
    (root / "conf/experiment/e.yaml").write_text("# @package _global_\nname: e\nparams: {x: [1, 2]}\nsteps: [steps.same]\n")
    (root / "steps.py").write_text("def same(x: int) -> dict:\n    return {'y': x}\n")
    (root / ".gitignore").write_text("__pycache__/\n")
    run(root, "init", "--quiet", "--initial-branch=main")
    assert calling.run([XRUN, "+experiment=e", "-q"], cwd=root).returncode == 0
    for _ in range(3):
        run(root, "add", "--all")
        run(root, "commit", "--quiet", "--allow-empty", "-m", "x")
    shallow = clone(root, "--depth=1")
    for arguments in (("check", "e", "-c", "y <= baseline", "--baseline", "git:HEAD~1"), ("diff", "e@git:HEAD~1", "e")):
        done = calling.run([XRUN, *arguments], cwd=shallow)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "this clone is shallow: `git fetch --deepen=1`" in done.stderr
    run(shallow, "fetch", "--quiet", *told_command(done.stderr))
    done = calling.run([XRUN, "check", "e", "-c", "y <= baseline", "--baseline", "git:HEAD~1"], cwd=shallow)
    assert done.returncode == 0
