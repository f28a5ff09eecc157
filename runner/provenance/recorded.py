"""What DVC has recorded of a path, read from the YAML files that it keeps beside the data. DVC itself is not needed for that."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.provenance import hashing


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
    files: tuple[Mapping[str, str], ...]
    """The listing of a folder on versioned cloud storage, which has no `.dir` hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    path: Path
    hash: str
    items: tuple[_Item, ...]


Sources = dict[Path, _Source | None]
"""The files that were read already; None for one that is not there."""


def root_of(path: Path) -> Path | None:
    """The DVC project around `path`."""
    return next((folder for folder in path.parents if (folder / ".dvc").is_dir()), None)


def find(path: Path, sources: Sources) -> Recorded | None:
    """What is recorded of `path`, which is absolute and normal; None when DVC does not track it.

    Read are `PATH.dvc`, that of each folder around it, then dvc.lock and any other `.dvc` file from its folder up to the root.
    """
    around = dependency = None
    for file in _candidates(path):
        if file not in sources:
            sources[file] = _read(file)
        source = sources[file]
        for item in source.items if source else ():
            if source and item.path == str(path):
                if item.output:
                    return _recorded(source, item, item.hash)
                dependency = dependency or _recorded(source, item, item.hash)
            elif source and not around and item.output and str(path).startswith(f"{item.path}/"):
                around = _recorded(source, item, _inside(item, path))
    if around and dependency and around.hash is None:
        return replace(dependency, output=True)
    return around or dependency


def in_cache(path: Path, value: str | None) -> bool:
    """Whether DVC's cache on this machine holds what has that hash, a folder's files included."""
    dvc_root = root_of(path)
    if dvc_root is None or value is None:
        return False
    objects = [value]
    if value.endswith(".dir"):
        listing = _listing(dvc_root, value)
        if listing is None:
            return False
        objects += [entry["md5"] for entry in listing]
    folders = _cache_folders(dvc_root)
    return all(any((folder / name[:2] / name[2:]).is_file() for folder in folders) for name in objects)


def _candidates(path: Path) -> Iterator[Path]:
    folders = _upwards(path)
    beside = [inner.with_name(f"{inner.name}.dvc") for inner in (path, *folders[:-1])]
    yield from beside
    yield from (folder / "dvc.lock" for folder in folders)
    for folder in folders:
        with suppress(OSError):
            yield from sorted(file for file in folder.glob("*.dvc") if file not in beside)


def _upwards(path: Path) -> list[Path]:
    """The folders around `path`, up to the root of the DVC project, or else of the git repository, or else just the first."""
    top = root_of(path) or next((folder for folder in path.parents if (folder / ".git").exists()), path.parent)
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
    for kind in ("outs", "deps"):
        for name, stage in stages.items():
            yield from _items(stage, kind, lock.parent / _working_folder(lock, name))


def _working_folder(lock: Path, stage: str) -> str:
    """`wdir` of a stage, which paths in dvc.lock are relative to, and which only dvc.yaml knows."""
    import yaml

    with suppress(OSError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        raw = lock.with_name("dvc.yaml").read_bytes()
        if b"wdir" in raw:
            declared = yaml.load(raw, Loader=_loader())["stages"].get(stage.partition("@")[0], {})
            return str(declared.get("do", declared).get("wdir", ""))
    return ""


def _items(tree: dict[str, Any], kind: str, folder: Path) -> Iterator[_Item]:
    for entry in tree.get(kind) or ():
        if "://" in entry["path"]:
            continue
        algorithm = entry.get("hash") or hashing.LEGACY_MD5
        files = tuple(entry.get("files") or ())
        known = algorithm in {hashing.MD5, hashing.LEGACY_MD5}
        value = entry.get("md5") if known else None
        if files and all("md5" in file for file in files):
            value = hashing.tree({file["relpath"]: file["md5"] for file in files})
        path = os.path.normpath(folder / entry["path"])
        yield _Item(path=path, hash=value, algorithm=algorithm if known else hashing.MD5, output=kind == "outs", files=files)


def _recorded(source: _Source, item: _Item, value: str | None) -> Recorded:
    return Recorded(hash=value, algorithm=item.algorithm, source=source.path, source_hash=source.hash, output=item.output)


def _inside(item: _Item, path: Path) -> str | None:
    """The recorded hash of `path` within the recorded folder around it."""
    dvc_root = root_of(path)
    listing = item.files or (_listing(dvc_root, item.hash) if dvc_root and item.hash else None)
    name = path.relative_to(item.path).as_posix()
    files = {entry["relpath"]: entry["md5"] for entry in listing or () if "md5" in entry}
    below = {file.removeprefix(f"{name}/"): value for file, value in files.items() if file.startswith(f"{name}/")}
    return files.get(name) or (hashing.tree(below) if below else None)


def _listing(dvc_root: Path, value: str) -> list[dict[str, str]] | None:
    """The files of a folder, from DVC's cache."""
    for folder in _cache_folders(dvc_root):
        with suppress(OSError, ValueError):
            listing: list[dict[str, str]] = json.loads((folder / value[:2] / value[2:]).read_bytes())
            return listing
    return None


def _cache_folders(dvc_root: Path) -> tuple[Path, Path]:
    """Where the objects are, of DVC 3 and of DVC 2."""
    from dvc.config import Config, ConfigError

    folder = dvc_root / ".dvc" / "cache"
    with suppress(ConfigError):
        folder = Path(Config(str(dvc_root / ".dvc"))["cache"].get("dir") or folder)
    return folder / "files" / "md5", folder


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
