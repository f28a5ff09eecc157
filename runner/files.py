"""Files written whole or not at all, kept by the disk when that is asked for; errors of a source told apart from trouble with the disk."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK = 8 << 20
_DRAFT, _PART = ".xrun-", ".part"
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}


class SourceError(FileNotFoundError):
    """The file or folder to keep is not there, cannot be opened, or is neither of both; the text names it."""


def copy(source: Path, target: Path) -> None:
    """Make `target` a copy of the file `source`, whole or not at all. Raises SourceError, or OSError for the target.

    Whoever copies many files has the disk keep them together: `settle`.
    """
    reading = _opened(source)
    try:
        with replacing(target, durable=False) as writing:
            _pour(reading, writing)
    finally:
        os.close(reading)


@contextmanager
def replacing(target: Path, *, durable: bool = True) -> Iterator[int]:
    """A file descriptor for the new content of `target`, which is there once the block has ended without an error. Folders are made.

    If `durable`, a power cut leaves the old content or the new one, and never an empty file.

    A link is replaced, and what it leads to stays as it is: a file that DVC tracks may be one into DVC's cache. A pipe or a device
    (`/dev/stdout`) is written to as it is.
    """
    if _is_stream(target):
        descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(target)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            yield descriptor
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _is_stream(target: Path) -> bool:
    """Whether there is nothing to replace. `/dev/stdout` counts also where it leads to a file."""
    folder = target.absolute().parent
    return (
        str(folder) in ("/dev", "/dev/fd")
        or (folder.is_relative_to("/proc") and folder.name == "fd")  # below it is a folder that somebody has open
        or (target.exists() and not target.is_file() and not target.is_dir())
    )


def put(data: bytes, target: Path, *, durable: bool = True) -> None:
    """Make `data` the content of `target`, whole or not at all; `durable` as of `replacing`. Raises OSError."""
    with replacing(target, durable=durable) as writing:
        _write(writing, data)


def sync(path: Path) -> None:
    """Have the disk keep what is in a file, or the names that are in a folder. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe that has taken its place would wait for a writer
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(folder: Path, paths: Iterable[str]) -> None:
    """Have the disk keep the files at `paths` below `folder`, and their names. Those that are gone are left out. Raises OSError.

    All at once, which is cheaper than one by one while they are written: the first call commits the file system's journal for the rest.
    """
    folders = {folder, folder.parent}
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            sync(folder / path)
        folders.update(parent for parent in (folder / path).parents if parent.is_relative_to(folder))
    for each in folders:
        with suppress(FileNotFoundError, NotADirectoryError):
            sync(each)


def draft_of(target: Path) -> Path:
    """A name beside `target`, for what is to take its place once it is whole."""
    return target.with_name(f"{_DRAFT}{os.urandom(8).hex()}{_PART}")


def is_draft(name: str) -> bool:
    """Whether it is such a name: of what is being written, or was when its process was killed."""
    return name.startswith(_DRAFT) and name.endswith(_PART)


def told(error: OSError, file: Path) -> OSError:
    """`error`, met on opening `file` to read it: as a SourceError where `file` is to blame."""
    return SourceError(error.errno, error.strerror, str(file)) if error.errno in _ABSENT else error


def _opened(source: Path) -> int:
    try:
        return os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise told(error, source) from None


def _pour(reading: int, writing: int) -> None:
    with suppress(OSError):  # another file system, one that cannot: the loop below goes on from where this came to, and tells of trouble
        while os.copy_file_range(reading, writing, _CHUNK):
            pass
    while chunk := os.read(reading, _CHUNK):
        _write(writing, chunk)


def _write(writing: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(writing, left) :]
