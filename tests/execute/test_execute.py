"""The one loop: what is executed, what is committed when, what is yielded."""

import itertools
import os
import signal
import threading
import time

import pytest

from runner.errors import StoreError, WorkerStartError
from runner.execute import Stop, execute
from runner.pending import COMMIT_RECORDS
from runner.record import Notice, Status
from runner.stop import Stage


@pytest.mark.parametrize("kind", ["local", "serial"])
def test_every_run_is_yielded_once_after_its_commit(world, kind):
    plan, executor, store = world.begin(700, kind=kind)
    seen = set()
    for record in execute(plan, executor, store, epoch=7):
        assert store.find([record.id_run])[record.id_run] == record
        assert (record.status, record.fields, record.params, record.attempt, record.epoch) == (
            Status.COMPLETED, {"n": record.params["n"]}, record.params, 1, 7,
        )  # fmt: skip
        seen.add(record.params["n"])
    assert seen == set(range(700))
    assert sorted(world.log()) == list(range(700))


def test_what_the_store_has_is_yielded_as_it_is_and_not_executed(world):
    plan, executor, store = world.begin(100)
    first = {r.id_run: r for r in execute(plan, executor, store)}
    plan, executor, store = world.begin(150)
    again = list(execute(plan, executor, store))
    assert sum(r.cached for r in again) == 100
    assert all(first[r.id_run].fields == r.fields for r in again if r.cached)
    assert len(world.log()) == 150


def test_force_executes_again(world):
    plan, executor, store = world.begin(20)
    list(execute(plan, executor, store))
    plan, executor, store = world.begin(20)
    assert [r.cached for r in execute(plan, executor, store, force=True)] == [False] * 20
    assert len(world.log()) == 40


def test_what_failed_is_executed_again(world):
    plan, executor, store = world.begin(20, kwargs={"once": [3, 4]})
    assert sorted(r.params["n"] for r in execute(plan, executor, store) if not r.status.ok) == [3, 4]
    plan, executor, store = world.begin(20, kwargs={"once": [3, 4]})
    again = list(execute(plan, executor, store))
    assert [r.status for r in again] == [Status.COMPLETED] * 20
    assert sorted(r.params["n"] for r in again if not r.cached) == [3, 4]


def test_a_failure_is_retried_as_often_as_the_step_says(world):
    plan, executor, store = world.begin(20, kwargs={"once": [3], "bad": [5], "die": [7]}, retries=2)
    found = {r.params["n"]: r for r in execute(plan, executor, store)}
    assert len(found) == 20
    assert (found[3].status, found[3].attempt) == (Status.COMPLETED, 2)
    assert (found[5].status, found[5].attempt, found[5].failure.message) == (Status.FAILED, 3, "bad 5")
    assert (found[7].status, found[7].attempt, found[7].failure.kind) == (Status.CRASHED, 3, "exit 3")
    assert (world.log().count(5), world.log().count(7)) == (3, 3)
    assert found[5].failure.step == found[7].failure.step == "step"


@pytest.mark.parametrize("kind", ["local", "serial"])
def test_on_error_stop_starts_nothing_more_and_lets_others_finish(world, kind):
    bad = list(range(10, 200, 2))
    plan, executor, store = world.begin(200, kind=kind, kwargs={"wait": 0.02, "bad": bad}, on_error="stop")
    stop = Stop()
    records = list(execute(plan, executor, store, stop=stop))
    assert 1 <= sum(r.status is Status.FAILED for r in records) <= 4
    assert {r.status for r in records} == {Status.COMPLETED, Status.FAILED}
    assert sorted(r.params["n"] for r in records) == sorted(world.log())
    assert len(records) < 60
    assert (stop.level, stop.signal) == (0, 0)


def test_on_error_stop_waits_for_the_last_attempt(world):
    plan, executor, store = world.begin(30, kwargs={"once": [4]}, on_error="stop", retries=1)
    assert [r.status for r in execute(plan, executor, store)] == [Status.COMPLETED] * 30


def test_runs_with_the_same_identity_are_executed_once(world):
    plan, executor, store = world.begin(600, secrets=(1, 2))
    records = list(execute(plan, executor, store))
    assert len(plan) == len(records) == 1200
    assert sorted(world.log()) == list(range(600))
    assert sum(r.cached for r in records) == 600


@pytest.mark.parametrize("fail_at", [1, 3])
def test_a_store_that_fails_ends_it_with_everything_freed(world, counting, fail_at):
    plan, executor, store = world.begin(500, kwargs={"wait": 0.002})
    broken = counting(store, fail_at)
    records = []
    with pytest.raises(StoreError, match="full"):
        records.extend(execute(plan, executor, broken))
    assert len(broken.sizes) == fail_at - 1
    assert sum(broken.sizes) == sum(1 for _ in store.records())
    assert executor.close() == []


def test_a_caller_that_leaves_early_loses_nothing_that_was_yielded(world):
    plan, executor, store = world.begin(500, kwargs={"wait": 0.001})
    running = execute(plan, executor, store)
    taken = [next(running) for _ in range(30)]
    running.close()
    assert {r.id_run for r in taken} <= {r.id_run for r in store.records()}
    assert executor.close() == []
    count = len(world.log())
    time.sleep(0.1)
    assert len(world.log()) == count


def test_what_had_finished_when_workers_could_not_be_started_is_kept(world):
    plan, executor, store = world.begin(400, kwargs={"wait": 0.01})
    records = []
    running = execute(plan, executor, store)
    records.extend(itertools.islice(running, 20))
    os.kill(executor._nursery._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerStartError):
        records.extend(running)
    assert len(list(store.records())) >= len(records) >= 20


def test_commits_are_few_large_and_soon(world, counting):
    plan, executor, store = world.begin(6000)
    counted = counting(store)
    begun = time.monotonic()
    assert sum(1 for _ in execute(plan, executor, counted)) == 6000
    seconds = time.monotonic() - begun
    assert max(counted.sizes) < COMMIT_RECORDS + 2 * 256 * 4
    assert len(counted.sizes) <= seconds / 0.05 + 6000 / COMMIT_RECORDS + 2


def test_a_finished_run_is_committed_within_a_moment_though_others_go_on(world):
    plan, executor, store = world.begin(40, kwargs={"wait": 0.2})
    begun = time.monotonic()
    running = execute(plan, executor, store)
    next(running)
    assert time.monotonic() - begun < 0.8
    running.close()


def test_the_code_is_frozen_at_the_start(world):
    plan, executor, store = world.begin(10)
    (world.root / f"{world.module}.py").write_text("raise SystemExit")
    assert {r.status for r in execute(plan, executor, store)} == {Status.COMPLETED}


def test_memory_holds_what_is_in_flight_only(world):
    plan, executor, store = world.begin(20_000)
    ahead = []
    taken = 0

    class Lazy:
        experiment, kwargs_json = plan.experiment, plan.kwargs_json

        def __iter__(self):
            nonlocal taken
            for run in plan:
                taken += 1
                yield run

    done = 0
    for _ in execute(Lazy(), executor, store):
        done += 1
        ahead.append(taken - done)
    assert done == 20_000
    assert max(ahead) < 8000


def test_a_wish_to_stop_lets_runs_finish_until_the_deadline_then_cancels_them(world):
    plan, executor, store = world.begin(50, kwargs={"wait": 30.0})
    stop = Stop()
    threading.Timer(0.3, lambda: stop.ask(signal.SIGTERM, 0.4)).start()
    begun = time.monotonic()
    records = list(execute(plan, executor, store, stop=stop))
    assert 0.6 < time.monotonic() - begun < 2
    answer, *ended = records
    assert isinstance(answer, Notice)
    assert answer.waits_for == 2
    assert [r.status for r in ended] == [Status.CANCELLED] * 2
    assert all(0 < r.seconds < 2 for r in ended)
    assert sorted(world.log()) == [0, 1]


def test_what_is_cut_off_does_not_replace_an_earlier_result(world):
    for repeat in (False, True):
        plan, executor, store = world.begin(2, kwargs={"slow": 30.0})
        stop = Stop()
        if repeat:
            (world.root / "slow").touch()
            threading.Timer(0.3, stop.ask, (signal.SIGTERM, 0.1)).start()
        records = [r for r in execute(plan, executor, store, stop=stop, force=True) if not isinstance(r, Notice)]
        assert {r.status for r in records} == {Status.CANCELLED if repeat else Status.COMPLETED}
    assert {r.status for r in store.records()} == {Status.COMPLETED}


def test_before_anything_is_executed_a_wish_to_stop_interrupts():
    stop = Stop()
    with pytest.raises(KeyboardInterrupt) as raised:
        stop.ask(signal.SIGTERM, 5)
    assert raised.value.args == (signal.SIGTERM,)
    stop.ask(signal.SIGTERM, 5)  # once is enough


def test_while_the_table_is_made_the_second_wish_interrupts():
    stop = Stop(stage=Stage.AFTER)
    stop.ask(signal.SIGINT, 5)
    with pytest.raises(KeyboardInterrupt):
        stop.ask(signal.SIGINT, 5)


def test_waiting_for_a_slow_disk_burns_no_time(world, counting):
    plan, executor, store = world.begin(6, kwargs={"wait": 0.2})
    slow = counting(store)
    append = slow.append
    slow.append = lambda *what: (time.sleep(0.1), append(*what))
    cpu = time.process_time()
    assert len(list(execute(plan, executor, slow))) == 6
    assert time.process_time() - cpu < 0.25
