"""`xrun diff A B`: what differs between two results. It tells and never gates."""

import argparse
import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from runner import checks, codec, comparing, published, report
from runner.baselines import GIT, Runs, results_in
from runner.commands import options as shared
from runner.commands.check import judged, show
from runner.comparing import Change, Column, Side, Tables
from runner.console import columns
from runner.errors import IncompleteError, UsageError
from runner.provenance import revisions
from runner.published import Published
from runner.report import Report, number, signed
from runner.suggest import did_you_mean
from runner.why import ABSENT
from runner.workspace import Workspace

KINDS: Final = ("config", "code", "data", "environment")
MOST: Final = 20
"""Lines of a section that people are shown."""
_WIDTH: Final = 48
"""Characters of a value in a terminal."""


def main(arguments: list[str]) -> int:
    """Print what differs; returns 0."""
    parser = shared.Parser(
        prog="xrun diff",
        description="What differs from A to B: config, code, data, environment, and the tables, matched by point. Always exits 0.",
        epilog="example: xrun diff coins@git:main coins\n         xrun diff coins dice\n"
        "         xrun diff old/manifest.json results/coins -c 'error.mean <= 1.05 * baseline'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = "an experiment, EXPERIMENT@git:REV (git:REV: the other one's), a results folder or its manifest.json"
    parser.add_argument("a", metavar="A", help=what)
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("-c", "--check", metavar="EXPR", action="append", help="try a check with A as the baseline; no gate; repeatable")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    from runner.config.place import find

    root, workspace = find(Path.cwd(), os.environ.get("XRUN_CONF")).root, shared.workspace(chosen)
    asked = checks.read(chosen.check or (), "-c")
    with ExitStack() as stack:
        old = _side(chosen.a, chosen.b, workspace, root, stack)
        new = _side(chosen.b, chosen.a, workspace, root, stack)
    found = comparing.changes(old, new)
    tables = comparing.tables(old.sample, new.sample) if old.sample is not None and new.sample is not None else None
    made = _judged(asked, old, new)
    if chosen.json:
        print(codec.dumps(_told(old, new, found, tables, made)))
    else:
        _print(old, new, found, tables)
        if made is not None:
            print()
            show(made)
    return 0


def _side(text: str, other: str, workspace: Workspace, root: Path, stack: ExitStack) -> Side:
    """What an argument means. Raises UsageError or IncompleteError, with the nearest experiment."""
    name, _, revision = text.rpartition(f"@{GIT}") if f"@{GIT}" in text else ("", "", text.removeprefix(GIT))
    if name or text.startswith(GIT):
        name = name or other.partition("@")[0]
        if name.startswith(GIT) or not name:
            raise UsageError(f"{text} of which experiment? write EXPERIMENT@{GIT}{revision}")
        name = _experiment_of(name)
        return _of_folder(stack.enter_context(published.at(revision, results_in(workspace, root) / name, root)))
    path = Path(text)
    if path.is_file() or (path.is_dir() and text not in published.names(workspace)):
        folder = Published(path.parent if path.is_file() else path, text)
        if not folder.has_table and folder.manifest() is None:
            raise UsageError(f"{text} is no results folder: there is neither a table nor a manifest.json")
        return _of_folder(folder)
    known = published.names(workspace)
    name, _, revision = text.partition("@")
    if text not in known and name in known and revisions.exists(root, revision):
        raise UsageError(f"there are no results of `{text}`; did you mean {name}@{GIT}{revision}?")
    if text not in known and revisions.exists(root, text):
        raise UsageError(f"there are no results of `{text}`; did you mean {GIT}{text}?")
    if text not in known:
        raise IncompleteError(f"there are no results of `{text}`; {did_you_mean(text, known, 'experiments')}")
    results = Published(workspace.results / text, text)
    runs = published.shown(text, workspace).sample
    sample = comparing.beside(results.sample(), runs) if results.has_table else runs  # metrics count under their columns' names
    return Side(told=text, manifest=results.manifest(), config=results.config(), sample=sample, runs=runs)


def _experiment_of(text: str) -> str:
    """The experiment that the other argument is about: its name, or that of the folder."""
    path = Path(text)
    return (path.parent if path.is_file() else path).name


def _of_folder(folder: Published) -> Side:
    sample = folder.sample() if folder.has_table else None
    return Side(told=folder.told, manifest=folder.manifest(), config=folder.config(), sample=sample)


def _judged(asked: Iterable[checks.Check], old: Side, new: Side) -> Report | None:
    """The checks that are tried; None without any."""
    asked = list(asked)
    if not asked:
        return None
    then, now = old.runs or old.sample, new.runs or new.sample
    if then is None or now is None:
        raise IncompleteError("there is no table to check on both sides")
    baseline = Runs(then, old.told)
    verdicts = tuple(verdict for check in asked for verdict in judged(check, now, baseline))
    return Report(experiment=new.told, verdicts=verdicts, baseline=old.told)


def _print(old: Side, new: Side, found: list[Change], tables: Tables | None) -> None:
    print(f"A  {_origin(old)}\nB  {_origin(new)}")
    for kind in KINDS:
        lines = [(f"  {c.name}", f"{_short(c.old)} -> {_short(c.new)}") for c in found if c.kind == kind]
        if lines:
            print(f"\n{kind}:\n{columns(lines[:MOST])}")
            _more(len(lines))
    if tables is None:
        print("\ntable: not on both sides")
    else:
        _print_table(tables)


def _print_table(tables: Tables) -> None:
    print(f"\ntable: {tables.both} points in both, {len(tables.only_old)} only in A, {len(tables.only_new)} only in B")
    for letter, groups in (("A", tables.only_old), ("B", tables.only_new)):
        for group in groups[:MOST]:
            print(f"  only in {letter}: {group}")
        _more(len(groups))
    for letter, names in (("A", tables.lost), ("B", tables.gained)):
        if names:
            print(f"  columns only in {letter}: {', '.join(names)}")
    if changed := [column for column in tables.columns if column.differing]:
        head = ("  column", "differing", "mean A", "mean B", "delta", "delta %", "greatest delta", "at")
        print(columns([head, *map(_line, changed)], head=1))
    for name, count in tables.texts.items():
        print(f"  {name} differs at {count} of {tables.both} points")
    if tables.same:
        print("  no difference")


def _more(count: int) -> None:
    if count > MOST:
        print(f"  ... and {count - MOST} more; --json has all")


def _line(column: Column) -> tuple[str, ...]:
    percent = f"{100 * column.delta / abs(column.old):+.2f} %" if column.old and column.delta is not None else ""
    of = f"{column.differing} of {column.n}"
    delta, most = signed(column.delta), signed(column.most)
    return f"  {column.name}", of, number(column.old), number(column.new), delta, percent, most, str(column.where)


def _origin(side: Side) -> str:
    git, written = (side.manifest.git, side.manifest.written) if side.manifest is not None else (None, None)
    commit = f"commit {git.commit[:8]}{' and changes' if git.dirty else ''}" if git is not None and git.commit else ""
    return ", ".join(part for part in (side.told, commit, written) if part)


def _short(value: Any) -> str:
    told = _tellable(value)
    text = repr(told) if told is ABSENT else told if isinstance(told, str) else codec.dumps(told)
    return text if len(text) <= _WIDTH or not sys.stdout.isatty() else f"{text[: _WIDTH - 3]}..."


def _told(old: Side, new: Side, found: list[Change], tables: Tables | None, made: Report | None) -> dict[str, Any]:
    told: dict[str, Any] = {"a": old.told, "b": new.told}
    for kind in KINDS:
        told[kind] = [_change(change) for change in found if change.kind == kind]
    told["table"] = None if tables is None else _table(tables)
    return told | ({} if made is None else {"verdicts": report.told(made)["verdicts"]})


def _change(change: Change) -> dict[str, Any]:
    values = {key: _tellable(value) for key, value in (("old", change.old), ("new", change.new)) if value is not ABSENT}
    return {"name": change.name, **values}


def _tellable(value: Any) -> Any:
    """The value, or its text where it is nothing that JSON has: YAML knows mappings with keys that are numbers."""
    try:
        codec.dumps(value if value is not ABSENT else None)
    except codec.UnserialisableError:
        return str(value)
    return value


def _table(tables: Tables) -> dict[str, Any]:
    return {
        "same": tables.same,
        "both": tables.both,
        "only_a": [group.told() for group in tables.only_old],
        "only_b": [group.told() for group in tables.only_new],
        "columns_only_a": list(tables.lost),
        "columns_only_b": list(tables.gained),
        "differing_texts": dict(tables.texts),
        "columns": {
            c.name: {
                "n": c.n,
                "differing": c.differing,
                "a": c.old,
                "b": c.new,
                "delta": c.delta,
                "greatest_delta": c.most,
                "at": c.where.told(),
            }
            for c in tables.columns
        },
    }
