"""Files that a run keeps: copied below its folder, whole or not at all, and measured.

A file that the run wrote into its own folder is copied as well, never hard-linked: `checkpoint.pt` is written again in place every
epoch, and a link would let that change what was kept. The copy is done by the kernel, which on btrfs and XFS shares the blocks.
The disk is told to keep them when the run ends (`files.settle`), before its record is written: a record names nothing that a power cut
takes along.
"""

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runner import files
from runner.files import SourceError
from runner.logged import Artifact

_LONGEST = 255
"""Bytes of a name, on every file system in use."""
_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_ENCODED = re.compile(r"%(?:25)*(?:2e|2f|5c)", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?:/|$)")


def keep(local: str | os.PathLike[str], path: str | os.PathLike[str] | None, folder: Path, kind: str = "file") -> list[Artifact]:
    """Copy the file or folder `local` below `folder`; what was written, sorted by path.

    `path` is the target relative to `folder`, with `/`: of the file itself, or of the folder that the content of a folder goes to; one
    that ends in `/` is a folder to put `local` into under its own name, and None is that name at the top. What was kept under the same
    path is replaced. Links in `local` are followed. What already lies where it shall be kept is measured only.

    Raises ValueError, TypeError or SourceError, before anything is written, for what a caller can get wrong: a path that leaves the
    folder or names a folder where there is a file, a special file, links that run in a circle. Any other OSError is trouble with the
    disk; files before it are kept.
    """
    source, name = _local(local)
    target = _target_path(path, name)
    if _is_folder(source):
        _not_around(source, folder, target)
        found = [(f"{target}/{below}", file) for below, file in _files(source)]
    else:
        _regular(source)
        found = [(target, source)]
    checked = [(path, _place(folder, check_path(path)), file) for path, file in sorted(found)]
    return [_kept(file, place, path, kind, folder) for path, place, file in checked]


def scan(folder: Path, kind: str = "output", root: Path | None = None) -> list[Artifact]:
    """Every file below `folder`, sorted by path; paths are relative to `root`, by default the folder that `folder` is in.

    For what a run leaves in `outputs/`: nothing here is the user's mistake, so that special files, links that lead out of `root`,
    linked folders and names that no path may have (`check_path`) are left out, as is a folder that is not there. Raises OSError for a
    file that cannot be read.
    """
    root = root or folder.parent
    inside, found = root.resolve(), []
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            with suppress(FileNotFoundError, ValueError):  # it has gone meanwhile, is a link to nothing, or its name is impossible
                path = check_path(file.relative_to(root).as_posix())
                if stat.S_ISREG(file.stat().st_mode) and not files.is_draft(name) and file.resolve().is_relative_to(inside):
                    found.append(measure(file, path, kind))
    return sorted(found, key=lambda artifact: artifact.path)


def check_path(path: str | os.PathLike[str]) -> str:
    """`path`, if it may name an artifact: relative, parts between `/`, none of them empty, `.` or `..`. Raises ValueError, TypeError."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"the path of an artifact is text, not {type(text).__name__}")
    if problem := _problem(text):
        raise ValueError(f"{text!r} cannot be the path of an artifact: {problem}")
    return text


def measure(file: Path, path: str, kind: str = "file", step: int | None = None) -> Artifact:
    """`file`, as the artifact at `path`. Raises OSError."""
    with file.open("rb") as content:
        return Artifact(path, os.fstat(content.fileno()).st_size, hashlib.file_digest(content, "sha256").hexdigest(), kind, step)


def _problem(text: str) -> str:
    parts = text.split("/")
    rules = (
        (text.startswith("/"), "it is absolute"),
        (".." in parts, "`..` could leave the run's folder"),
        ("" in parts or "." in parts, "a part of it is empty or `.`"),
        ("\\" in text, "parts are separated by `/`; a backslash means different things on different systems"),
        (_ENCODED.search(text) is not None, "it holds a `.`, `/` or backslash as a URL writes it, which some readers would decode"),
        (_DRIVE.match(text) is not None, "it begins like a drive of Windows"),
        (_UNSPEAKABLE.search(text) is not None, "it holds a control character, or bytes that are not UTF-8"),
        (max(map(_length, parts)) > _LONGEST, f"a part of it is longer than {_LONGEST} bytes"),
    )
    return next((problem for applies, problem in rules if applies), "")


def _length(part: str) -> int:
    return len(part.encode(errors="surrogatepass"))


def _local(local: str | os.PathLike[str]) -> tuple[Path, str]:
    """Where the source is, and its name."""
    if not isinstance(local, str | bytes | os.PathLike):
        raise TypeError(f"log_artifact takes the path of a file or a folder, not {local!r:.60}; run.fields keeps values")
    text = os.fsdecode(local)
    if not text:
        raise ValueError("the name of the file or folder to keep is empty")
    path = Path(os.path.abspath(text))  # noqa: PTH100 - `a/..` has a name as well; links stay
    return path, path.name


def _target_path(path: str | os.PathLike[str] | None, name: str) -> str:
    if path is None:
        return check_path(name)
    text = os.fspath(path)
    if str(text).endswith("/") and text != "/":
        return check_path(f"{text}{name}")
    return check_path(text)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for folders that may not be entered


def _regular(file: Path) -> None:
    """Raise SourceError unless it is a file, behind links; a pipe would wait for a writer, a device never end."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise files.told(error, file) from None
    if not stat.S_ISREG(mode):
        raise SourceError(errno.ENOENT, "to keep as an artifact, this must be a file or a folder, not a pipe, socket or device", str(file))


def _not_around(source: Path, folder: Path, target: str) -> None:
    """Raise ValueError when the place to copy to lies in the folder to copy, which would then hold itself."""
    place, around = (folder / target).resolve(), source.resolve()
    if place != around and place.is_relative_to(around):
        raise ValueError(f"{str(source)!r} cannot be kept: the run's own folder lies in it; log a folder inside it")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, behind links too, with its path relative to it. Raises as `keep` does."""
    todo: list[tuple[str, Path, frozenset[str]]] = [("", folder, frozenset())]
    while todo:
        prefix, place, above = todo.pop()
        real = os.path.realpath(place)
        if real in above:
            raise ValueError(f"{str(place)!r} is a link to a folder that it lies in; a folder with such a circle cannot be kept")
        try:
            names = [entry.name for entry in place.iterdir()]
        except OSError as error:
            raise files.told(error, place) from None
        for name in names:
            entry = place / name
            if _is_folder(entry):
                todo.append((f"{prefix}{name}/", entry, above | {real}))
            elif not files.is_draft(name):
                _regular(entry)
                yield prefix + name, entry


def _place(folder: Path, path: str) -> Path:
    """Where `path` is. Raises ValueError when links lead out of the folder, or a file and a folder would have one name."""
    place = folder / path
    if not place.parent.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{path!r} cannot be kept: a link leads out of the run's folder")
    if place.is_dir():
        raise ValueError(f"{path!r} cannot be kept as a file: it is a folder already; `{path}/` puts the file into it")
    for parent in place.relative_to(folder).parents:
        if (folder / parent).exists() and not (folder / parent).is_dir():
            raise ValueError(f"{path!r} cannot be kept: {parent.as_posix()!r} is a file already")
    return place


def _kept(source: Path, place: Path, path: str, kind: str, folder: Path) -> Artifact:
    with held(place.parent, folder) as parent:
        target = parent / place.name
        if not (target.exists() and not target.is_symlink() and source.samefile(target)):
            files.copy(source, target)
        return measure(target, path, kind)


@contextmanager
def held(parent: Path, folder: Path) -> Iterator[Path]:
    """`parent`, opened: what is put in its place meanwhile, a link that leads elsewhere, changes nothing any more.

    Raises ValueError where what was opened does not lie in `folder`.
    """
    parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        opened = Path(f"/proc/self/fd/{descriptor}")
        if not opened.exists():  # a system without /proc: `_place` has looked
            yield parent
        elif opened.resolve().is_relative_to(folder.resolve()):
            yield opened
        else:
            raise ValueError(f"{str(parent)!r} cannot be written to: a link leads out of the run's folder")
    finally:
        os.close(descriptor)


class StaleError(ValueError):
    """A file that an earlier run has kept is not what it was."""


@contextmanager
def gathered(places: Callable[[], Iterable[Path]], target: Path, kept: Sequence[Artifact]) -> Iterator[Path]:
    """A folder beside `target` with copies of these files and nothing else, to be renamed; removed at the end where it is still there.

    `places`: the folders where each may lie. Raises StaleError where one is in none of them as it was kept.
    """
    draft = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        for artifact in kept:
            _gather(places, _place(draft, check_path(artifact.path)), artifact)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _gather(places: Callable[[], Iterable[Path]], target: Path, artifact: Artifact) -> None:
    trouble = ""
    for file in (place / artifact.path for place in places()):
        try:
            files.copy(file, target)
        except files.SourceError:
            trouble = trouble or f"{file}, which an earlier run has kept, is gone"
            continue
        if measure(target, artifact.path).sha256 == artifact.sha256:
            return
        trouble = trouble or f"{file} is not what an earlier run has kept"
    raise StaleError(trouble)
