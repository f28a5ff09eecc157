"""Runs of a plan that are still to be looked up or executed."""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from runner.checkpoint import Sharing
from runner.claims import Claims
from runner.logged import Entries
from runner.plan import Plan, Run
from runner.record import Record, Start
from runner.rerun import Choice, Rerun
from runner.secret import revealed
from runner.stores.base import Store
from runner.waiting.starts import Starts

LOOKUP = 512
MAX_HELD = 16 * LOOKUP
"""The plan is not read on while so many runs wait for others that share their checkpoint."""
ASK_SECONDS = 0.1
"""Between two looks at what other processes execute."""


class Waiting:
    """Runs of the plan that are still to be looked up or executed. Memory is O(in flight)."""

    def __init__(self, plan: Plan, store: Store, rerun: Rerun, claims: Claims | None = None) -> None:
        """Raises UsageError where `rerun` names what the plan does not have."""
        self._plan, self._store, self.experiment = plan, store, plan.experiment.name
        self._runs = iter(plan)
        self._rerun, self._choice = rerun, Choice(rerun, plan)
        choice = self._choice
        steps = plan.experiment.steps
        self._look = not choice.everything and all(step.cache for step in steps)
        self._starts = Starts(store, steps)
        self._links_again = min(self._starts.links, choice.taken_over)
        """How many first steps a run takes over at most that is executed though it has completed."""
        self._todo: list[Run] = []
        self._twins: list[Run] = []
        """Runs whose id is that of a run under way (two variants that differ in ignored kwargs): its record is theirs."""
        self._pending: set[str] = set()
        """Ids that are under way: taken from the plan and not committed."""
        self._claims = claims
        self._elsewhere: dict[str, Run] = {}
        """Id -> run, of those that another process executes."""
        self._asked = 0.0
        """When they were looked up."""
        self._found: list[Record] = []
        """Of runs that another process has completed meanwhile."""
        self._sharing = Sharing.of(plan)
        self._in_use: dict[str, str] = {}
        """Id -> shared checkpoint, of runs that execute."""
        self._keys: dict[int, str] = {}
        """Index -> shared checkpoint, of those in `_todo`, once it is known."""
        self._held = False
        """Whether all of `_todo` wait for the checkpoints that are in use."""
        self._through = False
        """Whether the plan has been read to its end."""
        self.empty = False

    def cached(self) -> Iterator[Record]:
        """Look up the next few runs, unless there is something to execute already; yield what stays as it is."""
        if self._elsewhere:
            self._ask_for_others()
        if self._found:
            self.committed(self._found)
            yield from (replace(record, cached=True) for record in self._found)
            self._found = []
        if self.empty or (self._todo and not self.late):
            return
        part = list(itertools.islice(self._runs, LOOKUP))
        if not part:
            self._end()
            return
        self._held = False
        found = self._store.find([run.id_run for run in part]) if self._look else {}
        self._share(found.values())
        limits: dict[int, int] = {}
        for run in part:
            record = found.get(run.id_run)
            if record is not None and self._choice.stands(run, record):
                yield replace(record, cached=True)
            elif run.id_run in self._pending:
                self._twins.append(run)
            else:
                again = self._choice.everything or (record is not None and record.status.ok)
                self._pending.add(run.id_run)
                self._todo.append(run)
                if limit := self._links_again if again else self._starts.links:
                    limits[run.index] = limit
        if limits:
            self._starts.find([run for run in self._todo if run.index in limits], limits)

    def _share(self, found: Iterable[Record]) -> None:
        """Note which of them other experiments have executed."""
        others = [record.id_run for record in found if record.status.ok and record.experiment != self.experiment]
        if others:
            self._store.share(self.experiment, others)

    def _ask_for_others(self) -> None:
        """Look up what others execute, now and then; what they have given up is to be executed here."""
        if self._claims is None or time.monotonic() < self._asked + ASK_SECONDS:
            return
        self._asked = time.monotonic()
        free = [run for id_run, run in self._elsewhere.items() if self._claims.claim(id_run)]
        for run in free:
            del self._elsewhere[run.id_run]
        self._todo += free  # looked up when they are taken
        self._held = False

    def _claimed(self, claims: Claims, runs: list[Run]) -> list[Run]:
        """Those of these runs that nobody else executes or has completed meanwhile."""
        mine = []
        for run in runs:
            if claims.claim(run.id_run):
                mine.append(run)
            else:
                self._elsewhere[run.id_run] = run
                self._in_use.pop(run.id_run, None)
        found = self._store.find([run.id_run for run in mine]) if self._look else {}
        stand = {run.id_run: found[run.id_run] for run in mine if run.id_run in found and self._choice.stands(run, found[run.id_run])}
        self._share(stand.values())
        self._found += stand.values()
        return [run for run in mine if run.id_run not in stand]

    def look_around(self) -> None:
        """Claim what executes, if somebody has come who may want it as well."""
        if self._claims is not None and self._claims.has_come():
            for id_run in self._pending.difference(run.id_run for run in self._todo):
                self._claims.claim(id_run)

    def behind(self, run: Run) -> tuple[Start | None, Entries]:
        """Where a run that was taken goes on, and what had been logged up to there."""
        return self._starts.behind(run)

    def further(self, run: Run, start: Start | None) -> tuple[Start, Entries] | None:
        """Where a run can go on that has begun at `start` and failed: behind the steps that it has finished itself; None: no further."""
        return self._starts.further(run, start)

    def _end(self) -> None:
        """The plan is through: what is left are twins, once the runs that they wait for are committed."""
        if self._todo or self._elsewhere or self._found:
            self._through = True
        elif not self._twins:
            self.empty = True
        elif not self._pending:
            self._runs, self._twins, self._through = iter(self._twins), [], False
            self._look, self._choice = True, Choice(replace(self._rerun, force=False, where=None, step=""), self._plan)

    @property
    def late(self) -> bool:
        """Whether runs can be looked up right now, so that there is no reason to wait for anything."""
        if self._todo:
            return self._held and not self._through and len(self._todo) < MAX_HELD
        return not (self.empty or self._through or (self._twins and self._pending))

    @property
    def idle(self) -> bool:
        """Whether there is nothing to look up and nothing to execute until something has been committed."""
        return not self.late and (not self._todo or self._held)

    def take(self, count: int) -> list[Run]:
        """Up to `count` runs to execute, no two of which share a checkpoint with each other or with one that executes."""
        if self._sharing is not None:
            taken = self._take_apart(self._sharing, count)
        else:
            taken, self._todo = self._todo[:count], self._todo[count:]
        return self._claimed(self._claims, taken) if taken and self._claims is not None and self._claims.company else taken

    def _take_apart(self, sharing: Sharing, count: int) -> list[Run]:
        if self._held:
            return []
        taken: list[Run] = []
        rest: list[Run] = []
        in_use = set(self._in_use.values())
        for run in self._todo:
            key = self._keys.get(run.index) or self._keys.setdefault(run.index, sharing.key(*self._known(run)))
            if len(taken) == count or key in in_use:
                rest.append(run)
                continue
            taken.append(run)
            in_use.add(key)
            self._in_use[run.id_run] = self._keys.pop(run.index)
        self._todo, self._held = rest, len(taken) < count and bool(rest)
        return taken

    def _known(self, run: Run) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Kwargs and params as the worker has them, which names the folder as well."""
        known = self._plan.kwargs(run), run.params
        return revealed(known) if self._plan.experiment.mask else known

    def committed(self, records: Iterable[Record]) -> None:
        """These runs are over."""
        ids = [record.id_run for record in records]
        if self._claims is not None:
            self._claims.release(ids)
        self._pending.difference_update(ids)
        if self._in_use:
            freed = [self._in_use.pop(id_run, None) for id_run in ids]
            self._held = self._held and not any(freed)
