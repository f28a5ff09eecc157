"""A project whose store holds runs with everything that a run can log, and xrun called in it as a user calls it."""

import hashlib
import io
import json
import os
import subprocess
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner import codec, stores
from runner.logged import Artifact, Entry, Output, Points, Rows
from runner.record import Failure, GitState, Provenance, Record, Status, Trail
from tests import calling
from tests.calling import XRUN

COMMIT = "c0ffee" + "0" * 34
STARTED = 1_700_000_000.0

Xrun = Callable[..., "subprocess.CompletedProcess[str]"]


def png(width: int, height: int) -> bytes:
    from PIL import Image

    made = io.BytesIO()
    Image.new("RGB", (width, height), (255, 0, 0)).save(made, "png")
    return made.getvalue()


@dataclass
class Made:
    """A run to be put into the store."""

    id_run: str
    params: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, tuple[Sequence[int], Sequence[float]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    tables: dict[str, list[dict[str, list[Any]]]] = field(default_factory=dict)
    output: str = ""
    steps: dict[str, int] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


class Project:
    Made = Made
    commit, started = COMMIT, STARTED

    def __init__(self, root: Path) -> None:
        self.root = root
        self.epoch = 0
        (root / "conf").mkdir()
        (root / ".xrun").mkdir()

    def put(self, *runs: Made, experiment: str = "coins", publish: bool = True) -> None:
        """Put runs into the store as one invocation does, and let results/ show them."""
        store = stores.open(self.root / ".xrun" / "xrun.db")
        self.epoch = epoch = store.begin(experiment, STARTED)
        store.describe(
            epoch, Provenance(git=GitState(commit=COMMIT, branch="main", dirty=True), user="ada", argv=("xrun", "+experiment=coins"))
        )
        records = [self.record(run, experiment, epoch) for run in runs]
        trails = [Trail(id_run=run.id_run, experiment=experiment, epoch=epoch, attempt=1, entries=self.entries(run)) for run in runs]
        store.append(records, [trail for trail in trails if trail.entries])
        store.close()
        if publish:
            folder = self.root / "results" / experiment
            folder.mkdir(parents=True, exist_ok=True)
            ids = [record.id_run for record in records if not record.parent]
            (folder / "manifest.json").write_text(json.dumps({"runs": ids, "seed": 7}))

    @staticmethod
    def sweep() -> list[Made]:
        return sweep()

    def record(self, run: Made, experiment: str, epoch: int) -> Record:
        given: dict[str, Any] = {"status": Status.COMPLETED, "kwargs_json": codec.dumps({"P": 0.8, "model": {"C": 1}}), **run.more}
        return Record(
            id_run=run.id_run,
            experiment=experiment,
            params_json=codec.dumps(run.params),
            fields_json=codec.dumps(run.fields),
            started=STARTED,
            seconds=2.5,
            epoch=epoch,
            **given,
        )

    def entries(self, run: Made) -> tuple[tuple[str, Entry], ...]:
        made: list[Entry] = []
        for name, (steps, values) in run.metrics.items():
            made.append(Points.of(name, array("q", steps), array("d", values), STARTED, STARTED + len(steps) - 1))
        for path, data in run.files.items():
            file = self.root / ".xrun" / "artifacts" / run.id_run / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            kind = "image" if path.startswith("images/") else "file"
            made.append(Artifact(path, len(data), hashlib.sha256(data).hexdigest(), kind, run.steps.get(path)))
        for name, parts in run.tables.items():
            made += [Rows(name, max(map(len, part.values())), codec.dumps(part)) for part in parts]
        if run.output:
            made.append(Output("stdout", run.output))
        return tuple(("", entry) for entry in made)


NAN, INF = float("nan"), float("inf")


def sweep() -> list[Made]:
    """Four runs: two that completed, with curves, files and a child; one that failed; one that timed out."""
    return [
        Made(
            "aaaaaaaa-0000-8000-8000-000000000001",
            {"N": 1, "lr": 0.5},
            {"error": 0.25, "ok": True, "note": "first", "huge": 10**400, "nothing": None},
            {"loss": ([0, 1, 2], [3.0, 2.0, 1.0]), "odd": ([5, 2, 2], [INF, NAN, -INF]), "val/acc": ([0, 10], [0.5, 0.75])},
            {"model/weights.bin": b"\x00" * 100, "images/confusion/3.png": png(4, 2), "readme.txt": b"hello"},
            {"scores": [{"name": ["a", "b"], "score": [1.5, NAN]}, {"name": ["c"], "extra": [1]}]},
            "epoch 1\nepoch 2\n",
            {"images/confusion/3.png": 3},
            {
                "tags_json": '{"owner":"ada","flag":null}',
                "logged_json": '{"width":128}',
                "seed": 11,
                "cpu_seconds": 2.0,
                "max_rss": 5_000_000,
            },
        ),
        Made(
            "aaaaaaaa-0000-8000-8000-000000000002",
            {"N": 25, "lr": 0.5},
            {"error": 0.75, "ok": False, "note": "second"},
            {"loss": ([0, 1], [4.0, 2.0]), "system/cpu_percent": ([0], [99.0])},
        ),
        Made(
            "aaaaaaaa-0000-8000-8000-000000000003",
            {"N": 50, "lr": 0.5, "late": "x"},
            metrics={"loss": ([0], [9.0])},
            more={
                "status": Status.FAILED,
                "failure": Failure(kind="ValueError", message="no 50 here", traceback="Trace\nValueError: no 50 here\n"),
            },
        ),
        Made("aaaaaaaa-0000-8000-8000-000000000004", {"N": 100, "lr": 0.5}, more={"status": Status.TIMED_OUT}),
        Made(
            "bbbbbbbb-0000-8000-8000-000000000001",
            {"fold": 0},
            {"error": 0.125},
            {"loss": ([0], [0.5])},
            more={"parent": "aaaaaaaa-0000-8000-8000-000000000001", "name": "fold0"},
        ),
    ]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of the test's own."""
    return filled(tmp_path)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project for tests that only look."""
    return filled(tmp_path_factory.mktemp("shared"))


def filled(root: Path) -> Project:
    made = Project(root)
    made.put(*sweep())
    return made


@pytest.fixture
def xrun(tmp_path: Path) -> Xrun:
    return caller(tmp_path)


@pytest.fixture(scope="module")
def shared_xrun(shared_project: Project) -> Xrun:
    return caller(shared_project.root)


def caller(root: Path) -> Xrun:
    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("XRUN_", "MLFLOW_"))} | variables
        return calling.run([XRUN, *arguments], cwd=root, env=environment)

    return call
