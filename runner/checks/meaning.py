"""What the text of a check means among the names that some runs have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runner.checks.aggregating import AGGREGATIONS
from runner.checks.check import Check
from runner.errors import UsageError
from runner.selectors import PARTS, Atom, Names, Row, Selector, known, of_table, parse, quoted, resolve, said, with_columns
from runner.suggest import nearest


class Reason(StrEnum):
    """Why a check does not pass, or says nothing."""

    BREACH = "breach"
    METRIC = "missing metric"
    NAN = "NaN"
    KIND = "not a number"
    RANGE = "beyond float64"
    RUNS = "no runs"
    GROUP = "missing group"
    EXTRA = "extra group"
    BASELINE = "not in the baseline"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no estimate."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Completed runs, and where they are from."""

    rows: Sequence[Row]
    names: Names
    told: str
    """In words: `results/coins`, `git:main`."""
    table: bool = False
    """They come from a table alone: whatever is no param is a field."""
    metrics: frozenset[str] = frozenset()
    """Of a table: what is known to be a metric of its runs, so that its parts are theirs."""

    @classmethod
    def of(
        cls,
        rows: Iterable[Row],
        told: str,
        *,
        table: bool = False,
        columns: Sequence[tuple[str, str]] | None = None,
        metrics: Iterable[str] = (),
    ) -> "Sample":
        """The sample of these runs. `columns`: `results.columns` of their experiment, empty where it has none; None: there is no table of
        theirs, or nobody knows. `metrics`: of a table, the metrics that its manifest tells of.
        """
        kept = list(rows)
        names = known(kept)
        if table:
            names = of_table(names, columns)
        elif columns is not None:
            names = with_columns(names, columns)
        return cls(kept, names, told, table, frozenset(metrics))


def meaning(check: Check, sample: Sample) -> tuple[Selector, str] | Trouble:
    """What is measured of a run, and the aggregation that the text ends in. Raises UsageError where it may be the one or the other."""
    text = check.metric
    atoms = parse(text)
    try:
        found = resolve(text, sample.names)
    except UsageError as error:
        problem = str(error)
    else:
        _refuse_both(check, text, atoms, found, sample)
        return found, ""
    if not check.agg and len(atoms) > 1 and not atoms[-1].quoted and atoms[-1].text in AGGREGATIONS:
        if trouble := _of_each_run(atoms, sample):
            return trouble
        try:
            return resolve(text.rstrip().removesuffix(f".{atoms[-1].text}"), sample.names), atoms[-1].text
        except UsageError as error:
            problem = str(error)
    elif not check.agg and len(atoms) > 1 and not atoms[-1].quoted:
        problem = _misspelt(text.strip(), atoms[-1].text, sample) or problem
    return Trouble(Reason.METRIC, f"{sample.told}: {problem}")


def _refuse_both(check: Check, text: str, atoms: Sequence[Atom], found: Selector, sample: Sample) -> None:
    """Raise UsageError for a part of a metric where a column of another kind is called as the metric: `loss.mean` of a field `loss`."""
    last, stem = atoms[-1], ".".join(atom.text for atom in atoms[:-1])
    column = sample.names.columns.get(stem)
    if (
        check.agg
        or found.kind != "metrics"
        or last.quoted
        or last.text not in AGGREGATIONS
        or (found.name, found.part) != (stem, last.text)
    ):
        return
    if column is not None and column.kind != "metrics":
        raise UsageError(
            f"check `{check.name}`, in {sample.told}: {said(text.strip())} is the {last.text} of each run's metric {said(stem)}, and the "
            f"{last.text} over the runs of their {said(column.spelling)}; write {said(found.spelling)}, or metric: {stem}, agg: {last.text}"
        )


def _of_each_run(atoms: Sequence[Atom], sample: Sample) -> Trouble | None:
    """What is wrong where the text means a part of a metric, which each run has for itself, and the table does not show it."""
    of_metric = len(atoms) > 2 and not atoms[0].quoted and atoms[0].text == "metrics"
    stem, last = ".".join(atom.text for atom in atoms[of_metric:-1]), atoms[-1].text
    if not sample.table or last not in PARTS or not (of_metric or stem in sample.metrics):
        return None
    whole = quoted(stem)
    return Trouble(
        Reason.METRIC,
        f"{sample.told}: {said(stem)} is a metric, and the table alone is there, without the {last} of each run; "
        f"add {whole}.{last} to results.columns; or metric: {whole}, agg: {last} for the {last} over the runs",
    )


def _misspelt(text: str, last: str, sample: Sample) -> str:
    """What to say of `acc.meen`, where `acc` has a value a run; "" where that is not it."""
    stem, close = text.removesuffix(f".{last}"), nearest(last, AGGREGATIONS)
    try:
        single = resolve(stem, sample.names).kind != "metrics"  # of these, there are parts as well
    except UsageError:
        single = False
    return f"there is no {said(text)}; did you mean {said(f'{stem}.{close}')}?" if single and close else ""
