"""How the golden stores were made. A store of a released format is never made again: it stands for those that people have.

`python tests/stores/golden/make.py VERSION FILE`: 1 works for ever, since it writes what format 1 was; 2 while format 2 is the present one.
"""

import sqlite3
import sys
from array import array
from pathlib import Path

from runner import codec, stores
from runner.logged import FLOAT, INT, Artifact, Output, Points, Rows
from runner.record import Failure, Provenance, Record, Status, Trail
from runner.stores.schema import APPLICATION_ID, MIGRATIONS

RUNS = 30


def version_1(path):
    db = sqlite3.connect(path, isolation_level=None)
    for statement in MIGRATIONS[0]:
        db.execute(statement)
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")
    db.execute("PRAGMA user_version=1")
    db.execute(
        "INSERT INTO epoch VALUES (1, 'coins', 1700000000.25, ?)", ('{"git": null, "data": [], "python": "3.11", "argv": ["xrun"]}',)
    )
    db.execute("INSERT INTO epoch VALUES (2, 'other', 1700000100.5, NULL)")
    for n in range(RUNS):
        failure = '{"kind": "ValueError", "message": "no", "traceback": "", "where": "a.py:1", "step": "toss"}' if n % 7 == 3 else None
        row = (
            n + 1, id_of(n), "coins" if n < 25 else "other", "FAILED" if failure else "COMPLETED", codec.dumps({"N": n}),
            codec.dumps({"error": n / 7, "text": "\u20ac", "odd": [float("nan"), -0.0, 2**70]}), '{"a":"b"}', failure,
            n * 143_165_576 % 2**32, 1 + n % 2, 1700000000.25 + n, n / 3, 1 if n < 25 else 2,
        )  # fmt: skip
        db.execute(f"INSERT INTO run VALUES ({','.join('?' * 13)})", row)
    db.execute("INSERT INTO shared VALUES ('other', ?)", (id_of(0),))
    db.close()


def version_2(path):
    store = stores.open(path)
    epoch = store.begin("coins", 1700000000.25)
    store.describe(epoch, Provenance(python="3.11", argv=("xrun",)))
    for n in range(RUNS):
        record = Record(
            id_run=id_of(n),
            experiment="coins",
            status=Status.FAILED if n % 7 == 3 else Status.COMPLETED,
            params_json=codec.dumps({"N": n}),
            fields_json=codec.dumps({"error": n / 7, "text": "\u20ac", "odd": [float("nan"), -0.0, 2**70]}),
            tags_json='{"a":"b"}',
            failure=Failure(kind="ValueError", message="no", where="a.py:1", step="toss") if n % 7 == 3 else None,
            seed=n * 143_165_576 % 2**32,
            attempt=1 + n % 2,
            started=1700000000.25 + n,
            seconds=n / 3,
            epoch=epoch,
            kwargs_json=codec.dumps({"P": 0.8, "K": n // 10}),
            logged_json='{"lr":0.1}',
            cpu_seconds=n / 4,
            max_rss=n << 20,
        )
        entries = (
            Points.of("loss", array(INT, range(10)), array(FLOAT, [n / (k + 1) for k in range(10)]), 1.0, 2.0),
            Points.of("acc", array(INT, [3, 1]), array(FLOAT, [float("nan"), -0.0]), 1.0, 2.0),
            Rows("t", 2, codec.dumps({"a": [n, None]})),
            Artifact("model.bin", n, f"{n:064x}"),
            Output("stdout", f"line {n} \u20ac\n"),
        )
        child = Record(id_run=id_of(1000 + n), experiment="coins", status=Status.COMPLETED, parent=id_of(n), name="part", epoch=epoch)
        trail = Trail(
            id_run=record.id_run, experiment="coins", epoch=epoch, attempt=record.attempt, entries=tuple(("", e) for e in entries)
        )
        store.append([child, record] if n % 5 == 0 else [record], [trail])
    store.close()


def id_of(n):
    return f"{n:08x}-0000-8000-8000-000000000000"


if __name__ == "__main__":
    {"1": version_1, "2": version_2}[sys.argv[1]](Path(sys.argv[2]))
