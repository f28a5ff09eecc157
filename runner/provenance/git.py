"""The git repository around the project: its commit, and all that differs from it. Reads only; never fatal."""

import os
import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.codec import printable
from runner.errors import DirtyError
from runner.mask import NOTHING, Mask
from runner.provenance import patch
from runner.record import GitState

if TYPE_CHECKING:
    from git import Repo

_STATUS = (
    *("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"),
    *("--no-renames", "--no-ahead-behind", "--ignore-submodules=none"),
)
_SHOWN = 20
_UNREADABLE = "git does not tell what differs from the commit: "
"""Begins the patch that says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Status:
    commit: str | None
    branch: str | None
    changed: tuple[str, ...]
    submodules: tuple[str, ...]
    """Those whose own working tree is not clean."""
    untracked: tuple[str, ...]


OWN = ("results",)
"""What lies below a root and is no dirt."""


def own(root: Path, *folders: Path) -> tuple[str, ...]:
    """What is no dirt where our folders may lie elsewhere (`--workspace`), as `state` wants it."""
    return (*OWN, *(os.path.relpath(folder.resolve(), root.resolve()) for folder in folders))


def state(root: Path, *, exclude: tuple[str, ...] = OWN, mask: Mask = NOTHING) -> GitState | None:
    """The repository that `root` lies in; None without a repository, and without git.

    What lies in the folders `exclude` (relative to `root`) counts as clean: these are our own results. Nothing is written to the
    repository. When git refuses (a repository of another user, one without a working tree), the state has what can be read
    without git, is dirty, because nothing shows the contrary, and its patch is a comment with the reason.

    `git apply` of the patch on the commit gives the working tree again, apart from untracked files over 1 MB and what is secret: files of
    such names (`.env`, `*.pem`), what is assigned to such names (`password = "..."`), and what `mask` knows.
    """
    try:
        from git import Repo
        from git.exc import InvalidGitRepositoryError, NoSuchPathError
    except ImportError:  # what GitPython raises when there is no git binary
        return None
    try:
        repo = Repo(root.resolve(), search_parent_directories=True, expand_vars=False)
    except (InvalidGitRepositoryError, NoSuchPathError, OSError):
        return None
    with repo:
        return _state(repo, root.resolve(), exclude, mask)


def _state(repo: "Repo", root: Path, exclude: tuple[str, ...], mask: Mask) -> GitState:
    from git.exc import GitCommandError

    remote = _remote(repo)
    if repo.working_tree_dir is None or not root.is_relative_to(repo.working_tree_dir):
        return _unreadable(repo, remote, "the repository has no working tree here")
    below = root.relative_to(Path(repo.working_tree_dir)).as_posix()
    inside = [path for name in exclude if not (path := posixpath.normpath(posixpath.join(below, name))).startswith("..")]
    excluded = [f":(top,exclude,literal){path}" for path in inside]
    try:
        status = _parse(patch.execute(repo, *_STATUS, "--", ".", *excluded))
    except GitCommandError as error:
        said = re.fullmatch(r"\s*stderr: '(.*)'", str(error.stderr), re.DOTALL)  # GitPython's way to quote it
        return _unreadable(repo, remote, said[1] if said else str(error.stderr).strip())
    dirty = bool(status.changed or status.untracked)
    return GitState(
        commit=status.commit,
        branch=status.branch,
        remote=remote,
        dirty=dirty,
        patch=_patch(repo, status, excluded, mask) if dirty else "",
        untracked=tuple(map(printable, status.untracked)),
    )


def _patch(repo: "Repo", status: _Status, excluded: list[str], mask: Mask) -> str:
    from git.exc import GitCommandError

    said = "".join(patch.note(f"has changes of its own, left out: {printable(path)}") for path in status.submodules)
    try:
        diff = patch.make(repo, status.commit, changed=status.changed, untracked=status.untracked, excluded=excluded, mask=mask)
    except (GitCommandError, OSError) as error:  # a file vanished, the disk is full
        diff = patch.note(f"there is no patch: {error}")
    return said + diff


def _unreadable(repo: "Repo", remote: str | None, why: str) -> GitState:
    from git.refs import SymbolicReference

    commit = branch = None
    with suppress(Exception):  # of many kinds, for damaged and for new forms of repositories
        branch = printable(repo.active_branch.name)
    with suppress(Exception):
        commit = SymbolicReference.dereference_recursive(repo, "HEAD")
    return GitState(commit=commit, branch=branch, remote=remote, dirty=True, patch=patch.note(f"{_UNREADABLE}{why}"))


def trouble(state: GitState | None) -> str:
    """Why git does not tell what differs from the commit, on one line; "" where it does, or there is no repository."""
    if state is None or not state.patch.startswith(patch.note(_UNREADABLE).rstrip()):
        return ""
    return " ".join(" ".join(patch.notes(state.patch)).split())


def _parse(output: bytes) -> _Status:
    """The answer of `git status --porcelain=v2 --branch -z`."""
    headers: dict[str, str] = {}
    changed, submodules, untracked = [], [], []
    for line in os.fsdecode(output).split("\0"):
        kind, _, rest = line.partition(" ")
        if kind == "#":
            name, _, headers[name] = rest.partition(" ")
        elif kind == "?":
            untracked.append(rest)
        elif kind in {"1", "u"}:
            *words, path = rest.split(" ", 7 if kind == "1" else 9)
            changed.append(path)
            if words[1].startswith("S") and words[1][2:] != "..":
                submodules.append(path)
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return _Status(
        commit=None if commit == "(initial)" else commit,
        branch=None if branch is None or branch == "(detached)" else printable(branch),
        changed=tuple(changed),
        submodules=tuple(submodules),
        untracked=tuple(untracked),
    )


def _remote(repo: "Repo") -> str | None:
    """URL of `origin`, or of the only remote."""
    urls: dict[str, str] = {}
    with suppress(Exception):  # configuration that GitPython cannot read is no reason to stop
        urls = {remote.name: remote.url for remote in repo.remotes}
    url = urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else None)
    return printable(without_credentials(url)) if url else None


def without_credentials(url: str) -> str:
    """`url` without user name, password and query; `git@`, which is no secret, stays."""
    if "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    place, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    user, _, host = place.rpartition("@")
    return f"{scheme}://{'git@' if user == 'git' else ''}{host}{slash}{path}"


def require_clean(state: GitState | None) -> None:
    """Raises DirtyError, which names the files and what to do, unless `state` shows that the commit is all there is."""
    if state is None:
        problem, advice = "there is no git repository here, or no git", ["`git init` and commit"]
    elif state.commit is None:
        problem, advice = "the git repository has no commit", ["`git add` and `git commit`"]
    elif state.dirty:
        problem, advice = "the git working tree is not clean", [*_differences(state), "commit, stash or ignore these"]
    else:
        return
    *lines, last = advice
    text = [f"provenance.require.git is `clean`, but {problem}; nothing was run", *lines, f"{last}, or drop that requirement"]
    raise DirtyError("\n  ".join(text))


def _differences(state: GitState) -> list[str]:
    changed = [path for path in patch.paths(state.patch) if path not in set(state.untracked)]
    files = [*(f"- changed: {path}" for path in changed), *(f"- untracked: {path}" for path in state.untracked)]
    more = [f"- and {len(files) - _SHOWN} more"] if len(files) > _SHOWN else []
    return [*(f"- {text}" for text in patch.notes(state.patch)), *files[:_SHOWN], *more]
