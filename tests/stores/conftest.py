"""Processes that start together; a store with some of everything in it, and what a reader must show of it."""

import math
import subprocess
import sys
from array import array
from dataclasses import asdict

import pytest

from runner import codec, stores
from runner.logged import FLOAT, INT, Artifact, Output, Points, Rows
from runner.record import Failure, Provenance, Record, Status, Trail

RUNS = 40


def fill(path):
    """Make the store; runs that failed, that logged, with kwargs of their own and shared ones."""
    store = stores.open(path)
    epoch = store.begin("e", 1.5)
    store.describe(epoch, Provenance(python="3", argv=("xrun", "x"), packages={f"package-{n}": "1.0" for n in range(40)}))
    for n in range(RUNS):
        id_run = f"{n:08x}-0000-8000-8000-000000000000"
        failed = n % 7 == 3
        record = Record(
            id_run=id_run,
            experiment="e",
            status=Status.FAILED if failed else Status.COMPLETED,
            params_json=codec.dumps({"n": n}),
            fields_json=codec.dumps({"value": n / 7, "text": f"run {n} \u20ac", "odd": [math.nan, -math.inf]}),
            failure=Failure(kind="E", message="no", traceback="x" * 200) if failed else None,
            kwargs_json=codec.dumps({"K": n // 10, "long": "k" * 50}),
            seconds=n / 3,
            seed=n,
            epoch=epoch,
        )
        store.append(
            [record], [Trail(id_run=id_run, experiment="e", epoch=epoch, attempt=1, entries=tuple(("", entry) for entry in logs(n)))]
        )
    store.close()
    return epoch


def logs(n):
    steps, values = array(INT, range(20)), array(FLOAT, [math.sin(n + k) for k in range(20)])
    return (
        Points.of("loss", steps, values, 1.0, 2.0),
        Points.of("acc", array(INT, [3, 1]), array(FLOAT, [math.nan, -0.0]), 1.0, 2.0),
        Rows("t", 2, codec.dumps({"a": [n, n + 1]})),
        Artifact(f"a/{n}.txt", n, f"{n:064x}"),
        Output("stdout", f"line {n} \u20ac\n"),
    )


def shown(reader, epoch, problem):
    """Everything that a reader shows, each thing under a key of its own; what it refuses to show is told to `problem`."""
    found = {}

    def plain(record):
        return {name: float(value) if name in ("cpu_seconds", "seconds", "started") else value for name, value in asdict(record).items()}

    def look(what):
        try:
            found.update(what())
        except problem.kinds as error:
            problem(error)

    look(lambda: {("record", r.id_run): plain(r) for r in reader.records("e")})
    ids = [f"{n:08x}-0000-8000-8000-000000000000" for n in range(RUNS)]
    look(lambda: {("find", i): plain(r) for i, r in reader.find(ids).items()})
    look(lambda: {("result", i): text for i, text in reader.results(ids).items()})
    look(lambda: {("summary", i): {n: repr(s) for n, s in named.items()} for i, named in reader.summaries(ids).items()})
    look(lambda: {("artifacts", i): files for i, files in reader.artifacts(ids).items()})
    look(lambda: {("provenance",): reader.provenance(epoch)})
    look(lambda: {("last", name): started for name, _, started in reader.experiments()})
    look(lambda: {("children", i): reader.children(i) for i in ids})
    for id_run in ids:
        look(lambda id_run=id_run: {("lookup", id_run): [plain(r) for r in reader.lookup(id_run)]})
        for name in ("loss", "acc"):
            look(lambda id_run=id_run, name=name: {("points", id_run, name): repr(list(reader.points(id_run, name)))})
        look(lambda id_run=id_run: {("tables", id_run): reader.tables(id_run)})
        look(lambda id_run=id_run: {("output", id_run): [text for _, text in reader.output(id_run, "stdout")]})
    return found


def a_record(id_run, n, **changes):
    return Record(**{"id_run": id_run, "experiment": "e", "status": Status.COMPLETED, "params_json": codec.dumps({"n": n}), **changes})


@pytest.fixture(scope="session")
def filled():
    """The functions above."""
    return sys.modules[__name__]


@pytest.fixture
def together():
    """together(n, code): run code in n processes that start at one moment; their exit codes."""

    def run(count, code):
        start = "import sys; sys.stdin.readline()\n"
        made = [subprocess.Popen([sys.executable, "-c", start + code], stdin=subprocess.PIPE) for _ in range(count)]
        for process in made:
            process.stdin.write(b"\n")
        for process in made:
            process.stdin.close()
        return [process.wait(60) for process in made]

    return run
