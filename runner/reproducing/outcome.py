"""What came of a reproduction: the tables compared, the ids, and why these differ where they do."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner import comparing
from runner.checks import Group
from runner.comparing import Change
from runner.errors import IncompleteError
from runner.manifest import Manifest
from runner.published import FILES, Published
from runner.reproducing import equality
from runner.reproducing.equality import Cell, Compared, Side, Tolerance, Verdict
from runner.reproducing.recording import Recording
from runner.spec import Experiment
from runner.why import ABSENT

_STABLE: Final = ("run.id_run", "run.seed", "run.tags", "run.experiment")
_KINDS: Final = ("code", "data", "environment")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """All of it."""

    compared: Compared
    same_ids: bool
    """Whether the runs have the ids that they had."""
    why: tuple[Change, ...]
    """What makes the ids other ones; empty where they are the same."""
    same_digest: bool
    """Whether the table is the recorded one to the last byte, ids included. Of one run of several: False."""
    ignored: tuple[str, ...]
    """Columns that were not compared."""

    @property
    def exit_code(self) -> int:
        """0: the same, or close enough; 1: different."""
        return 1 if self.compared.verdict is Verdict.DIFFERENT else 0


def ignored(experiment: Experiment, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Columns that are not compared: those asked for, and those that tell of the execution alone (`run.seconds`, `system/...`)."""
    own = [name for name, selector in experiment.results.columns if _of_execution(selector.strip())]
    return tuple(dict.fromkeys([*own, *asked]))


def _of_execution(selector: str) -> bool:
    return (selector.startswith("run.") and selector not in _STABLE) or selector.startswith("system/")


def judge(recording: Recording, made: Published, tolerance: Tolerance, leave: tuple[str, ...], scratch: Path) -> Outcome:
    """Hold the results in `made` against the recorded ones. Raises IncompleteError where there is no recorded table to compare with."""
    then, now = recording.manifest, made.manifest() or Manifest()
    same = then.table.digest is not None and then.table.digest == now.table.digest
    if not recording.published.has_table and not same:
        problem = f"{recording.folder} has no table, and the reproduced one has another digest than the recorded one had"
        raise IncompleteError(f"{problem}\n  bring table.csv or table.parquet back, and do this again, to see what differs")
    old = recording.published if recording.published.has_table else made
    new = made if (recording.place / FILES[0]).is_file() or old is made else _csv_alone(made, scratch)
    drop = frozenset(leave)
    before, after = (Side.of(each.sample(), told, drop) for each, told in ((old, then), (new, now)))
    ids = [*(now.runs or ())]
    if recording.run:
        point = _point_of(recording, old)
        before, after = before.only(point), after.only(point)
    some = {*recording.ids} < {*ids}  # `--only` left out the others
    same_ids = set(ids) == {recording.run} if recording.run else some or ids == recording.ids
    return Outcome(
        compared=equality.compare(before, after, tolerance),
        same_ids=same_ids,
        why=() if same_ids else tuple(_why(then, now)),
        same_digest=same,
        ignored=leave,
    )


def _csv_alone(made: Published, scratch: Path) -> Published:
    """The results as if there were no table.parquet, where the recorded ones have none: text is held against text."""
    folder = scratch / "csv"
    shutil.copytree(made.folder, folder, ignore=shutil.ignore_patterns(FILES[0]))
    return Published(folder, made.told)


def _point_of(recording: Recording, table: Published) -> Group:
    """The point of the only run that is asked for."""
    params = [each.params for each in recording.manifest.unsuccessful if each.id_run == recording.run]
    params += [dict(row.params) for row in table.sample().rows if row.record.id_run == recording.run]
    if not params:
        raise IncompleteError(f"the run {recording.run} has no recorded result: the sweep was interrupted before it ended")
    return equality.point(params[0])


def _why(then: Manifest, now: Manifest) -> list[Change]:
    """What counts for ids and differs: the code of steps, data, xrun; other parts of the environment where nothing else does."""
    sides = [comparing.Side(told="", manifest=each, config={}, sample=None) for each in (then, now)]
    found = [change for change in comparing.changes(*sides) if not change.name.startswith("git.")]
    inner = [change for change in found if change.kind != "environment" or change.name == "xrun"]
    return inner or found


def told(outcome: Outcome, recording: Recording) -> dict[str, Any]:
    """As plain data."""
    compared = outcome.compared
    return {
        "experiment": recording.experiment,
        "manifest": str(recording.folder / "manifest.json"),
        "commit": recording.git.commit,
        "verdict": compared.verdict.told,
        "exit_code": outcome.exit_code,
        "runs": compared.runs,
        "failed_again": compared.failed,
        "unrecorded": compared.unrecorded,
        "same_ids": outcome.same_ids,
        "why_ids_differ": [{"kind": c.kind, "name": c.name, "old": _plain(c.old), "new": _plain(c.new)} for c in outcome.why],
        "same_table_digest": outcome.same_digest,
        "columns_not_compared": list(outcome.ignored),
        "differences": [_cell(cell) for cell in compared.cells],
    }


def _plain(value: Any) -> Any:
    return None if value is ABSENT else value


def _cell(cell: Cell) -> dict[str, Any]:
    told = {"point": cell.point.told(), "column": cell.column, "recorded": cell.recorded, "reproduced": cell.reproduced}
    return told | {"delta": cell.delta, "within_tolerance": cell.verdict is Verdict.CLOSE}
