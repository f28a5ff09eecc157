"""The runs on a bare process pool, then one SQLite transaction: nothing that a runner adds. Usage: floor.py WORK COUNT WORKERS FOLDER"""

import json
import sqlite3
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

BATCH = 64


def coins(n: int) -> dict[str, float]:
    """One coin run."""
    heads = np.random.default_rng(n).binomial(n, 0.8, size=100) / n
    return {"error": float(np.abs(heads - 0.8).mean()), "n": n}


def nothing(_: int) -> dict[str, float]:
    """One run that does nothing."""
    return {}


WORK = {"coins": coins, "nothing": nothing}


def batch(work: str, points: range) -> list[dict[str, float]]:
    """Several runs."""
    return [WORK[work](n) for n in points]


def main(work: str, count: int, workers: int, folder: str) -> None:
    """All runs, then the table."""
    points = range(10, 10 + count)
    batches = [points[first : first + BATCH] for first in range(0, count, BATCH)]
    with ProcessPoolExecutor(workers) as pool:
        fields = [each for several in pool.map(batch, [work] * len(batches), batches) for each in several]
    database = sqlite3.connect(f"{folder}/floor.db")
    database.executescript(
        "pragma journal_mode=wal; pragma synchronous=full; create table runs(id text primary key, params text, fields text)"
    )
    rows = ((f"{n:032x}", json.dumps({"N": n}), json.dumps(each)) for n, each in zip(points, fields, strict=True))
    with database:
        database.executemany("insert into runs values (?, ?, ?)", rows)
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
