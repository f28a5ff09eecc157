"""F36: readers that stay: the writer never fails because of them, and says so when they cost much."""

import subprocess
import sys
import time

import pytest

from runner import stores
from runner.record import Record, Status
from runner.stores import holders, wal

HOLDER = """
import sqlite3, sys
db = sqlite3.connect("file:{path}?mode=ro", uri=True)
cursor = db.execute("SELECT * FROM run")
cursor.fetchone()
print("reading", flush=True)
sys.stdin.readline()
"""


def record(n, size=10):
    return Record(id_run=f"{n:08d}", experiment="e", status=Status.COMPLETED, fields_json=f'{{"x":"{"y" * size}"}}')


def append_large(store, count):
    for n in range(count):
        store.append([record(1000 + n, 1 << 19)])


@pytest.fixture
def store(tmp_path):
    made = stores.open(tmp_path / "store")
    made.append([record(n) for n in range(100)])
    yield made
    made.close()


@pytest.fixture
def holder(store, tmp_path):
    """Another process that has begun to read and does not go on."""
    made = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(path=tmp_path / "store")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert made.stdout.readline() == "reading\n"
    yield made
    made.kill()
    made.wait(10)
    made.stdout.close()
    made.stdin.close()


def test_who_has_it_open_and_who_reads_is_known(store, holder, tmp_path):
    assert holders.holders(tmp_path / "store") == [holder.pid]  # and this process
    assert holders.readers(tmp_path / "store") == [holder.pid]
    assert f"process {holder.pid} ({sys.executable} -c" in holders.named([holder.pid])
    holder.stdin.close()
    holder.wait(10)
    assert holders.holders(tmp_path / "store") == []


def test_a_reader_that_stays_is_named_once_when_the_wal_has_grown(store, holder, monkeypatch):
    monkeypatch.setattr(wal, "CHECKPOINT_BYTES", 1 << 20)
    monkeypatch.setattr(wal, "WAL_BYTES", 4 << 20)
    with pytest.warns(wal.GrowthWarning, match=f"grown to . MB, since process {holder.pid} ") as caught:
        append_large(store, 20)
    assert len(caught) == 1
    assert len(list(store.records())) == 120


def test_a_wal_is_used_again_when_nobody_stays(store, monkeypatch, tmp_path):
    monkeypatch.setattr(wal, "CHECKPOINT_BYTES", 1 << 20)
    append_large(store, 40)
    assert (tmp_path / "store-wal").stat().st_size < 5 << 20


def crowd(store, path, seconds):
    """Commits alone, those in a crowd of ten that poll and one that stays, and what went wrong in the crowd."""
    polling = f"""
import sys, time
from pathlib import Path
from runner import stores
until = time.monotonic() + {seconds + 2}
while time.monotonic() < until:
    reader = stores.read(Path({str(path)!r}))
    reader.experiments(); reader.find(["00000001"])
    reader.close()
    time.sleep(0.1)
"""

    def commits(first):
        begun, n = time.monotonic(), first
        while time.monotonic() < begun + seconds:
            store.append([record(n)])
            n += 1
        return n - first

    alone = commits(10_000)
    readers = [subprocess.Popen([sys.executable, "-c", polling], stderr=subprocess.PIPE, text=True) for _ in range(10)]
    time.sleep(min(seconds, 1))
    crowded = commits(100_000)
    problems = []
    for reader in readers:
        _, err = reader.communicate(timeout=60)
        problems += [err] if reader.returncode else []
    return alone, crowded, problems


def test_a_crowd_of_readers_fails_no_commit(store, holder, tmp_path):
    alone, crowded, problems = crowd(store, tmp_path / "store", 0.7)
    assert problems == []
    assert crowded > 0
    assert len(list(store.records())) == 100 + alone + crowded


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore::runner.stores.wal.GrowthWarning")
def test_a_crowd_of_readers_and_one_that_stays_a_minute(store, holder, tmp_path):
    alone, crowded, problems = crowd(store, tmp_path / "store", 60.0)
    print(f"{alone} commits in a minute alone, {crowded} in the crowd")
    assert problems == []
    assert crowded > 0.5 * alone  # ten processes share the processors as well
