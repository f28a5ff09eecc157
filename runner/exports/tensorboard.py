"""Runs as folders of TensorBoard events: `DIR/EXPERIMENT/RUN/`, with scalars, images and hyperparameters.

No experiment-wide list of hyperparameters is written: TensorBoard takes the first such list that it finds for all that it shows, and
without one the union over all runs, which is what people want to see.
"""

import argparse
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from runner.errors import StoreError
from runner.exports import tensorboard_events as events
from runner.exports.base import Done, Source, ended, label, number, parameters
from runner.selectors import Row

PREFIX = "events.out.tfevents.xrun."
"""How the files begin that we write, and that we may replace."""
MAX_LABEL = 120


class Tensorboard:
    """The exporter."""

    summary = "To TensorBoard: one folder per run with scalars, images and hyperparameters"
    example = "xrun export tensorboard coins tb"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """As the seam says."""
        parser.add_argument("dir", metavar="DIR", type=Path, help="what `tensorboard --logdir DIR` will show")

    def target(self, source: Source, chosen: argparse.Namespace) -> str:
        """As the seam says."""
        return str(chosen.dir / source.experiment)

    def export(self, source: Source, chosen: argparse.Namespace) -> Iterator[Done]:
        """As the seam says."""
        events.require()
        root: Path = chosen.dir / source.experiment
        try:
            before = set(root.rglob(f"{PREFIX}*"))
            written: set[Path] = set()
            for row in source.rows():
                for folder, run, given in _family(source, row):
                    file = root / folder / f"{PREFIX}{run.record.id_run}"
                    _write(file, _events(source, run, given))
                    written.add(file)
                    yield Done("replaced" if file in before else "new", run.record.id_run)
            _remove(before - written, root)
        except OSError as error:
            raise StoreError(f"{error.filename or root}: {error.strerror or error}") from error


def _family(source: Source, row: Row, folder: str = "", given: dict[str, Any] | None = None) -> Iterator[tuple[str, Row, dict[str, Any]]]:
    """A run and its child runs: folder, run, parameters. Folders lie side by side: below a run's, TensorBoard takes them as parts of it."""
    name = f"{folder} - {_name(row)}" if folder else f"{_name(row)} {row.record.id_run[:8]}"
    params = {**(given or {}), **parameters(row)}
    yield name, row, params
    for child in source.children(row.record):
        yield from _family(source, child, name, params)


def _name(row: Row) -> str:
    """A label as the name of a folder, on any file system."""
    return re.sub(r"[^\w.=,+ -]", "_", label(row))[:MAX_LABEL].strip(" .") or row.record.id_run[:8]


def _events(source: Source, row: Row, given: dict[str, Any]) -> Iterator[Any]:
    record, end = row.record, ended(row.record)
    yield events.head(record.started)
    yield events.session_start({name: value for name, value in given.items() if value is not None}, record.started)
    for name in row.metrics:
        for steps, values, times in source.reader.points(record.id_run, name):
            yield from map(events.scalar, [name] * len(steps), values, steps, times)
    for name, value in row.fields.items():
        if (amount := number(value)) is not None:
            yield events.scalar(f"fields/{name}" if name in row.metrics else name, amount, 0, end)
    for artifact, file in source.artifacts(record):
        if artifact.kind == "image" and file.is_file():
            tag = artifact.path.removeprefix("images/").rpartition("/" if artifact.step is not None else ".")[0]
            if (event := events.image(tag or artifact.path, file, artifact.step or 0, end)) is not None:
                yield event
    yield events.session_end(record.status, end)


def _write(file: Path, made: Iterator[Any]) -> None:
    """The whole file or none of it; until then under a name that TensorBoard does not read, and that the next export overwrites."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name.removeprefix(PREFIX)}.tmp")
    try:
        events.write(draft, made)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _remove(files: set[Path], root: Path) -> None:
    """Runs that an earlier export wrote and that are not among these."""
    for file in files:
        file.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else has put something there
            file.parent.rmdir()
    with suppress(OSError):
        root.rmdir()
