"""The recorded code and data in a folder of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.errors import IncompleteError
from runner.provenance import bringing, patch, submodules, worktree
from runner.reproducing.recording import EXPERIMENT, PATCH, Recording, Repository

_PLACE: Final = ".xrun-reproduce"
"""The folder for experiment.yaml within the project root, in the place of a config directory; git ignores it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """A project as it was."""

    tree: Path
    """The top of the worktree."""
    root: Path
    """The project root in it."""
    cwd: Path
    """The folder in it to start xrun in: paths that steps use may be relative to it."""
    file: Path
    """The recorded experiment.yaml."""
    notes: tuple[str, ...]
    """Where data came from, and warnings on what is not as it was, a sentence each."""


@contextmanager
def prepared(recording: Recording, repository: Repository, place: Path, *, pull: bool = False) -> Iterator[Checkout]:
    """The checkout, in `place`, a new temporary folder; the worktree in it is gone at the end.

    Raises IncompleteError where the recorded state cannot be made again, MissingDataError where data cannot.
    """
    experiment = recording.read(EXPERIMENT)
    patched = recording.read(PATCH) if recording.git.patch else b""
    with worktree.checked_out(repository.top, repository.commit, place) as tree:
        if patched:
            worktree.apply(tree, recording.place / PATCH)
        text = patched.decode(errors="replace")
        empty = submodules.check_out(repository.top, tree, submodules.moved(text))
        root = tree / repository.below
        if not root.resolve().is_relative_to(tree.resolve()):  # by way of a link that the commit has
            problem = f"leads out of the checkout of {repository.commit[:12]}; nothing was run"
            raise IncompleteError(f"the project root of these results, {repository.below}, {problem}")
        if not root.is_dir():
            raise IncompleteError(
                f"the commit {repository.commit[:12]} has no folder {repository.below}, the project root of these results"
            )
        places = bringing.Places(here=repository.root, there=root, scratch=place)
        brought = bringing.bring(recording.data, places, pull=pull)
        file = root / _PLACE / EXPERIMENT
        file.parent.mkdir()
        (file.parent / ".gitignore").write_text("*\n")
        file.write_bytes(experiment)
        notes = [*brought, *(f"warning: {note}" for note in _left_out(recording, text)), *map(_empty, empty)]
        yield Checkout(tree=tree, root=root, cwd=_started_in(root, repository.working), file=file, notes=tuple(notes))


def _started_in(root: Path, working: Path) -> Path:
    """The folder that xrun was started in; made where git does not keep it, because nothing in it is tracked. Raises IncompleteError."""
    folder = (root / working).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise IncompleteError(f"{working}, where xrun was started then, leads out of the project at the recorded commit")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise IncompleteError(f"{working}, where xrun was started then, is no folder at the recorded commit") from None
    return folder


def _empty(path: str) -> str:
    return f"warning: the submodule {path} is not initialised here; it stays empty"


def _left_out(recording: Recording, text: str) -> list[str]:
    """What was not committed and is not in the patch either."""
    said = [f"{PATCH} {note}" if note.startswith("has ") else f"{PATCH}: {note}" for note in patch.notes(text)]
    within, declared = set(patch.paths(text)), [entry.path.rstrip("/") for entry in recording.data]
    lost = [path for path in recording.git.untracked if path not in within]
    below = recording.manifest.root or "."
    lost = [path for path in lost if not any(_inside(path, name if below == "." else f"{below}/{name}") for name in declared)]
    return [*said, *(f"{PATCH} leaves out the untracked file {path}" for path in lost)]


def _inside(path: str, entry: str) -> bool:
    return path == entry or path.startswith(f"{entry}/")
