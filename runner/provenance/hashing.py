"""What lies at a path now, as DVC hashes it, and a cache of these hashes by what `stat` says."""

import hashlib
import io
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MD5 = "md5"
LEGACY_MD5 = "md5-dos2unix"
"""DVC before 3.0: line ends of text files are made `\\n` first."""

_VERSION = 1
SETTLED = 2_000_000_000
"""ns; a file that is younger may be changed again without its time stamp telling."""

_Filter = Callable[[str, list[str], list[str]], tuple[list[str], list[str]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A file or a folder."""

    hash: str
    size: int
    files: int | None = None
    """None for a file."""

    @property
    def empty(self) -> bool:
        """A folder without files, or a file without bytes."""
        return self.files == 0 or (self.files is None and self.size == 0)


@dataclass(slots=True)
class StatCache:
    """Hashes of files and folders by absolute path, each valid while inode, size, mtime and ctime are what they were.

    ctime is in it because programs set mtime back (`cp -p`, `touch -r`, `rsync -t`); nothing sets ctime back.
    """

    files: dict[str, Any] = field(default_factory=dict)
    folders: dict[str, Any] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def load(cls, path: Path | None) -> "StatCache":
        """The cache at `path`; an empty one when there is none, or one that cannot be read."""
        with suppress(OSError, ValueError):
            tree = json.loads(path.read_bytes()) if path else {}
            if isinstance(tree, dict) and tree.get("version") == _VERSION:
                files, folders = tree.get("files"), tree.get("folders")
                if isinstance(files, dict) and isinstance(folders, dict):
                    return cls(files, folders)
        return cls()

    def save(self, path: Path | None) -> None:
        """Replaces the file at `path` as a whole if there is news. Makes no folder; a disk that is full or read-only is no error."""
        if path is None or not self.changed:
            return
        text = json.dumps({"version": _VERSION, "files": self.files, "folders": self.folders}, separators=(",", ":"))
        with suppress(OSError), tempfile.NamedTemporaryFile("w", prefix=f".{path.name}.", dir=path.parent, delete=False) as file:
            try:
                file.write(text)
                file.close()
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)

    def file(self, path: str, info: os.stat_result, algorithm: str) -> str:
        """The hash of a file of which `info` is the state."""
        key = [algorithm, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]
        known = self.files.get(path)
        if isinstance(known, list) and known[:-1] == key:
            return str(known[-1])
        now = time.time_ns()
        value, after = _hash(path, algorithm)
        settled = now - max(info.st_mtime_ns, info.st_ctime_ns) >= SETTLED
        if settled and key[1:] == [after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns]:
            self.files[path], self.changed = [*key, value], True
        return value

    def folder(self, path: str, listing: Mapping[str, str]) -> str:
        """The hash of a folder whose files have the hashes of `listing`."""
        names = hashlib.sha256(os.fsencode("\0".join(f"{name}\0{value}" for name, value in sorted(listing.items())))).hexdigest()
        known = self.folders.get(path)
        if isinstance(known, list) and known[:-1] == [names]:
            return str(known[-1])
        value = tree(listing)
        self.folders[path], self.changed = [names, value], True
        return value


def measure(path: Path, algorithm: str, dvc_root: Path | None, cache: StatCache) -> Content | None:
    """What lies at `path`; None when nothing does, or nothing that can be read."""
    try:
        info = path.stat()
        if stat.S_ISREG(info.st_mode):
            return Content(hash=cache.file(str(path), info, algorithm), size=info.st_size)
        if not stat.S_ISDIR(info.st_mode):
            return None
        found = dict(_walk(str(path), "", _filter(path, dvc_root)))
        listing = {name: cache.file(f"{path}/{name}", state, algorithm) for name, state in found.items()}
    except OSError:
        return None
    return Content(hash=cache.folder(str(path), listing), size=sum(state.st_size for state in found.values()), files=len(found))


def look(path: Path, dvc_root: Path | None) -> tuple[str, int]:
    """What `stat` says of all that lies at `path`, as a digest, and when the youngest of it was changed (Unix ns); "", 0 where nothing is.

    Equal digests are equal contents, unless something is changed within two seconds of the look: nothing sets ctime back.
    """
    try:
        info = path.stat()
        found = dict(_walk(str(path), "", _filter(path, dvc_root))) if stat.S_ISDIR(info.st_mode) else {"": info}
    except OSError:
        return "", 0
    told = [(name, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in sorted(found.items())]
    youngest = max((max(mtime, ctime) for *_, mtime, ctime in told), default=0)
    return hashlib.sha256(repr(told).encode("utf-8", "surrogateescape")).hexdigest(), youngest


def tree(listing: Mapping[str, str]) -> str:
    """DVC's hash of a folder, from the hashes of its files by relative path."""
    from dvc_data.hashfile.hash import fobj_md5
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    folder = Tree()  # type: ignore[no-untyped-call]
    for name, value in listing.items():
        folder.add(tuple(name.split("/")), None, HashInfo(MD5, value))
    return f"{fobj_md5(io.BytesIO(folder.as_bytes()))}.dir"  # Tree.digest does the same, and never frees its copy of the listing


def _hash(path: str, algorithm: str) -> tuple[str, os.stat_result]:
    from dvc_data.hashfile.hash import fobj_md5

    with open(path, "rb") as file:  # noqa: PTH123 - 10,000 files
        return fobj_md5(file, name=algorithm), os.fstat(file.fileno())


def _walk(folder: str, prefix: str, keep: _Filter) -> Iterator[tuple[str, os.stat_result]]:
    """The files below `folder` by relative path. As for DVC, links to files are files, and links to folders are nothing."""
    with os.scandir(folder) as listing:
        entries = {entry.name: entry for entry in listing}
    inner = {name for name, entry in entries.items() if _is_folder(entry)}
    folders, files = keep(folder, sorted(inner), [name for name in entries if name not in inner])
    for name in files:
        with suppress(OSError):  # a link to nothing
            info = entries[name].stat()
            if stat.S_ISREG(info.st_mode):
                yield prefix + name, info
    for name in folders:
        if not entries[name].is_symlink():
            yield from _walk(f"{folder}/{name}", f"{prefix}{name}/", keep)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _filter(path: Path, dvc_root: Path | None) -> _Filter:
    """What DVC would leave out of the folder `path`."""
    if dvc_root is None or not path.is_relative_to(dvc_root):
        return lambda _, folders, files: (folders, files)
    steps = [folder / ".dvcignore" for folder in (path, *path.parents) if folder.is_relative_to(dvc_root)]
    if any(_has_patterns(file) for file in steps):
        from dvc.fs import localfs
        from dvc.ignore import DvcIgnoreFilter

        return DvcIgnoreFilter(localfs, str(dvc_root))  # type: ignore[no-any-return]
    return _defaults


def _has_patterns(ignore: Path) -> bool:
    """Whether it says more than the comment that `dvc init` writes."""
    try:
        return any(line.strip() and not line.lstrip().startswith(b"#") for line in ignore.read_bytes().splitlines())
    except OSError:
        return False


def _defaults(folder: str, folders: list[str], files: list[str]) -> tuple[list[str], list[str]]:
    """DvcIgnoreFilter where there are no patterns, without 100 ms of imports: repositories, and DVC projects inside the project."""
    own = {".git", ".hg", ".dvc"}
    kept = [name for name in folders if name not in own and not os.path.lexists(f"{folder}/{name}/.dvc")]
    return kept, [name for name in files if name != ".git"]
