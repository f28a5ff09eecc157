"""Folders of runs that are executed again, put aside until it is known whether the new attempt counts.

A run's files lie in `artifacts/ID`, also while it executes, since steps keep that path in their fields. An attempt at a run that has such a
folder begins by renaming it to `artifacts/.replaced/ID.N.EPOCH`: N counts what lies aside of the run, EPOCH is the invocation that put it
there. Names and the store say all: files that invocation E made lie in the folder that was put aside right after E's own, or in their
place if E was the last. An attempt that finds no folder, because the one before it has made none, puts an empty one aside.
So a process may be killed between any two of the operations here, and whoever comes next can tell:

- before the commit the store names the older invocation, whose folder is put back; after it the newer one's, and what lies aside goes;
- putting back is one rename out of the way and one in; between the two the folder is aside still, and is found there;
- of several, the last one goes last and the one to put back moves last, so that what is left means what it meant.

Inside of `artifacts`, because that may be a link to another file system, and a rename stays in one.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner import files
from runner.locked import is_locked

PLACE = ".replaced"
_NAME = re.compile(r"([0-9a-f-]{36})\.([0-9]+)\.([0-9]+)")
_PAUSE = 0.02
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Aside:
    """A folder that lies aside."""

    path: Path
    id_run: str
    number: int
    """Of what lies aside of the run, 1, 2, ... in the order in which it was put there."""
    epoch: int
    """The invocation that has put it aside, to execute the run again."""


def asides(artifacts: Path, prefix: str = "") -> dict[str, list[Aside]]:
    """What lies aside under names that begin like this: id of the run -> folders, the first one first.

    Almost always nothing, which costs one call.
    """
    found: dict[str, list[Aside]] = {}
    try:
        names = os.listdir(artifacts / PLACE)  # noqa: PTH208 - names are what is needed
    except OSError:
        return found
    for name in names:
        if name.startswith(prefix) and (match := _NAME.fullmatch(name)):
            id_run, number, epoch = match.groups()
            found.setdefault(id_run, []).append(Aside(artifacts / PLACE / name, id_run, int(number), int(epoch)))
    for stack in found.values():
        stack.sort(key=lambda aside: aside.number)
    return found


def stack_of(artifacts: Path, id_run: str) -> list[Aside]:
    """What lies aside of one run."""
    return asides(artifacts, f"{id_run}.").get(id_run, [])


def holding(stack: Sequence[Aside], epoch: int) -> Aside | None:
    """Where the files lie that an attempt of this invocation has made; None: where they were made."""
    for n in reversed(range(len(stack))):
        if stack[n].epoch == epoch:
            return stack[n + 1] if n + 1 < len(stack) else None
    return stack[0] if stack else None


class Places:
    """Where runs' files lie at the moment. For readers: it looks once."""

    def __init__(self, artifacts: Path) -> None:
        """`artifacts`: the folder of all runs' folders."""
        self._artifacts, self._asides = artifacts, asides(artifacts)

    def of(self, id_run: str, epoch: int) -> Path:
        """The folder of a run whose record is of this invocation."""
        aside = holding(self._asides.get(id_run, ()), epoch) if self._asides else None
        return aside.path if aside is not None else self._artifacts / id_run


def every(artifacts: Path, id_run: str) -> Iterator[Path]:
    """Where files of a run may lie: in its folder, or aside."""
    yield artifacts / id_run
    for aside in reversed(stack_of(artifacts, id_run)):
        yield aside.path


def put_aside(artifacts: Path, id_run: str, epoch: int | None) -> int | None:
    """Make way for an attempt by this invocation: afterwards the run has no folder.

    What an earlier attempt of this invocation has left goes: what counts lies aside then. None: there is no store that could tell later.
    Returns a descriptor that says as long as it is open that the attempt goes on; None where nothing lies aside.
    """
    folder = artifacts / id_run
    if epoch is None:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    there, stack = folder.exists(), stack_of(artifacts, id_run)
    again = bool(stack) and stack[-1].epoch == epoch
    if not there and not again:
        if not stack:
            return None
        with suppress(OSError):
            folder.mkdir()  # what this attempt will make would be taken for what the one before it has made
    descriptor = _shared(stack[-1].path if again else folder)
    if again or not _renamed(folder, artifacts / PLACE / f"{id_run}.{stack[-1].number + 1 if stack else 1}.{epoch}"):
        shutil.rmtree(folder, ignore_errors=True)
    return descriptor


def _renamed(folder: Path, target: Path) -> bool:
    """Whether it could be: not so a folder that is a mount, or on a disk without room for a name. The attempt begins all the same."""
    for _ in range(_TRIES):
        try:
            folder.rename(target)
        except FileNotFoundError:  # the first one, or who removed the last one has removed the place as well
            with suppress(OSError):
                target.parent.mkdir(exist_ok=True)
                files.sync(folder.parent)
        except OSError:
            return False
        else:
            with suppress(OSError):
                files.sync(target.parent)  # before the disk is told to keep what comes in its place
            return True
    return False


def _shared(folder: Path) -> int | None:
    """Opened, with a lock that others may have as well, forked children included: they may write into the run's folder too."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return descriptor
    return None


def is_used(aside: Aside) -> bool:
    """Whether the attempt goes on for which it was put aside."""
    return is_locked(aside.path, fcntl.flock, os.O_RDONLY | os.O_DIRECTORY) is True


def outwait(stack: Sequence[Aside], until: float) -> None:
    """Wait until the attempts are over, or it is this late on the monotonic clock."""
    while any(map(is_used, stack)) and time.monotonic() < until:
        time.sleep(_PAUSE)


def decide(artifacts: Path, stack: Sequence[Aside], owner: int | None) -> None:
    """End it: the files of the invocation `owner` lie in the run's folder, and nothing lies aside. None: nobody's count."""
    kept = holding(stack, owner) if owner is not None else None
    for aside in stack:
        if aside != kept:
            shutil.rmtree(aside.path, ignore_errors=True)
    if kept is not None:
        _put_back(kept.path, artifacts / kept.id_run)


def _put_back(aside: Path, folder: Path) -> None:
    if not aside.is_dir():
        return  # somebody else has
    waste = aside.with_name(f".{folder.name}.{os.urandom(4).hex()}")
    with suppress(FileNotFoundError):  # the attempt has made none
        folder.rename(waste)
    try:
        aside.rename(folder)
    except FileNotFoundError:  # somebody else has in this moment: then that was it
        with suppress(OSError):
            waste.rename(folder)
    shutil.rmtree(waste, ignore_errors=True)


def waste(artifacts: Path) -> list[Path]:
    """Folders in the place that nobody can need: of who was killed while it put one back."""
    with suppress(OSError):
        return [entry for entry in (artifacts / PLACE).iterdir() if entry.name.startswith(".")]
    return []


def clean(artifacts: Path) -> None:
    """Remove those, and the place when nothing is left in it."""
    for entry in waste(artifacts):
        shutil.rmtree(entry, ignore_errors=True)
    with suppress(OSError):
        (artifacts / PLACE).rmdir()
