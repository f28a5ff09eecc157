"""The wish to stop, before anything is executed and after."""

import signal

import pytest

from runner import stop as module
from runner.stop import Stage, Stop


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_before_anything_is_executed_a_wish_is_raised_and_cleaning_up_is_not_interrupted(clock):
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGINT, 5.0)
    clock[0] += 0.5
    stop.ask(signal.SIGINT, 5.0)
    assert (stop.level, stop.signal, stop.deadline) == (2, signal.SIGINT, 105.0)


def test_who_has_not_been_heard_is_heard_when_he_asks_again(clock):
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGINT, 5.0)  # and a finalizer swallows it
    clock[0] += 1.5
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGTERM, 5.0)
    assert stop.signal == signal.SIGINT


def test_a_wish_that_was_swallowed_is_repeated_until_it_is_heard():
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGTERM, 5.0)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt, match=str(int(signal.SIGTERM))):
            stop.insist()
    stop.heard = True
    stop.insist()


def test_while_runs_execute_nothing_needs_to_be_repeated():
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGINT, 5.0)  # swallowed; the loop sees the level
    stop.stage = Stage.EXECUTING
    stop.insist()


def test_while_runs_execute_nothing_is_raised(clock):
    stop = Stop(stage=Stage.EXECUTING)
    for _ in range(3):
        stop.ask(signal.SIGTERM, 20.0)
        clock[0] += 2.0
    assert stop.now


def test_while_the_table_is_made_the_second_wish_is_raised(clock):
    stop = Stop(stage=Stage.AFTER)
    stop.ask(signal.SIGINT, 5.0)
    assert not stop.now
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGINT, 5.0)


@pytest.mark.parametrize(
    ("number", "grace", "runs", "promise"),
    [
        (signal.SIGINT, 60.0, 3, "stopping: 3 runs may finish within 60 s; a second Ctrl-C ends them at once"),
        (signal.SIGTERM, 0.5, 1, "stopping: 1 run may finish within 0.5 s; a second SIGTERM ends it at once"),
    ],
)
def test_who_asks_is_promised_what_is_waited_for(clock, number, grace, runs, promise):
    stop = Stop(stage=Stage.EXECUTING)
    stop.ask(number, grace)
    clock[0] += 0.01
    assert stop.promise(runs) == promise
