"""What a results folder says of how it was made, and that nobody has changed it since."""

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runner import manifest as manifests
from runner import table
from runner.config.again import root_of
from runner.errors import IncompleteError, StoreError, UsageError
from runner.manifest import Git, Manifest
from runner.provenance import worktree
from runner.published import FILES, Published
from runner.record import DataState
from runner.suggest import did_you_mean
from runner.workspace import Workspace

MANIFEST: Final = manifests.NAME
EXPERIMENT: Final = "experiment.yaml"
PATCH: Final = "changes.patch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """A results folder and its manifest."""

    folder: Path
    manifest: Manifest
    run: str = ""
    """The id of the only run that is asked for; "": all of them."""
    copy: Path | None = None
    """A folder with a copy of its files, which are read in their place."""

    @property
    def place(self) -> Path:
        """Where its files are read."""
        return self.copy or self.folder

    @property
    def published(self) -> Published:
        """The folder, to read its table."""
        return Published(self.place, str(self.folder))

    @property
    def experiment(self) -> str:
        """Its name."""
        return self.manifest.experiment or self.folder.name

    @property
    def ids(self) -> list[str]:
        """Of all runs, in plan order."""
        return [*(self.manifest.runs or ())]

    @property
    def git(self) -> Git:
        """The state of the repository; empty where there was none."""
        return self.manifest.git or Git()

    @property
    def data(self) -> tuple[DataState, ...]:
        """The declared data."""
        return self.manifest.data

    def read(self, name: str) -> bytes:
        """The content of one of its files. Raises IncompleteError where it is missing, or not what the manifest says."""
        try:
            content = (self.place / name).read_bytes()
        except OSError as error:
            raise IncompleteError(f"{self.folder / name}: {error.strerror}; without it there is nothing to reproduce from") from None
        if not self.intact(name, content):
            problem = f"{self.folder / name} is not the one that {MANIFEST} tells of"
            raise IncompleteError(f"{problem}\n  {self._bring(name)}")
        return content

    def check_columns(self, names: Iterable[str]) -> None:
        """Raise UsageError for a name that is no column of the table."""
        columns = self.manifest.table.columns
        for name in names:
            if name not in columns:
                raise UsageError(f"the table of {self.experiment} has no column `{name}`; {did_you_mean(name, columns, 'columns')}")

    def check_table(self) -> None:
        """Raise IncompleteError unless the files of the table that are there hold what the manifest tells of, StoreError if unreadable."""
        told = self.manifest.table
        for name, digest in table.digests(self.place, told.columns).items():
            if digest != told.digest:
                problem = f"{self.folder / name} is not the table that {MANIFEST} tells of"
                raise IncompleteError(f"{problem}\n  {self._bring(name)}")

    def _bring(self, name: str) -> str:
        return (
            f"git checkout {shlex.quote(os.path.relpath(self.folder / name))} may bring it back; xrun verify {self.folder} checks all files"
        )

    def intact(self, name: str, content: bytes) -> bool:
        """Whether the content is what the manifest says; True where it does not say, as those of early versions."""
        digest = self.manifest.files.get(name)
        return digest is None or digest == hashlib.sha256(content).hexdigest()


def of_folder(folder: Path) -> Recording:
    """The recording in a results folder. Raises IncompleteError where there is no manifest, StoreError for one that is not ours."""
    file = folder / MANIFEST
    told = Published(folder, str(folder)).manifest() if file.is_file() else None
    if told is None:
        raise IncompleteError(f"{folder} is no results folder: there is no {MANIFEST}")
    if told.format != manifests.FORMAT or told.runs is None:
        found = "none" if told.format is None else told.format
        raise StoreError(f"{file} is no manifest of this version of xrun (format {found}; this one reads {manifests.FORMAT})")
    return Recording(folder=folder.absolute(), manifest=told)


def find(text: str, run: str, workspace: Workspace) -> Recording:
    """What `text` means: a results folder, its manifest.json, an experiment, or the beginning of an id in the results of one.

    `run`: the beginning of the id of one of its runs, to reproduce that alone. Raises UsageError and IncompleteError with the nearest
    valid choice.
    """
    path = Path(text)
    if (workspace.results / text / MANIFEST).is_file() and not path.is_absolute():
        return _only(of_folder(workspace.results / text), run)
    if path.name == MANIFEST and path.is_file():
        return _only(of_folder(path.parent), run)
    if path.is_dir():
        return _only(of_folder(path), run)
    if path.is_file():
        raise UsageError(f"{text} is not the manifest of results; give a results folder, or the {MANIFEST} in it")
    if holding := [each for each in folders(workspace) if any(id_run.startswith(text.lower()) for id_run in each.ids)]:
        if run:
            raise UsageError(f"{text} is a run already; leave out --run")
        return _only(_first(holding, text), text)
    known = [each.folder.name for each in folders(workspace)]
    raise IncompleteError(f"there are no results `{text}`, and no published run whose id begins so; {did_you_mean(text, known, 'results')}")


def folders(workspace: Workspace) -> list[Recording]:
    """All results of a workspace that can be read."""
    return list(_readable(workspace))


def _readable(workspace: Workspace) -> Iterator[Recording]:
    for file in sorted(workspace.results.glob(f"*/{MANIFEST}")):
        try:
            yield of_folder(file.parent)
        except (StoreError, IncompleteError):
            continue


def _first(holding: list[Recording], text: str) -> Recording:
    """The one with the run; the same run in several results is the same run."""
    ids = {id_run for each in holding for id_run in each.ids if id_run.startswith(text.lower())}
    if len(ids) > 1:
        raise UsageError(f"several runs begin with `{text}`: {', '.join(sorted(ids)[:3])}; give more of the id")
    return holding[0]


def _only(recording: Recording, run: str) -> Recording:
    if not run:
        return recording
    found = list(dict.fromkeys(id_run for id_run in recording.ids if id_run.startswith(run.lower())))
    if not found:
        hint = did_you_mean(run, recording.ids, "runs")
        raise UsageError(f"{recording.folder / MANIFEST} names no run whose id begins with `{run}`; {hint}")
    if len(found) > 1:
        raise UsageError(f"several runs begin with `{run}`: {', '.join(found[:3])}; give more of the id")
    return replace(recording, run=found[0])


def copied(recording: Recording, folder: Path) -> Recording:
    """The same, of a copy of its files in the new folder `folder`: the files of one moment, whatever is published in the next one.

    Raises as `find` does, for a manifest that is not the one that was found.
    """
    folder.mkdir()
    for name in (MANIFEST, EXPERIMENT, PATCH, *FILES[:2]):
        if (recording.folder / name).is_file():
            shutil.copyfile(recording.folder / name, folder / name)
    manifest = of_folder(folder).manifest
    return _only(replace(recording, manifest=manifest, run="", copy=folder), recording.run)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """Where the recorded code is."""

    top: Path
    """Of the user's working tree."""
    below: Path
    """The project root, relative to it."""
    commit: str
    working: Path = Path()
    """The folder in which xrun was called, relative to the project root; the root itself where that is not recorded, or lay elsewhere."""

    @property
    def root(self) -> Path:
        """The user's project root."""
        return self.top / self.below


def repository(recording: Recording, cwd: Path) -> Repository:
    """The repository that has the recorded commit: the one around the results, else the one around `cwd`.

    Raises IncompleteError where no commit was recorded, and where no repository has it, with what brings it.
    """
    if not (commit := recording.git.commit):
        problem = "names no commit" if recording.manifest.git is not None else "was written outside of a git repository"
        again = f"xrun {shlex.quote(str(recording.folder / EXPERIMENT))} --workspace DIR runs the experiment with the code as it is now"
        raise IncompleteError(f"{recording.folder / MANIFEST} {problem}, so that nobody knows with which code\n  {again}")
    tops = list(dict.fromkeys(top for folder in (recording.folder, cwd) if (top := worktree.top_of(folder))))
    if not tops:
        remote = recording.git.remote or "URL"
        raise IncompleteError(f"neither {recording.folder} nor {cwd} is in a git repository\n  git clone {remote}, and call xrun in it")
    for top in tops:
        if worktree.has(top, commit):
            return Repository(top=top, below=_below(recording, top, cwd), commit=commit, working=_working(recording))
    branch = f" (branch {recording.git.branch})" if recording.git.branch else ""
    hint = worktree.how_to_fetch(tops[0], commit, recording.git.remote)
    raise IncompleteError(f"the repository {tops[0]} does not have the commit {commit}{branch} of these results\n  {hint}")


def _working(recording: Recording) -> Path:
    told = recording.manifest.cwd
    if told is None:
        return Path()
    if "\0" in told or Path(told).is_absolute() or ".." in Path(told).parts:
        raise IncompleteError(f"{recording.folder / MANIFEST}: cwd: {told!r} is no folder below the project root")
    return Path(told)


def _below(recording: Recording, top: Path, cwd: Path) -> Path:
    """The project root within the repository; of results that do not say, as those of early versions: the one around them."""
    if recording.manifest.root:
        return _inside(Path(recording.manifest.root), recording)
    root = root_of(recording.folder / EXPERIMENT, "", cwd).resolve()
    return root.relative_to(top) if root.is_relative_to(top) else Path()


def _inside(below: Path, recording: Recording) -> Path:
    """The recorded project root, which may not lead out of the checkout: what runs there is written there. Raises IncompleteError."""
    if below.is_absolute() or ".." in below.parts or "\0" in str(below):
        problem = f"`root` is {str(below)!r}, where a folder of the repository is expected"
        raise IncompleteError(f"{recording.folder / MANIFEST}: {problem}; nothing was run\n  git checkout {MANIFEST} may bring it back")
    return below
