"""What checks compare with: a baseline file, a commit, an experiment, a run, another workspace, a results folder."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from runner import chosen, codec, published, reading, stores
from runner.checks import Check, Estimate, Group, Measured, Sample, measure
from runner.errors import IncompleteError, UsageError
from runner.provenance import revisions
from runner.published import Published
from runner.selectors import Row
from runner.suggest import did_you_mean
from runner.workspace import Workspace, locate

FORMAT: Final = 1
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


@dataclass(frozen=True, slots=True)
class Kept:
    """A baseline file: what checks measured when it was written."""

    checks: Mapping[str, Measured]
    told: str

    def measured(self, check: Check) -> Measured | None:
        """As it was kept."""
        return self.checks.get(check.key)


Baseline: TypeAlias = Runs | Kept
"""What was measured before; `told` says in words where it is from, `measured` what a check measures in it (None: it does not have that)."""


def default(root: Path, experiment: str) -> Path:
    """The baseline file of an experiment."""
    return root / "baselines" / f"{experiment}.json"


def text(experiment: str, measured: Mapping[str, Measured]) -> str:
    """A baseline file: the same measurements make the same text. Raises UsageError when one of them is no number."""
    entries: dict[str, Any] = {}
    for key, found in measured.items():
        troubles = [found.trouble] if found.trouble else [each for each in found.groups.values() if not isinstance(each, Estimate)]
        if troubles and troubles[0] is not None:
            raise UsageError(f"this makes no baseline: {key}: {troubles[0].reason.value}: {troubles[0].text}")
        groups = [_told(group, each) for group, each in found.groups.items() if isinstance(each, Estimate)]
        entries[key] = {"agg": found.agg, "groups": sorted(groups, key=lambda told: codec.dumps(told["group"]))}
    return _laid_out(experiment, entries)


def _laid_out(experiment: str, entries: Mapping[str, Any]) -> str:
    """Keys in order, a line a group, so that a change is a line in a pull request."""
    parts = []
    for key in sorted(entries):
        groups = ",\n".join(f"   {_json(told)}" for told in entries[key]["groups"])
        parts.append(f'  {_json(key)}: {{"agg": {_json(entries[key]["agg"])}, "groups": [\n{groups}\n  ]}}')
    checks = ",\n".join(parts)
    return f'{{\n "checks": {{\n{checks}\n }},\n "experiment": {_json(experiment)},\n "format": {FORMAT}\n}}\n'


def _json(value: Any) -> str:
    return json.dumps(codec.plain(value), sort_keys=True, ensure_ascii=False)


def _told(group: Group, found: Estimate) -> dict[str, Any]:
    told: dict[str, Any] = {"group": group.told(), "value": found.value, "n": found.n}
    told |= {"points": found.points} if found.points != 1 else {}
    return told if found.sd is None else told | {"sd": found.sd, "df": found.df}


def parse(content: str, told: str) -> Kept:
    """What `text` made. Raises UsageError for anything else."""
    try:
        tree = codec.loads(content)
        if tree["format"] != FORMAT:
            raise UsageError(
                f"{told} is a baseline file of another version of xrun (format {tree['format']}); --update-baseline writes a new one"
            )
        return Kept({key: _measured(entry) for key, entry in tree["checks"].items()}, told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{told} is not a baseline file ({error}); `xrun check EXPERIMENT --update-baseline` writes one") from None


def _measured(entry: Mapping[str, Any]) -> Measured:
    groups: dict[Group, Any] = {}
    for told in entry["groups"]:
        sd = told.get("sd")
        groups[Group.of(told["group"])] = Estimate(
            value=float(told["value"]),
            n=int(told["n"]),
            sd=None if sd is None else float(sd),
            df=int(told.get("df", 0)),
            points=int(told.get("points", 1)),
        )
    return Measured(str(entry["agg"]), groups)


def find(what: str, experiment: str, workspace: Workspace, root: Path, *, axes: Iterable[str] = (), lenient: bool = False) -> Baseline:
    """The baseline that `what` means: `git:REV`, a baseline file, the name of an experiment, a path (a results folder, its manifest,
    another workspace), or the beginning of an id_run.

    `axes`: the params of the runs that are compared. Raises UsageError when there is none.
    """
    if what.startswith(GIT):
        return _committed(what.removeprefix(GIT), experiment, workspace, root, tuple(axes), lenient=lenient)
    path = Path(what)
    try:
        if path.is_file() and path.name not in published.FILES:
            return parse(path.read_text(encoding="utf-8"), str(path))
        if what in published.names(workspace) and not path.is_file():
            sample = published.shown(what, workspace).sample
        elif path.exists():
            sample = _lying(path, experiment, tuple(axes))
        else:
            sample = _run(what, workspace)
    except (IncompleteError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the baseline {what} cannot be used: {error}") from None
    return Runs(sample, what, lenient)


def _committed(revision: str, experiment: str, workspace: Workspace, root: Path, axes: tuple[str, ...], *, lenient: bool) -> Baseline:
    """The table in a commit, else the baseline file there, else the runs that the manifest there names."""
    file = default(root, experiment)
    folder = results_in(workspace, root) / experiment
    wanted = [*(folder / name for name in published.FILES), file]
    found = revisions.read(root, revision, wanted)
    told = f"git:{revision} ({found.commit[:8]})"
    if not any(folder / name in found.files for name in published.FILES[:3]):
        if file not in found.files:
            tried = ", ".join(_short(path, root) for path in (folder / "table.csv", folder / "table.parquet", file))
            raise UsageError(f"{told} has no results of `{experiment}`; looked for {tried}")
        return parse(found.files[file].decode(errors="replace"), f"{_short(file, root)} in {told}")
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
    import calendar
    import time

    manifest = results.manifest()
    ids, count = list(manifest.get("runs") or ()), (manifest.get("counts") or {}).get("COMPLETED", 0)
    rows: list[Row] = []
    if workspace.store.is_file() and ids:
        reader = stores.read(workspace.store)
        try:
            written = calendar.timegm(time.strptime(str(manifest.get("written")), "%Y-%m-%dT%H:%M:%SZ")) + 1
            rows = [row for row in chosen.rows(ids, reader) if row.record.started <= written]
        finally:
            reader.close()
    if not rows or len(rows) < count:
        raise UsageError(f"{results.told} has a manifest and no table, and the store does not have its runs as they were; commit table.csv")
    return Sample.of(rows, results.told)


def _lying(path: Path, experiment: str, axes: tuple[str, ...]) -> Sample:
    folder = path.parent if path.is_file() else path
    results = Published(folder, str(path))
    if results.has_table:
        return results.sample(axes)
    home = folder.parent if folder.name == ".xrun" else folder
    if (home / ".xrun").is_dir() or (home / "results").is_dir():
        return published.shown(experiment, locate(home, str(home))).sample
    raise UsageError(f"{path} is neither a results folder nor a workspace: there is no table in it, no .xrun/ and no results/")


def _run(what: str, workspace: Workspace) -> Sample:
    known = published.names(workspace)
    if not workspace.store.is_file():
        raise UsageError(f"there is no baseline {what}: no such file, and no store; {did_you_mean(what, known, 'experiments')}")
    reader = stores.read(workspace.store)
    try:
        record = reading.find(reader, what).record
        if record is None or not record.status.ok:
            raise UsageError(f"run {what} is not completed, and no baseline")
        return Sample.of(chosen.rows([record.id_run], reader), f"run {record.id_run}")
    except IncompleteError:
        raise UsageError(f"there is no baseline {what}: no file, experiment or run; {did_you_mean(what, known, 'experiments')}") from None
    finally:
        reader.close()


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
