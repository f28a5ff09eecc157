"""`xrun doctor`: looks at the store row by row, at the files that runs keep, and at the published results. Changes nothing."""

import hashlib
import shlex
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runner import stores, table
from runner.errors import StoreError, XrunError
from runner.listing import few
from runner.stores import header, scanning
from runner.stores.damage import told
from runner.upkeep import kept
from runner.upkeep.finding import Finding, unreadable, users
from runner.workspace import Workspace

REPAIR: Final = "`xrun doctor --repair` makes a new store of what is intact; running the experiments again makes the rest"
_LISTED: Final = 5


def examine(workspace: Workspace) -> list[Finding]:
    """Everything that is wrong. Raises IncompleteError when there is no store, StoreError when nothing of it can be read."""
    try:
        stores.check(workspace.store)
    except stores.BrokenError as error:
        if not header.looks_like_one(workspace.store):
            raise StoreError(unreadable(workspace.store)) from None
        return [Finding("structure", str(error).partition(";")[0], REPAIR), *_results(workspace)]
    busy = users(workspace)
    found = [Finding("running", sentence, "nothing: what it writes is not looked at", problem=False) for sentence in busy]
    try:
        found += _store(workspace.store, busy=bool(busy))
    except stores.BrokenError as error:
        found.append(Finding("structure", str(error).partition(";")[0], REPAIR))
    if not any(finding.problem for finding in found):  # whose a file is, a damaged store cannot say
        found += _artifacts(workspace)
        if not busy:
            found += _leftovers(workspace)
    return [*found, *_results(workspace)]


def _store(path: Path, *, busy: bool) -> Iterator[Finding]:
    with told(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            wrong = _structure(db)
            if wrong:
                yield Finding("structure", f"the file of the store is damaged: {wrong}", REPAIR)
            db.text_factory = bytes
            damaged = [found for found in scanning.scan(db) if not found.intact]
            if damaged:
                yield Finding("rows", _rows(damaged), REPAIR)
            live = 0 if busy or wrong or damaged else db.execute("SELECT count(*) FROM attempt WHERE live").fetchone()[0]
        finally:
            db.close()
    if live:
        text = f"{live} attempts were killed and have left what they logged"
        yield Finding("attempts", text, "nothing: the next run of the experiment, or `xrun doctor --repair`, removes it", problem=False)


def _structure(db: sqlite3.Connection) -> str:
    try:
        wrong = [row[0] for row in db.execute("PRAGMA integrity_check(3)")]
        wrong = [] if wrong == ["ok"] else wrong
        wrong += [f"{child} names a row of {parent} that is not there" for child, _, parent, _ in db.execute("PRAGMA foreign_key_check")]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        wrong = [str(error)]
    return " ".join(" ".join(wrong[:_LISTED]).replace("*** in database main ***", "").split())


def _rows(damaged: list[scanning.Found]) -> str:
    """`3 rows of points, 1 of run are damaged (runs a, b)`."""
    counts = Counter(found.table for found in damaged)
    runs = list(dict.fromkeys(found.whose for found in damaged if found.whose))
    whose = f" (of runs {few(runs, _LISTED)})" if runs else ""
    return f"rows are damaged: {', '.join(f'{count} of `{name}`' for name, count in counts.items())}{whose}"


def _artifacts(workspace: Workspace) -> Iterator[Finding]:
    missing, changed = [], []
    for file, artifact in kept.artifacts(workspace):
        if not file.is_file():
            missing.append(file)
        elif file.stat().st_size != artifact.size or _sha256(file) != artifact.sha256:
            changed.append(file)
    again = "`xrun EXPERIMENT --force` makes them again"
    if missing:
        yield Finding("artifacts", f"{len(missing)} files that runs kept are missing: {few(missing, _LISTED)}", again)
    if changed:
        yield Finding("artifacts", f"{len(changed)} files are not what runs kept: {few(changed, _LISTED)}", again)


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""


def _leftovers(workspace: Workspace) -> Iterator[Finding]:
    remove = "`xrun gc --yes` removes them"
    orphans, drafts = kept.orphans(workspace), kept.drafts(workspace)
    if orphans:
        text = f"{len(orphans)} folders of artifacts belong to no run: {few(orphans, _LISTED)}"
        yield Finding("orphans", text, remove, problem=False)
    if replaced := kept.replaced(workspace):
        text = f"{len(replaced)} folders are left of runs that were killed while they executed again: {few(replaced, _LISTED)}"
        action = "nothing: what their records tell of is whole; the next xrun, `xrun doctor --repair` or `xrun gc --yes` removes the rest"
        yield Finding("replaced", text, action, problem=False)
    if drafts:
        yield Finding("drafts", f"{len(drafts)} files were left half written: {few(drafts, _LISTED)}", remove, problem=False)


def _results(workspace: Workspace) -> Iterator[Finding]:
    """Published tables that are not what their manifests say. One of the two files is enough, in git for instance, as for `xrun verify`."""
    for file in kept.manifests(workspace):
        again = f"`xrun {shlex.quote(str(file.parent / 'experiment.yaml'))}` publishes it again"
        try:
            said = kept.manifest_of(file).table
            digests = table.digests(file.parent, said.columns) if said.digest is not None else {}
        except XrunError as error:
            yield Finding("results", str(error).partition("\n")[0], again)
            continue
        if said.digest is None:
            yield Finding("results", f"{file} tells of no table", again)
        elif not digests:
            yield Finding("results", f"there is no table in {file.parent}", again)
        elif {*digests.values()} != {said.digest}:
            yield Finding("results", f"the table in {file.parent} is not the one that its manifest tells of", again)
