"""What a results table calls the values of runs: a name means the same whether the store has the runs, or their table alone is left."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from runner.errors import UsageError
from runner.selectors.resolving import KINDS, key_of, resolve
from runner.selectors.row import Names
from runner.selectors.selector import PARTS, Selector
from runner.selectors.spelling import parse

_OF_TABLES: Final = frozenset(("id_run", "status"))
"""What is known of a run of which there is a row in a table and nothing else."""


def with_columns(names: Names, declared: Sequence[tuple[str, str]]) -> Names:
    """`names` of runs in a store, and before them the columns of the table that shows the runs: what stands in both is the column.

    `declared`: `results.columns`; empty: the table shows every field.
    """
    columns = {} if declared else {name: Selector("fields", name) for name in names.fields}
    for column, text in declared:
        try:
            columns[column] = resolve(text, names)
        except UsageError:  # the table has a column of nulls, and a note said so
            continue
    return replace(names, columns=columns | {name: Selector("params", name) for name in names.params})


def of_table(names: Names, declared: Sequence[tuple[str, str]] | None) -> Names:
    """`names` of the rows of a table, in which everything that is no param is a field: what a column shows is found under it.

    `declared`: `results.columns` of the experiment that the table is of; None: not known, and a column may show anything that is called
    so.
    """
    columns = {name: Selector("fields", name) for name in names.fields} | {name: Selector("params", name) for name in names.params}
    texts = {name: text for name, text in declared or () if name in names.fields}
    if not declared:
        free = names.fields if declared is None else {name for name in names.fields if not name.startswith("fields.")}
        texts = {name: name if declared is None else f"fields.{name}" for name in free}
    aliases: dict[str, Selector] = {}
    for sure in (True, False):
        for column, text in texts.items():
            for spelling in _spellings(text, sure=sure):
                aliases.setdefault(spelling, columns[column])
    return replace(names, columns=columns, aliases=aliases, attributes=_OF_TABLES)


def _spellings(text: str, *, sure: bool) -> Iterator[str]:
    """Other ways to write a selector: those that mean the same, or those (not `sure`) that may."""
    try:
        atoms = parse(text)
    except UsageError:  # an interpolation that nobody resolves here
        return
    key = key_of(atoms)
    if key is None:
        if sure:
            yield text
        return
    kind, name = (atoms[0].text, key.partition(".")[2]) if not atoms[0].quoted and len(atoms) > 1 and atoms[0].text in KINDS else ("", key)
    names = [name]
    if kind in ("", "metrics"):  # the last value is what a metric's name stands for
        stem, _, part = name.rpartition(".")
        names += [stem] if part == "last" and stem else [] if part in PARTS else [f"{name}.last"]
    prefixes = ("",) if sure and not kind else (f"{kind}.",) if sure else ("",) if kind else tuple(f"{each}." for each in KINDS)
    yield from (f"{prefix}{each}" for prefix in prefixes for each in names)
