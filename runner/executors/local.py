"""The default executor: a supervised pool of processes that isolates a crash, a hang and a result that is no plain data.

No library does all three at once (measured; ARCHITECTURE.md, "Why a pool of our own"). One socket per worker, no shared queue and no shared lock
that a dying worker could hold; a page of shared memory names the run that each worker executes, so that a death or a timeout is the guilty
run's alone, and everything else that was under way goes back to the queue: execution is at least once, recording exactly once.
"""

import json
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.errors import WorkerStartError
from runner.executors import wire, zygote
from runner.executors.page import Page, create
from runner.record import Failure, Outcome, Status
from runner.spec import ExecutorSpec, Experiment
from runner.steps import Inspection, Parameter, StepInfo
from runner.worker import Item, Job

BATCH_SECONDS = 0.06
MAX_BATCH = 256
PREFETCH_BELOW = 0.05
"""Seconds a run: a second batch waits at a worker only when runs are so short that the way there would show."""
MAX_IDLE_DEATHS = 3
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def cpus() -> int:
    """The number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(eq=False, slots=True)
class _Worker:
    """A worker process as the coordinator sees it."""

    slot: int
    sock: socket.socket
    fault: int
    """Descriptor of the file that a fatal signal's traceback goes to."""
    pid: int = 0
    inbox: wire.Inbox = field(default_factory=wire.Inbox)
    outbox: bytearray = field(default_factory=bytearray)
    batches: deque[dict[int, Item]] = field(default_factory=deque)
    """What it was given and has not reported, oldest batch first."""
    late: int | None = None
    """The run that it is being killed for."""

    def pending(self) -> list[Item]:
        """Runs that it has not reported."""
        return [item for batch in self.batches for item in batch.values()]


class Local:
    """The executor `local`."""

    def __init__(self, spec: ExecutorSpec) -> None:
        self._count = spec.workers or cpus()
        self._fresh = spec.start == "spawn"
        self._queue: deque[Item] = deque()
        self._workers: dict[int, _Worker] = {}
        self._found: list[Outcome] = []
        self._limits: list[float | None] = []
        self._mean = 0.0
        self._idle_deaths = 0
        self._draining = False
        self._closed = False
        self._job = b""
        self._selector = selectors.DefaultSelector()
        self._page_fd = create(self._count)
        self._page = Page(self._page_fd)
        self._inbox = wire.Inbox()
        self._inspection: Inspection | None = None
        self._control, theirs = socket.socketpair()
        self._process = self._start_zygote(theirs)

    def _start_zygote(self, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        threads = str(max(1, cpus() // self._count))
        environment = {**dict.fromkeys(THREAD_VARIABLES, threads), **os.environ}
        call = f"from runner.executors.zygote import main; main({theirs.fileno()}, {self._page_fd}, {os.getpid()})"
        process = subprocess.Popen(
            [sys.executable, *zygote.interpreter_flags(), "-c", call],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), self._page_fd),
            env=environment,
            start_new_session=True,  # a Ctrl-C at the terminal is the coordinator's alone
        )
        theirs.close()
        return process

    def inspect(self, experiment: Experiment) -> Inspection:
        """As the seam says; in the process that the workers are forked from."""
        self._tell(("inspect", experiment), [])
        while self._inspection is None:
            data = self._control.recv(1 << 16)
            if not data:
                code = self._process.wait()
                how = signal.Signals(-code).name if code < 0 else f"exit {code}"
                raise WorkerStartError(f"importing the steps ended the process ({how}): {', '.join(s.call for s in experiment.steps)}")
            self._hear(data)
        return self._inspection

    def start(self, job: Job) -> None:
        """As the seam says. Workers are started one by one when there is work for them."""
        self._job = wire.pack(job)
        self._limits = [step.timeout for step in job.steps]
        self._control.setblocking(False)
        self._selector.register(self._control, selectors.EVENT_READ, None)

    def room(self) -> int:
        """Enough for every worker's next batches, no more."""
        if self._draining:
            return 0
        return max(0, 4 * self._count * self._batch_size() - len(self._queue))

    def submit(self, items: Sequence[Item]) -> None:
        """As the seam says."""
        self._queue.extend(items)
        self._dispatch()

    def busy(self) -> bool:
        """As the seam says."""
        return bool(self._found or self._queue or any(w.batches for w in self._workers.values()))

    def events(self, timeout: float) -> list[Outcome]:
        """As the seam says. Everything that happens, happens in here: reports, deaths, time limits, new workers."""
        self._dispatch()
        deadline = time.monotonic() + timeout
        while not self._found and self.busy():
            self._enforce_limits()
            for key, mask in self._selector.select(max(0.0, min(deadline - time.monotonic(), self._poll_seconds()))):
                if key.data is None:
                    self._read_control()
                else:
                    self._serve(key.data, mask)
            self._dispatch()
            if time.monotonic() >= deadline:
                break
        found, self._found = self._found, []
        return found

    def drain(self) -> None:
        """As the seam says."""
        self._draining = True
        self._queue.clear()
        self._page.stop()

    def close(self) -> list[int]:
        """As the seam says."""
        if self._closed:
            return []
        self._closed = True
        cut_off = []
        for worker in self._workers.values():
            current = self._page.current(worker.slot)
            if current is not None and any(current.index in batch for batch in worker.batches):
                cut_off.append(current.index)
            self._kill(worker)
            self._forget(worker)
        self._control.close()  # the zygote's sign to leave
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        self._page.close()
        os.close(self._page_fd)
        return cut_off

    # -- dispatch -----------------------------------------------------------------------------------------------------

    def _batch_size(self) -> int:
        """Runs that make about 60 ms of work; 1 until the first has been timed."""
        return max(1, min(MAX_BATCH, int(BATCH_SECONDS / self._mean))) if self._mean else 1

    def _dispatch(self) -> None:
        """Give every worker that has room its next batch; start workers while there is more work than workers."""
        if self._draining or not self._queue:
            return
        depth = 2 if self._mean and self._mean < PREFETCH_BELOW else 1
        for slot in range(self._count):
            if not self._queue:
                return
            if slot not in self._workers:
                self._start_worker(slot)
            worker = self._workers[slot]
            while len(worker.batches) < depth and self._queue and worker.late is None:
                share = max(1, math.ceil(len(self._queue) / (2 * self._count)))
                size = min(self._batch_size(), share)
                batch = [self._queue.popleft() for _ in range(min(size, len(self._queue)))]
                worker.batches.append({item[0]: item for item in batch})
                self._send(worker, wire.pack(batch))

    def _start_worker(self, slot: int) -> None:
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as file:
            fault = os.dup(file.fileno())
        self._page.mark(slot, -1, 0, 0.0)
        worker = _Worker(slot, ours, fault)
        self._workers[slot] = worker
        self._tell(("spawn", {"slot": slot, "fresh": self._fresh}), [theirs.fileno(), fault])
        theirs.close()
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        self._send(worker, self._job)

    def _tell(self, message: tuple[str, Any], descriptors: list[int]) -> None:
        data = wire.pack(message)
        self._control.setblocking(True)
        try:
            socket.send_fds(self._control, [data[: zygote.HEADER.size]], descriptors)
            self._control.sendall(data[zygote.HEADER.size :])
        except (BrokenPipeError, ConnectionResetError):
            raise WorkerStartError("the process that starts the workers is gone") from None
        finally:
            self._control.setblocking(message[0] == "inspect")

    # -- what comes back ----------------------------------------------------------------------------------------------

    def _read_control(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            raise WorkerStartError("the process that starts the workers is gone")
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        for payload in self._inbox.feed(data):
            message = json.loads(payload)
            if "inspection" in message:
                self._inspection = _inspection(message["inspection"])
            elif "born" in message:
                if worker := self._workers.get(message["born"]):
                    worker.pid = message["pid"]
            elif worker := self._workers.get(message["died"]):
                self._bury(worker, message["status"])

    def _serve(self, worker: _Worker, mask: int) -> None:
        if self._workers.get(worker.slot) is not worker:
            return  # it was buried in this very round
        if mask & selectors.EVENT_WRITE:
            self._flush(worker)
        if mask & selectors.EVENT_READ and not self._receive(worker):
            self._selector.unregister(worker.sock)  # its death will be reported; a worker that closed its socket is made to die
            self._kill(worker)

    def _send(self, worker: _Worker, data: bytes) -> None:
        worker.outbox += data
        self._flush(worker)

    def _flush(self, worker: _Worker) -> None:
        try:
            while worker.outbox:
                sent = worker.sock.send(worker.outbox[: 1 << 20])
                del worker.outbox[:sent]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            worker.outbox.clear()  # it is dead; the news is under way
        if worker.sock.fileno() in self._selector.get_map():
            self._selector.modify(worker.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.outbox else 0), worker)

    def _receive(self, worker: _Worker) -> bool:
        """Take in what the worker has reported; False at the end of its stream."""
        try:
            while data := worker.sock.recv(1 << 20):
                for payload in worker.inbox.feed(data):
                    self._report(worker, payload)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        return False

    def _report(self, worker: _Worker, payload: bytes) -> None:
        outcomes, end = wire.unpack_outcomes(payload)
        for outcome in outcomes:
            for batch in worker.batches:
                if batch.pop(outcome.index, None) is not None:
                    self._found.append(outcome)
                    break
        if outcomes:
            self._idle_deaths = 0
            mean = sum(o.seconds for o in outcomes) / len(outcomes)
            self._mean = max(mean if not self._mean else (self._mean + mean) / 2, 1e-6)
        if end and worker.batches:
            worker.batches.popleft()

    # -- death and time limits ----------------------------------------------------------------------------------------

    def _bury(self, worker: _Worker, status: int) -> None:
        """A worker has died: hear its last words, blame the run that it was in, queue the others again."""
        self._receive(worker)
        current = self._page.current(worker.slot)
        pending = worker.pending()
        guilty = next((item for item in pending if current is not None and item[0] == current.index), None)
        if guilty is not None and current is not None:
            pending.remove(guilty)
            self._found.append(self._verdict(worker, status, guilty[0], current.step, current.since))
            self._idle_deaths = 0
        elif not self._draining:
            self._idle_deaths += 1
        self._forget(worker)
        if not self._draining:
            self._queue.extendleft(reversed(pending))
        if self._idle_deaths >= MAX_IDLE_DEATHS:
            raise WorkerStartError(
                f"{self._idle_deaths} workers in a row died before they ran anything ({_how(status)[0]}); not starting more"
            )

    def _verdict(self, worker: _Worker, status: int, index: int, step: int, since: float) -> Outcome:
        seconds = max(0.0, time.monotonic() - since)
        kind, message = _how(status)
        verdict = Status.CRASHED
        if worker.late == index:
            verdict, kind, message = Status.TIMED_OUT, "Timeout", f"the step took longer than its timeout of {self._limits[step]:g} s"
        trace = os.pread(worker.fault, 64_000, 0).decode("utf-8", "replace") if verdict is Status.CRASHED else ""
        failure = Failure(kind=kind, message=message, traceback=trace)
        return Outcome(index=index, status=verdict, failure=failure, step=step, started=time.time() - seconds, seconds=seconds)

    def _forget(self, worker: _Worker) -> None:
        self._workers = {slot: w for slot, w in self._workers.items() if w is not worker}
        if worker.sock.fileno() in self._selector.get_map():
            self._selector.unregister(worker.sock)
        worker.sock.close()
        os.close(worker.fault)

    def _poll_seconds(self) -> float:
        limits = [limit for limit in self._limits if limit is not None]
        return max(0.005, min(0.1, min(limits) / 10)) if limits else 0.5

    def _enforce_limits(self) -> None:
        if not any(limit is not None for limit in self._limits):
            return
        now = time.monotonic()
        for worker in self._workers.values():
            current = self._page.current(worker.slot)
            if current is None or worker.late is not None or worker.pid == 0:
                continue
            limit = self._limits[current.step]
            if limit is not None and now - current.since > limit:
                worker.late = current.index
                self._kill(worker)

    def _kill(self, worker: _Worker) -> None:
        """SIGKILL to the worker and all that its steps started."""
        if worker.pid:
            try:
                os.killpg(worker.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass


def _how(status: int) -> tuple[str, str]:
    """How a process ended, as a kind and a sentence."""
    if status >= 0:
        return f"exit {status}", f"the step ended its process with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = "; if nobody sent it, the kernel did, because memory ran out" if name == "SIGKILL" else ""
    return name, f"the process was ended by {name}{hint}"


def _inspection(tree: dict[str, Any]) -> Inspection:
    infos = tuple(StepInfo(**{**info, "parameters": tuple(Parameter(**p) for p in info["parameters"])}) for info in tree["steps"])
    return Inspection(problems=tuple(tree["problems"]), steps=infos, code=tuple(tree["code"]))
