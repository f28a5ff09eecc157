"""Runs made by hand: what a store would give."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from runner import codec
from runner.checks import Sample, Verdict, judge, measure, read
from runner.logged import Summary
from runner.record import Record, Status
from runner.selectors import Row

Values = Mapping[str, Any]


def row(params: Values, fields: Values, metrics: Mapping[str, list[float]] | None = None, kwargs: Values | None = None) -> Row:
    record = Record(
        id_run="00000000-0000-8000-8000-000000000000",
        experiment="x",
        status=Status.COMPLETED,
        params_json=codec.dumps(params),
        fields_json=codec.dumps(fields),
        kwargs_json=codec.dumps(kwargs or {}),
    )
    return Row(record, {name: Summary.of(range(len(values)), values) for name, values in (metrics or {}).items()})


def replicated(groups: Mapping[str, Iterable[float]], axis: str = "model") -> Sample:
    """A sample with the field `loss` at one point a group, each with its replicates."""
    rows = [row({axis: name, "replicate": n}, {"loss": value}) for name, values in groups.items() for n, value in enumerate(values)]
    return Sample.of(rows, "the sample")


def verdicts(check: Any, current: Sample, baseline: Sample | None = None, *, lenient: bool = False) -> list[Verdict]:
    (made,) = read([check])
    known = None if baseline is None else measure(made, baseline, lenient=lenient)
    return list(judge(made, measure(made, current, lenient=lenient), known, lenient=lenient))


@pytest.fixture
def told() -> Callable[..., list[tuple[str, str, str]]]:
    """(group, outcome, reason) of each verdict."""

    def call(*arguments: Any, **options: Any) -> list[tuple[str, str, str]]:
        found = verdicts(*arguments, **options)
        return [(str(v.group), v.outcome.value, v.reason.value if v.reason else "") for v in found]

    return call
