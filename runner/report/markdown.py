"""GitHub's Markdown."""

from typing import Final

from runner.checks import Outcome
from runner.report.report import Report
from runner.report.wording import COLUMNS, line, sentence

MARKDOWN_LIMIT: Final = 60_000
"""Characters; a comment on GitHub takes 65,536."""
MARKS: Final = {Outcome.FAIL: "❌", Outcome.WARN: "⚠️", Outcome.NOTE: "⚪", Outcome.PASS: "✅"}


def markdown(report: Report) -> str:
    """GitHub's Markdown, failures first; where it would be too long, what passed is left out first."""
    mark = MARKS[Outcome.FAIL if report.exit_code == 1 else Outcome.PASS if report.exit_code == 0 else Outcome.WARN]
    head = [f"### {mark} xrun check: {_escaped(report.summary)}", ""]
    head += ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    rest = [f"- {_escaped(sentence(v))}" for v in report.failures_first if v.text]
    rest = ["", *rest[:20], *(f"- {_escaped(note)}" for note in report.notes)] if rest or report.notes else []
    room = MARKDOWN_LIMIT - sum(map(len, [*head, *rest]))
    lines: list[str] = []
    for number_, verdict in enumerate(report.failures_first):
        cells = line(verdict)
        text = f"| {MARKS[verdict.outcome]} | {_code(cells[0])} | " + " | ".join(map(_escaped, cells[1:])) + " |"
        room -= len(text) + 1
        if room < 0:
            rest = ["", f"... and {len(report.verdicts) - number_} more", *rest]
            break
        lines.append(text)
    return "\n".join([*head, *lines, *rest]) + "\n"


def _escaped(text: str) -> str:
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\|*_`[]<>#~" else c for c in flat)


def _code(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|")
    return f"`{flat}`" if "`" not in flat else _escaped(text)
