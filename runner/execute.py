"""The one loop: Runs -> Records, committed before they are yielded.

Resume is no mode: a run that the store has COMPLETED is yielded as it is, everything else is executed. Memory is O(in flight).
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runner import retries
from runner.claims import Claims
from runner.executors.base import Executor
from runner.flight import Flight
from runner.pending import Pending
from runner.plan import Plan
from runner.record import Live, Notice, Outcome, Record, Status, Trail
from runner.rerun import Rerun
from runner.secret import revealed
from runner.spec import Experiment, OnError
from runner.stop import Stage, Stop
from runner.stores.base import Store
from runner.veil import Veil
from runner.waiting import Waiting
from runner.worker import Item

__all__ = ["Stop", "execute"]

PATIENCE = 0.1
"""Seconds after which the loop looks for a wish to stop, when nothing happens."""


@dataclass(slots=True)
class _State:
    """What the loop knows of runs that are under way."""

    plan: Plan
    epoch: int
    stop: Stop
    pending: Pending
    """What is not committed yet."""
    flying: dict[int, Flight] = field(default_factory=dict)
    """Index -> the attempt under way."""
    failures: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(Index, step) -> how often the run has failed in that step."""
    later: retries.Later = field(default_factory=retries.Later)
    """Runs that have failed and are tried again."""
    unsuccessful: int = 0
    """Runs that did not complete."""
    draining: bool = False
    told: bool = False
    """Whether who wishes to stop has been told what is waited for."""


def execute(  # noqa: PLR0913 - the three values of the line, and how
    plan: Plan,
    executor: Executor,
    store: Store,
    *,
    epoch: int = 0,
    stop: Stop | None = None,
    force: bool = False,
    rerun: Rerun | None = None,
    claims: Claims | None = None,
    wait_if_full: bool = True,
) -> Iterator[Record | Trail | Notice]:
    """Execute what the store does not have, and yield every run's record: cached ones as they are found, others after their COMMIT.

    Between the records come Trails with what people may want to see of runs while they execute: output, progress, trouble; and Notices.

    `executor` has been started with the plan's job. `force` executes what is COMPLETED as well; `rerun` says it finer. With `claims`, a run
    that another process executes is waited for. When `stop` asks, runs that execute may finish until its deadline; what is cut off is
    recorded CANCELLED, what never started is not recorded. A run that failed in a step with `retries` is tried again, after the step's
    pause. With `wait_if_full`, nothing is started while the disk is full, and what has finished is kept in memory. Raises StoreError,
    WorkerStartError, UsageError for a `rerun` that is none of the plan's, LockedError where another invocation has taken over; what had
    finished by then is committed, also when the caller does not take all records.
    """
    stop = stop or Stop()
    stop.stage, stop.reason = Stage.EXECUTING, ""
    state = _State(plan, epoch, stop, Pending(wait_if_full))
    waiting = Waiting(plan, store, rerun or Rerun(force=force), claims)
    try:
        while not (state.draining and stop.now):
            yield from _turn(waiting, executor, store, state)
            if not executor.busy():
                if not state.pending and (state.draining or (waiting.empty and not state.later)):
                    break
                _rest(waiting, state)
        yield from _take(executor.events(0.0), state)  # what has arrived is kept, however great the hurry
        _cut_off(executor.close(), state)
        yield from _commit(store, state, waiting, last=True)
    finally:
        stop.stage = Stage.AFTER
        executor.close()
        _give_up(state)
        for _ in _commit(store, state, waiting, last=True):
            pass


def _turn(waiting: Waiting, executor: Executor, store: Store, state: _State) -> Iterator[Record | Trail | Notice]:
    """What is cached is found, what is free gets work, what has come is taken, and committed when it is time."""
    yield from _drain_if_asked(state, executor)
    waiting.look_around()
    if not state.draining and not state.pending.full:
        yield from waiting.cached()
        yield from _try_again(waiting, executor, store, state)
        _feed(waiting, executor, state)
    yield from _take(_events(executor, _patience(state, waiting, executor), state.stop), state)
    if state.pending.ripe(idle=not executor.busy()):
        yield from _commit(store, state, waiting)


def _events(executor: Executor, patience: float, stop: Stop) -> list[Outcome | Live]:
    """What has come; an executor that watches no processes executes meanwhile, in this thread."""
    stop.lent = not executor.supervised and executor.busy()
    try:
        return executor.events(patience)
    finally:
        stop.lent = False


def _rest(waiting: Waiting, state: _State) -> None:
    """Nothing executes: wait a moment for room on the disk, for what others execute, or for a pause to be over."""
    if state.pending.full:
        time.sleep(PATIENCE)
    elif waiting.idle:
        time.sleep(min(PATIENCE, state.later.seconds))


def _drain_if_asked(state: _State, executor: Executor) -> Iterator[Notice]:
    """Start nothing more, and tell who wishes it what is waited for: the second wish is his to utter."""
    stop = state.stop
    if (stop.level and not state.told) or (stop.reason and not state.draining):
        state.draining, state.told = True, bool(stop.level)
        executing = executor.drain()
        _give_up(state)
        if executing and state.told and not stop.now:
            yield Notice(stop.promise(executing), waits_for=executing)


def _give_up(state: _State) -> None:
    """What waits to be tried again has ended as it did."""
    for flight, outcome in state.later.give_up():
        _land(outcome, flight, state)


def _feed(waiting: Waiting, executor: Executor, state: _State) -> None:
    room = executor.room()
    runs = waiting.take(room) if room else []
    if runs:
        for run in runs:
            _take_off(Flight(run, 1, *waiting.behind(run)), state)
        executor.submit([_item(state.flying[run.index]) for run in runs])


def _try_again(waiting: Waiting, executor: Executor, store: Store, state: _State) -> Iterator[Record | Notice]:
    """Runs whose pause is over, each behind the steps that it has finished, if their state is whole."""
    flights = state.later.due() if state.later else []
    if any(flight.reached for flight in flights):
        yield from _commit(store, state, waiting)  # so that the store knows how far they have come
    for flight in flights:
        further = waiting.further(flight.run, flight.start) if flight.reached else None
        start, inherited = further or (flight.start, flight.inherited)
        _take_off(Flight(flight.run, flight.attempt + 1, start, inherited), state)
        executor.submit([_item(state.flying[flight.run.index])])


def _take_off(flight: Flight, state: _State) -> None:
    """An attempt begins; what it takes over from an earlier run is its own once it has told that it has."""
    state.flying[flight.run.index] = flight
    if state.plan.experiment.mask:
        flight.veil = Veil(state.plan.experiment.mask, len(state.plan.experiment.steps))


def _item(flight: Flight) -> Item:
    run = flight.run
    if flight.veil is None:
        return run.index, run.id_run, run.params, run.seed, run.scope, run.kwargs, flight.attempt, flight.start
    return run.index, run.id_run, revealed(run.params), run.seed, run.scope, revealed(run.kwargs), flight.attempt, flight.start


def _patience(state: _State, waiting: Waiting, executor: Executor) -> float:
    """How long to wait for news: not at all while lookups are behind, until the commit or a retry is due."""
    if not executor.busy() or (waiting.late and not state.draining and executor.room()):
        return 0.0
    wait = min(PATIENCE, state.later.seconds) if state.later else PATIENCE
    return max(0.0, min(wait, state.pending.due - time.monotonic())) if state.pending else wait


def _take(events: list[Outcome | Live], state: _State) -> Iterator[Trail]:
    """What runs have logged goes its way, and outcomes become records or other attempts."""
    for event in events:
        if (veil := state.flying[event.index].veil) is not None:
            event = veil.end(event) if isinstance(event, Outcome) else veil.live(event)  # noqa: PLW2901 - the other is for nobody
        if event.logged:
            yield from _logged(event, state)
        if isinstance(event, Outcome):
            if event.status.ok:
                _land(event, state.flying.pop(event.index), state)
            else:
                _fail(event, state)


def _logged(event: Outcome | Live, state: _State) -> Iterator[Trail]:
    """What a run has logged goes its way; yields what people may want to see of it."""
    flight = state.flying[event.index]
    trails = flight.take(event.logged, state.plan.experiment.name, state.epoch)
    state.pending.begin(time.monotonic())
    state.pending.trails += trails
    yield from (shown for trail in trails if (shown := flight.for_people(trail)).entries)


def _fail(outcome: Outcome, state: _State) -> None:
    """A run that did not complete is tried again, or has ended like that."""
    flight = state.flying.pop(outcome.index)
    step, stop = state.plan.experiment.steps[outcome.step], state.stop
    if stop.signal and outcome.failure is not None and outcome.failure.kind == signal.Signals(stop.signal).name:
        outcome = replace(outcome, status=Status.CANCELLED, failure=None)  # the signal was for all of us: clusters send it so
    else:
        state.failures[outcome.index, outcome.step] += 1
        failures = state.failures[outcome.index, outcome.step]
        if retries.worth(step, outcome, failures) and not state.draining:
            state.later.add(retries.pause(step, failures), flight, outcome)
            return
        state.unsuccessful += 1
        stop.reason = stop.reason or _enough(state.plan.experiment, state.unsuccessful)
    _land(outcome, flight, state)


def _enough(experiment: Experiment, unsuccessful: int) -> str:
    """Why nothing more starts after so many runs that did not complete, or nothing."""
    if experiment.on_error is OnError.STOP:
        return "`on_error: stop`"
    limit = experiment.max_failures
    return f"`max_failures: {limit}`" if limit is not None and unsuccessful >= limit else ""


def _land(outcome: Outcome, flight: Flight, state: _State) -> None:
    """An outcome becomes a record."""
    state.pending.begin(time.monotonic() - outcome.seconds)  # a long run is not kept waiting for the next one
    if outcome.failure is not None:
        outcome = replace(outcome, failure=replace(outcome.failure, step=state.plan.experiment.steps[outcome.step].name))
    state.pending.trails += flight.unheard(state.plan.experiment.name, state.epoch)
    state.pending.records += flight.land(outcome, state.plan, state.epoch)


def _commit(store: Store, state: _State, waiting: Waiting, *, last: bool = False) -> Iterator[Record | Notice]:
    if not state.pending:
        return
    records, notice = state.pending.commit(store, last=last)
    if notice is not None:
        yield notice
    waiting.committed(records)
    yield from (record for record in records if not record.parent)


def _cut_off(outcomes: list[Outcome], state: _State) -> None:
    for outcome in outcomes:
        if outcome.index in state.flying:
            _land(outcome, state.flying.pop(outcome.index), state)
