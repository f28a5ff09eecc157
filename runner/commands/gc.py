"""`xrun gc`: removes what no result needs any more."""

import argparse
import json
import re
from contextlib import nullcontext

from runner import upkeep
from runner.commands import options as shared

_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def main(arguments: list[str]) -> int:
    """Print what would go or has gone; returns 0."""
    parser = shared.Parser(
        prog="xrun gc",
        description="What can go: runs that no results/*/manifest.json names, with rows and artifacts; folders of artifacts of no "
        "run; what is left of runs that were killed while they executed again; half-written files; "
        "checkpoints of completed runs (others with --older-than, or of the --experiment). Experiments without "
        "a manifest, such as those that programs have recorded, are left alone unless "
        "--experiment names them. What a manifest names is never removed. Without --yes nothing is: it only says what would go. "
        "Refused (exit 73) while somebody uses the workspace.",
        epilog="example: xrun gc --failed --older-than 30d --yes",
    )
    parser.add_argument("--yes", action="store_true", help="remove it")
    parser.add_argument("--experiment", metavar="NAME", help="only runs of this experiment, also if it has no manifest")
    parser.add_argument("--failed", action="store_true", help="only runs that did not complete")
    parser.add_argument(
        "--older-than",
        type=_age,
        default=0.0,
        metavar="AGE",
        help="only runs that began so long ago: 90m, 12h, 30d, 4w; and checkpoints of any run that are so old",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    choice = upkeep.Choice(experiment=chosen.experiment, failed=chosen.failed, older_than=chosen.older_than)
    with upkeep.alone(workspace) if chosen.yes else nullcontext():
        waste = upkeep.collect(workspace, choice)
        freed = upkeep.remove(workspace, waste) if chosen.yes else None
    if chosen.json:
        print(json.dumps(_told(waste, freed), indent=1))
    else:
        _show(waste, freed)
    return 0


def _told(waste: upkeep.Waste, freed: int | None) -> dict[str, object]:
    return {
        "removed": freed is not None,
        "runs": waste.runs,
        "checkpoints": [folder.name for folder in waste.checkpoints],
        "orphans": [folder.name for folder in waste.orphans],
        "replaced": [folder.name for folder in waste.replaced],
        "drafts": list(map(str, waste.drafts)),
        "bytes": waste.row_bytes + waste.file_bytes,
        "freed": freed,
    }


def _show(waste: upkeep.Waste, freed: int | None) -> None:
    for name, ids in waste.runs.items():
        print(f"{name}: {len(ids):,} {'run' if len(ids) == 1 else 'runs'} that no manifest names")
    files = (
        ("folders of artifacts of no run", waste.orphans),
        ("checkpoints that no run goes on from", waste.checkpoints),
        ("folders left of runs that were killed while they executed again", waste.replaced),
        ("half-written files", waste.drafts),
    )
    for what, paths in files:
        if paths:
            print(f"{len(paths):,} {what}")
    if not (waste.runs or any(paths for _, paths in files)):
        print("nothing to remove")
    elif freed is None:
        print(f"about {_size(waste.row_bytes + waste.file_bytes)} would be freed; nothing was removed, `--yes` removes it")
    else:
        print(f"removed; the workspace is {_size(freed)} smaller")


def _size(count: int) -> str:
    """Bytes, for people."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        size /= 1000
    return f"{size:.3g} GB"


def _age(text: str) -> float:
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; give a number and s, m, h, d or w: 30d")
    return float(found[1]) * _UNITS[found[2]]
