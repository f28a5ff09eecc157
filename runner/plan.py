"""Experiment -> Plan: the frozen, lazy, deterministic list of runs, before anything executes. Pure."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from runner import codec, identity, points
from runner.errors import PlanError, UsageError
from runner.quick import quick
from runner.spec import REPLICATE, Experiment, Grid, Variant


@dataclass(frozen=True, slots=True)
class Run:
    """All steps at one point."""

    index: int
    """Position in the plan, from 0."""
    id_run: str
    params: dict[str, Any]
    """The point: axis name (dotted where nested) -> value, in the plan's order."""
    seed: int
    scope: int
    """Index into `Plan.scopes`, where the kwargs are."""
    kwargs: Mapping[str, Any] | None = None
    """Kwargs of this run alone, where they refer to the point; None: `Plan.scopes[scope]`."""
    links: tuple[str, ...] = ()
    """What identifies the run up to its first step, its second, ..., but for the last."""


QuickRun = quick(Run)
"""The same, for those who make many."""


@dataclass(frozen=True)
class Plan:
    """The runs of an experiment. Iterating makes them one by one; two iterations are equal."""

    experiment: Experiment
    code: tuple[str, ...]
    """The code digest of each step."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Declared path -> content hash."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution whose version counts -> version."""
    files: tuple[Mapping[str, str], ...] = ()
    """Of each step, the sources that its digest counts: path below the root -> SHA-256; empty where nobody has told."""
    exempt: tuple[str, ...] = ()
    """Sources that steps import and their policies do not count."""
    only: frozenset[str] | None = None
    """Ids of the runs that are left of it; None: all. Their index, seed and id are what they are without it."""

    @cached_property
    def scopes(self) -> tuple[Mapping[str, Any], ...]:
        """The kwargs of each (variant, grid), without what an axis replaces."""
        return tuple(_without(v.kwargs, points.axis_names(g)) for v, g in self._grids)

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """Names of all axes in the order of the table's columns."""
        names = dict.fromkeys(name for _, grid in self._grids for name in points.axis_names(grid))
        return (*names, REPLICATE) if self.experiment.replicates is not None else tuple(names)

    @property
    def _grids(self) -> list[tuple[Variant, Grid]]:
        return [(variant, grid) for variant in self.experiment.variants for grid in variant.grids]

    def __len__(self) -> int:
        """The number of runs. Counted without making them, unless points are excluded or grids overlap."""
        return self._length

    @cached_property
    def _length(self) -> int:
        if self.only is not None:
            return sum(1 for _ in self)  # two points may be the same run
        total = 0
        for variant in self.experiment.variants:
            if len(variant.grids) == 1 and not variant.grids[0].exclude:
                total += points.product_size(variant.grids[0])
            else:
                total += sum(1 for n in range(len(variant.grids)) for _ in points.of_grid(variant.grids, n))
        return total * (self.experiment.replicates or 1)

    def __iter__(self) -> Iterator[Run]:
        """The runs in plan order: variants, then grids, then the product with the last axis fastest, then replicates."""
        steps = tuple(identity.encode_step(step, code) for step, code in zip(self.experiment.steps, self.code, strict=True))
        index = scope = 0
        for variant in self.experiment.variants:
            for n in range(len(variant.grids)):
                for run in self._of_grid(variant, n, index, scope, steps):
                    index = run.index + 1
                    if self.only is None or run.id_run in self.only:
                        yield run
                scope += 1

    def _of_grid(self, variant: Variant, n: int, index: int, scope: int, steps: tuple[bytes, ...]) -> Iterator[Run]:
        """The runs of one grid, numbered from `index`."""
        experiment = self.experiment
        seed_of = identity.seeding(experiment.seed)
        replicates: Sequence[int | None] = range(experiment.replicates) if experiment.replicates is not None else (None,)
        hashed = self._base(self.scopes[scope])
        unsaid = {identity.encode_item(name, value) for name, value in experiment.default_ids.items()}
        for point in points.of_grid(variant.grids, n):
            params = {name: value for name, value, _ in point}
            items = [item for _, _, item in point]
            encoded = b"".join(sorted(set(items) - unsaid if unsaid else items))
            kwargs = None
            if variant.kwargs_at is not None:
                kwargs = _without(variant.kwargs_at(params), points.axis_names(variant.grids[n]))
                hashed = self._base(kwargs)
            for replicate in replicates:
                whole, values = encoded, params
                if replicate is not None:
                    whole = encoded + identity.encode_item(REPLICATE, replicate)
                    values = {**params, REPLICATE: replicate}
                h0 = hashed.copy()
                h0.update(whole)
                start = h0.digest()
                id_run = identity.uuid8(identity.chain(start, steps))
                links = identity.links(start, steps) if len(steps) > 1 else ()
                yield QuickRun(index, id_run, values, seed_of(encoded, replicate or 0), scope, kwargs, links)
                index += 1

    def _base(self, kwargs: Mapping[str, Any]) -> "hashlib._Hash":
        return identity.base(self.identifying(kwargs), self.data, self.experiment.seed, self.packages)

    def identifying(self, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of the kwargs counts."""
        return identity.kept(kwargs, self.experiment.ignore, self.experiment.default_ids)

    def kwargs(self, run: Run) -> Mapping[str, Any]:
        """The fixed parameters of a run."""
        return self.scopes[run.scope] if run.kwargs is None else run.kwargs

    def kwargs_json(self, run: Run) -> str:
        """The fixed parameters of a run as JSON text (`runner.codec`), made once for all runs that share them."""
        return self._scope_texts[run.scope] if run.kwargs is None else codec.dumps(run.kwargs)

    @cached_property
    def _scope_texts(self) -> tuple[str, ...]:
        return tuple(codec.dumps(kwargs) for kwargs in self.scopes)


def expand(
    experiment: Experiment, code: tuple[str, ...], data: Mapping[str, str] | None = None, packages: Mapping[str, str] | None = None
) -> Plan:
    """The plan of an experiment, given the code digest of each step, the content hash of each data entry, the versions that count.

    Raises PlanError when no point is left.
    """
    plan = Plan(experiment, code, data or {}, packages or {})
    if any(grid.exclude for _, grid in plan._grids) and next(iter(plan), None) is None:
        raise PlanError(["`exclude` drops every point"])
    return plan


def limited(plan: Plan, beginnings: Sequence[str]) -> Plan:
    """The plan with the runs alone whose ids begin so; all of it without any. Raises UsageError unless each is the beginning of one id."""
    if not beginnings:
        return plan
    wanted = {beginning: beginning.lower() for beginning in beginnings}
    found: dict[str, dict[str, None]] = {beginning: {} for beginning in beginnings}
    for run in plan:
        for beginning, lowered in wanted.items():
            if run.id_run.startswith(lowered):
                found[beginning][run.id_run] = None
    for beginning, ids in ((beginning, list(known)) for beginning, known in found.items()):
        if len(ids) != 1:
            problem = f"several runs of the plan begin with `{beginning}`: {', '.join(ids[:3])}; give more of the id"
            raise UsageError(problem if ids else f"no run of the plan has an id that begins with `{beginning}`; xrun plan lists them")
    return replace(plan, only=frozenset(id_run for known in found.values() for id_run in known))


def _without(kwargs: Mapping[str, Any], names: list[str]) -> Mapping[str, Any]:
    """`kwargs` less what an axis replaces (`model.C` below the kwarg `model`)."""
    for name in names:
        head, _, rest = name.partition(".")
        if rest and isinstance(kwargs.get(head), Mapping):
            kwargs = {**kwargs, head: _without_path(kwargs[head], rest)}
    return kwargs


def _without_path(tree: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    head, _, rest = path.partition(".")
    if rest and isinstance(tree.get(head), Mapping):
        return {**tree, head: _without_path(tree[head], rest)}
    return {key: value for key, value in tree.items() if key != head}
