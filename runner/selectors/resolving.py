"""Selectors as text -> what they stand for, among the names that there are."""

from collections.abc import Iterator
from typing import Final

from runner.errors import UsageError
from runner.selectors.row import TREES, Names
from runner.selectors.selector import ATTRIBUTES, PARTS, Selector
from runner.selectors.spelling import Atom, parse, quoted, said
from runner.suggest import did_you_mean, nearest

KINDS: Final = (*TREES, "metrics", "run")
"""Prefixes of selectors."""
_ONE: Final = {"fields": "a field", "metrics": "a metric", "params": "a param"}
"""Kinds of which a name without prefix may be of one only."""


def resolve(text: str, names: Names) -> Selector:
    """What `text` stands for. Raises UsageError for a bad spelling, for a name that nothing has, and for one that several kinds have."""
    atoms = parse(text)
    if (column := _column(text.strip(), atoms, names)) is not None:
        return column
    kind = atoms[0].text
    if not _prefixed(atoms):
        return _bare(text.strip(), atoms, names)
    name = _joined(atoms[1:])
    if kind == "run":
        known = _own(names)
        found = [Selector("run", name)] if name in known else []
    elif kind == "metrics":
        known = names.metrics
        found = list(_metrics(atoms[1:], known))
    else:
        known = getattr(names, kind)
        found = [Selector(kind, name)] if name in known else []
    if not found:
        raise _unknown(text.strip(), atoms[1:], names, sorted(known), f"{kind}.")
    return _only(text.strip(), found)


def key_of(atoms: tuple[Atom, ...]) -> str | None:
    """The selector without its backticks; None where it would mean something else without them: `` `loss.min` `` is no part of `loss`."""
    last = atoms[-1]
    return None if last.quoted and last.text.rpartition(".")[2] in PARTS and (len(atoms) > 1 or "." in last.text) else _joined(atoms)


def _column(text: str, atoms: tuple[Atom, ...], names: Names) -> Selector | None:
    """What the runs' table calls so, or shows under another name."""
    if not _prefixed(atoms) and (column := names.columns.get(_joined(atoms))) is not None:
        return column
    key = key_of(atoms)
    for known in (names.columns, names.aliases):
        if (found := known.get(text) or (known.get(key) if key is not None else None)) is not None:
            return found
    return None


def _prefixed(atoms: tuple[Atom, ...]) -> bool:
    return len(atoms) > 1 and not atoms[0].quoted and atoms[0].text in KINDS


def _own(names: Names) -> frozenset[str]:
    return frozenset(ATTRIBUTES) if names.attributes is None else names.attributes


def _bare(text: str, atoms: tuple[Atom, ...], names: Names) -> Selector:
    name = _joined(atoms)
    found = [Selector("fields", name)] if name in names.fields else []
    found += _metrics(atoms, names.metrics)
    found += [Selector("params", name)] if name in names.params else []
    if found:
        return _only(text, found)
    for kind in ("kwargs", "logged"):
        if name in getattr(names, kind):
            return Selector(kind, name)
    if name in _own(names):
        return Selector("run", name)
    choices = [n for kind in ("fields", "metrics", "params", "kwargs", "logged") for n in sorted(getattr(names, kind))]
    raise _unknown(text, atoms, names, list(dict.fromkeys([*names.columns, *choices, *(n for n in ATTRIBUTES if n in _own(names))])), "")


def _joined(atoms: tuple[Atom, ...]) -> str:
    return ".".join(atom.text for atom in atoms)


def _metrics(atoms: tuple[Atom, ...], known: frozenset[str]) -> Iterator[Selector]:
    """The metrics, and parts of them, that may be meant."""
    stem, last = _joined(atoms[:-1]), atoms[-1]
    part = len(atoms) > 1 and not last.quoted and last.text in PARTS and stem in known
    if part:
        yield Selector("metrics", stem, last.text)
    if _joined(atoms) in known and not (part and atoms[-2].quoted):
        yield Selector("metrics", _joined(atoms), "last")


def _only(text: str, found: list[Selector]) -> Selector:
    """The one that may be meant."""
    if len(found) == 1:
        return found[0]
    kinds = list(dict.fromkeys(selector.kind for selector in found))
    what = " and ".join(_ONE[kind] for kind in kinds) if len(kinds) > 1 else "a metric and a part of one"
    spellings = " or ".join(said(_unmistakable(s) if len(kinds) == 1 else s.spelling) for s in found)
    raise UsageError(f"{said(text)} is {what}; write {spellings}")


def _unmistakable(selector: Selector) -> str:
    """Its spelling where there is a metric `loss.min` beside the metric `loss`."""
    if selector.kind == "metrics" and selector.part != "last":
        return f"metrics.{quoted(selector.name, always=True)}.{selector.part}"
    return selector.spelling


def _unknown(text: str, atoms: tuple[Atom, ...], names: Names, choices: list[str], prefix: str) -> UsageError:
    """The error for a name that nothing has: the nearest one with this prefix (or without), else with any, else the list."""
    stem, last = _joined(atoms[:-1]), atoms[-1].text
    if stem in names.metrics and prefix in ("", "metrics."):
        written = prefix + quoted(stem)
        close = nearest(last, PARTS)
        hint = f"did you mean {said(f'{written}.{close}')}?" if close else f"it has: {', '.join(f'{written}.{p}' for p in PARTS)}"
        return UsageError(f"a metric has no {said(last)}; {hint}")
    name = _joined(atoms)
    if close := nearest(name, choices):
        return UsageError(f"there is no {said(text)}; did you mean {said(prefix + quoted(close))}?")
    everything = {Selector(kind, n, "last").spelling: n for kind in (*TREES, "metrics") for n in sorted(getattr(names, kind))}
    everything |= {f"run.{n}": n for n in ATTRIBUTES if n in _own(names)}
    same = [spelling for spelling, n in everything.items() if n == name]  # under another prefix
    if close := same[0] if same else None if prefix else nearest(text, everything):
        return UsageError(f"there is no {said(text)}; did you mean {said(close)}?")
    listed = [prefix + quoted(n) for n in choices]
    return UsageError(f"there is no {said(text)}; {did_you_mean('', listed, f'names with `{prefix}`' if prefix else 'names')}")
