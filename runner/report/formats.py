"""For programs: JUnit XML, JSON, workflow commands of GitHub Actions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

from runner.checks import ALL, Estimate, Outcome, Verdict
from runner.report.report import Report
from runner.report.wording import COLUMNS, line, sentence


def junit(report: Report) -> str:
    """JUnit XML: one test case per check and group; its property `runs` names the runs, 20 of them at most."""
    suite = ET.Element("testsuite", name=f"xrun check {_printable(report.experiment)}", tests=str(len(report.verdicts)))
    suite.set("failures", str(report.count(Outcome.FAIL)))
    suite.set("skipped", str(report.count(Outcome.NOTE)))
    for name, verdict in zip(_names(report), report.verdicts, strict=True):
        case = ET.SubElement(suite, "testcase", classname=f"xrun.{_printable(report.experiment)}", name=name)
        if verdict.runs:
            ET.SubElement(ET.SubElement(case, "properties"), "property", name="runs", value=_printable(" ".join(verdict.runs)))
        if verdict.outcome is Outcome.FAIL:
            ET.SubElement(case, "failure", type=str(verdict.reason), message=_printable(sentence(verdict)))
        elif verdict.outcome is Outcome.NOTE:
            ET.SubElement(case, "skipped", message=_printable(sentence(verdict)))
        told = "\n".join(f"{name}: {cell}" for name, cell in zip(COLUMNS, line(verdict), strict=True) if cell)
        ET.SubElement(case, "system-out").text = _printable(told)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _names(report: Report) -> Iterator[str]:
    """A name of its own for each verdict, since viewers take cases of one name for one case."""
    seen: Counter[str] = Counter()
    for verdict in report.verdicts:
        group = f" [{verdict.group}]" if str(verdict.group) != str(ALL) else ""
        name = _printable(f"{verdict.check.name}{group}")
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} #{seen[name]}"


def _printable(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c if c in "\n\t" or c.isprintable() else repr(c)[1:-1] for c in text)


def told(report: Report) -> dict[str, Any]:
    """For programs."""
    return {
        "experiment": report.experiment,
        "baseline": report.baseline or None,
        "exit_code": report.exit_code,
        "counts": {outcome.value.lower(): report.count(outcome) for outcome in Outcome},
        "unsuccessful": dict(report.unsuccessful),
        "notes": report.notes,
        "verdicts": [_told(verdict) for verdict in report.verdicts],
    }


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "check": verdict.check.name,
        "metric": verdict.check.metric,
        "agg": verdict.agg or None,
        "group": verdict.group.told(),
        "outcome": verdict.outcome.value.lower(),
        "reason": verdict.reason.value if verdict.reason else None,
        "text": sentence(verdict) if verdict.reason else None,
        "severity": verdict.check.severity,
        "current": _numbers(verdict.current, verdict.agg),
        "baseline": _numbers(verdict.baseline, verdict.agg),
        "delta": verdict.delta,
        "delta_percent": verdict.delta_percent,
        "tolerance": verdict.tolerance,
        "edge": verdict.edge,
        "runs": list(verdict.runs),
    }


def _numbers(found: Estimate | None, agg: str) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "n": found.n, "se": found.se(agg or "mean"), "points": found.points}


def annotations(report: Report) -> Iterable[str]:
    """Workflow commands of GitHub Actions, one for each check that does not hold."""
    for verdict in report.failures_first:
        if verdict.outcome in (Outcome.FAIL, Outcome.WARN):
            kind = "error" if verdict.outcome is Outcome.FAIL else "warning"
            title = _command(f"xrun check {report.experiment}").replace(":", "%3A").replace(",", "%2C")
            yield f"::{kind} title={title}::{_command(sentence(verdict))}"


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
