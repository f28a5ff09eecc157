"""manifest.json, read: the one place that knows its shape. Whatever lies in a results folder may have been edited, or cut off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from runner import shape, spec
from runner.errors import StoreError
from runner.record import DataState, DataStatus
from runner.shape import Part, ShapeError

NAME: Final = "manifest.json"
FORMAT: Final = 1
_T = TypeVar("_T")
_COMMIT: Final = r"[0-9a-f]{40}([0-9a-f]{24})?"
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One of the steps."""

    name: str | None = None
    code: str | None = None
    """The digest of its code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Git:
    """The state of the repository."""

    commit: str | None = None
    """Full SHA."""
    branch: str | None = None
    remote: str | None = None
    dirty: bool = False
    patch: str | None = None
    """The name of the file beside the manifest; None: there was nothing to write."""
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsuccessful:
    """A run that did not complete."""

    id_run: str | None = None
    status: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What is said of the table."""

    digest: str | None = None
    rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name -> dtype."""
    metrics: tuple[str, ...] = ()
    """The metrics that chosen columns show, or are called like."""
    valid: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a manifest says. None, and what is empty: it does not say, as those of early versions."""

    format: int | None = None
    xrun: str | None = None
    experiment: str | None = None
    written: str | None = None
    """UTC, `2026-11-21T08:48:55Z`."""
    overrides: tuple[str, ...] = ()
    seed: int | None = None
    steps: tuple[Step, ...] = ()
    git: Git | None = None
    root: str | None = None
    """The project root below the top of the repository."""
    cwd: str | None = None
    """The folder that xrun was called in below the project root; None where it lay elsewhere."""
    data: tuple[DataState, ...] = ()
    python: str | None = None
    platform: str | None = None
    host: str | None = None
    cpus: int | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    """Status -> number of runs."""
    unsuccessful: tuple[Unsuccessful, ...] = ()
    table: Table = Table()
    files: Mapping[str, str] = field(default_factory=dict)
    """File -> SHA-256 of its content."""
    runs: tuple[str, ...] | None = None
    """Ids of all runs, in plan order."""


def read(folder: Path, told: str) -> Manifest | None:
    """The manifest in a results folder, None where there is none; `told`: the folder in words.

    Raises StoreError, with the key path and what is expected there, for one that cannot be read.
    """
    try:
        content = (folder / NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{NAME} of {told} cannot be read: {error.strerror}") from None
    try:
        return of(shape.tree(content))
    except ShapeError as error:
        hint = f"running the experiment again writes it again; in a repository, git checkout {NAME} may bring it back"
        raise StoreError(f"{NAME} of {told} cannot be read: {error}\n  {hint}") from None


def of(tree: Any) -> Manifest:
    """The manifest that a JSON tree is. Raises ShapeError."""
    told = Part(tree)
    if not told.there:
        raise told.wrong("a mapping")
    runs = told.get("runs")
    return Manifest(
        format=_maybe(told.get("format"), Part.whole),
        xrun=_maybe(told.get("xrun"), Part.text),
        experiment=_maybe(told.get("experiment"), lambda part: part.text(spec.NAME, "the name of an experiment")),
        written=_maybe(told.get("written"), lambda part: part.text(_TIME, "a time as 2026-01-31T12:00:00Z")),
        overrides=told.get("overrides").texts(),
        seed=_maybe(told.get("seed"), Part.integer),
        steps=tuple(
            Step(name=_maybe(each.get("name"), Part.text), code=_maybe(each.get("code"), Part.text)) for each in told.get("steps").items()
        ),
        git=_maybe(told.get("git"), _git),
        root=_maybe(told.get("root"), Part.text),
        cwd=_maybe(told.get("cwd"), Part.text),
        data=tuple(map(_data, told.get("data").items())),
        python=_maybe(told.get("python"), Part.text),
        platform=_maybe(told.get("platform"), Part.text),
        host=_maybe(told.get("host"), Part.text),
        cpus=_maybe(told.get("cpus"), Part.whole),
        packages=told.get("packages").named_texts(),
        counts={name: each.whole() for name, each in told.get("counts").parts().items()},
        unsuccessful=tuple(map(_unsuccessful, told.get("unsuccessful").items())),
        table=_table(told.get("table")),
        files=told.get("files").named_texts(),
        runs=runs.texts() if runs.there else None,
    )


def _maybe(part: Part, read: Callable[[Part], _T]) -> _T | None:
    return read(part) if part.there else None


def _git(told: Part) -> Git:
    return Git(
        commit=_maybe(told.get("commit"), lambda part: part.text(_COMMIT, "a full commit")),
        branch=_maybe(told.get("branch"), Part.text),
        remote=_maybe(told.get("remote"), Part.text),
        dirty=bool(_maybe(told.get("dirty"), Part.flag)),
        patch=_maybe(told.get("patch"), Part.text),
        untracked=told.get("untracked").texts(),
    )


def _data(told: Part) -> DataState:
    status = told.get("status")
    known = "|".join(DataStatus)
    texts = {name: _maybe(told.get(name), Part.text) for name in ("recorded", "actual", "source", "source_hash")}
    return DataState(
        path=told.get("path").text(r"[^\0]+", "a path"),
        size=_maybe(told.get("size"), Part.whole),
        files=_maybe(told.get("files"), Part.whole),
        status=DataStatus(status.text(known, f"one of {', '.join(DataStatus)}")),
        **texts,
    )


def _unsuccessful(told: Part) -> Unsuccessful:
    told.get("params").parts()
    return Unsuccessful(
        id_run=_maybe(told.get("id_run"), Part.text),
        status=_maybe(told.get("status"), Part.text),
        params=told.get("params").value or {},
    )


def _table(told: Part) -> Table:
    return Table(
        digest=_maybe(told.get("digest"), Part.text),
        rows=_maybe(told.get("rows"), Part.whole),
        columns=told.get("columns").named_texts(),
        metrics=told.get("metrics").texts(),
        valid=bool(_maybe(told.get("valid"), Part.flag)),
    )
