"""What checks compare with: a baseline file, a commit, an experiment, a run, another workspace, a results folder."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from runner import baseline_files, chosen, published, reading, stores
from runner.baseline_files import Kept
from runner.checks import Check, Measured, Sample, measure
from runner.errors import IncompleteError, UsageError
from runner.manifest import Manifest
from runner.provenance import revisions
from runner.published import Published
from runner.selectors import Row
from runner.suggest import did_you_mean
from runner.workspace import Workspace, locate

GIT: Final = "git:"


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs as a baseline."""

    sample: Sample
    told: str
    lenient: bool = False

    def measured(self, check: Check) -> Measured | None:
        """Measured now."""
        return measure(check, self.sample, lenient=self.lenient)


Baseline: TypeAlias = Runs | Kept
"""What was measured before; `told` says in words where it is from, `measured` what a check measures in it (None: it does not have that)."""


def find(
    what: str,
    experiment: str,
    workspace: Workspace,
    root: Path,
    *,
    axes: Iterable[str] = (),
    runs: Collection[str] = (),
    lenient: bool = False,
) -> Baseline:
    """The baseline that `what` means: `git:REV`, a baseline file, the name of an experiment, a path (a results folder, its manifest,
    another workspace), or the beginning of an id_run.

    `axes`, `runs`: the params and the ids of the runs that are compared. Raises UsageError when there is none, and where it is these
    very runs: nothing would ever be worse than itself. The same ids in another place are no such case, since a change of nothing
    that counts keeps them.
    """
    if what.startswith(GIT):
        return _committed(what.removeprefix(GIT), experiment, workspace, root, tuple(axes), lenient=lenient)
    path = Path(what)
    try:
        if path.is_file() and path.name not in published.FILES:
            return baseline_files.read(path, str(path))
        if what in published.names(workspace) and not path.is_file():
            sample, own = published.shown(what, workspace).sample, True
        elif path.exists():
            sample, own = _lying(path, experiment, tuple(axes)), _is_in(path, workspace)
        else:
            sample, own = _run(what, workspace, root), True
    except (IncompleteError, OSError) as error:
        raise UsageError(f"the baseline {what} cannot be used: {error}") from None
    if own and runs and {row.record.id_run for row in sample.rows} == set(runs):
        raise UsageError(
            f"the baseline {what} is the very runs that are checked, so that nothing can be worse\n"
            f"  --baseline git:main compares with a commit; a file, another experiment, an id_run and another workspace do as well"
        )
    return Runs(sample, what, lenient)


def _is_in(path: Path, workspace: Workspace) -> bool:
    """Whether a path is the workspace, the folder around it, or one of its results."""
    found, folder, results = path.resolve(), workspace.folder.resolve(), workspace.results.resolve()
    return found in (folder, folder.parent) or found.is_relative_to(results)


def _committed(revision: str, experiment: str, workspace: Workspace, root: Path, axes: tuple[str, ...], *, lenient: bool) -> Baseline:
    """The table in a commit, else the baseline file there, else the runs that the manifest there names."""
    file = baseline_files.default(root, experiment)
    folder = results_in(workspace, root) / experiment
    wanted = [*(folder / name for name in published.FILES), file]
    found = revisions.read(root, revision, wanted)
    told = f"git:{revision} ({found.commit[:8]})"
    if not any(folder / name in found.files for name in published.FILES[:3]):
        if file not in found.files:
            tried = ", ".join(_short(path, root) for path in (folder / "table.csv", folder / "table.parquet", file))
            raise UsageError(f"{told} has no results of `{experiment}`; looked for {tried}")
        return baseline_files.parse(found.files[file], f"{_short(file, root)} in {told}")
    with published.at(revision, folder, root) as results:
        if results.has_table:
            return Runs(results.sample(axes), told, lenient)
        return Runs(_named(results, workspace), told, lenient)


def results_in(workspace: Workspace, root: Path) -> Path:
    """The results folder as a repository has it: that of the project, where the workspace lies elsewhere."""
    inside = workspace.results.is_relative_to(root)
    return workspace.results if inside else root / "results"


def _named(results: Published, workspace: Workspace) -> Sample:
    """The runs that a manifest names, from the store, if it has all of them as they were then."""
    told = results.manifest() or Manifest()
    ids, count, moment = told.runs or (), told.counts.get("COMPLETED", 0), _moment(told)
    rows: list[Row] = []
    if workspace.store.is_file() and ids:
        reader = stores.read(workspace.store)
        try:
            rows = [row for row in chosen.rows(ids, reader) if row.record.started <= moment]
        finally:
            reader.close()
    if not rows or len(rows) < count:
        raise UsageError(f"{results.told} has a manifest and no table, and the store does not have its runs as they were; commit table.csv")
    return Sample.of(rows, results.told, columns=results.columns())


def _moment(told: Manifest) -> float:
    """Unix time at which it had been written; the beginning of time where it does not say, so that no run is as it was then."""
    import calendar
    import time

    try:
        return calendar.timegm(time.strptime(told.written or "", "%Y-%m-%dT%H:%M:%SZ")) + 1
    except ValueError:  # nor is the 99th of a month one
        return 0


def _lying(path: Path, experiment: str, axes: tuple[str, ...]) -> Sample:
    folder = path.parent if path.is_file() else path
    results = Published(folder, str(path))
    if results.has_table:
        return results.sample(axes)
    home = folder.parent if folder.name == ".xrun" else folder
    if (home / ".xrun").is_dir() or (home / "results").is_dir():
        return published.shown(experiment, locate(home, str(home))).sample
    raise UsageError(f"{path} is neither a results folder nor a workspace: there is no table in it, no .xrun/ and no results/")


def _run(what: str, workspace: Workspace, root: Path) -> Sample:
    known = published.names(workspace)
    if not workspace.store.is_file():
        raise UsageError(f"there is no baseline {what}: no such file, and no store; {_hint(what, known, root)}")
    reader = stores.read(workspace.store)
    try:
        record = reading.find(reader, what).record
        if record is None or not record.status.ok:
            raise UsageError(f"run {what} is not completed, and no baseline")
        columns = Published(workspace.results / record.experiment, "").columns()
        return Sample.of(chosen.rows([record.id_run], reader), f"run {record.id_run}", columns=columns)
    except IncompleteError:
        raise UsageError(f"there is no baseline {what}: no file, experiment or run; {_hint(what, known, root)}") from None
    finally:
        reader.close()


def _hint(what: str, known: Sequence[str], root: Path) -> str:
    """The revision that may be meant, or the nearest experiment."""
    return f"did you mean {GIT}{what}?" if revisions.exists(root, what) else did_you_mean(what, known, "experiments")


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
