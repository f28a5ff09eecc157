"""`xrun check EXPERIMENT`: hold results against numbers and baselines; the gate of a CI job."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runner import baseline_files, baselines, checks, codec, files, published, report, results
from runner.baselines import Baseline
from runner.checks import Check, Outcome, Sample, Verdict
from runner.commands import declared
from runner.commands import options as shared
from runner.commands.declared import Subject
from runner.console import Console, here
from runner.errors import IncompleteError, StoreError, UsageError
from runner.report import Report

SHOWN = 40
"""So many verdicts people are shown."""
_EXAMPLES = """\
example: xrun check coins                                      the `checks` of the experiment
         xrun check coins --baseline git:main                  against the results that main has committed
         xrun check coins -c 'error.mean <= 1.05 * baseline'   a check of the moment, instead of those
         xrun check results/coins/experiment.yaml              the same from any folder, with the checks of that file
         xrun check coins --update-baseline                    keep the present values in baselines/coins.json

exit codes: 0 all hold; 1 one does not; 2 usage, no check, no baseline; 3 no results, or runs that did not complete;
            74 results that cannot be read, or all hold and a report cannot be written"""


def main(arguments: list[str]) -> int:
    """Judge, tell, and return the exit code."""
    parser = shared.Parser(
        prog="xrun check",
        description="Holds the results of an experiment against its `checks`, with a line for every group of runs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser)
    chosen = parser.parse_args(arguments)
    subject = declared.subject(chosen.experiment, chosen.workspace)
    shown = published.shown(subject.name, subject.workspace)
    if not shown.sample.rows:
        raise IncompleteError(f"no run of `{subject.name}` is completed: {_counted(shown)}; there is nothing to compare")
    asked = checks.read(chosen.check, "-c") if chosen.check else subject.checks()
    if not asked:
        raise UsageError(f"`{subject.name}` has no checks; add `checks: [error.mean <= 0.1]` to it, or -c 'error.mean <= 0.1'")
    baseline = _baseline(chosen, asked, shown, subject)
    made = Report(
        experiment=subject.name,
        verdicts=tuple(verdict for check in asked for verdict in judged(check, shown.sample, baseline, lenient=chosen.allow_missing)),
        baseline=baseline.told if baseline is not None and any(check.relative for check in asked) else "",
        unsuccessful=tuple(shown.unsuccessful.items()),
    )
    if all(verdict.reason is checks.Reason.RUNS for verdict in made.verdicts) and not made.unsuccessful:
        raise UsageError(f"nothing was checked: {made.verdicts[0].text}")
    _tell(made, chosen)
    return made.exit_code if _written(made, chosen) else made.exit_code or StoreError.exit_code


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", metavar="EXPERIMENT", help="a name, a results folder, or the experiment.yaml in one")
    parser.add_argument(
        "-c", "--check", metavar="EXPR", action="append", help="check this instead of what the experiment declares; repeatable"
    )
    parser.add_argument(
        "--baseline",
        type=_what,
        metavar="WHAT",
        help="git:REV, a baseline file, a results folder, a workspace, an experiment or an id_run (default: baselines/EXPERIMENT.json)",
    )
    parser.add_argument("--update-baseline", action="store_true", help="write the present values to the baseline file, then check")
    parser.add_argument("--allow-missing", action="store_true", help="metrics and groups that only one side has are told, and no failure")
    parser.add_argument("--md", metavar="FILE", help="write a report in Markdown (also added to $GITHUB_STEP_SUMMARY, where that is set)")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    shared.add_place(parser)


def _what(text: str) -> str:
    """What --baseline names; no text at all would be the working directory, whose runs are those that are checked."""
    if not text.removeprefix(baselines.GIT).strip():
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; is the variable unset?")
    return text


def _baseline(chosen: argparse.Namespace, asked: Sequence[Check], shown: published.Shown, subject: Subject) -> Baseline | None:
    """What to compare with; None where no check needs it, and nobody named one."""
    file = baseline_files.default(subject.root, subject.name)
    if chosen.update_baseline:
        return _updated(Path(chosen.baseline) if chosen.baseline else file, chosen, asked, shown, subject.name)
    if chosen.baseline is not None:
        return baselines.find(
            chosen.baseline,
            subject.name,
            subject.workspace,
            subject.root,
            axes=shown.sample.names.params,
            runs=[row.record.id_run for row in shown.sample.rows],
            lenient=chosen.allow_missing,
        )
    if file.is_file():
        return baseline_files.read(file, here(file))
    if needy := [check.name for check in asked if check.relative]:
        raise UsageError(
            f"`{needy[0]}` needs a baseline: --baseline git:main (or a file, an experiment, an id_run), or keep one in {here(file)}"
            " with --update-baseline"
        )
    return None


def _updated(file: Path, chosen: argparse.Namespace, asked: Sequence[Check], shown: published.Shown, name: str) -> Baseline:
    """Make the present values the baseline, and read it back."""
    if chosen.check and file.is_file() and baseline_files.conflicting(file):
        raise UsageError(f"{here(file)} has a merge conflict; without -c, --update-baseline measures all checks and writes the file anew")
    if str(file).startswith(baselines.GIT) or file.is_dir() or file.name in published.FILES:
        raise UsageError(f"--update-baseline writes a file of its own, and {file} is none; --baseline baselines/{name}.json")
    if shown.unsuccessful:
        raise IncompleteError(f"not all runs of `{name}` are completed: {_counted(shown)}; that makes no baseline")
    measured = {check.key: checks.measure(check, shown.sample, lenient=chosen.allow_missing) for check in asked}
    if chosen.check and file.is_file():  # the others stay as they are
        measured = {**baseline_files.read(file, here(file)).checks, **measured}
    text = baseline_files.text(name, measured)
    file.parent.mkdir(parents=True, exist_ok=True)
    results.replace_text(file, text)
    print(f"{here(file)}: written", file=sys.stderr)
    return baseline_files.parse(text, here(file))


def _counted(shown: published.Shown) -> str:
    return ", ".join(f"{count} {status.lower().replace('_', ' ')}" for status, count in shown.unsuccessful.items()) or "none was planned"


def judged(check: Check, sample: Sample, baseline: Baseline | None, *, lenient: bool = False) -> list[Verdict]:
    """The verdicts of one check on these runs. Raises UsageError for a name in it that no run has."""
    known = None
    if baseline is not None:
        try:
            known = baseline.measured(check)
        except UsageError:
            if check.relative:
                raise
    return list(checks.judge(check, checks.measure(check, sample, lenient=lenient), known, lenient=lenient))


def _tell(made: Report, chosen: argparse.Namespace) -> None:
    if chosen.json:
        print(codec.dumps(report.told(made)))
    else:
        show(made)
    if os.environ.get("GITHUB_ACTIONS"):
        for annotation in report.annotations(made):
            print(annotation, file=sys.stderr if chosen.json else sys.stdout)


def _written(made: Report, chosen: argparse.Namespace) -> bool:
    """Write the files that are asked for; whether all of them could be. The verdicts are told by then: a gate that fails says why."""
    sys.stdout.flush()  # --md /dev/stdout comes behind the table
    text = report.markdown(made)
    asked: list[tuple[str, str, Callable[[Path], None]]] = []
    if chosen.md:
        asked.append(("--md", chosen.md, lambda path: files.put(text.encode(), path)))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        asked.append(("$GITHUB_STEP_SUMMARY", summary, lambda path: _append(f"{text}\n", path)))
    if chosen.junit:
        asked.append(("--junit", chosen.junit, lambda path: files.put(report.junit(made).encode(), path)))
    good = True
    for option, name, write in asked:
        try:
            write(Path(name))
        except BrokenPipeError:
            raise
        except OSError as error:
            good = False
            reason = os.strerror(errno.ENOTDIR) if isinstance(error, FileExistsError) else error.strerror  # a file in its folder's place
            what = "set it to" if option.startswith("$") else "name"
            print(f"xrun: {option} {name} cannot be written: {reason}; {what} a file that can be", file=sys.stderr)
    return good


def _append(text: str, path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def show(made: Report) -> None:
    """The table, and what is the matter, for people; what does not hold comes first where there is much."""
    told = list(made.verdicts) if len(made.verdicts) <= SHOWN else made.failures_first[:SHOWN]
    head, lines = report.cells(told)
    if lines:
        Console().verdicts(head, lines, report.EXPENDABLE, report.STYLES)
    if len(told) < len(made.verdicts):
        print(f"... and {len(made.verdicts) - len(told)} more verdicts; --json has all", file=sys.stderr)
    matters = [verdict for verdict in made.failures_first if verdict.outcome is not Outcome.PASS]
    for verdict in matters[:SHOWN]:
        print(f"{report.outcome(verdict)}: {report.sentence(verdict)}", file=sys.stderr)
    if len(matters) > SHOWN:
        print(f"... and {len(matters) - SHOWN} more; --json has all", file=sys.stderr)
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    print(made.summary, file=sys.stderr)
