"""Why two runs have different identities: what of params, kwargs, seed, data, steps, code and packages differs. Pure."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner import codec, identity
from runner.dotted import leaves
from runner.evidence import Evidence, StepEvidence

MAX_SHOWN = 40
"""Characters of a value in a line."""


class _Absent:
    def __repr__(self) -> str:
        return "(none)"


ABSENT = _Absent()
"""Stands for a value that is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs."""

    kind: str
    """`params`, `kwargs`, `seed`, `data`, `step`, `code` or `packages`."""
    name: str = ""
    """Which one: a dotted name, a path, a step."""
    old: Any = ABSENT
    new: Any = ABSENT

    def __str__(self) -> str:
        """A few words: `kwargs.K 100 -> 50`, `code: examples/coins.py`."""
        if self.kind in ("code", "data"):
            how = " (added)" if self.old is ABSENT else " (removed)" if self.new is ABSENT else ""
            return f"{self.kind}: {self.name}{how}"
        if self.kind == "step" and ABSENT in (self.old, self.new):
            return f"step {self.name} {'added' if self.old is ABSENT else 'removed'}"
        name = {"seed": "seed", "step": f"step {self.name}"}.get(self.kind, f"{self.kind}.{self.name}")
        return f"{name} {shown(self.old)} -> {shown(self.new)}"

    def told(self) -> dict[str, Any]:
        """For programs; what is not there is left out."""
        values = {key: value for key, value in (("old", self.old), ("new", self.new)) if value is not ABSENT}
        return {"kind": self.kind, "name": self.name, **values}


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of two runs."""

    params: Mapping[str, Any]
    kwargs: Mapping[str, Any]
    evidence: Evidence | None
    """None: it is not known what its identity was made of."""


def shown(value: Any) -> str:
    """A value in a line, shortened."""
    text = repr(value) if value is ABSENT else codec.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def compare(one: Side, other: Side) -> list[Difference]:
    """What makes the identity of `other` differ from that of `one`; empty where nothing is known to."""
    found = [
        *_values("params", _counting(one.params, one.evidence), _counting(other.params, other.evidence)),
        *_values("kwargs", *(dict(leaves(_counting(side.kwargs, side.evidence, ignoring=True))) for side in (one, other))),
    ]
    if one.evidence is not None and other.evidence is not None:
        found += between(one.evidence, other.evidence)
    return found


def between(old: Evidence, new: Evidence) -> list[Difference]:
    """What differs besides params and kwargs."""
    seeds = [Difference(kind="seed", old=old.seed, new=new.seed)] if old.seed != new.seed else []
    code = dict.fromkeys(_code(old, new))
    return [*seeds, *_values("data", old.data, new.data), *_steps(old, new), *code, *_values("packages", old.packages, new.packages)]


def unified(path: str, old: bytes | None, new: bytes | None) -> str:
    """A unified diff of a source, "" where one of them is not text."""
    try:
        before, after = ((text or b"").decode().splitlines(keepends=True) for text in (old, new))
    except UnicodeDecodeError:
        return ""
    first, second = f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null"
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in difflib.unified_diff(before, after, first, second))


def _counting(values: Mapping[str, Any], evidence: Evidence | None, *, ignoring: bool = False) -> Mapping[str, Any]:
    """Those that belong to the identity."""
    if evidence is None:
        return values
    if ignoring:
        return identity.kept(values, evidence.ignore, evidence.default_ids)
    unsaid = {identity.encode_item(name, value) for name, value in evidence.default_ids.items()}
    return {name: value for name, value in values.items() if identity.encode_item(name, value) not in unsaid}


def _values(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if {} in (before, after) and ABSENT in (before, after) and any(other.startswith(f"{name}.") for other in (*old, *new)):
            continue  # empty here and full there: what it is full of is told
        if ABSENT in (before, after) or identity.encode(before) != identity.encode(after):
            yield Difference(kind=kind, name=name, old=before, new=after)


def _declared(step: StepEvidence) -> dict[str, Any]:
    return {key: value for key, value in step.told.items() if key != "code"}


def _steps(old: Evidence, new: Evidence) -> Iterator[Difference]:
    """Steps that were added, removed or declared otherwise."""
    for before, after in _pairs(old.steps, new.steps):
        if before is None or after is None:
            step = after or before
            assert step is not None  # noqa: S101 - one of the two is there
            absent = {"new": ABSENT, "old": _reference(step)} if after is None else {"old": ABSENT, "new": _reference(step)}
            yield Difference(kind="step", name=step.name, **absent)
            continue
        for change in _values("step", dict(leaves(_declared(before))), dict(leaves(_declared(after)))):
            yield Difference(kind="step", name=f"{after.name}.{change.name}", old=_said(change.old), new=_said(change.new))


def _said(value: Any) -> Any:
    """An option that is there on one side alone is no step that is: None stands for it."""
    return None if value is ABSENT else value


def _reference(step: StepEvidence) -> Any:
    return step.told.get("call") or step.told.get("process")


def _code(old: Evidence, new: Evidence) -> Iterator[Difference]:
    """Sources that differ, of steps that both have."""
    for before, after in _pairs(old.steps, new.steps):
        if before is None or after is None or before.told.get("code") == after.told.get("code"):
            continue
        files = list(_values("code", before.files, after.files))
        if before.policy != after.policy:
            yield Difference(kind="step", name=f"{after.name}.code", old=before.policy, new=after.policy)
        elif files:
            yield from files
        else:
            yield Difference(kind="code", name=f"of step {after.name}", old=before.told.get("code"), new=after.told.get("code"))


def _pairs(old: Iterable[StepEvidence], new: Iterable[StepEvidence]) -> Iterator[tuple[StepEvidence | None, StepEvidence | None]]:
    """Steps beside each other: equally declared ones, else those in one place; None where there is no partner."""
    one, other = list(old), list(new)
    keys, others = ([identity.encode(_declared(step)) for step in steps] for steps in (one, other))
    for _, a, b, c, d in difflib.SequenceMatcher(a=keys, b=others, autojunk=False).get_opcodes():
        for n in range(max(b - a, d - c)):
            yield one[a + n] if a + n < b else None, other[c + n] if c + n < d else None
