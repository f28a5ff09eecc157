"""One attempt at a run while it is under way: what it has logged that belongs into its record, and the records that it ends as."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from runner import codec
from runner.logged import Begun, Child, Entries, Output, Params, Prefix, Progress, Restart, Trouble
from runner.plan import Plan, Run
from runner.record import Outcome, QuickRecord, Record, Start, Status, Trail
from runner.veil import Veil

SHOWN = (Output, Progress, Trouble)
"""What people may want to see while a run executes."""


@dataclass(slots=True)
class Flight:
    """An attempt at a run."""

    run: Run
    attempt: int
    start: Start | None = None
    """Where it goes on, if not at the beginning."""
    inherited: Entries = ()
    """What had been logged up to there: its own once it has told that it has taken that over."""
    begun: bool = False
    """Whether it has told where it begins."""
    logged: dict[str, dict[str, Any]] | None = None
    """Parameters that were logged, by the child run's id, or "" for the run itself."""
    troubles: int = 0
    children: dict[str, Child] | None = None
    """The last that was heard of each child run."""
    reached: int = 0
    """How many first steps it has finished, of which the state is whole."""
    point: str = ""
    """The run's params as JSON text, once they have been needed."""
    veil: Veil | None = None
    """Takes secrets out of what the attempt sends; None where there are none."""

    def take(self, entries: Entries, experiment: str, epoch: int) -> list[Trail]:
        """Keep what the record needs; everything on its way to the store, a trail for the run and one for each child."""
        sorted_out: dict[str, list[tuple[str, Any]]] = {}
        for child, entry in self._whole(entries):
            match entry:
                case Params():
                    self.logged = self.logged or {}
                    self.logged.setdefault(child, {}).update(codec.loads(entry.content))
                case Trouble():
                    self.troubles += entry.count
                case Child():
                    self.children = self.children or {}
                    self.children[entry.id_run] = entry
                case Restart():
                    sorted_out.update({known: [(known, entry)] for known in self.children or ()})
                    self.logged, self.children, self.troubles, self.reached, self.begun = None, None, 0, 0, False
                    sorted_out[""] = [(child, entry)]
                    continue
                case Prefix():
                    if not entry.link:  # one that is inherited has its own
                        links = (*self.run.links, self.run.id_run)
                        entry = replace(entry, link=links[(entry.steps or len(links)) - 1])  # noqa: PLW2901
                    self.reached = entry.steps
                case _:
                    pass
            sorted_out.setdefault(child, []).append((child, entry))
        return [self._trail(child, tuple(found), experiment, epoch) for child, found in sorted_out.items()]

    def _trail(self, child: str, entries: Entries, experiment: str, epoch: int) -> Trail:
        trail = Trail(id_run=self.run.id_run, experiment=experiment, epoch=epoch, attempt=self.attempt, entries=entries)
        if not child:
            return replace(trail, params_json=self._point())
        known = (self.children or {}).get(child) or Child(child, "", parent=self.run.id_run)
        return replace(trail, id_run=child, params_json=known.params, parent=known.parent, name=known.name)

    def _point(self) -> str:
        self.point = self.point or codec.dumps(self.run.params)
        return self.point

    def _whole(self, entries: Entries) -> Iterator[tuple[str, Any]]:
        """Entries, and in the place of the news that it has taken over the state of an earlier run, what that had logged."""
        for child, entry in entries:
            if not isinstance(entry, Begun):
                yield child, entry
                continue
            self.begun = True
            if entry.steps:
                yield from self.inherited
            else:
                self.start = None  # a retry need not try it again

    def unheard(self, experiment: str, epoch: int) -> list[Trail]:
        """Before it lands: where it was over before it could take over what an earlier attempt at this run had left, that stays.

        What another run left stays with that one.
        """
        lost = self.start is not None and not self.begun and self.start.id_run == self.run.id_run
        return self.take(self.inherited, experiment, epoch) if lost else []

    @staticmethod
    def for_people(trail: Trail) -> Trail:
        """The part of a trail that people may want to see now."""
        return replace(trail, entries=tuple(item for item in trail.entries if isinstance(item[1], SHOWN)))

    def land(self, outcome: Outcome, plan: Plan, epoch: int) -> list[Record]:
        """The attempt is over: the records of its child runs, and then its own."""
        record = QuickRecord(
            id_run=self.run.id_run,
            experiment=plan.experiment.name,
            status=outcome.status,
            params_json=self._point(),
            fields_json=outcome.fields,
            tags_json=outcome.tags,
            failure=outcome.failure,
            seed=self.run.seed,
            attempt=self.attempt,
            started=outcome.started,
            seconds=outcome.seconds,
            epoch=epoch,
            kwargs_json=plan.kwargs_json(self.run),
            logged_json=self._params(""),
            cpu_seconds=outcome.cpu_seconds,
            max_rss=outcome.max_rss,
            troubles=self.troubles,
        )
        return [*(self._child(child, record) for child in self.children.values()), record] if self.children else [record]

    def _params(self, child: str) -> str:
        return codec.dumps(self.logged[child]) if self.logged and child in self.logged else "{}"

    def _child(self, child: Child, parent: Record) -> Record:
        """A child run's record; one that never ended has ended as its parent did."""
        seconds = child.seconds if child.status else max(0.0, time.time() - child.started)
        return replace(
            parent,
            id_run=child.id_run,
            status=Status(child.status) if child.status else parent.status,
            params_json=child.params,
            fields_json=child.fields,
            tags_json=child.tags,
            failure=None,
            started=child.started,
            seconds=seconds,
            logged_json=self._params(child.id_run),
            parent=child.parent,
            name=child.name,
            cpu_seconds=0.0,
            max_rss=0,
            troubles=0,
        )
