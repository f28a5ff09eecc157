"""What becomes of the folders that runs which are executed again have put aside: the store says whose files count."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Protocol

from runner import replaced
from runner.claims import Claims
from runner.replaced import Aside

LOOK_SECONDS = 1.0
LONGEST_LOOK = 0.1
"""Seconds after which a look ends, since nobody feeds the workers or looks at their time limits meanwhile; the next one goes on."""
CHUNK = 256
"""Runs that are claimed together, since each look at what lies aside is one at all of it."""
PATIENCE = 2.0
"""Seconds for the attempts of an xrun that was killed to be over; whatever it has started is gone by then."""


class Knowing(Protocol):
    """What is asked of a store."""

    def owners(self, ids: Sequence[str]) -> dict[str, int | None]:
        """Run -> the invocation whose files count; None where damage hides it."""
        ...

    def over(self, epochs: Iterable[int]) -> set[int]:
        """Those of these invocations that commit nothing any more."""
        ...


class Succession:
    """One invocation's part in it. Costs nothing for runs that have no folder yet."""

    def __init__(self, artifacts: Path, store: Knowing, epoch: int, claims: Claims | None) -> None:
        self._artifacts, self._store, self._epoch, self._claims = artifacts, store, epoch, claims
        self._due = time.monotonic() + LOOK_SECONDS

    def begin(self) -> None:
        """Before the first run: what invocations have left that were killed, of whatever experiment."""
        self._decide(lambda epochs: epochs <= self._store.over(epochs))

    def look(self) -> None:
        """Between runs: what lies aside of runs that have ended since goes, a tenth of the time at most."""
        if (now := time.monotonic()) < self._due:
            return
        own = {id_run: stack for id_run, stack in replaced.asides(self._artifacts).items() if stack[-1].epoch == self._epoch}
        owners = self._store.owners(list(own)) if own else {}
        landed = [id_run for id_run in own if owners.get(id_run) == self._epoch]
        until = time.monotonic() + LONGEST_LOOK
        for id_run in landed:  # nothing is put back here: whoever executes it next is not disturbed
            replaced.decide(self._artifacts, own[id_run], self._epoch)
            if time.monotonic() > until:
                break
        self._due = time.monotonic() + max(LOOK_SECONDS, 10 * (time.monotonic() - now))

    def end(self) -> None:
        """After the last run: what was cut off is put back. No attempt of this invocation goes on any more."""
        own = {self._epoch}
        self._decide(lambda epochs: not own.isdisjoint(epochs) and epochs <= own | self._store.over(epochs))

    def _decide(self, ended: Callable[[set[int]], bool]) -> None:
        until = time.monotonic() + PATIENCE
        names = iter(replaced.asides(self._artifacts))
        while chunk := list(islice(names, CHUNK)):
            with ExitStack() as claimed:
                mine = [id_run for id_run in chunk if self._claims is None or claimed.enter_context(self._claims.holding(id_run))]
                stacks = replaced.asides(self._artifacts)  # as they are now that nobody executes these runs
                for stack in (stacks[id_run] for id_run in mine if id_run in stacks):
                    if ended({aside.epoch for aside in stack}):
                        _end(self._artifacts, self._store, stack, until)
        replaced.clean(self._artifacts)


def decide_all(artifacts: Path, store: Knowing) -> None:
    """Decide it for all. Nobody may execute meanwhile."""
    until = time.monotonic() + PATIENCE
    for stack in replaced.asides(artifacts).values():
        _end(artifacts, store, stack, until)
    replaced.clean(artifacts)


def _end(artifacts: Path, store: Knowing, stack: Sequence[Aside], until: float) -> None:
    replaced.outwait(stack, until)
    (id_run,) = {aside.id_run for aside in stack}
    owners = store.owners([id_run])
    if id_run not in owners or owners[id_run] is not None:  # what a damaged row says of it, only a repair can tell
        replaced.decide(artifacts, stack, owners.get(id_run))


def leftovers(artifacts: Path, store: Knowing, going: Iterable[str] = ()) -> list[Path]:
    """The folders that `decide_all` removes, if the runs `going` are gone by then."""
    stacks, gone = replaced.asides(artifacts), frozenset(going)
    owners = {id_run: owner for id_run, owner in store.owners(list(stacks)).items() if id_run not in gone}
    found = replaced.waste(artifacts)
    for id_run, stack in stacks.items():
        owner = owners.get(id_run)
        if owner is None and id_run in owners:  # damage hides it
            continue
        kept = replaced.holding(stack, owner) if owner is not None else None
        found += [aside.path for aside in stack if aside != kept]
        if kept is not None and (artifacts / id_run).is_dir():
            found.append(artifacts / id_run)
    return sorted(found)
