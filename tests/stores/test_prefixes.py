"""The state behind the first steps of a run, as the store keeps it: of one attempt, whole, or not there."""

from array import array

import pytest

from runner import stores
from runner.logged import Artifact, Loaded, Points, Prefix, Restart, Rows
from runner.record import Trail

A, B = "11111111-1111-8111-8111-111111111111", "22222222-2222-8222-8222-222222222222"
LINK, FURTHER = "ab" * 32, "cd" * 32


@pytest.fixture(params=list(stores.STORES))
def store(request, tmp_path):
    made = stores.STORES[request.param](tmp_path / "store")
    yield made
    made.close()


def trail(id_run, *entries, epoch=1):
    return Trail(id_run=id_run, experiment="e", epoch=epoch, attempt=1, entries=tuple(("", entry) for entry in entries))


def points(name, *values):
    return Points.of(name, array("q", range(len(values))), array("d", values), 1.0, 2.0)


def prefix(link=LINK, steps=1):
    return Prefix(steps, "{}", "{}", '{"step":null,"next":{},"params":{}}', link)


def logged(store, link=LINK):
    return [entry for _, entry in store.behind(store.prefixes([link])[link])]


def test_what_is_logged_later_is_no_part_of_it_whatever_goes_meanwhile(store):
    store.begin("e", 1.0)
    rows = Rows("t", 1, '{"x":[1]}')
    store.append([], [trail(A, points("loss", 1.0, 2.0), rows), trail(B, points("loss", 9.0), rows)])
    store.append([], [trail(A, prefix())])
    store.append([], [trail(B, Restart())])  # frees the highest numbers
    store.append([], [trail(A, points("later", 7.0), Rows("later", 1, '{"x":[7]}'))])
    assert [getattr(entry, "name", getattr(entry, "table", "")) for entry in logged(store)] == ["loss", "t", ""]


def test_an_attempt_that_has_gone_since_is_told_from_one_that_logged_nothing(store):
    store.begin("e", 1.0)
    store.append([], [trail(A, prefix())])
    start = store.prefixes([LINK])[LINK]
    assert store.behind(start) == (("", prefix()),)
    store.append([], [trail(A, Restart())])
    assert store.behind(start) is None
    store.append([], [trail(B, points("loss", 9.0), prefix(FURTHER))])
    assert store.behind(start) is None, "another attempt that was given its number is not it"


def test_a_file_that_is_kept_anew_takes_the_states_along_that_had_another_one(store):
    store.begin("e", 1.0)
    first, second = Artifact("model", 1, "00" * 32, "file"), Artifact("model", 1, "11" * 32, "file")
    store.append([], [trail(A, first, prefix(), first, prefix(FURTHER, 2))])
    assert set(store.prefixes([LINK, FURTHER])) == {LINK, FURTHER}, "the same content again changes nothing"
    store.append([], [trail(A, second, prefix("ef" * 32, 3))])
    assert set(store.prefixes([LINK, FURTHER, "ef" * 32])) == {"ef" * 32}
    assert [entry.sha256 for entry in logged(store, "ef" * 32) if isinstance(entry, Artifact)] == [second.sha256]


def test_a_file_that_is_kept_anew_leaves_the_states_before_it_was_kept_and_those_of_other_runs(store):
    store.begin("e", 1.0)
    first, second = Artifact("model", 1, "00" * 32, "file"), Artifact("model", 1, "11" * 32, "file")
    store.append([], [trail(A, prefix(), first), trail(B, first, prefix(FURTHER))])
    store.append([], [trail(A, second)])
    assert set(store.prefixes([LINK, FURTHER])) == {LINK, FURTHER}


def test_it_rests_on_the_sources_that_its_invocation_had_loaded(store):
    loaded = Loaded("plug/one.py", "00" * 32)
    store.append([], [trail(A, loaded, prefix(), epoch=store.begin("e", 1.0))])
    assert logged(store) == [loaded, prefix()]
    later = store.begin("other", 2.0)
    store.append([], [trail(B, *logged(store), epoch=later)])
    assert store.doubts()[later].loaded == {"plug/one.py": {"00" * 32}}
