"""The checks that need no baseline, held against the runs that have just ended."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.checks.check import Check, read
from runner.checks.judging import Outcome, Verdict, judge
from runner.checks.meaning import Reason, Sample
from runner.checks.measuring import measure
from runner.errors import UsageError
from runner.selectors import Row


def absolute(
    declared: Iterable[Mapping[str, Any]], rows: Iterable[Row], columns: Sequence[tuple[str, str]] | None = None
) -> tuple[Verdict, ...]:
    """Their verdicts; none where no run is completed. `columns`: as of `Sample.of`.

    What cannot be understood now that there are runs fails, and takes nothing along.
    """
    asked = [check for check in read(declared) if not check.relative]
    sample = Sample.of(rows if asked else (), "the results", columns=columns)
    return tuple(verdict for check in asked for verdict in _judged(check, sample)) if sample.rows else ()


def _judged(check: Check, sample: Sample) -> list[Verdict]:
    try:
        return list(judge(check, measure(check, sample)))
    except UsageError as error:
        outcome = Outcome.WARN if check.severity == "warn" else Outcome.FAIL
        return [Verdict(check=check, outcome=outcome, reason=Reason.METRIC, text=str(error))]
