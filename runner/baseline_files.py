"""A baseline file, `baselines/EXPERIMENT.json`: what checks measured when it was written. Written and read; anybody may have edited it."""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner import codec
from runner.checks import Check, Estimate, Group, Measured, plain
from runner.errors import UsageError
from runner.shape import Part, ShapeError

FORMAT: Final = 1
_CONFLICT: Final = re.compile(rb"^(<{7}|={7}|>{7})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """A baseline file: what checks measured when it was written."""

    checks: Mapping[str, Measured]
    told: str

    def measured(self, check: Check) -> Measured | None:
        """As it was kept."""
        return self.checks.get(check.key)


def default(root: Path, experiment: str) -> Path:
    """The baseline file of an experiment."""
    return root / "baselines" / f"{experiment}.json"


def text(experiment: str, measured: Mapping[str, Measured]) -> str:
    """A baseline file: the same measurements make the same text. Raises UsageError when one of them is no number."""
    entries: dict[str, Any] = {}
    for key, found in measured.items():
        troubles = [found.trouble] if found.trouble else [each for each in found.groups.values() if not isinstance(each, Estimate)]
        if troubles and troubles[0] is not None:
            raise UsageError(f"this makes no baseline: {key}: {troubles[0].reason.value}: {troubles[0].text}")
        groups = [_told(group, each) for group, each in found.groups.items() if isinstance(each, Estimate)]
        entries[key] = {"agg": found.agg, "groups": sorted(groups, key=lambda told: codec.dumps(told["group"]))}
    return _laid_out(experiment, entries)


def _laid_out(experiment: str, entries: Mapping[str, Any]) -> str:
    """Keys in order, a line a group, so that a change is a line in a pull request."""
    parts = []
    for key in sorted(entries):
        groups = ",\n".join(f"   {_json(told)}" for told in entries[key]["groups"])
        parts.append(f'  {_json(key)}: {{"agg": {_json(entries[key]["agg"])}, "groups": [\n{groups}\n  ]}}')
    checks = ",\n".join(parts)
    return f'{{\n "checks": {{\n{checks}\n }},\n "experiment": {_json(experiment)},\n "format": {FORMAT}\n}}\n'


def _json(value: Any) -> str:
    return json.dumps(codec.plain(value), sort_keys=True, ensure_ascii=False)


def _told(group: Group, found: Estimate) -> dict[str, Any]:
    told: dict[str, Any] = {"group": group.told(), "value": found.value, "n": found.n}
    told |= {"points": found.points} if found.points != 1 else {}
    return told if found.sd is None else told | {"sd": found.sd, "df": found.df}


def read(file: Path, told: str) -> Kept:
    """The baseline file there; `told`: it in words. Raises UsageError where it cannot be read, or is none."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"the baseline file {told} cannot be read: {error.strerror}") from None
    return parse(content, told)


def parse(content: bytes | str, told: str) -> Kept:
    """What `text` made. Raises UsageError, with the key path, for anything else."""
    try:
        whole = _tree(content if isinstance(content, str) else content.decode())
        found = whole.get("format")
        if found.whole() != FORMAT:
            raise UsageError(
                f"{told} is a baseline file of another version of xrun (format {found.value}); --update-baseline writes a new one"
            )
        if not whole.get("checks").there:
            raise whole.get("checks").wrong("a mapping")
        return Kept({key: _measured(entry) for key, entry in whole.get("checks").parts().items()}, told)
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except ShapeError as error:
        problem = str(error)
    if conflict(content):
        advice = "resolve it, or `xrun check EXPERIMENT --update-baseline` writes the file anew"
        raise UsageError(f"{told} is not a baseline file: it has a merge conflict; {advice}")
    raise UsageError(f"{told} is not a baseline file ({problem}); `xrun check EXPERIMENT --update-baseline` writes one")


def conflicting(file: Path) -> bool:
    """Whether git has left the markers of a merge conflict in it."""
    return conflict(file.read_bytes())


def conflict(content: bytes | str) -> bool:
    """The same of a content."""
    return bool(_CONFLICT.search(content if isinstance(content, bytes) else content.encode(errors="replace")))


def _tree(content: str) -> Part:
    """All of it. Raises ShapeError for what is no JSON, and for values in it that are none: `{"$date": 3}`, a lone surrogate."""
    try:
        tree = codec.loads(content)
        codec.dumps(tree)
    except RecursionError:
        raise ShapeError("it is nested too deeply") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, struct.error) as error:
        raise ShapeError(str(error)) from None
    return Part(tree)


def _measured(entry: Part) -> Measured:
    groups = entry.get("groups")
    if not groups.there:
        raise groups.wrong("a list")
    counted = entry.get("agg").value == "count"
    return Measured(entry.get("agg").text(), dict(_group(each, 0 if counted else 1) for each in groups.items()))


def _group(told: Part, least: int) -> tuple[Group, Estimate]:
    """`least`: so few runs it is made of."""
    group, sd = told.get("group"), told.get("sd")
    if not group.there:
        raise group.wrong("a mapping")
    group.parts()
    if sd.there and not 0 <= sd.number() < float("inf"):
        raise sd.wrong("a number of at least 0")
    return Group.of(group.value), Estimate(
        value=plain(told.get("value").number()),
        n=told.get("n").whole(least),
        sd=float(sd.number()) if sd.there else None,
        df=told.get("df").whole(1) if sd.there else 0,
        points=told.get("points").whole() if told.get("points").there else 1,
    )
