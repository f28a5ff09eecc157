"""The submodules of a worktree, from the repositories that the user's own tree has of them; nothing is fetched."""

import re
from collections.abc import Mapping
from pathlib import Path

from runner.errors import IncompleteError
from runner.provenance.worktree import GitError, git

_MOVED = re.compile(
    r"^diff --git a/(?P<path>.+) b/(?P=path)\n(?:(?!diff --git ).*\n)*?\+Subproject commit (?P<commit>[0-9a-f]{40,64})", re.MULTILINE
)


def moved(patch: str) -> dict[str, str]:
    """The commits of submodules that a patch names: path -> full SHA."""
    return {found["path"]: found["commit"] for found in _MOVED.finditer(patch)}


def check_out(theirs: Path, tree: Path, commits: Mapping[str, str] | None = None) -> list[str]:
    """Fill the submodules of `tree`, a checkout of the repository of `theirs`; those within them as well.

    `commits`: path -> commit, where it is not the one that the commit names. Returns the paths of those that are empty in `theirs` too, and
    stay so. Raises IncompleteError for one that has not the commit.
    """
    left = []
    for path, named in _named(tree).items():
        commit = (commits or {}).get(path, named)
        source = theirs / path
        if not (source / ".git").exists():
            left.append(path)
            continue
        folder = tree / path
        try:
            git(tree, "clone", "--quiet", "--shared", "--no-checkout", str(source), str(folder))
            git(folder, "checkout", "--quiet", "--detach", commit)
        except GitError as error:
            problem = f"the submodule {path} cannot be checked out at {commit[:12]}: {error}"
            raise IncompleteError(f"{problem}\n  git -C {path} fetch --all, in your working tree, may bring the commit") from None
        left += [f"{path}/{inner}" for inner in check_out(source, folder)]
    return left


def _named(tree: Path) -> dict[str, str]:
    try:
        lines = git(tree, "ls-tree", "-r", "-z", "HEAD").split("\0")
    except GitError:
        return {}
    entries = [line.partition("\t") for line in lines if line.startswith("160000 ")]
    return {path: what.split()[2] for what, _, path in entries}
