"""Puts declared data into another checkout of the project, as it was when it was recorded; from what this machine has."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.errors import MissingDataError
from runner.provenance import data, hashing, objects, recorded, worktree
from runner.record import DataState, DataStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Two project roots."""

    here: Path
    """The user's."""
    there: Path
    """The checkout."""
    scratch: Path
    """A folder that holds the checkout's repository, and is removed with it: nothing is written outside of it."""


def bring(entries: Sequence[DataState], places: Places, *, pull: bool = False) -> list[str]:
    """Make every entry in the checkout what was recorded; returns, in a sentence each, where it is from when not from git.

    From DVC's cache where the checkout's own .dvc files name it, else a copy of what lies in the user's tree, if that is still the same;
    with `pull` from DVC's remote. Raises MissingDataError, with what can be done, for entries that are nowhere.
    """
    told: list[str] = []
    wanting = _wanting(entries, places)
    cached = [entry for entry in wanting if _in_cache(entry, places)]
    for root, targets in _by_project(cached, places).items():
        _dvc("checkout", root, targets, places)
    told += [f"{entry.path}: checked out from DVC's cache" for entry in cached]
    for entry in _wanting(wanting, places):
        if _copied(entry, places):
            told.append(f"{entry.path}: copied from the working tree, where it is the same")
    if pull and (wanting := [entry for entry in _wanting(wanting, places) if _named(entry, places)]):
        for root, targets in _by_project(wanting, places).items():
            _dvc("pull", root, targets, places)
        told += [f"{entry.path}: pulled from DVC's remote" for entry in wanting]
    if left := _wanting(entries, places):
        lines = [f"- {entry.path}: {_remedy(entry, places, pull=pull)}" for entry in left]
        raise MissingDataError("\n  ".join(["data is not here as it was when the results were made; nothing was run:", *lines]))
    return told


def _wanting(entries: Iterable[DataState], places: Places) -> list[DataState]:
    entries = list(entries)
    now = data.states(places.there, tuple(entry.path for entry in entries))
    return [entry for entry, state in zip(entries, now, strict=True) if state.actual != entry.actual]


def _path(root: Path, entry: DataState) -> Path:
    return Path(os.path.normpath(root / entry.path))


def _named(entry: DataState, places: Places) -> recorded.Recorded | None:
    """What the checkout's DVC says of the entry, if that is what was recorded, and DVC keeps it; None of what lies outside of it."""
    path = _path(places.there, entry)
    known = recorded.find(path, recorded.Sources()) if path.is_relative_to(places.scratch) else None
    same = known is not None and known.output and known.hash == entry.recorded and entry.status is DataStatus.CLEAN
    return known if same else None


def _in_cache(entry: DataState, places: Places) -> bool:
    known = _named(entry, places)
    return known is not None and objects.holds(_path(places.here, entry), known.hash)


def _copied(entry: DataState, places: Places) -> bool:
    """Whether what lies in the user's tree is the same, and was copied. A copy and no link: a step may write into it."""
    source, target = _path(places.here, entry), _path(places.there, entry)
    content = hashing.measure(source, hashing.MD5, objects.root_of(source), hashing.StatCache())
    if content is None or content.hash != entry.actual or not target.is_relative_to(places.scratch):
        return False
    _clear(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
    return True


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _by_project(entries: Iterable[DataState], places: Places) -> dict[Path, list[str]]:
    """DVC project in the checkout -> paths below it. It is told to use the cache and the remotes of the project in the user's tree."""
    found: dict[Path, list[str]] = {}
    for entry in entries:
        path = _path(places.there, entry)
        if (root := objects.root_of(path)) is not None:
            if root not in found:
                _configure(root, objects.root_of(_path(places.here, entry)))
            found.setdefault(root, []).append(path.relative_to(root).as_posix())
    return found


def _configure(there: Path, here: Path | None) -> None:
    """What git does not bring: where the cache is, remotes that are relative or only in `config.local`. Files are copies, not links into
    the cache, into which a step could write.
    """
    from dvc.config import Config, ConfigError

    if here is None:
        return
    with suppress(ConfigError, OSError):
        theirs = Config(str(here / ".dvc"))
        with Config(str(there / ".dvc")).edit("local") as local:
            local["cache"].update({"dir": str(objects.cache_of(here)), "type": ["reflink", "copy"]})
            local["remote"].update({name: dict(section) for name, section in theirs["remote"].items()})
            if default := theirs["core"].get("remote"):
                local["core"]["remote"] = default


def _dvc(verb: str, root: Path, targets: Sequence[str], places: Places) -> None:
    """Run DVC in the checkout; whether it has done what it should, the hashes say. Raises MissingDataError with what it says."""
    environment = {name: value for name, value in os.environ.items() if name not in worktree.LOCAL}
    environment |= {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(places.scratch / "dvc")}
    command = [sys.executable, "-P", "-m", "dvc", verb, "--quiet", "--", *targets]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        shown = shlex.join(["dvc", verb, *targets])
        raise MissingDataError(f"`{shown}` failed at the recorded commit; nothing was run:\n  {done.stderr.strip()}")


def _remedy(entry: DataState, places: Places, *, pull: bool) -> str:
    here = _path(places.here, entry)
    name = shlex.quote(entry.path)
    content = hashing.measure(here, hashing.MD5, objects.root_of(here), hashing.StatCache())
    now = "it is not in the working tree" if content is None else f"the working tree has {content.hash}"
    wanted = f"recorded is {entry.actual}, {now}"
    if content is not None and content.hash == entry.actual:
        return "it lies outside of the repository, beyond what the checkout can have a copy of"
    if entry.status is DataStatus.MODIFIED:
        return f"{wanted}; it was not what {entry.source} says then either, so that DVC cannot bring it"
    if _named(entry, places) is None:
        return f"{wanted}, and DVC does not have it"
    if pull:
        return f"{wanted}, and `dvc pull` did not bring it"
    known = recorded.find(here, recorded.Sources())
    same = known is not None and known.output and known.hash == entry.recorded
    bring = f"`dvc pull {name}` or --pull fetches it" if same else f"--pull fetches it (`dvc pull {name}` as of the recorded commit)"
    return f"{wanted}, and DVC's cache does not have it; {bring}"
