"""Microseconds of one call of `run.log_metric`, flushes and journal included. Usage: python benchmarks/log_metric.py CALLS"""

import sys
import time
from pathlib import Path

from runner.executors import wire
from runner.flow import Flow
from runner.journal import JOURNAL_BYTES, Journal
from runner.logged import Entries
from runner.run import Run
from runner.views import Kwargs, View


def discard(entries: Entries) -> None:
    """What a worker does with entries, but for sending them."""
    wire.pack_live(0, entries, 0)


if __name__ == "__main__":
    calls = int(sys.argv[1])
    journal = Journal(memoryview(bytearray(JOURNAL_BYTES)))
    params = View()
    run = Run(
        id_run="benchmark",
        kwargs=Kwargs({}, params),
        params=params,
        seed=0,
        meta=View(),
        folders=Path("nowhere"),
        flow=lambda: Flow(discard, journal),
    )
    begun = time.perf_counter()
    for _ in range(calls):
        run.log_metric("loss", 0.5)
    print((time.perf_counter() - begun) / calls * 1e6)
