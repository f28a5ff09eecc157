"""The one loop: Runs -> Records, committed before they are yielded.

Resume is no mode: a run that the store has COMPLETED is yielded as it is, everything else is executed. Memory is O(in flight).
"""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runner import identity
from runner.executors.base import Executor
from runner.flight import Flight
from runner.logged import Entries, Prefix
from runner.plan import Plan, Run
from runner.record import Live, Outcome, Record, Start, Status, Trail
from runner.spec import OnError
from runner.stop import Stage, Stop
from runner.stores.base import Store
from runner.worker import Item

__all__ = ["Stop", "execute"]

LOOKUP = 512
COMMIT_RECORDS = 4096
COMMIT_TRAILS = 1024
"""Of at most about 100 kB each."""
COMMIT_SECONDS = 0.05
PATIENCE = 0.1
"""Seconds after which the loop looks for a wish to stop, when nothing happens."""


@dataclass(slots=True)
class _State:
    """What the loop knows of runs that are under way."""

    flying: dict[int, Flight] = field(default_factory=dict)
    """Index -> the attempt under way."""
    failures: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(Index, step) -> how often the run has failed in that step."""
    finished: list[Record] = field(default_factory=list)
    """Not committed yet."""
    trails: list[Trail] = field(default_factory=list)
    """What runs have logged; not committed yet."""
    since: float = 0.0
    commit_seconds: float = 0.0
    failed: bool = False
    """A run did not complete, and `on_error` is `stop`."""
    draining: bool = False

    @property
    def due(self) -> float:
        """When to commit: 50 ms after the oldest began, or ten times what the last commit took: a slow disk takes a tenth of the time."""
        return self.since + max(COMMIT_SECONDS, 10 * self.commit_seconds)

    @property
    def waiting(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.finished or self.trails)

    def wait_since(self, begun: float) -> None:
        """Something has come that began then."""
        self.since = min(self.since, begun) if self.waiting else begun


def execute(  # noqa: PLR0913 - the three values of the line, and how
    plan: Plan, executor: Executor, store: Store, *, epoch: int = 0, stop: Stop | None = None, force: bool = False
) -> Iterator[Record | Trail]:
    """Execute what the store does not have, and yield every run's record: cached ones as they are found, others after their COMMIT.

    Between the records come Trails with what people may want to see of runs while they execute: output, progress, trouble.

    `executor` has been started with the plan's job. `force` executes what is COMPLETED as well. When `stop` asks, runs that execute
    may finish until its deadline; what is cut off is recorded CANCELLED, what never started is not recorded. A run that failed in a
    step with `retries` is tried again, immediately. Raises StoreError, WorkerStartError; what had finished by then is committed, also
    when the caller does not take all records.
    """
    stop = stop or Stop()
    stop.stage = Stage.EXECUTING
    state = _State()
    waiting = _Waiting(plan, store, force=force)
    try:
        while not (state.draining and stop.now):
            _drain_if_asked(stop, state, executor)
            if not state.draining:
                yield from waiting.cached()
                _feed(waiting, executor, state, epoch)
            yield from _take(executor.events(_patience(state, waiting, executor)), plan, executor, state, epoch)
            if _due(state, executor):
                yield from _commit(store, state, waiting)
            if not executor.busy() and (state.draining or waiting.empty):
                break
        yield from _take(executor.events(0.0), plan, executor, state, epoch)  # what has arrived is kept, however great the hurry
        _cut_off(executor.close(), state, plan, epoch)
        yield from _commit(store, state, waiting)
    finally:
        stop.stage = Stage.AFTER
        executor.close()
        for _ in _commit(store, state, waiting):
            pass


class _Waiting:
    """Runs of the plan that are still to be looked up or executed."""

    def __init__(self, plan: Plan, store: Store, *, force: bool) -> None:
        self._runs = iter(plan)
        self._store, self.experiment = store, plan.experiment.name
        steps = plan.experiment.steps
        self._force = force or not all(step.cache for step in steps)
        self._links = 0 if force else next((k for k, step in enumerate(steps) if not step.cache), len(steps) - 1)
        """How many links of a run may be taken from earlier ones."""
        self._starts: dict[int, Start] = {}
        """Index -> where the run can go on, of those in `_todo`."""
        self._todo: list[Run] = []
        self._twins: list[Run] = []
        """Runs whose id is that of a run under way (two variants that differ in ignored kwargs): its record is theirs."""
        self.pending: set[str] = set()
        """Ids that are under way: taken from the plan and not committed."""
        self.empty = False

    def cached(self) -> Iterator[Record]:
        """Look up the next few runs, unless there is something to execute already; yield what the store has."""
        if self._todo or self.empty:
            return
        part = list(itertools.islice(self._runs, LOOKUP))
        if not part:
            self._end()
        found = {} if self._force else self._store.find([run.id_run for run in part])
        others = [r.id_run for r in found.values() if r.status.ok and r.experiment != self.experiment]
        if others:
            self._store.share(self.experiment, others)
        for run in part:
            record = found.get(run.id_run)
            if record is not None and record.status.ok:
                yield replace(record, cached=True)
            elif run.id_run in self.pending:
                self._twins.append(run)
            else:
                self.pending.add(run.id_run)
                self._todo.append(run)
        if self._links and self._todo:
            self._find_starts()

    def _find_starts(self) -> None:
        """Of each run to execute, the longest row of first steps that an earlier run has executed."""
        links = {run.index: run.links[: self._links] for run in self._todo}
        every = list(dict.fromkeys(link for some in links.values() for link in some))
        ids = {link: identity.uuid8(bytes.fromhex(link)) for link in every}  # of runs that had these steps and no more
        found = self._store.prefixes([*every, *ids.values()])
        ended = self._store.find([id_run for id_run in ids.values() if id_run not in found])
        for run in self._todo:
            for steps, link in reversed(list(enumerate(links[run.index], 1))):
                start = found.get(link) or found.get(ids[link])
                if start is None and (record := ended.get(ids[link])) is not None and record.status.ok:
                    start = _where_it_ended(record, steps)
                if start is not None and start.prefix.steps:
                    self._starts[run.index] = start
                    break

    def behind(self, run: Run) -> tuple[Start | None, Entries]:
        """Where a run that was taken goes on, and what had been logged up to there."""
        start = self._starts.pop(run.index, None)
        return start, self._store.behind(start) if start is not None else ()

    def _end(self) -> None:
        """The plan is through: what is left are twins, once the runs that they wait for are committed."""
        if not self._twins:
            self.empty = True
        elif not self.pending:
            self._runs, self._twins, self._force = iter(self._twins), [], False

    @property
    def late(self) -> bool:
        """Whether runs can be looked up right now, so that there is no reason to wait for anything."""
        return not self._todo and not self.empty and not (self._twins and self.pending)

    def take(self, count: int) -> list[Run]:
        """Up to `count` runs to execute."""
        taken, self._todo = self._todo[:count], self._todo[count:]
        return taken


def _where_it_ended(record: Record, steps: int) -> Start:
    """The end of a run that has logged nothing: its record is its state."""
    state = '{"step":null,"next":{},"params":{}}'
    prefix = Prefix(steps, record.fields_json, record.tags_json, state, record.id_run)
    return Start(prefix=prefix, id_run=record.id_run, attempt=0, points=0, parts=0)


def _drain_if_asked(stop: Stop, state: _State, executor: Executor) -> None:
    if (stop.level or state.failed) and not state.draining:
        state.draining = True
        executor.drain()


def _feed(waiting: _Waiting, executor: Executor, state: _State, epoch: int) -> None:
    room = executor.room()
    runs = waiting.take(room) if room else []
    if runs:
        for run in runs:
            _take_off(Flight(run, 1, *waiting.behind(run)), state, epoch, waiting.experiment)
        executor.submit([_item(state.flying[run.index]) for run in runs])


def _take_off(flight: Flight, state: _State, epoch: int, experiment: str) -> None:
    """An attempt begins; what it takes over from an earlier run is its own from now on."""
    state.flying[flight.run.index] = flight
    if flight.inherited:
        state.wait_since(time.monotonic())
        state.trails += flight.take(flight.inherited, experiment, epoch)


def _item(flight: Flight) -> Item:
    run = flight.run
    return run.index, run.id_run, run.params, run.seed, run.scope, run.kwargs, flight.attempt, flight.start


def _patience(state: _State, waiting: _Waiting, executor: Executor) -> float:
    """How long to wait for news: not at all while lookups are behind, until the commit is due while records wait."""
    if not executor.busy() or (waiting.late and not state.draining and executor.room()):
        return 0.0
    return max(0.0, min(PATIENCE, state.due - time.monotonic())) if state.waiting else PATIENCE


def _take(events: list[Outcome | Live], plan: Plan, executor: Executor, state: _State, epoch: int) -> Iterator[Trail]:
    """What runs have logged goes its way, and outcomes become records or other attempts."""
    for event in events:
        if event.logged:
            yield from _logged(event, plan, state, epoch)
        if isinstance(event, Outcome):
            _settle(event, plan, executor, state, epoch)


def _logged(event: Outcome | Live, plan: Plan, state: _State, epoch: int) -> Iterator[Trail]:
    """What a run has logged goes its way; yields what people may want to see of it."""
    flight = state.flying[event.index]
    trails = flight.take(event.logged, plan.experiment.name, epoch)
    state.wait_since(time.monotonic())
    state.trails += trails
    yield from (shown for trail in trails if (shown := flight.for_people(trail)).entries)


def _settle(outcome: Outcome, plan: Plan, executor: Executor, state: _State, epoch: int) -> None:
    """An outcome becomes a record, or another attempt."""
    flight = state.flying.pop(outcome.index)
    run, step = flight.run, plan.experiment.steps[outcome.step]
    if not outcome.status.ok:
        state.failures[outcome.index, outcome.step] += 1
        if state.failures[outcome.index, outcome.step] <= step.retries and not state.draining:
            again = Flight(run, flight.attempt + 1, flight.start, flight.inherited)
            _take_off(again, state, epoch, plan.experiment.name)
            executor.submit([_item(again)])
            return
        state.failed = state.failed or plan.experiment.on_error is OnError.STOP
    state.wait_since(time.monotonic() - outcome.seconds)  # a long run is not kept waiting for the next one
    if outcome.failure is not None:
        outcome = replace(outcome, failure=replace(outcome.failure, step=step.name))
    state.finished += flight.land(outcome, plan, epoch)


def _due(state: _State, executor: Executor) -> bool:
    """Also when the executor is idle: what it is given next may take long, and `serial` hears of nothing meanwhile."""
    if not state.waiting:
        return False
    full = len(state.finished) >= COMMIT_RECORDS or len(state.trails) >= COMMIT_TRAILS
    return full or not executor.busy() or time.monotonic() >= state.due


def _commit(store: Store, state: _State, waiting: _Waiting) -> Iterator[Record]:
    if not state.waiting:
        return
    records, state.finished = state.finished, []  # a commit that fails is not tried again
    trails, state.trails = state.trails, []
    begun = time.monotonic()
    store.append(records, trails)
    state.commit_seconds = time.monotonic() - begun
    waiting.pending.difference_update(record.id_run for record in records)
    yield from (record for record in records if not record.parent)


def _cut_off(indexes: list[int], state: _State, plan: Plan, epoch: int) -> None:
    for index in indexes:
        if index in state.flying:
            state.finished += state.flying.pop(index).land(Outcome(index=index, status=Status.CANCELLED), plan, epoch)
