"""What DVC has recorded of a path, read from the YAML files that it keeps beside the data. DVC itself is not needed for that."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.provenance import hashing, objects


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What a `.dvc` file or a `dvc.lock` says of a path."""

    hash: str | None
    """None when only the folder around it is recorded, and the list of its files is not on this machine."""
    algorithm: str
    source: Path
    source_hash: str
    output: bool
    """DVC keeps it: False for what is no more than a dependency of a stage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    path: str
    hash: str | None
    algorithm: str
    output: bool
    files: Mapping[str, str]
    """The hashes of the files of a folder on versioned cloud storage, which has no `.dir` hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    path: Path
    hash: str
    items: tuple[_Item, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read already, so that many entries cost one reading."""

    files: dict[Path, _Source | None] = field(default_factory=dict)
    folders: dict[Path, list[Path]] = field(default_factory=dict)
    listings: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def read(self, file: Path) -> _Source | None:
        """A `.dvc` file or a dvc.lock; None when there is none, or a damaged one."""
        if file not in self.files:
            self.files[file] = _read(file)
        return self.files[file]

    def beside(self, folder: Path) -> list[Path]:
        """All `.dvc` files of a folder."""
        if folder not in self.folders:
            self.folders[folder] = []
            with suppress(OSError):
                self.folders[folder] = sorted(folder.glob("*.dvc"))
        return self.folders[folder]

    def listing(self, item: _Item) -> Mapping[str, str]:
        """The hashes of a recorded folder's files; empty when they are not known on this machine."""
        if item.path not in self.listings:
            known = item.files or (objects.listing(Path(item.path), item.hash) if item.hash else None)
            self.listings[item.path] = known or {}
        return self.listings[item.path]


def find(path: Path, sources: Sources) -> Recorded | None:
    """What is recorded of `path`, which is absolute and normal; None when DVC does not track it.

    Read are `PATH.dvc`, that of each folder around it, then dvc.lock and any other `.dvc` file from its folder up to the root.
    """
    around = dependency = None
    for file in _candidates(path, sources):
        source = sources.read(file)
        for item in source.items if source else ():
            if source and item.path == str(path):
                if item.output:
                    return _recorded(source, item, item.hash)
                dependency = dependency or _recorded(source, item, item.hash)
            elif source and not around and item.output and str(path).startswith(f"{item.path}/"):
                around = _recorded(source, item, _inside(path, item, sources))
    if around and dependency and around.hash is None:
        return replace(dependency, output=True)
    return around or dependency


def _candidates(path: Path, sources: Sources) -> Iterator[Path]:
    folders = _upwards(path)
    likely = [inner.with_name(f"{inner.name}.dvc") for inner in (path, *folders[:-1])]
    yield from likely
    yield from (folder / "dvc.lock" for folder in folders)
    yield from (file for folder in folders for file in sources.beside(folder) if file not in likely)


def _upwards(path: Path) -> list[Path]:
    """The folders around `path`, up to the root of the DVC project, or else of the git repository, or else just the first."""
    top = objects.root_of(path) or next((folder for folder in path.parents if (folder / ".git").exists()), path.parent)
    return [folder for folder in path.parents if folder.is_relative_to(top)]


def _read(file: Path) -> _Source | None:
    import yaml

    try:
        raw = file.read_bytes()
        tree = yaml.load(raw, Loader=_loader())
        items = tuple(_stages(file, tree) if file.name == "dvc.lock" else _items(tree, "outs", file.parent / tree.get("wdir", "")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):  # none, or not DVC's: a merge conflict
        return None
    return _Source(path=file, hash=_md5(raw), items=items)


def _loader() -> Any:
    """All scalars stay text: a hash of digits is no number."""
    import yaml

    return getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _stages(lock: Path, tree: dict[str, Any]) -> Iterator[_Item]:
    stages = tree.get("stages") or ({} if "schema" in tree else tree)
    declared = _declared(lock.with_name("dvc.yaml"))
    for kind in ("outs", "deps"):
        for name, stage in stages.items():
            folder = declared.get(name.partition("@")[0], {})
            yield from _items(stage, kind, lock.parent / folder.get("do", folder).get("wdir", ""))


def _declared(file: Path) -> dict[str, Any]:
    """The stages of dvc.yaml, which alone knows `wdir`, the folder that a stage's paths are relative to; empty when none has one."""
    import yaml

    with suppress(OSError, TypeError, KeyError, yaml.YAMLError):
        raw = file.read_bytes()
        if b"wdir" in raw:
            return dict(yaml.load(raw, Loader=_loader())["stages"])
    return {}


def _items(tree: dict[str, Any], kind: str, folder: Path) -> Iterator[_Item]:
    for entry in tree.get(kind) or ():
        if "://" in entry["path"]:
            continue
        algorithm = entry.get("hash") or hashing.LEGACY_MD5
        files = {file["relpath"]: file["md5"] for file in entry.get("files") or () if "md5" in file}
        known = algorithm in {hashing.MD5, hashing.LEGACY_MD5}
        value = entry.get("md5") if known else None
        if files and len(files) == len(entry["files"]):
            value = hashing.tree(files)
        path = os.path.normpath(folder / entry["path"])
        yield _Item(path=path, hash=value, algorithm=algorithm if known else hashing.MD5, output=kind == "outs", files=files)


def _recorded(source: _Source, item: _Item, value: str | None) -> Recorded:
    return Recorded(hash=value, algorithm=item.algorithm, source=source.path, source_hash=source.hash, output=item.output)


def _inside(path: Path, item: _Item, sources: Sources) -> str | None:
    """The recorded hash of `path` within the recorded folder around it."""
    name = path.relative_to(item.path).as_posix()
    files = sources.listing(item)
    below = {file.removeprefix(f"{name}/"): value for file, value in files.items() if file.startswith(f"{name}/")}
    return files.get(name) or (hashing.tree(below) if below else None)


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
