"""`xrun verify [RESULTS...]`: whether results are what their manifest says, without running anything."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from runner.commands import options as shared
from runner.console import Console
from runner.errors import IncompleteError
from runner.reproducing import recording, verifying
from runner.reproducing.recording import Recording
from runner.reproducing.verifying import Found, Outcome
from runner.table import Preview


def main(arguments: list[str]) -> int:
    """Print what differs; returns 0 when nothing does, else 1."""
    parser = shared.Parser(
        prog="xrun verify",
        description="Holds results folders against their manifest.json: the digest of the table, its schema, experiment.yaml and the ids "
        "that it makes, the declared data, changes.patch, the commit. Runs nothing and writes nothing.",
        epilog="example: xrun verify\n         xrun verify coins results/digits/manifest.json --import\n\n"
        "exit codes: 0 all of it is as recorded; 1 something is not; 3 there are no results; 74 a manifest cannot be read",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = "a results folder, its manifest.json, or an experiment (default: all results)"
    parser.add_argument("results", metavar="RESULTS", nargs="*", help=what)
    parser.add_argument(
        "--import", dest="imports", action="store_true", help="import a schema that is a class; of results that you would run yourself"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line and results folder")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    sys.dont_write_bytecode = True  # a schema may be a module of the user's
    workspace = shared.workspace(chosen)
    asked = [recording.find(text, "", workspace) for text in chosen.results] if chosen.results else _all(workspace.results)
    if not asked:
        raise IncompleteError(f"there are no results in {workspace.results}")
    verified = [(each, verifying.verify(each, Path.cwd(), imports=chosen.imports)) for each in asked]
    if chosen.json:
        for each, found in verified:
            told = {"experiment": each.experiment, "manifest": str(each.folder / recording.MANIFEST), "good": _good(found)}
            print(json.dumps(told | {"checks": [asdict(one) for one in found]}))
    else:
        _print(verified)
    return 0 if all(_good(found) for _, found in verified) else 1


def _all(results: Path) -> list[Recording]:
    return [recording.of_folder(file.parent) for file in sorted(results.glob(f"*/{recording.MANIFEST}"))]


def _good(found: list[Found]) -> bool:
    return not any(one.outcome is Outcome.DIFFERS for one in found)


def _print(verified: list[tuple[Recording, list[Found]]]) -> None:
    lines = [
        (each.experiment, one.what, one.recorded, one.now) for each, found in verified for one in found if one.outcome is Outcome.DIFFERS
    ]
    if lines:
        head = ("results", "differs", "recorded", "now")
        Console().preview(Preview(columns=head, dtypes=("string",) * 4, rows=len(lines), head=tuple(lines), tail=()))
    for each, found in verified:
        for one in found:
            if one.outcome is Outcome.UNKNOWN:
                print(f"note: {each.experiment}: {one.what}: {one.now}", file=sys.stderr)
        print(f"{each.experiment}: {_summary(found)}", file=sys.stdout if _good(found) else sys.stderr)


def _summary(found: list[Found]) -> str:
    """What is as recorded; nothing is claimed of what could not be looked at."""
    good, wrong, unknown = (
        [one.what for one in found if one.outcome is outcome] for outcome in (Outcome.GOOD, Outcome.DIFFERS, Outcome.UNKNOWN)
    )
    if wrong:
        return f"{len(wrong)} of {len(found)} things are not as recorded"
    if unknown:
        return f"as recorded: {', '.join(good)}; cannot be told: {', '.join(unknown)}"
    return f"all of it is as recorded ({', '.join(good)})"
