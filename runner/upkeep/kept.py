"""The files of a workspace, and what the store and the manifests say of them."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from runner import files, manifest, stores, succession
from runner.errors import StoreError
from runner.logged import Artifact
from runner.manifest import Manifest
from runner.replaced import PLACE, Places
from runner.workspace import Workspace

_CHUNK = 500


def artifacts(workspace: Workspace) -> Iterator[tuple[Path, Artifact]]:
    """Every file that a run keeps, by the store: where it should lie, and what is known of it."""
    reader = stores.read(workspace.store)
    try:
        epochs = {record.id_run: record.epoch for record in reader.records(children=True)}
        ids = list(epochs)
        for start in range(0, len(ids), _CHUNK):
            kept, places = reader.artifacts(ids[start : start + _CHUNK]), Places(workspace.artifacts)
            for id_run, found in kept.items():
                folder = places.of(id_run, epochs[id_run])
                yield from ((folder / artifact.path, artifact) for artifact in found)
    finally:
        reader.close()


def orphans(workspace: Workspace) -> list[Path]:
    """Folders of artifacts that belong to no run that the store knows, not even one without an end. Nobody may execute meanwhile."""
    if not workspace.artifacts.is_dir():
        return []
    folders = sorted(path for path in workspace.artifacts.iterdir() if path.is_dir() and not path.is_symlink() and path.name != PLACE)
    reader = stores.read(workspace.store)
    try:
        known = reader.known([folder.name for folder in folders])
    finally:
        reader.close()
    return [folder for folder in folders if folder.name not in known]


def replaced(workspace: Workspace, going: Iterable[str] = ()) -> list[Path]:
    """Folders of attempts that were killed, and of those whose files they were to replace, that count no more; none of the runs `going` do.

    Nobody may execute meanwhile.
    """
    reader = stores.read(workspace.store)
    try:
        return succession.leftovers(workspace.artifacts, reader, going)
    finally:
        reader.close()


def drafts(workspace: Workspace) -> list[Path]:
    """What processes that were killed have left half written. Nobody may execute meanwhile."""
    found = chain(workspace.artifacts.rglob(".*"), workspace.folder.glob(".*"), workspace.results.glob("*/.*"))
    return sorted(path for path in found if files.is_draft(path.name) and path.is_file())


def manifests(workspace: Workspace) -> list[Path]:
    """The manifests of the published results."""
    return sorted(workspace.results.glob("*/manifest.json")) if workspace.results.is_dir() else []


def manifest_of(file: Path) -> Manifest:
    """What a manifest says. Raises StoreError, with what to do, for one that cannot be read or has gone."""
    found = manifest.read(file.parent, str(file.parent))
    if found is None:
        raise StoreError(f"{file} is not there any more")
    return found


def runs_of(file: Path) -> tuple[str, ...]:
    """Ids of the runs that a manifest names. Raises StoreError when it cannot be read, or does not say: it may name any run."""
    told = manifest_of(file)
    if told.runs is None:
        raise StoreError(f"{file} does not say which runs it names; running the experiment again writes it again")
    return told.runs


def named(workspace: Workspace) -> set[str]:
    """Ids of the runs that some manifest names. Raises StoreError for a manifest that cannot be read: it may name any run."""
    return {id_run for file in manifests(workspace) for id_run in runs_of(file)}


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_file() or path.is_symlink():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir() or file.is_symlink())
