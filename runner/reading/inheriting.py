"""A child run has the parameters of its parent besides its own: what varies is mostly said there."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from runner import codec
from runner.record import Record
from runner.stores.base import Reader


def inherited(reader: Reader, records: Iterable[Record]) -> Iterator[Record]:
    """These records, those of child runs with the params of their parents in front of their own. One that has no record has none."""
    parents: dict[str, Record | None] = {}
    for record in records:
        yield replace(record, params_json=_params(reader, record, parents)) if record.parent else record


def _params(reader: Reader, record: Record, parents: dict[str, Record | None]) -> str:
    found, params = record, dict(record.params)
    while found.parent:
        if found.parent not in parents:
            parents[found.parent] = reader.find([found.parent]).get(found.parent)
        above = parents[found.parent]
        if above is None:
            break
        params, found = {**above.params, **params}, above
    return codec.dumps(params)
