"""`xrun reproduce RESULTS`: the recorded commit, data and seeds once more; is it the same table?"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from runner import codec
from runner.account import PASSING
from runner.commands import options as shared
from runner.console import Console
from runner.errors import IncompleteError
from runner.listing import few
from runner.provenance import worktree
from runner.published import Published
from runner.reproducing import child, outcome, recording, surroundings, virtual
from runner.reproducing.checkout import Checkout, prepared
from runner.reproducing.equality import Tolerance, Verdict
from runner.reproducing.outcome import Outcome
from runner.reproducing.recording import Recording, Repository
from runner.spec import Experiment
from runner.table import Preview

SHOWN: Final = 40
"""So many differences people are shown."""
_EXAMPLES: Final = """\
example: xrun reproduce coins
         xrun reproduce results/coins/manifest.json --rtol 1e-9
         xrun reproduce coins --run 15a9be61          one of its runs alone
         xrun reproduce coins --env                   with the recorded versions of all packages

exit codes: 0 the same table, or within the tolerance; 1 another one; 2 usage; 3 the commit, or a file, is not here; 66 data is not"""


def main(arguments: list[str]) -> int:
    """Make the results again and compare; returns the exit code."""
    parser = shared.Parser(
        prog="xrun reproduce",
        description="Checks out the recorded commit in a git worktree of its own, with changes.patch and the recorded data, runs the "
        "recorded plan there, compares the tables point by point, and removes the worktree. "
        "Your files, index, branches and stash stay as they are.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", metavar="RESULTS", help="a results folder, its manifest.json, an experiment, or the beginning of an id")
    told = "a secret that experiment.yaml does not keep: kwargs.token=...; or how to execute: executor.workers=2"
    parser.add_argument("secrets", metavar="KEY=VALUE", nargs="*", default=[], help=told)
    parser.add_argument("--run", metavar="ID", default="", help="this run of it alone, by a beginning of its id")
    parser.add_argument(
        "--rtol", type=_tolerance, default=0.0, metavar="X", help="numbers may differ by X times the recorded one (default: 0)"
    )
    parser.add_argument("--atol", type=_tolerance, default=0.0, metavar="X", help="and by X (default: 0)")
    parser.add_argument("--ignore", metavar="COLUMN", action="append", default=[], help="a column that is not compared; repeatable")
    parser.add_argument("--env", action="store_true", help="build a virtual environment with the recorded versions, and run in it")
    parser.add_argument("--pull", action="store_true", help="fetch recorded data that is not here from DVC's remote")
    parser.add_argument("--keep", action="store_true", help="keep the reproduced results, and say where they are")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the verdict and errors alone")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    shared.add_place(parser)
    chosen = parser.parse_intermixed_args(arguments)
    found = recording.find(chosen.results, chosen.run, shared.workspace(chosen))
    with child.interruptible():
        return _reproduce(found, chosen)


def _tolerance(text: str) -> float:
    return shared.at_least_0(text, "tolerance; write a number of 0 or more: 1e-9")


def _reproduce(found: Recording, chosen: argparse.Namespace) -> int:
    place = Path(tempfile.mkdtemp(prefix=worktree.PREFIX)).resolve()
    kept = False
    try:
        found = recording.copied(found, place / "recorded")  # whoever publishes these results anew meanwhile changes nothing
        experiment = _experiment(found, chosen)
        where = recording.repository(found, Path.cwd())
        with prepared(found, where, place, pull=chosen.pull) as checkout:
            code = _run(found, where, checkout, place, chosen)
        made = Published(place / "out" / "results" / found.experiment, "the reproduced results")
        if code not in (0, 1) or made.manifest() is None:
            print(f"xrun: the run of the recorded experiment ended with exit code {code}; there is nothing to compare", file=sys.stderr)
            return code or IncompleteError.exit_code
        tolerance = Tolerance(rtol=chosen.rtol, atol=chosen.atol)
        judged = outcome.judge(found, made, tolerance, outcome.ignored(experiment, tuple(chosen.ignore)), place)
        kept = chosen.keep
        _tell(judged, found, chosen, made.folder if kept else None)
        return judged.exit_code
    finally:
        shutil.rmtree(place, ignore_errors=True) if not kept else _clear(place)


def _experiment(found: Recording, chosen: argparse.Namespace) -> Experiment:
    """The recorded experiment, all of its files as the manifest tells. A missing secret is told, and what would make it another one."""
    from runner.config import held
    from runner.config.load import Request, load

    found.check_columns(chosen.ignore)
    found.check_table()
    found.read(recording.EXPERIMENT)
    held.check(found.folder / recording.EXPERIMENT, chosen.secrets)
    (experiment,) = load(Request(overrides=tuple(chosen.secrets), file=found.folder / recording.EXPERIMENT, cwd=Path.cwd()))
    return experiment


def _run(found: Recording, where: Repository, checkout: Checkout, place: Path, chosen: argparse.Namespace) -> int:
    """Run the recorded plan in the checkout; returns the exit code."""
    console = Console(quiet=chosen.quiet or chosen.json)
    for note in checkout.notes:
        if note.startswith("warning: ") or not console.quiet:
            print(f"xrun: {note}", file=sys.stderr)
    python = Path(sys.executable)
    if chosen.env:
        console.say("xrun: building the recorded environment")
        built = virtual.build(found, (checkout.root, checkout.tree), place / "env")
        python = built.python
        for note in built.notes:
            print(f"xrun: warning: {note}", file=sys.stderr)
    elif differing := surroundings.differences(found.manifest):
        told = surroundings.sentence(differing)
        print(f"xrun: warning: the environment is not the recorded one: {told}; --env builds that", file=sys.stderr)
    variables = surroundings.variables(where.top, checkout.tree) | ({} if chosen.keep else {PASSING: "1"})
    # Wherever the config directory was: the root is the folder around the one that is named.
    arguments = [str(checkout.file), *chosen.secrets, "--config-path", str(checkout.file.parent), "--workspace", str(place / "out")]
    if found.run:
        listed = child.call(python, ["plan", *arguments, "--json"], checkout.cwd, variables)
        if listed.code:
            return listed.code
        arguments += ["--only", _id_now(found, listed.out)]
    console.say(f"xrun: running {found.experiment} at commit {where.commit[:8]}")
    quiet = ["--quiet"] if console.quiet or not sys.stderr.isatty() else []  # what it says of its files is of no use: they go
    return child.call(python, [*arguments, *quiet], checkout.cwd, variables).code


def _id_now(found: Recording, listed: str) -> str:
    """The id that the recorded run has in the checkout's plan, whose order is the recorded one."""
    plan = [json.loads(line)["id_run"] for line in listed.splitlines()]
    if len(plan) != len(found.ids):
        raise IncompleteError(f"the recorded experiment has {len(plan)} runs at the recorded commit, and {len(found.ids)} in the manifest")
    return str(plan[found.ids.index(found.run)])


def _clear(place: Path) -> None:
    """Leave the reproduced results and their store alone."""
    for entry in place.iterdir():
        if entry.name != "out":
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()


def _tell(judged: Outcome, found: Recording, chosen: argparse.Namespace, kept: Path | None) -> None:
    if chosen.json:
        told = outcome.told(judged, found)
        environment = [{"name": d.name, "then": d.then, "now": d.now} for d in surroundings.differences(found.manifest)]
        print(codec.dumps(told | {"environment": [] if chosen.env else environment, "kept": str(kept) if kept else None}))
        return
    differing = judged.compared.differences
    if differing:
        head = ("point", "column", "recorded", "reproduced", "delta")
        lines = [(str(c.point), c.column, _cell(c.recorded), _cell(c.reproduced), _delta(c.delta)) for c in differing[:SHOWN]]
        Console().preview(Preview(columns=head, dtypes=("string",) * 5, rows=len(lines), head=tuple(lines), tail=()))
        if len(differing) > SHOWN:
            print(f"... and {len(differing) - SHOWN} more; --json has all")
    print(_sentence(judged, found, chosen))
    for line in _ids(judged):
        print(line)
    if kept is not None:
        print(f"kept: {kept}", file=sys.stderr)


def _sentence(judged: Outcome, found: Recording, chosen: argparse.Namespace) -> str:
    compared = judged.compared
    runs = f"{compared.runs} {'run' if compared.runs == 1 else 'runs'}"
    failed = f", {compared.failed} of them failed again" if compared.failed else ""
    one = compared.unrecorded == 1
    never = (
        f"; {compared.unrecorded} {'has' if one else 'have'} no recorded result (interrupted, or left out)" if compared.unrecorded else ""
    )
    left = f"; not compared: {', '.join(judged.ignored)}" if judged.ignored else ""
    if compared.verdict is Verdict.SAME:
        return f"{found.experiment}: the same, bit for bit: {runs}{failed}{never}{left}"
    if compared.verdict is Verdict.CLOSE:
        within = f"within rtol {chosen.rtol:g}, atol {chosen.atol:g}"
        return f"{found.experiment}: equal {within}: {runs}{failed}, {len(compared.cells)} values not bit for bit{never}{left}"
    points = len({cell.point for cell in compared.differences})
    return f"{found.experiment}: not reproduced: {points} of {runs} {'differs' if compared.runs == 1 else 'differ'}{failed}{never}{left}"


def _ids(judged: Outcome) -> list[str]:
    if judged.same_ids:
        return []
    why = few([f"{c.kind} {c.name} ({_cell(c.old)} -> {_cell(c.new)})" for c in judged.why], 4) or "nothing that the manifests tell of"
    return [f"the ids are other ones, because of: {why}"]


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "-" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _delta(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"
