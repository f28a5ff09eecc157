"""The default executor: a supervised pool of processes that isolates a crash, a hang and a result that is no plain data.

No library does all three at once (measured; ARCHITECTURE.md, "Why a pool of our own"). One socket per worker, no shared queue and no
shared lock that a dying worker could hold; a page of shared memory names the run that each worker executes, so that a death or a timeout
is the guilty run's alone, and everything else that was under way goes back to the queue: execution is at least once, recording exactly
once.
"""

import os
import selectors
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from runner import oom, process
from runner.errors import WorkerStartError
from runner.executors.limits import Limits
from runner.executors.nursery import Nursery
from runner.executors.observing import Observer
from runner.executors.pace import Pace
from runner.executors.page import Current, Page, create
from runner.executors.workers import GARBLED, Worker, end_of_process
from runner.logged import Restart
from runner.record import Live, Outcome, cancelled
from runner.spec import ExecutorSpec, Experiment
from runner.steps import Inspection
from runner.usage import cpus
from runner.worker import Item, Job

MAX_IDLE_DEATHS = 3
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Local:
    """The executor `local`."""

    supervised: ClassVar = True

    def __init__(self, spec: ExecutorSpec) -> None:
        """Start the process that the workers are forked from. Raises WorkerStartError."""
        self._count = spec.workers or cpus()
        self._fresh = spec.start == "spawn"
        self._queue: deque[Item] = deque()
        self._workers: dict[int, Worker] = {}
        self._found: list[Outcome | Live] = []
        self._oom = oom.Watch(None)
        self._limits: Limits
        self._observer: Observer
        self._pace = Pace(self._count)
        self._heard: set[int] = set()
        """Runs that execute and have been heard of."""
        self._alone: set[int] = set()
        """Runs of which one has written into its worker's socket: each gets a batch of its own, so that the next time tells which."""
        self._idle_deaths = 0
        self._draining = False
        self._closed = False
        self._job = b""
        self._max_log = 0
        self._selector = selectors.DefaultSelector()
        self._page_fd = create(self._count)
        self._page = Page(self._page_fd)
        threads = str(max(1, cpus() // self._count))
        try:
            self._nursery = Nursery(self._page_fd, {**dict.fromkeys(THREAD_VARIABLES, threads), **os.environ})
        except WorkerStartError:
            self._free()
            raise

    def inspect(self, experiment: Experiment) -> Inspection:
        """As the seam says; in the process that the workers are forked from."""
        return self._nursery.inspect(experiment)

    def start(self, job: Job) -> None:
        """As the seam says. Workers are started one by one when there is work for them."""
        self._job = process.pack(job)
        self._max_log = job.max_log
        self._limits, self._observer, self._oom = Limits(job, self._page), Observer(job, self._page), oom.Watch(oom.counter())
        self._nursery.sock.setblocking(False)
        self._selector.register(self._nursery.sock, selectors.EVENT_READ, None)

    def room(self) -> int:
        """Enough for every worker's next batches, no more."""
        if self._draining:
            return 0
        return max(0, self._pace.ahead - len(self._queue))

    def submit(self, items: Sequence[Item]) -> None:
        """As the seam says."""
        self._queue.extend(items)
        self._dispatch()

    def busy(self) -> bool:
        """As the seam says."""
        return bool(self._found or self._queue or any(w.batches for w in self._workers.values()))

    def events(self, timeout: float) -> list[Outcome | Live]:
        """As the seam says. Everything that happens, happens in here: reports, deaths, time limits, new workers."""
        self._dispatch()
        deadline = time.monotonic() + timeout
        while not self._found and self.busy():
            self._limits.enforce(self._workers.values(), draining=self._draining)
            for key, mask in self._selector.select(max(0.0, min(deadline - time.monotonic(), self._limits.poll_seconds))):
                if key.data is None:
                    self._hear_of_workers()
                else:
                    self._serve(key.data, mask)
            self._dispatch()
            if self._observer.due:
                self._look()
            if time.monotonic() >= deadline:
                break
        found, self._found = self._found, []
        return found

    def drain(self) -> int:
        """As the seam says."""
        self._draining = True
        self._queue.clear()
        self._page.stop()
        return len(self._executing())

    def _executing(self) -> list[Current]:
        """What workers have begun and not reported."""
        marked = [(worker, self._page.current(worker.slot)) for worker in self._workers.values()]
        return [current for worker, current in marked if current is not None and worker.has(current.index)]

    def close(self) -> list[Outcome]:
        """As the seam says."""
        if self._closed:
            return []
        self._closed = True
        cut_off = [cancelled(current.index, current.since, current.step) for current in self._executing()]
        for worker in self._workers.values():
            worker.kill()
            worker.close()
        self._workers.clear()
        self._nursery.close()
        self._free()
        return cut_off

    def _free(self) -> None:
        self._selector.close()
        self._page.close()
        os.close(self._page_fd)

    # -- dispatch -----------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Give every worker that has room its next batch; start workers while there is more work than workers."""
        if self._draining or not self._queue:
            return
        for slot in range(self._count):
            if not self._queue:
                return
            worker = self._workers.get(slot) or self._start_worker(slot)
            while self._has_room(worker):
                share = 1 if self._queue[0][0] in self._alone else self._pace.share(len(self._queue))
                worker.give([self._queue.popleft() for _ in range(share)])
            self._watch(worker)

    def _has_room(self, worker: Worker) -> bool:
        if not self._queue or worker.late is not None or worker.bloated or len(worker.batches) >= self._pace.depth:
            return False
        suspects = self._alone and any(item[0] in self._alone for item in (self._queue[0], *worker.pending()))
        return not (worker.batches and suspects)

    def _start_worker(self, slot: int) -> Worker:
        self._page.mark(slot, -1, 0, 0.0)
        worker = self._workers[slot] = Worker(slot, self._max_log)
        self._nursery.spawn(slot, worker.theirs, (worker.fault, *worker.streams.descriptors), fresh=self._fresh)
        worker.theirs.close()
        self._selector.register(worker.sock, selectors.EVENT_READ, worker)
        worker.send(self._job)
        return worker

    def _watch(self, worker: Worker) -> None:
        """Wait for what the worker reports, and for room in its socket where that is full."""
        if worker.sock in self._selector.get_map():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.waits_to_send else 0)
            self._selector.modify(worker.sock, wanted, worker)

    # -- what comes back ----------------------------------------------------------------------------------------------

    def _hear_of_workers(self) -> None:
        for message in self._nursery.news():
            if "born" in message:
                self._workers[message["born"]].pid = message["pid"]
            else:
                worker = self._workers[message["died"]]
                worker.has_taken(*message["taken"])
                self._bury(worker, message["status"])

    def _serve(self, worker: Worker, mask: int) -> None:
        if self._workers.get(worker.slot) is not worker:
            return  # it was buried in this very round
        if mask & selectors.EVENT_WRITE:
            worker.flush()
            self._watch(worker)
        if mask & selectors.EVENT_READ and not self._receive(worker):
            self._selector.unregister(worker.sock)  # news of its death will come, or a step has closed the socket and goes on for now

    def _receive(self, worker: Worker) -> bool:
        """Take in what the worker has reported; False at the end of its stream."""
        try:
            frames, more = worker.receive()
            for frame in frames:
                self._take(*worker.report(frame))
        except (ValueError, TypeError):
            worker.garbled = True  # a step has written into the socket; what comes after that cannot be told from it
            worker.kill()
            return False
        return more

    def _take(self, news: list[Outcome | Live], returned: list[Item]) -> None:
        self._found += news
        self._heard.update(live.index for live in news if isinstance(live, Live))
        self._heard.difference_update(outcome.index for outcome in news if isinstance(outcome, Outcome))
        self._requeue(returned)
        seconds = [outcome.seconds for outcome in news if isinstance(outcome, Outcome)]
        if seconds:
            self._idle_deaths = 0
            self._pace.note(sum(seconds) / len(seconds))

    def _look(self) -> None:
        self._oom.look()
        news = self._observer.look(self._workers.values())
        self._heard.update(live.index for live in news)
        self._found += news

    def _requeue(self, items: Iterable[Item]) -> None:
        """What a worker was given and has not begun, or not finished through no fault of its own, is next."""
        if self._draining:
            return
        again = list(items)
        self._queue.extendleft(reversed(again))
        for item in again:
            if item[0] in self._heard:
                self._heard.remove(item[0])
                self._found.append(Live(index=item[0], logged=(("", Restart()),)))

    # -- death and time limits ----------------------------------------------------------------------------------------

    def _bury(self, worker: Worker, status: int) -> None:
        """A worker has died: hear its last words, blame the run that it was in, queue the others again."""
        self._receive(worker)
        pending = worker.pending()
        accused = None if worker.bloated else worker.late or self._page.current(worker.slot)
        if worker.garbled:
            accused = Current(pending[0][0], 0, time.monotonic()) if len(pending) == 1 else None
            status = GARBLED
            self._alone.update(item[0] for item in pending)
        guilty = next((item for item in pending if accused is not None and item[0] == accused.index), None)
        if guilty is not None and accused is not None:
            pending.remove(guilty)
            self._heard.discard(accused.index)
            self._found.append(worker.verdict(status, accused, bytes(self._page.journal(worker.slot)), oom=self._oom.has_killed()))
            self._idle_deaths = 0
        elif worker.late is None and not worker.garbled and not worker.bloated and not self._draining:
            self._idle_deaths += 1
        self._forget(worker)
        self._requeue(pending)
        if self._idle_deaths >= MAX_IDLE_DEATHS:
            raise WorkerStartError(
                f"{self._idle_deaths} workers in a row died before they ran anything ({end_of_process(status)[0]}); not starting more"
            )

    def _forget(self, worker: Worker) -> None:
        del self._workers[worker.slot]
        if worker.sock in self._selector.get_map():
            self._selector.unregister(worker.sock)
        worker.close()
