"""A store with what runs log, made by the real writer."""

import math
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import codec, stores
from runner.logged import Artifact, Output, Points, Rows
from runner.reading import Results, load
from runner.record import Failure, Record, Status, Trail
from runner.stores import SqliteReader
from runner.workspace import Workspace

IDS = [f"{n}{n}000000-0000-8000-8000-000000000000" for n in "abc"]
CHILD = "d0000000-0000-8000-8000-000000000000"


def points(name: str, steps: list[int], values: list[float], begun: float = 1000.0, ended: float = 1000.5) -> Points:
    return Points.of(name, array("q", steps), array("d", values), begun, ended)


def record(n: int, **more: object) -> Record:
    texts = {f"{kind}_json": codec.dumps(more.pop(kind)) for kind in ("params", "fields", "kwargs", "logged", "tags") if kind in more}
    return Record(
        **{"id_run": IDS[n], "experiment": "net", "status": Status.COMPLETED, "started": 1000.0 + n, "seconds": n / 2, **more, **texts}
    )


def trail(id_run: str, *entries: object) -> Trail:
    return Trail(id_run=id_run, experiment="net", epoch=0, attempt=1, entries=tuple(("", entry) for entry in entries))


RECORDS = [
    record(
        0,
        params={"lr": 0.1, "step": 1},
        kwargs={"P": 1, "same": 0},
        fields={"error": 0.5, "nested": {"a": math.inf, "b": [1, 2]}},
        max_rss=5,
        tags={"owner": "me"},
    ),
    record(
        1,
        params={"lr": 0.2, "step": 2},
        kwargs={"P": 2, "same": 0},
        fields={"error": math.nan, "loss": "as a field"},
        logged={"twice": 0.4},
    ),
    record(
        2, params={"lr": 0.3, "step": 3}, kwargs={"P": 2, "same": 0}, status=Status.FAILED, failure=Failure(kind="ValueError", message="no")
    ),
    Record(id_run=CHILD, experiment="net", status=Status.COMPLETED, params_json='{"fold":0}', parent=IDS[0], name="fold0"),
]
TRAILS = [
    trail(
        IDS[0],
        points("loss", [0, 1, 2], [3.0, 1.0, 2.0]),
        points("loss", [10, 5], [math.nan, -math.inf], 2000.0, 2000.0),
        points("system/cpu_percent", [0], [99.0]),
        Rows("confusion", 2, codec.dumps({"label": ["a", "b"], "hits": [1, 2]})),
        Rows("confusion", 1, codec.dumps({"label": ["c"], "lr": ["of the table"]})),
        Artifact("images/x.png", 5, "ab" * 32, "image", 7),
        Output("stdout", "one\n"),
        Output("stderr", "trouble\n"),
        Output("stdout", "two\n"),
    ),
    trail(IDS[1], points("loss", [0], [7.0]), points("val/acc", [0], [0.5]), Output("stdout", "three\n")),
    trail(CHILD, points("loss", [0], [-1.0])),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / ".xrun", tmp_path / "results")
    made.prepare()
    store = stores.open(made.store)
    store.begin("net", 1.0)
    store.begin("other", 2.0)
    store.append([*RECORDS[3:], *RECORDS[:3]], TRAILS)
    store.append([Record(id_run="ab" + IDS[0][2:], experiment="other", status=Status.COMPLETED)])
    store.share("other", [IDS[1]])
    store.close()
    return made


@pytest.fixture
def reader(workspace: Workspace) -> Iterator[SqliteReader]:
    opened = stores.read(workspace.store)
    yield opened
    opened.close()


@pytest.fixture
def results(workspace: Workspace) -> Results:
    return load("net", workspace)
