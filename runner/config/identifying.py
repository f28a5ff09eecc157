"""What belongs to the identity of runs, beyond what they are given: `ignore`, `default_ids`, `identity.packages`, `checkpoint`."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from runner.config.reader import Reader, shown
from runner.config.schema import CheckpointSchema, IdentitySchema, keys_of
from runner.spec import CheckpointSpec, Variant
from runner.suggest import did_you_mean, nearest

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def ignore(reader: Reader, variants: Sequence[Variant]) -> frozenset[str]:
    """Kwargs that are left out."""
    names = reader.texts(reader.tree["ignore"], "ignore")
    known = dict.fromkeys(name.partition(".")[0] for name in _names(variants))
    for n, name in enumerate(names):
        _refuse_misspelt(reader, name, f"ignore[{n}]", known)
    return frozenset(names)


def default_ids(reader: Reader, variants: Sequence[Variant]) -> Mapping[str, Any]:
    """Values of kwargs and axes at which runs have the ids that they have without them."""
    given = reader.mapping(reader.tree["default_ids"], "default_ids")
    known = dict.fromkeys(_names(variants))
    for name in given:
        _refuse_misspelt(reader, name, f"default_ids.{name}", known)
    return given


def _refuse_misspelt(reader: Reader, name: str, key: str, known: Collection[str]) -> None:
    """A name that nothing here has may be meant for other experiments that share the file; one that nearly is something's is not."""
    close = None if name in known else nearest(name, known)
    if close:
        raise reader.refuse(key, f"there is no kwarg or axis `{name}`", f"did you mean `{close}`?")


def packages(reader: Reader) -> tuple[str, ...]:
    """Distributions whose versions count; whether they are installed is looked up when a plan is made."""
    section = reader.closed(reader.tree["identity"], "identity", keys_of(IdentitySchema))
    names = reader.texts(section["packages"], "identity.packages")
    for n, name in enumerate(names):
        if not _DISTRIBUTION.fullmatch(name):
            hint = "write the name alone: numpy"
            raise reader.refuse(f"identity.packages[{n}]", f"{shown(name)} is not the name of a package", hint)
    return tuple(sorted({re.sub(r"[-_.]+", "-", name).lower() for name in names}))


def checkpoint(reader: Reader, variants: Sequence[Variant]) -> CheckpointSpec:
    """Whose `run.checkpoint` is: `keep`, or a mapping. One that is shared is kept as well."""
    given = reader.tree["checkpoint"]
    if given is None or given == "keep":
        return CheckpointSpec(keep=given is not None)
    if not isinstance(given, dict):
        raise reader.refuse("checkpoint", f"{shown(given)} is neither `keep` nor a mapping", "write {exclude: [epochs]}")
    section = reader.closed(given, "checkpoint", keys_of(CheckpointSchema))
    names = reader.texts(section.get("exclude", []), "checkpoint.exclude")
    known = dict.fromkeys(_names(variants))
    for n, name in enumerate(names):
        if name not in known:
            raise reader.refuse(f"checkpoint.exclude[{n}]", f"there is no kwarg or axis `{name}`", did_you_mean(name, known))
    keep = reader.boolean(section.get("keep", bool(names)), "checkpoint.keep")
    if names and not keep:
        raise reader.refuse("checkpoint.keep", "a checkpoint that runs share is kept, since the next one goes on there", "remove it")
    return CheckpointSpec(keep=keep, exclude=frozenset(names))


def _names(variants: Sequence[Variant]) -> Iterator[str]:
    """Dotted names of all kwargs, inner ones included, and of all axes."""
    for variant in variants:
        yield from _below(variant.kwargs, "")
        yield from (axis.name for grid in variant.grids for axis in grid.axes)


def _below(tree: Mapping[Any, Any], prefix: str) -> Iterator[str]:
    for key, value in tree.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _below(value, f"{prefix}{key}.")
