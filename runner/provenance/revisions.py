"""Files as they are in a commit, without touching the working tree."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.suggest import did_you_mean

if TYPE_CHECKING:
    from git import Commit, Repo


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
    UsageError without git or a repository, and for a revision that there is not.
    """
    try:
        from git import Repo
        from git.exc import InvalidGitRepositoryError, NoSuchPathError
    except ImportError:
        raise UsageError(f"git:{revision} needs git, which is not installed") from None
    try:
        repo = Repo(root.resolve(), search_parent_directories=True, expand_vars=False)
    except (InvalidGitRepositoryError, NoSuchPathError, OSError):
        raise UsageError(f"git:{revision}: {root} is not in a git repository") from None
    with repo:
        commit = _commit(repo, revision)
        top = Path(repo.working_tree_dir or root).resolve()
        found = {}
        for path in paths:
            content = _content(commit, top, Path(os.path.normpath(root.resolve() / path)))
            if content is not None:
                found[path] = content
        return Committed(commit.hexsha, found)


def exists(root: Path, revision: str) -> bool:
    """Whether `read` would find the revision."""
    try:
        read(root, revision, ())
    except UsageError:
        return False
    return True


def _commit(repo: "Repo", revision: str) -> "Commit":
    from git.exc import BadName

    for name in (revision, f"origin/{revision}"):
        try:
            return repo.commit(name)
        except (BadName, ValueError, IndexError, OSError):  # unknown; not a commit; beyond the first one
            continue
    known = [reference.name for reference in repo.references]
    hint = did_you_mean(revision, known, "branches and tags")
    raise UsageError(f"git has no revision `{revision}`; {hint}; in a shallow clone: git fetch origin {revision}")


def _content(commit: "Commit", top: Path, path: Path) -> bytes | None:
    if not path.is_relative_to(top):
        return None
    try:
        blob = commit.tree / path.relative_to(top).as_posix()
    except KeyError:
        return None
    return bytes(blob.data_stream.read()) if blob.type == "blob" else None
