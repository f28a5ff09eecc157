"""The one loop: Runs -> Records, committed before they are yielded.

Resume is no mode: a run that the store has COMPLETED is yielded as it is, everything else is executed. Memory is O(in flight).
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runner import codec
from runner.executors.base import Executor
from runner.plan import Plan, Run
from runner.record import Outcome, Record, Status
from runner.spec import OnError
from runner.stores.base import Store
from runner.worker import Item

LOOKUP = 512
COMMIT_RECORDS = 512
COMMIT_SECONDS = 0.05


@dataclass(slots=True)
class Stop:
    """A wish to stop, from a signal handler to the loop. Level 1: start nothing more; level 2: end at once."""

    level: int = 0
    signal: int = 0
    deadline: float = float("inf")
    """Monotonic time at which level 1 becomes level 2."""

    def ask(self, signal: int, grace: float) -> None:
        """One more wish; the first grants `grace` seconds to what runs."""
        self.level += 1
        self.signal = self.signal or signal
        if self.level == 1:
            self.deadline = time.monotonic() + grace

    @property
    def now(self) -> bool:
        """Whether to end at once."""
        return self.level > 1 or time.monotonic() > self.deadline


@dataclass(slots=True)
class _State:
    """What the loop knows of runs that are under way."""

    flying: dict[int, tuple[Run, int]] = field(default_factory=dict)
    """Index -> run and attempt."""
    finished: list[Record] = field(default_factory=list)
    """Not committed yet."""
    since: float = 0.0
    commit_seconds: float = 0.0
    stopping: bool = False


def execute(
    plan: Plan, executor: Executor, store: Store, *, epoch: int = 0, stop: Stop | None = None, force: bool = False
) -> Iterator[Record]:
    """Execute what the store does not have, and yield every run's record: cached ones as they are found, others after their COMMIT.

    `executor` has been started with the plan's job. `force` executes what is COMPLETED as well. When `stop` asks, runs that execute
    may finish until its deadline; what is cut off is recorded CANCELLED, what never started is not recorded. A run that failed in a step with
    `retries` is tried again, immediately. Raises StoreError, WorkerStartError.
    """
    stop = stop or Stop()
    state = _State()
    waiting = _Waiting(plan, store, force)
    try:
        while True:
            _heed(stop, state, executor)
            if not state.stopping:
                yield from waiting.cached()
                _feed(waiting, executor, state)
            elif stop.now:
                break
            for outcome in executor.events(0.0 if state.finished and not executor.busy() else _patience(state, waiting)):
                _settle(outcome, plan, executor, state, epoch)
                if plan.experiment.on_error is OnError.STOP and not outcome.status.ok and outcome.index not in state.flying:
                    stop.ask(0, float("inf"))
            if _due(state, executor):
                yield from _commit(store, state)
            if not executor.busy() and (state.stopping or waiting.empty):
                break
        _cut_off(executor.close(), state, plan, epoch)
        yield from _commit(store, state)
    finally:
        executor.close()


class _Waiting:
    """Runs of the plan that are still to be looked up or executed."""

    def __init__(self, plan: Plan, store: Store, force: bool) -> None:
        self._runs = iter(plan)
        self._store, self._force, self._experiment = store, force, plan.experiment.name
        self._todo: list[Run] = []
        self.empty = False

    def cached(self) -> Iterator[Record]:
        """Look up the next runs until there is something to execute; yield what the store has."""
        while not self._todo and not self.empty:
            part = list(itertools.islice(self._runs, LOOKUP))
            self.empty = not part
            found = {} if self._force else self._store.find([run.id_run for run in part])
            others = [r.id_run for r in found.values() if r.status.ok and r.experiment != self._experiment]
            if others:
                self._store.share(self._experiment, others)
            for run in part:
                record = found.get(run.id_run)
                if record is not None and record.status.ok:
                    yield replace(record, cached=True)
                else:
                    self._todo.append(run)

    def take(self, count: int) -> list[Run]:
        """Up to `count` runs to execute."""
        taken, self._todo = self._todo[:count], self._todo[count:]
        return taken


def _heed(stop: Stop, state: _State, executor: Executor) -> None:
    if stop.level and not state.stopping:
        state.stopping = True
        executor.drain()


def _feed(waiting: _Waiting, executor: Executor, state: _State) -> None:
    room = executor.room()
    runs = waiting.take(room) if room else []
    if runs:
        for run in runs:
            state.flying[run.index] = (run, 1)
        executor.submit([_item(run, 1) for run in runs])


def _item(run: Run, attempt: int) -> Item:
    return run.index, run.id_run, run.params, run.seed, run.scope, run.kwargs, attempt


def _patience(state: _State, waiting: _Waiting) -> float:
    """How long to wait for news: not at all while lookups are behind, until the commit is due while records wait."""
    del waiting
    return max(0.0, state.since + COMMIT_SECONDS - time.monotonic()) if state.finished else 0.1


def _settle(outcome: Outcome, plan: Plan, executor: Executor, state: _State, epoch: int) -> None:
    """An outcome becomes a record, or another attempt."""
    run, attempt = state.flying.pop(outcome.index)
    step = plan.experiment.steps[outcome.step]
    if not outcome.status.ok and attempt <= step.retries and not state.stopping:
        state.flying[run.index] = (run, attempt + 1)
        executor.submit([_item(run, attempt + 1)])
        return
    if not state.finished:
        state.since = time.monotonic()
    failure = replace(outcome.failure, step=step.name) if outcome.failure else None
    state.finished.append(
        Record(
            id_run=run.id_run,
            experiment=plan.experiment.name,
            status=outcome.status,
            params_json=codec.dumps(run.params),
            fields_json=outcome.fields,
            tags_json=outcome.tags,
            failure=failure,
            seed=run.seed,
            attempt=attempt,
            started=outcome.started,
            seconds=outcome.seconds,
            epoch=epoch,
        )
    )


def _due(state: _State, executor: Executor) -> bool:
    """Group commit: 512 records, or 50 ms, or ten times what the last commit took, so that a slow disk spends a tenth of its time."""
    if not state.finished:
        return False
    if len(state.finished) >= COMMIT_RECORDS or not executor.busy():
        return True
    return time.monotonic() - state.since >= max(COMMIT_SECONDS, 10 * state.commit_seconds)


def _commit(store: Store, state: _State) -> Iterator[Record]:
    if not state.finished:
        return
    begun = time.monotonic()
    store.append(state.finished)
    state.commit_seconds = time.monotonic() - begun
    records, state.finished = state.finished, []
    yield from records


def _cut_off(indexes: list[int], state: _State, plan: Plan, epoch: int) -> None:
    for index in indexes:
        if index in state.flying:
            run, attempt = state.flying.pop(index)
            state.finished.append(
                Record(
                    id_run=run.id_run,
                    experiment=plan.experiment.name,
                    status=Status.CANCELLED,
                    params_json=codec.dumps(run.params),
                    seed=run.seed,
                    attempt=attempt,
                    epoch=epoch,
                )
            )
