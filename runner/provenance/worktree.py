"""A commit checked out beside the user's working tree. Their files, index, HEAD, branches and stash stay as they are.

A linked worktree and no clone: it has the repository's own settings (line ends, filters, attributes), so that the files are byte for byte
those that the user would get.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from runner.errors import IncompleteError
from runner.locked import is_locked

PREFIX: Final = "xrun-reproduce-"
"""How the names of our worktrees begin."""
_PLACES: Final = ("DIR", "WORK_TREE", "INDEX_FILE", "COMMON_DIR", "OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES")
LOCAL: Final = frozenset(f"GIT_{name}" for name in (*_PLACES, "PREFIX", "NAMESPACE", "SHALLOW_FILE", "GRAFT_FILE", "REPLACE_REF_BASE"))
"""Variables that are about one repository: that of the hook that started us, if one has."""
# Nobody's hooks run, nothing asks, nobody's daemon looks at our files.
_CONFIG: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")


class GitError(Exception):
    """git has refused; the text is what it says."""


def git(folder: Path, *arguments: str) -> str:
    """What `git ARGUMENTS` prints in `folder`, whatever repository a hook that started us belongs to. Raises GitError."""
    return os.fsdecode(output(folder, *arguments))


def output(folder: Path, *arguments: str) -> bytes:
    """The same, byte for byte. Raises GitError."""
    environment = {name: value for name, value in os.environ.items() if name not in LOCAL} | {"GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(["git", *_CONFIG, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    except OSError as error:
        raise GitError(f"{error.filename or 'git'}: {error.strerror}") from None
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} ended with {done.returncode}")
    return done.stdout


def top_of(folder: Path) -> Path | None:
    """The top of the working tree that `folder` lies in; None where there is none. Raises IncompleteError where git refuses to say."""
    if not any((each / ".git").exists() for each in (folder, *folder.parents)):
        return None
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except GitError as error:  # a repository of another user, a damaged one, no git
        raise IncompleteError(f"git cannot read the repository around {folder}: {error}") from None


def has(top: Path, commit: str) -> bool:
    """Whether the repository has the commit, whatever branch it is on, or on none."""
    try:
        git(top, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitError:
        return False
    return True


def how_to_fetch(top: Path, commit: str, remote: str | None) -> str:
    """The command that brings a commit that the repository does not have."""
    with suppress(GitError):
        if git(top, "rev-parse", "--is-shallow-repository").strip() == "true":
            return "this is a shallow clone: git fetch --unshallow"
    return f"git fetch {remote or 'REMOTE'} {commit} brings it, if the remote still has it"


@contextmanager
def checked_out(top: Path, commit: str, place: Path) -> Iterator[Path]:
    """A worktree of the repository at `top` with that commit, in `place`, a folder called PREFIX...; gone at the end, whatever happens.

    `place` is locked meanwhile, so that what a killed process leaves is told from what another one uses. Raises IncompleteError where
    git cannot check it out.
    """
    _sweep(top)
    tree = place / place.name  # git calls it so as well
    descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            git(top, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        except GitError as error:
            raise IncompleteError(f"git cannot check out {commit[:12]}: {error}") from None
        yield tree
    finally:
        _remove(top, tree)
        os.close(descriptor)


def apply(tree: Path, patch: Path) -> None:
    """Make the files of `tree` what they were: the commit and the patch of what was not committed. Raises IncompleteError."""
    if b"diff --git " not in patch.read_bytes():
        return  # comments alone
    try:
        git(tree, "apply", "--whitespace=nowarn", str(patch.absolute()))
    except GitError as error:
        raise IncompleteError(f"{patch} cannot be applied to the recorded commit: {error}") from None


def _remove(top: Path, tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    if tree.exists():  # folders that a step has made read-only
        for folder, _, _ in os.walk(tree):
            Path(folder).chmod(0o700)
        shutil.rmtree(tree, ignore_errors=True)
    with suppress(GitError):  # there was none
        git(top, "worktree", "remove", "--force", "--force", str(tree))


def _sweep(top: Path) -> None:
    """Remove worktrees of ours whose process was killed: their lock is free, or they are gone."""
    with suppress(GitError):
        for line in git(top, "worktree", "list", "--porcelain", "-z").split("\0"):
            tree = Path(line.removeprefix("worktree "))
            if line.startswith("worktree ") and tree.name.startswith(PREFIX) and tree.parent.name == tree.name and _abandoned(tree.parent):
                _remove(top, tree)
                shutil.rmtree(tree.parent, ignore_errors=True)


def _abandoned(place: Path) -> bool:
    return is_locked(place / "lock", fcntl.lockf) is False  # where nobody can say, it stays
