"""`xrun doctor`: whether the store, the files that runs keep, and the published results are whole."""

import json
import platform
import sqlite3
from contextlib import nullcontext
from dataclasses import asdict
from typing import Final

from runner import upkeep
from runner.commands import options as shared
from runner.workspace import Workspace

_OF_STORE: Final = frozenset(("structure", "rows"))
"""Kinds of findings."""


def main(arguments: list[str]) -> int:
    """Print what is wrong; returns 0 for a sound workspace, 1 for problems, and raises StoreError where nothing can be read."""
    parser = shared.Parser(
        prog="xrun doctor",
        description="Check every row of the store, the files that runs keep, and the published tables; say what is wrong and what to do. "
        "Exit code 0: all is well, 1: there are problems, 74: the store cannot be read at all.",
        epilog="example: xrun doctor --repair",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="make a new store of what is intact (the old one is kept as xrun.db.damaged-N) and remove what killed runs left; "
        "refused (exit 73) while somebody uses the workspace",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    repaired = None
    with upkeep.alone(workspace) if chosen.repair else nullcontext():
        findings = upkeep.examine(workspace)
        if chosen.repair:
            repaired = upkeep.repair(workspace, findings)
            findings = upkeep.examine(workspace)
    sound = not any(finding.problem for finding in findings)
    if chosen.json:
        told = {"sound": sound, "findings": [asdict(finding) for finding in findings], "repaired": _told(repaired), **_facts()}
        print(json.dumps(told, indent=1))
    else:
        for finding in findings:
            print(f"{'problem' if finding.problem else 'note'}: {finding.text}\n  {finding.action}")
        if repaired is not None:
            print(_repaired(repaired))
        for line in _each(workspace, findings):
            print(line)
    return 0 if sound else 1


def _each(workspace: Workspace, findings: list[upkeep.Finding]) -> list[str]:
    """Of the store, the files that runs keep and the results, whether they are sound; what was not there to look at is left out."""
    wrong = {finding.kind for finding in findings if finding.problem}
    store = not wrong & _OF_STORE
    lines = [f"{workspace.store}: {_sound(store)} (SQLite {sqlite3.sqlite_version})"]
    if workspace.artifacts.is_dir():
        kept = _sound("artifacts" not in wrong) if store else "not looked at: a damaged store cannot say what belongs there"
        lines.append(f"{workspace.artifacts}: {kept}")
    if any(workspace.results.glob("*/manifest.json")):
        lines.append(f"{workspace.results}: {_sound('results' not in wrong)}")
    return lines


def _sound(sound: bool) -> str:
    return "sound" if sound else "not sound"


def _told(repaired: upkeep.Repaired | None) -> dict[str, object] | None:
    if repaired is None:
        return None
    return {"old": str(repaired.old) if repaired.old else None, "lost": repaired.lost, "removed": list(map(str, repaired.removed))}


def _facts() -> dict[str, str]:
    return {"sqlite": sqlite3.sqlite_version, "python": platform.python_version()}


def _repaired(repaired: upkeep.Repaired) -> str:
    if repaired.old is None:
        return f"repaired: nothing of the store; {len(repaired.removed)} half-written files removed"
    return f"repaired: the old store is {repaired.old}; {repaired.lost} rows or places in it could not be saved"
