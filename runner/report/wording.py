"""Verdicts in words."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from runner.checks import ALL, Estimate, Outcome, Verdict

COLUMNS: Final = ("check", "group", "baseline", "current", "delta", "delta %", "tolerance", "n", "verdict")

EXPENDABLE: Final = ("tolerance", "n", "delta %", "delta", "baseline")
"""Those that a narrow terminal leaves out, the first one first."""
STYLES: Final = {Outcome.FAIL.value: "bold red", Outcome.WARN.value: "yellow", Outcome.NOTE.value: "dim", Outcome.PASS.value: "green"}
"""Outcome, as a verdict begins with it -> how it looks on a terminal."""


def number(value: float | None) -> str:
    """Six digits; nothing for what is not known."""
    return "" if value is None else _told(value, ".6g")


def signed(value: float | None) -> str:
    """Four digits and the sign; nothing for what is not known."""
    return "" if value is None else _told(value, "+.4g")


def _told(value: float, form: str) -> str:
    try:
        return format(value, form)
    except OverflowError:  # an integer that no float holds
        return format(Decimal(value), form)


def line(verdict: Verdict) -> tuple[str, ...]:
    """The cells of COLUMNS."""
    return (
        verdict.check.name,
        str(verdict.group),
        _estimate(verdict.baseline, verdict.agg),
        _estimate(verdict.current, verdict.agg),
        signed(verdict.delta),
        "" if verdict.delta_percent is None else f"{verdict.delta_percent:+.2f} %",
        tolerance(verdict),
        _runs(verdict),
        outcome(verdict),
    )


def outcome(verdict: Verdict) -> str:
    """The verdict in a word or three."""
    word = verdict.outcome.value
    return word if verdict.reason is None else f"{word}: {verdict.reason.value}"


def tolerance(verdict: Verdict) -> str:
    """By how much the value may be off: `+0.01` or `-0.01` from the baseline, or the limit itself, `<= 0.1`."""
    if verdict.edge is None:
        return ""
    if not verdict.check.relative:
        return f"{verdict.check.sign} {number(verdict.edge)}"
    told = signed(verdict.tolerance)
    return f"±{told.lstrip('+-')}" if verdict.check.sign == "==" else told


def _estimate(found: Estimate | None, agg: str) -> str:
    if found is None:
        return ""
    error = found.se(agg or "mean")
    return number(found.value) if error is None else f"{number(found.value)} ± {error:.2g}"


def _runs(verdict: Verdict) -> str:
    counts = [str(each.n) for each in (verdict.baseline, verdict.current) if each is not None]
    return " -> ".join(dict.fromkeys(counts)) if len(counts) > 1 else "".join(counts)


def sentence(verdict: Verdict) -> str:
    """What is the matter: check, group, and why, in a line."""
    where = f" ({verdict.group})" if str(verdict.group) != str(ALL) else ""
    return f"{verdict.check.name}{where}: {verdict.text or _breach(verdict)}"


def _breach(verdict: Verdict) -> str:
    if verdict.current is None or verdict.edge is None:
        return "holds"
    value = f"{verdict.check.metric} is {number(verdict.current.value)}"
    if verdict.reference is None or not verdict.check.relative:
        return f"{value}, allowed is {tolerance(verdict)}"
    percent = "" if verdict.delta_percent is None else f" ({verdict.delta_percent:+.2f} %)"
    return f"{value}, the baseline {number(verdict.reference)}, delta {signed(verdict.delta)}{percent}, tolerance {tolerance(verdict)}"


def cells(verdicts: Sequence[Verdict]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and lines of the table, without columns in which nothing stands."""
    lines = [line(verdict) for verdict in verdicts]
    kept = [n for n in range(len(COLUMNS)) if n in (0, len(COLUMNS) - 1) or any(cells[n] for cells in lines)]
    return tuple(COLUMNS[n] for n in kept), [tuple(cells[n] for n in kept) for cells in lines]
