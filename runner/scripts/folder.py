"""A working directory of a process's own, so that parallel runs of a script that writes `outputs/model.pkl` do not meet.

It is made of symbolic links to what the step's working directory holds, but for the paths that are the run's own.
"""

import contextlib
import filecmp
import itertools
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from runner.run import Run

OUTPUTS = "outputs"
"""The folder below `run.dir` whose files a run keeps."""
_MADE = ".cwd"

Parts = tuple[str, ...]


@contextlib.contextmanager
def working_folder(run: Run, source: Path, outputs: str, metrics_file: str) -> Iterator[Path]:
    """The folder to work in: `source` itself, or one of links where the process has outputs or a relative metrics file.

    Afterwards the outputs are in `run.dir/outputs`, and what else was made in the folder is in `run.dir`. Meanwhile `run.dir/outputs` leads
    to the outputs too; the folder holds the real one, which a script may delete and make again.
    """
    own = [PurePosixPath(path).parts for path in (outputs, metrics_file) if path and not Path(path).is_absolute()]
    if not own:
        yield source
        return
    free = (run.dir / f"{_MADE}{n or ''}" for n in itertools.count())
    folder = next(path for path in free if not path.exists())  # an earlier step may have left something in one
    _link(source, folder, own, run.dir)
    if outputs:
        _lend(run.dir / OUTPUTS, folder / outputs)
    try:
        yield folder
    finally:
        if outputs:
            _take_back(run.dir / OUTPUTS, folder, outputs)
        _unlink(source, folder)
        _move(folder, run.dir)


def _link(source: Path, folder: Path, own: list[Parts], around: Path) -> None:
    """Links to every entry but the run's own paths, and but the one that `around` lies in, or there would be a circle."""
    folder.mkdir()
    leaves = {parts[0] for parts in own if len(parts) == 1}
    heads = {parts[0] for parts in own} - leaves
    with contextlib.suppress(FileNotFoundError), os.scandir(source) as entries:
        for entry in entries:
            if entry.name not in leaves | heads and not around.is_relative_to(entry.path):
                (folder / entry.name).symlink_to(Path(entry.path).absolute())
    for head in heads:
        below = [parts[1:] for parts in own if parts[0] == head]
        _link(source / head, folder / head, below, around)


def _lend(kept: Path, lent: Path) -> None:
    """Put the outputs of the steps before into the folder, and a link in their place."""
    if kept.is_dir() and not kept.is_symlink():
        kept.replace(lent)
    else:
        kept.unlink(missing_ok=True)
        lent.mkdir()
    kept.symlink_to(lent.relative_to(kept.parent))


def _take_back(kept: Path, folder: Path, outputs: str) -> None:
    lent = folder / outputs
    if kept.is_symlink():
        kept.unlink()
    if lent.is_dir() and not kept.exists():
        lent.replace(kept)
        with contextlib.suppress(OSError):
            kept.rmdir()  # nothing was written
    for parent in PurePosixPath(outputs).parents[:-1]:
        with contextlib.suppress(OSError):
            (folder / parent).rmdir()  # only there for the outputs


def _unlink(source: Path, folder: Path) -> None:
    """Remove the links that are as they were made."""
    for path in list(folder.iterdir()):
        if path.is_symlink():
            if path.readlink() == (source / path.name).absolute():
                path.unlink()
        elif path.is_dir() and (source / path.name).is_dir():
            _unlink(source / path.name, path)
            with contextlib.suppress(OSError):
                path.rmdir()


def _move(source: Path, target: Path) -> None:
    """Move what is left; folders that are there already are joined, a file that is there already is never replaced."""
    for path in list(source.iterdir()):
        goal = target / path.name
        if path.is_dir() and not path.is_symlink() and goal.is_dir():
            _move(path, goal)
        elif not os.path.lexists(goal):
            path.replace(goal)
        elif path.is_file() and goal.is_file() and filecmp.cmp(path, goal, shallow=False):
            path.unlink()
    with contextlib.suppress(OSError):  # something stays
        source.rmdir()
