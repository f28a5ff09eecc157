"""F18, F19: results and metrics of a size that nobody should have, and the memory of xrun meanwhile."""

import hashlib

import pytest

from runner import codec, stores

HUGE = """
import random
def step(n):
    return {"value": n, "text": random.Random(n).randbytes(SIZE // 2).hex() if n else "small"}
"""


def text(n, size):
    import random

    return random.Random(n).randbytes(size // 2).hex() if n else "small"


def peak(done):
    """MB of the driver."""
    return int(done.stderr.split()[-1])


@pytest.mark.forms(runs=(16, 100))
def test_results_of_10_mb_arrive_whole_and_do_not_pile_up(project, runs):
    """F18: the pipes push back; what is not committed yet is bounded."""
    project.module(HUGE.replace("SIZE", "2"))
    small = project.drive(project.root / "small", runs)
    project.module(HUGE.replace("SIZE", "10_000_000"))
    large = project.drive(project.root / "large", runs, timeout=300)
    assert (small.returncode, large.returncode) == (0, 0), large.stderr
    print(peak(small), peak(large))
    assert peak(large) - peak(small) < 200
    reader = stores.read(project.root / "large")
    for n, id_run in enumerate(large.stdout.split()):
        del n
        record = reader.find([id_run])[id_run]
        found = codec.loads(record.fields_json)
        assert hashlib.sha256(found["text"].encode()).digest() == hashlib.sha256(text(found["value"], 10_000_000).encode()).digest()
    reader.close()


@pytest.mark.parametrize("size", [300_000_000, pytest.param(1_000_000_000, marks=pytest.mark.soak)])
def test_a_result_that_is_too_large_fails_its_run_and_no_other(project, size):
    project.module(f"def step(n):\n    return {{'value': n, 'text': 'x' * {size} if n == 3 else 'small'}}\n")
    project.experiment("huge", '{n: "range(0,8)"}')
    code, _, err = project.run("+experiment=huge", timeout=120)
    assert code == 1, err
    assert {n: status for n, status, _ in project.rows().values() if status != "COMPLETED"} == {3: "FAILED"}
    ((message,),) = project.query("SELECT json_extract(failure, '$.message') FROM run WHERE failure IS NOT NULL")
    assert "MB of text, of at most 256" in message
    project.assert_none_alive()


@pytest.mark.forms(points=(400_000, 10_000_000))
def test_a_flood_of_metrics_loses_nothing_and_costs_little_memory(project, points):
    """F19: eight runs that log as fast as they can; the coordinator neither drops nor hoards."""
    project.module(f"def step(run):\n    for k in range({points // 8}):\n        run.log_metric('loss', k / 7)\n    run.fields.value = 1\n")
    done = project.drive(project.root / "store", 8, timeout=600)
    assert done.returncode == 0, done.stderr
    print(peak(done))
    assert peak(done) < 300
    reader = stores.read(project.root / "store")
    for id_run in done.stdout.split():
        steps = [step for part, _, _ in reader.points(id_run, "loss") for step in part]
        assert steps == list(range(points // 8))
    reader.close()
