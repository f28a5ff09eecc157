"""Where MLflow is: whether it can be there, whether it answers, and where the files of a database's runs lie."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from runner.errors import StoreError, UsageError

PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "8"}
"""For the first request: seconds and retries (MLflow's own are 120 and 7, which is minutes of silence)."""
UNDER_WAY: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""For all others; a server that is busy comes back."""
_DATABASE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)")
_REASON = re.compile(r"\[Errno -?\d+\] (?P<text>[^'\")\]]+)")


def check(uri: str) -> None:
    """Raise UsageError for an SQLite database in a folder that does not exist; MLflow would make it, and its artifacts' as well."""
    file = _database(uri)
    if file is not None and not file.parent.is_dir():
        raise UsageError(f"--uri {uri}: there is no folder {file.parent}; make it first")


def files_of(uri: str, experiment: str) -> str | None:
    """Where the files of a new experiment go, as a URI: `mlartifacts/EXPERIMENT` beside an SQLite database; None: where MLflow says."""
    file = _database(uri)
    return None if file is None else (file.absolute().parent / "mlartifacts" / quote(experiment, safe=" ")).as_uri()


def _database(uri: str) -> Path | None:
    found = _DATABASE.fullmatch(uri.partition("?")[0])
    return Path(found["path"]) if found and found["path"] != ":memory:" else None


@contextmanager
def patience(variables: Mapping[str, str]) -> Iterator[None]:
    """How long MLflow waits for its server within this block, unless the user has said it."""
    set_here = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in set_here})
    try:
        yield
    finally:
        for name in set_here:
            os.environ.pop(name, None)


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """The first request. Raises StoreError, in a line, where nobody answers."""
    from mlflow.exceptions import MlflowException

    try:
        with patience(PATIENCE):
            yield
    except MlflowException as error:
        text = str(error)
        if not text.startswith("API request to") or "exception" not in text:
            raise
        reason = _REASON.search(text)
        told = reason["text"] if reason else "it took too long" if "timed out" in text.lower() else text.strip().partition("\n")[0]
        raise StoreError(f"MLflow at {uri} does not answer: {told}") from None
