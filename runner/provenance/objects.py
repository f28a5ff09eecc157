"""DVC's cache on this machine: the contents that it can bring back without a remote."""

import json
from contextlib import suppress
from pathlib import Path


def root_of(path: Path) -> Path | None:
    """The DVC project around `path`."""
    return next((folder for folder in path.parents if (folder / ".dvc").is_dir()), None)


def holds(path: Path, value: str | None) -> bool:
    """Whether the cache of the project around `path` has what has that hash, a folder's files included."""
    dvc_root = root_of(path)
    if dvc_root is None or value is None:
        return False
    names = [value]
    if value.endswith(".dir"):
        files = listing(path, value)
        if files is None:
            return False
        names += files.values()
    folders = _folders(dvc_root)
    return all(any((folder / name[:2] / name[2:]).is_file() for folder in folders) for name in names)


def listing(path: Path, value: str) -> dict[str, str] | None:
    """The hashes of a folder's files by relative path, of the folder with that hash; None when the cache does not know."""
    dvc_root = root_of(path)
    for folder in _folders(dvc_root) if dvc_root else ():
        with suppress(OSError, ValueError, TypeError, KeyError):
            return {entry["relpath"]: entry["md5"] for entry in json.loads((folder / value[:2] / value[2:]).read_bytes())}
    return None


def cache_of(dvc_root: Path) -> Path:
    """The folder of the cache of a DVC project."""
    from dvc.config import Config, ConfigError

    folder = dvc_root / ".dvc" / "cache"
    with suppress(ConfigError):
        folder = Path(Config(str(dvc_root / ".dvc"))["cache"].get("dir") or folder)
    return folder


def _folders(dvc_root: Path) -> tuple[Path, Path]:
    """Where the objects are, of DVC 3 and of DVC 2."""
    folder = cache_of(dvc_root)
    return folder / "files" / "md5", folder
