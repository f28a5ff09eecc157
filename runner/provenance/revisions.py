"""Files as they are in a commit, without touching the working tree."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.errors import UsageError
from runner.provenance import fetching, worktree
from runner.suggest import did_you_mean

_SHOWN: Final = 100
"""Characters of a revision that are repeated."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Some files of a commit."""

    commit: str
    """Full SHA."""
    files: dict[Path, bytes]
    """Those asked for that the commit has, under the paths asked for."""


def read(root: Path, revision: str, paths: Sequence[Path]) -> Committed:
    """The contents of `paths` in `revision`: a branch, tag or commit, anything that git understands; of a branch that only a remote
    has, `main` means `origin/main`.

    `root`: a folder of the repository; relative paths are below it. Paths outside of the working tree are not in any commit. Raises
    UsageError without git or a repository, for a revision that there is not, and where the repository lacks what the commit names.

    Git itself is asked: GitPython follows parents that a shallow clone does not have, and takes a damaged folder for an empty one.
    """
    shown = (revision if len(revision) <= _SHOWN else f"{revision[:_SHOWN]}...").encode(errors="replace").decode()
    if not revision.strip():
        raise UsageError("`git:` names no revision: git:main, git:HEAD~1, or a commit (is a variable unset?)")
    if shutil.which("git") is None:
        raise UsageError(f"git:{shown} needs git, which is not installed")
    top = _top(root, shown)
    commit = _resolved(top, revision)
    if commit is None:
        known = worktree.git(top, "for-each-ref", "--format=%(refname:short)").splitlines()
        hints = (did_you_mean(shown, known, "branches and tags"), fetching.advice(top, revision))
        raise UsageError(f"git has no revision `{shown}`; {'; '.join(filter(None, hints))}")
    places = {os.path.normpath(root.resolve() / path): path for path in paths}
    try:
        return Committed(commit, {places[place]: content for place, content in _contents(top, commit, list(places)).items()})
    except worktree.GitError as error:  # an object is missing or damaged
        reason = " ".join(str(error).split())
        raise UsageError(f"git:{shown} ({commit[:8]}) cannot be read from {top}: {reason}; `git fsck` tells more") from None


def _top(root: Path, shown: str) -> Path:
    """The top of the working tree. Raises UsageError."""
    try:
        return Path(worktree.git(root, "rev-parse", "--show-toplevel").removesuffix("\n")).resolve()
    except worktree.GitError as error:
        if "not a git repository" in str(error) or not root.is_dir():
            raise UsageError(f"git:{shown}: {root} is not in a git repository") from None
        raise UsageError(f"git:{shown}: git cannot read the repository around {root}: {' '.join(str(error).split())}") from None


def exists(root: Path, revision: str) -> bool:
    """Whether `read` would find the revision."""
    try:
        read(root, revision, ())
    except UsageError:
        return False
    return True


def _resolved(top: Path, revision: str) -> str | None:
    """The full SHA of the commit."""
    for name in (revision, f"origin/{revision}"):
        try:
            found = _parsed(top, name)  # apart from ^{commit}, which would be a part of the text that `:/text` looks for
            return _parsed(top, f"{found}^{{commit}}")
        except (worktree.GitError, ValueError):  # ValueError: a NUL
            continue
    return None


def _parsed(top: Path, name: str) -> str:
    return worktree.git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()


def _contents(top: Path, commit: str, places: Sequence[str]) -> dict[str, bytes]:
    """Those of the absolute paths `places` that are files in the commit. Raises GitError."""
    below = {os.path.relpath(place, top): place for place in places if Path(place).is_relative_to(top)}
    found = {}
    for line in worktree.git(top, "--literal-pathspecs", "ls-tree", "--full-tree", "-z", commit, "--", *below).split("\0"):
        about, _, name = line.partition("\t")
        if name in below and about.split()[1] == "blob":
            found[below[name]] = worktree.output(top, "cat-file", "blob", about.split()[2])
    return found
