"""Runs as runs of an MLflow tracking server or database, through MLflow's own client.

A run is found again by its tag `xrun.id_run`. The tag `xrun.exported` is set last and names the execution, so that a run whose export was
interrupted, or that was executed again since, is exported anew; the older copy is deleted after that.
"""

import argparse
import json
import os
import posixpath
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.errors import StoreError, UsageError
from runner.exports import mlflow_place as place
from runner.exports import mlflow_terms as terms
from runner.exports.base import Done, ExportWarning, Source, ended
from runner.selectors import Row

if TYPE_CHECKING:
    from mlflow import MlflowClient

INSTALL = "exporting to MLflow needs the package mlflow-skinny: pip install 'xrun[mlflow]'"
FOLDER = "MLflow no longer writes to folders (./mlruns); use --uri sqlite:///mlflow.db, or set MLFLOW_ALLOW_FILE_STORE=true"


class Mlflow:
    """The exporter."""

    summary = "To MLflow: params, metrics with all points, tags, artifacts, child runs"
    example = "xrun export mlflow coins --uri sqlite:///mlflow.db"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """As the seam says."""
        parser.add_argument(
            "--uri", default=os.environ.get("MLFLOW_TRACKING_URI"), help="the tracking server or database (default: $MLFLOW_TRACKING_URI)"
        )
        parser.add_argument("--name", help="the MLflow experiment to put the runs into (default: EXPERIMENT)")
        parser.add_argument("--no-artifacts", action="store_true", help="leave files, logged tables and output out")

    def target(self, source: Source, chosen: argparse.Namespace) -> str:
        """As the seam says."""
        return f"{chosen.uri} ({chosen.name or source.experiment})"

    def export(self, source: Source, chosen: argparse.Namespace) -> Iterator[Done]:
        """As the seam says."""
        if not chosen.uri:
            raise UsageError("where is MLflow? --uri sqlite:///mlflow.db, --uri http://HOST:5000, or set MLFLOW_TRACKING_URI")
        place.check(chosen.uri)
        client, name = _client(chosen.uri), chosen.name or source.experiment
        with _told(chosen.uri):
            with place.answering(chosen.uri):
                client.get_experiment_by_name(name)
            with place.patience(place.UNDER_WAY):
                target = _Target.open(client, name, place.files_of(chosen.uri, name), files=not chosen.no_artifacts)
                for row in source.rows():
                    yield from target.bring(source, row)


@dataclass(slots=True)
class _Copy:
    """A run of MLflow's that came from here."""

    key: str
    """MLflow's id."""
    execution: str
    """"" when its export was interrupted."""
    parent: str
    """MLflow's id of the parent run, or ""."""


@dataclass(slots=True)
class _Target:
    """An experiment of MLflow's, and what of ours is in it."""

    client: "MlflowClient"
    experiment: str
    """MLflow's id."""
    files: bool
    copies: dict[str, list[_Copy]] = field(default_factory=dict)
    """id_run -> its copies: one, or two after an interruption."""

    @classmethod
    def open(cls, client: "MlflowClient", name: str, location: str | None, *, files: bool) -> "_Target":
        found = client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage != "active":
            raise UsageError(
                f"the MLflow experiment `{name}` is deleted; `mlflow experiments restore -x {found.experiment_id}` restores it, "
                "--name NAME chooses another one"
            )
        target = cls(client, found.experiment_id if found else client.create_experiment(name, artifact_location=location), files)
        token = None
        while found:
            page = client.search_runs([target.experiment], "tags.`xrun.id_run` != ''", max_results=1000, page_token=token)
            for run in page:
                tags = run.data.tags
                copy = _Copy(run.info.run_id, tags.get(terms.EXPORTED, ""), tags.get("mlflow.parentRunId", ""))
                target.copies.setdefault(tags["xrun.id_run"], []).append(copy)
            if not (token := page.token):
                break
        return target

    def bring(self, source: Source, row: Row, parent: str | None = None) -> Iterator[Done]:
        """Bring a run and its child runs up to date."""
        old = self.copies.pop(row.record.id_run, [])
        wanted = terms.execution(row.record)
        good = [copy for copy in old if copy.execution == wanted and copy.parent == (parent or "")]
        key = good[0].key if good else self._write(source, row, parent)
        for child in source.children(row.record):
            yield from self.bring(source, child, key)
        for copy in old:
            if copy.key != key:
                self._delete(copy)
        yield Done("unchanged" if good else "replaced" if old else "new", row.record.id_run)

    def _delete(self, copy: _Copy) -> None:
        """Delete a copy, and what is still below it: child runs that are no more."""
        self.client.delete_run(copy.key)
        for id_run, copies in tuple(self.copies.items()):
            for below in [below for below in copies if below.parent == copy.key]:
                copies.remove(below)
                self._delete(below)
            if not copies:
                self.copies.pop(id_run, None)

    def _write(self, source: Source, row: Row, parent: str | None) -> str:
        from mlflow.entities import Metric, Param, RunTag

        record, client = row.record, self.client
        tags = terms.first_tags(row, source.provenance(record), parent)
        run = client.create_run(self.experiment, start_time=int(record.started * 1000), tags=tags, run_name=terms.run_name(row))
        key: str = run.info.run_id
        for batch in terms.batches(terms.params(row), terms.more_tags(row), terms.points(source, row)):
            client.log_batch(
                key,
                metrics=[Metric(*point) for point in batch.metrics],
                params=[Param(*pair) for pair in batch.params],
                tags=[RunTag(*pair) for pair in batch.tags],
            )
        if self.files:
            self._write_files(source, row, key)
        client.set_terminated(key, terms.STATUS[record.status], int(ended(record) * 1000))
        client.set_tag(key, terms.EXPORTED, terms.execution(record))
        return key

    def _write_files(self, source: Source, row: Row, key: str) -> None:
        for artifact, file in source.artifacts(row.record):
            if file.is_file():
                self.client.log_artifact(key, str(file), posixpath.dirname(artifact.path) or None)
            else:
                warnings.warn(f"{file} was deleted; the run is exported without it", ExportWarning, stacklevel=1)
        shown = []
        for path, text in terms.tables(source, row.record):
            self.client.log_text(key, text, path)
            shown.append({"path": path, "type": "table"})
        if shown:
            self.client.set_tag(key, "mlflow.loggedArtifacts", json.dumps(shown))
        for stream in ("stdout", "stderr"):
            if text := "".join(part for _, part in source.reader.output(row.record.id_run, stream)):
                self.client.log_text(key, text, f"logs/{stream}.txt")


def _client(uri: str) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # an export talks to the target and to nobody else
    try:
        import mlflow
    except ImportError as error:
        raise UsageError(f"{INSTALL}\n  {error}") from None
    import logging

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)  # on making a database they tell of every table
    with _told(uri):
        return mlflow.MlflowClient(tracking_uri=uri)


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """MLflow's errors as ours."""
    try:
        yield
    except _failures() as error:
        if "MLFLOW_ALLOW_FILE_STORE" in str(error):
            raise UsageError(FOLDER) from None
        reason = str(error).strip().partition("\n")[0]
        raise StoreError(f"MLflow at {uri}: {reason}\n  exporting again goes on from there") from error


def _failures() -> tuple[type[Exception], ...]:
    """What MLflow raises: its own errors, and those of the library below its databases, where that is installed."""
    from mlflow.exceptions import MlflowException

    try:
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        return (MlflowException,)
    return MlflowException, SQLAlchemyError
