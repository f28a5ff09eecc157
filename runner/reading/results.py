"""`runner.load("coins")`: the results of an experiment as data frames."""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from runner import stores, table
from runner.errors import IncompleteError, UsageError
from runner.reading.columns import default_columns, points_of, resolve_columns, run_columns, values
from runner.reading.finding import Selection, find, select
from runner.reading.kept import ARTIFACT_COLUMNS, STREAMS, artifact_rows, check_metrics, output_of
from runner.reading.tables import rows_of
from runner.stores.base import Reader
from runner.suggest import did_you_mean
from runner.workspace import Workspace, locate

if TYPE_CHECKING:
    from runner.table import DataFrame


class ConditionWarning(UserWarning):
    """A condition holds a value against one of another kind than any run has; the text says which."""


@dataclass(frozen=True, slots=True)
class Results:
    """What an experiment has left. Every call reads anew, also while it runs.

    `where` is a condition in the grammar of `runner.where`, a column one in that of `runner.selectors`; both raise UsageError for what
    they do not understand or know. Where there is nothing at all, IncompleteError names the nearest that there is.
    """

    experiment: str
    workspace: Workspace

    def table(self) -> "DataFrame":
        """The table in results/: completed runs of the plan that was asked for last."""
        return table.read(self.workspace.results / self.experiment)

    def runs(
        self, where: str | None = None, columns: Iterable[str] | Mapping[str, str] | None = None, *, children: bool = False
    ) -> "DataFrame":
        """One row a run that the store has, whatever its status.

        A run that has no record has the status RUNNING while it executes, once it has logged something, and LOST when its process died.

        `columns`: selectors, or a mapping of column name -> selector; `id_run` is always there. Default: id, status, the point, kwargs in
        which the runs differ, fields, last values of metrics, logged parameters, each under the shortest name that stands for it.
        `children`: child runs as well, with the columns `parent` and `name`.
        """
        with self._selected(where, children=children) as (_, chosen):
            asked = resolve_columns(columns, chosen.names) if columns is not None else default_columns(chosen.rows, chosen.names)
            found = values(chosen.rows, asked)
            if children:
                found |= {
                    "parent": [row.record.parent or None for row in chosen.rows],
                    "name": [row.record.name or None for row in chosen.rows],
                }
            return table.framed(found)

    def metrics(self, name: str | Sequence[str] | None = None, where: str | None = None, *, children: bool = False) -> "DataFrame":
        """One row a point: `id_run`, the params, `metric`, `step`, `time` (UTC), `value`, in the order in which they were logged.

        `name`: a metric or several; None: all but those of the system (`system/...`).
        """
        wanted = [name] if isinstance(name, str) else name
        with self._selected(where, children=children) as (reader, chosen):
            check_metrics(wanted or (), chosen, self.experiment)
            return table.joined(table.pointwise(run_columns(chosen.rows), points_of(reader, chosen.rows, wanted)))

    def artifacts(self, where: str | None = None, *, children: bool = False) -> "DataFrame":
        """One row a file: `id_run`, `path` (as kept), `size` (bytes), `sha256`, `kind`, `step` (of an image), `file` (where it lies)."""
        with self._selected(where, children=children) as (reader, chosen):
            found = artifact_rows(reader, chosen.rows, self.workspace.artifacts)
            return table.framed({name: [line[name] for line in found] for name in ARTIFACT_COLUMNS})

    @overload
    def logs(self, id_run: str, stream: str | None = None) -> str: ...

    @overload
    def logs(self, id_run: None = None, stream: str | None = None) -> dict[str, str]: ...

    def logs(self, id_run: str | None = None, stream: str | None = None) -> str | dict[str, str]:
        """What a run wrote to `stdout` or `stderr`, to both where `stream` is None; without an id, of every run, by id.

        A beginning of the id is enough where it is unique.
        """
        if stream is not None and stream not in STREAMS:
            raise UsageError(f"there is no stream `{stream}`; {did_you_mean(stream, STREAMS, 'streams')}")
        if id_run is not None:
            with self._reader() as reader:
                return "".join(text for _, _, text in output_of(reader, find(reader, id_run).id_run, stream))
        with self._selected(None) as (reader, chosen):
            ids = [row.record.id_run for row in chosen.rows]
            return {one: "".join(text for _, _, text in output_of(reader, one, stream)) for one in ids}

    def rows(self, name: str, where: str | None = None, *, children: bool = False) -> "DataFrame":
        """The rows that runs logged to the table `name`: `id_run`, the params, the columns of the table; null where a row lacks one."""
        with self._selected(where, children=children) as (reader, chosen):
            return table.framed(rows_of(reader, chosen.rows, name, f"the runs of `{self.experiment}`"))

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        reader = stores.read(self.workspace.store)
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def _selected(self, where: str | None, *, children: bool = False) -> Iterator[tuple[Reader, Selection]]:
        with self._reader() as reader:
            chosen = select(reader, self.experiment, where, children=children)
            for note in chosen.notes:
                warnings.warn(note, ConditionWarning, stacklevel=4)
            yield reader, chosen


def load(experiment: str, workspace: "str | os.PathLike[str] | Workspace | None" = None) -> Results:
    """The results of an experiment of the project around the working directory.

    `workspace`: the folder that holds `.xrun/` and `results/`, as --workspace; default: $XRUN_WORKSPACE, or the project root. Raises
    IncompleteError, with the nearest name, when there is neither a run nor a table of that experiment.
    """
    if not isinstance(workspace, Workspace):
        from runner.config.place import find as find_place

        chosen = None if workspace is None else os.fspath(workspace)
        workspace = locate(find_place(Path.cwd(), os.environ.get("XRUN_CONF")).root, chosen)
    names = [path.parent.name for path in sorted(workspace.results.glob("*/table.parquet"))]
    if experiment not in names and workspace.store.is_file():
        reader = stores.read(workspace.store)
        try:
            names += [name for name, _, _ in reader.experiments()]
        finally:
            reader.close()
    if experiment not in names:
        hint = did_you_mean(experiment, dict.fromkeys(names), "experiments")
        raise IncompleteError(f"there are no results of `{experiment}` in {workspace.folder.parent}; {hint}")
    return Results(experiment, workspace)
