"""F10: a disk that is full: nothing half written, and the same can be written again once there is room."""

from array import array

import pytest

from runner import stores
from runner.logged import FLOAT, INT, Points
from runner.record import Record, Status, Trail
from runner.stores import FullError


def points(start):
    values = array(FLOAT, [float(k) for k in range(start, start + 500)])
    return ("", Points.of("loss", array(INT, range(start, start + 500)), values, 1.0, 2.0))


def trail(*starts):
    return Trail(id_run="id-1", experiment="e", epoch=1, attempt=1, entries=tuple(map(points, starts)))


def record(n):
    return Record(id_run=f"id-{n}", experiment="e", status=Status.COMPLETED, fields_json=f'"{"x" * 5000}{n}"', epoch=1)


@pytest.fixture
def store(tmp_path):
    made = stores.open(tmp_path / "store")
    yield made
    made.close()


def fill(store, *, full):
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages if full else 1 << 30}")


def test_what_could_not_be_written_is_written_once_there_is_room(store):
    store.append([record(0)], [trail(0)])
    fill(store, full=True)
    batch = [record(1), *(record(n) for n in range(2, 30))], [trail(500, 1000)]
    for _ in range(3):
        with pytest.raises(FullError, match="full"):
            store.append(*batch)
    assert [found.id_run for found in store.records()] == ["id-0"]
    fill(store, full=False)
    store.append(*batch)
    assert len(list(store.records())) == 30
    assert store.summaries(["id-1"])["id-1"]["loss"].count == 1500
    assert [steps[0] for steps, _, _ in store.points("id-1", "loss")] == [0, 500, 1000]
    assert store.executing() == []


def test_a_run_that_had_logged_all_before_ends_as_any_other(store):
    store.append([], [trail(0)])
    fill(store, full=True)
    with pytest.raises(FullError):
        store.append([record(n) for n in range(1, 30)])
    fill(store, full=False)
    store.append([record(n) for n in range(1, 30)])
    assert store.summaries(["id-1"])["id-1"]["loss"].count == 500
    assert store.executing() == []
