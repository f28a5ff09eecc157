"""The command that brings a revision which a clone does not have: a shallow one, or one of a single branch."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner.provenance import worktree

_BASE: Final = re.compile(r"[^~^@:{]*")
_BACK: Final = re.compile(r"(?:~\d{0,6}|\^)*")
_COMMIT: Final = re.compile(r"[0-9a-fA-F]{7,64}")


def advice(top: Path, revision: str) -> str:
    """What to type, as a part of a sentence; "" where nothing can be fetched, or the revision is no name of a branch, tag or commit.

    `revision`: one that the repository at `top` does not have.
    """
    remotes = _lines(top, "remote")
    if not remotes:
        return ""
    shallow = _lines(top, "rev-parse", "--is-shallow-repository") == ["true"]
    start = "this clone is shallow: " if shallow else ""
    base, back = _split(revision)
    if base in ("", "HEAD") or _known(top, base) or _known(top, f"origin/{base}"):
        return _deeper(start, back) if shallow else ""
    if _COMMIT.fullmatch(base):
        return f"{start}`git fetch --unshallow`" if shallow else ""
    remote, branch = _remote(base, remotes)
    if not _lines(top, "check-ref-format", "--branch", branch):
        return ""
    depth = f"--depth={(back or 0) + 1} " if shallow and back is not None else ""
    told = f"{start}if {remote} has it, `git fetch {depth}{remote} {branch}:refs/remotes/{remote}/{branch}` brings it"
    return told if base.startswith(f"{remote}/") else f"{told}; a tag: `git fetch {depth}{remote} tag {branch}`"


def _split(revision: str) -> tuple[str, int | None]:
    """`main~2^` is `main`, 3 commits back; None where that cannot be told."""
    base = _BASE.match(revision)[0]  # type: ignore[index]  # it matches the empty text as well
    rest = revision[len(base) :]
    if not _BACK.fullmatch(rest):
        return base, None
    return base, sum(1 if step in ("^", "~") else int(step[1:]) for step in re.findall(r"~\d*|\^", rest))


def _deeper(start: str, back: int | None) -> str:
    """More of the history that is there in part."""
    if back is None:
        return f"{start}`git fetch --unshallow` brings all of its history"
    return f"{start}`git fetch --deepen={back}` brings more of its history, `git fetch --unshallow` all of it" if back else ""


def _remote(base: str, remotes: list[str]) -> tuple[str, str]:
    """`origin/main`: origin, main. A name without a remote is one of `origin`, where `revisions` looks for it."""
    for remote in sorted(remotes, key=len, reverse=True):
        if base.startswith(f"{remote}/"):
            return remote, base.removeprefix(f"{remote}/")
    return "origin" if "origin" in remotes else remotes[0], base


def _known(top: Path, name: str) -> bool:
    return bool(_lines(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"))


def _lines(top: Path, *arguments: str) -> list[str]:
    """What git prints; nothing where it refuses."""
    with suppress(worktree.GitError, ValueError, OSError):
        return worktree.git(top, *arguments).split("\n")[:-1]
    return []
