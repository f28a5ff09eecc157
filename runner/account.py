"""What an invocation made of an experiment, told at its end: to people, and to programs."""

import os
from dataclasses import asdict
from typing import Any, Final

from runner import checks, report
from runner.console import Console, here, summary
from runner.invocation import Result
from runner.watch import Watch

PASSING: Final = "XRUN_PASSING_RESULTS"
"""Set in the environment where whoever has called us removes the results once they are compared: nobody is to look for them."""


def show(result: Result, watch: Watch, console: Console) -> None:
    """The end of a run, for people."""
    console.table(result.table)
    console.failures(watch)
    console.violations(result.table)
    for verdict in result.verdicts:
        if verdict.outcome is not checks.Outcome.PASS:
            print(f"\ncheck: {report.outcome(verdict)}: {report.sentence(verdict)}", file=console.err)
    console.troubles(watch)
    for note in result.table.notes:
        console.say(f"xrun: warning: {note}")
    if result.reason and watch.seen < watch.total:
        console.say(f"xrun: {result.reason}: nothing more was started; {watch.total - watch.seen:,} runs have not been executed")
    console.say(("\n" if watch.total else "") + summary(watch, result.experiment, result.seconds))
    if not result.stopped and not os.environ.get(PASSING):
        console.say(f"{here(result.folder)}/table.csv  table.parquet  manifest.json  experiment.yaml")


def told(result: Result) -> dict[str, Any]:
    """A result for programs (`--json`)."""
    return {
        "experiment": result.experiment,
        "exit_code": result.exit_code,
        "runs": len(result.plan),
        "counts": dict(result.tally.counts),
        "cached": result.tally.cached,
        "seconds": round(result.seconds, 3),
        "folder": str(result.folder),
        "table": {
            "digest": result.table.digest,
            "rows": result.table.rows,
            "columns": dict(result.table.columns),
            "violations": [asdict(violation) for violation in result.table.violations],
        },
        "unsuccessful": [
            {"id_run": r.id_run, "status": r.status.value, "params": r.params, "failure": asdict(r.failure) if r.failure else None}
            for r in result.tally.unsuccessful
        ],
    }
