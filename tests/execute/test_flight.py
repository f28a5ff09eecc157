"""What an attempt takes over from an earlier one becomes its own when it has told so, and is not lost when it could not."""

import pytest

from runner.flight import Flight
from runner.logged import Begun, Params, Prefix, Restart
from runner.plan import Run
from runner.record import Start

OWN, OTHER, LINK = "own", "other", "ab" * 32
STATE = Prefix(1, "{}", "{}", "{}", LINK)
INHERITED = (("", Params('{"size":3}')), ("", STATE))


def flight(whose=OWN):
    start = Start(prefix=STATE, id_run=whose, attempt=7, points=0, parts=0)
    return Flight(Run(0, OWN, {"n": 1}, 0, 0, links=(LINK,)), 1, start, INHERITED)


def taken(attempt, *entries):
    return [entry for trail in attempt.take(tuple(("", entry) for entry in entries), "e", 1) for _, entry in trail.entries]


def test_what_it_takes_over_stands_where_it_told_so_and_before_what_it_logs():
    attempt = flight()
    assert taken(attempt, Begun(1), Params('{"b":1}')) == [entry for _, entry in INHERITED] + [Params('{"b":1}')]
    assert (attempt.logged, attempt.reached) == ({"": {"size": 3, "b": 1}}, 1)
    assert attempt.unheard("e", 1) == []


@pytest.mark.parametrize(("whose", "kept"), [(OWN, INHERITED), (OTHER, ())])
def test_an_attempt_that_was_over_before_it_told_leaves_its_own_earlier_state_and_that_of_others_where_it_is(whose, kept):
    assert tuple(entry for trail in flight(whose).unheard("e", 1) for entry in trail.entries) == kept


def test_a_state_that_was_not_whole_is_neither_taken_over_nor_tried_again_by_a_retry():
    attempt = flight()
    assert taken(attempt, Begun(0), Params('{"b":1}')) == [Params('{"b":1}')]
    assert (attempt.start, attempt.logged, attempt.unheard("e", 1)) == (None, {"": {"b": 1}}, [])


def test_what_executes_again_in_a_fresh_worker_tells_again():
    attempt = flight()
    taken(attempt, Begun(1))
    assert taken(attempt, Restart()) == [Restart()]
    assert (attempt.logged, attempt.reached) == (None, 0)
    assert taken(attempt, Begun(1)) == [entry for _, entry in INHERITED]
