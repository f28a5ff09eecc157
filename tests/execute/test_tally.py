"""What is told of runs that did not complete: in the plan's order, whatever the order in which they ended."""

from hypothesis import given
from hypothesis import strategies as st

from runner.record import Record, Status
from runner.tally import Tally


def failed(id_run: str, attempt: int = 1) -> Record:
    return Record(id_run=id_run, experiment="e", status=Status.FAILED, attempt=attempt)


@given(plan=st.lists(st.sampled_from("abcdefgh")), ended=st.lists(st.sampled_from("abcdefgh")))
def test_runs_are_told_in_the_plans_order_and_none_is_lost(plan, ended):
    told = Tally(unsuccessful=tuple(failed(name, n) for n, name in enumerate(ended))).ordered(plan).unsuccessful
    assert sorted(record.attempt for record in told) == list(range(len(ended)))
    places = [plan.index(record.id_run) if record.id_run in plan else len(plan) for record in told]
    assert places == sorted(places)
    same = [[record.attempt for record in told if record.id_run == name] for name in ended]
    assert all(attempts == sorted(attempts) for attempts in same)


def test_the_plan_is_read_no_further_than_to_the_last_of_them():
    plan = iter("abcd")
    assert [record.id_run for record in Tally(unsuccessful=(failed("b"), failed("a"))).ordered(plan).unsuccessful] == ["a", "b"]
    assert next(plan) == "c"
    assert Tally().ordered(plan).unsuccessful == ()
    assert next(plan) == "d"


def test_a_run_that_was_completed_earlier_and_is_cut_off_now_counts_as_completed():
    cut = Record(id_run="a", experiment="e", status=Status.CANCELLED)
    tally = Tally(counts={"CANCELLED": 2, "COMPLETED": 1}, unsuccessful=(cut, failed("b")))
    told = tally.of_results(2, {"a"})
    assert (dict(told.counts), told.unsuccessful) == ({"CANCELLED": 1, "COMPLETED": 2}, (failed("b"),))
