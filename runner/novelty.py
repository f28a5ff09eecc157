"""Of every run of a plan: new, cached, how it ended last, or changed and why; and whether it would be executed. Reads the store and the
project; changes nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from runner import codec, evidence, trust
from runner.evidence import Evidence
from runner.plan import Plan, Run
from runner.record import Record
from runner.rerun import Choice, Rerun
from runner.stores import SqliteReader
from runner.stores.damage import DamagedError
from runner.stores.explained import Earlier
from runner.waiting.starts import Starts
from runner.why import Difference, Side, between, compare

CHUNK = 512
UNKNOWN = "it is not known why: of the earlier run no evidence is kept"
DAMAGED = "its record is damaged; xrun doctor says more"


@dataclass(frozen=True, slots=True)
class State:
    """What the store knows of a run of the plan."""

    word: str
    """`new`, `cached`, `changed`, `again` (COMPLETED, and executed all the same), or how it ended last, in lower case: `failed`."""
    why: str = ""
    """Of a changed one: what differs, in a few words. Of others that are not as one would expect: what makes it so."""
    differences: tuple[Difference, ...] = ()
    earlier: str = ""
    """id_run of the run at the same point that it differs from."""
    executes: bool = True
    """Whether running the plan now executes it."""
    taken_over: int = 0
    """How many of its first steps are not executed, because an earlier run that began alike has done so."""


AGAIN: Final = "again"
NEW, CACHED = State("new"), State("cached", executes=False)


def states(
    planned: Plan, reader: SqliteReader | None, root: Path, rerun: Rerun | None = None, published: Collection[str] = ()
) -> Iterator[tuple[Run, State]]:
    """Every run with its state, in plan order.

    `rerun`: what would be asked to be executed again. `published`: ids of the runs that the results show, which a run that has changed is
    held against rather than against the latest at its point. Raises UsageError where `rerun` names what the plan does not have. Memory is
    O(runs of the experiment in the store), and O(1) while all of them are cached; where several runs of the plan may be one, O(runs).
    """
    known = _Known(planned, rerun or Rerun())
    fallen = trust.reasons(reader, root) if reader is not None else {}
    if reader is not None:
        reader.suppose({epoch: until for epoch, (until, _) in fallen.items()})  # which is what an execution begins with
    seen: dict[str, int] | None = {} if _may_repeat(planned) else None
    for run, state in _of_each(planned, reader, known, _Before(frozenset(published), fallen)):
        first = seen.setdefault(run.id_run, run.index) if seen is not None else run.index
        yield run, state if first == run.index or not state.executes else replace(state, executes=False, why=f"the same run as #{first}")


def _may_repeat(planned: Plan) -> bool:
    """Whether runs that differ in nothing that counts may be in the plan twice: all but the first find the result of that one."""
    experiment = planned.experiment
    return len(planned.scopes) > 1 or any(variant.kwargs_at is not None for variant in experiment.variants) or bool(experiment.default_ids)


def _of_each(planned: Plan, reader: SqliteReader | None, known: "_Known", before: "_Before") -> Iterator[tuple[Run, State]]:
    runs = iter(planned)
    history: _History | None = None
    for chunk in iter(lambda: list(islice(runs, CHUNK)), []):
        found = reader.find([run.id_run for run in chunk]) if reader is not None else {}
        if reader is not None and history is None and len(found) < len(chunk):
            history = _History(planned, reader, before)
        of_chunk = []
        for run in chunk:
            record = found.get(run.id_run)
            if record is not None:
                of_chunk.append((run, known.state(run, record)))
            else:
                of_chunk.append((run, NEW if history is None else history.state(run)))
        yield from of_chunk if reader is None else known.behind_steps(of_chunk, reader)


@dataclass(frozen=True, slots=True)
class _Before:
    """What there is of earlier invocations."""

    published: frozenset[str]
    """Ids of the runs that the results show."""
    fallen: Mapping[int, tuple[float, str]]
    """Those with results that stand no more (`trust.reasons`)."""


class _Known:
    """What becomes of runs that the store has, by the rules of `runner.waiting`."""

    def __init__(self, planned: Plan, rerun: Rerun) -> None:
        self._rerun, self._choice = rerun, Choice(rerun, planned)
        step = next((step.name for step in planned.experiment.steps if not step.cache), "")
        self._always = f"step {step}: `cache: false`" if step else ""
        self._steps = planned.experiment.steps

    def state(self, run: Run, record: Record) -> State:
        """Of a run with a record."""
        stands = not self._always and self._choice.stands(run, record)
        if not record.status.ok:
            why = "--no-retry-failed" if stands else ""
            return State(record.status.value.lower(), why, executes=not stands)
        return CACHED if stands else State(AGAIN, self._always or self._asked)

    def behind_steps(self, states: list[tuple[Run, State]], reader: SqliteReader) -> Iterator[tuple[Run, State]]:
        """The same, with how many first steps the runs that execute take over."""
        starts = Starts(reader, self._steps)
        limits: dict[int, int] = {}
        for run, state in states:
            again = self._choice.everything or (state.word == AGAIN and not self._always)
            if run.links and state.executes and (limit := min(starts.links, self._choice.taken_over) if again else starts.links):
                limits[run.index] = limit
        if limits:
            starts.find([run for run, _ in states if run.index in limits], limits)
        for run, state in states:
            steps = starts.taken_over(run) if run.index in limits else 0
            yield run, replace(state, taken_over=steps) if steps else state

    @property
    def _asked(self) -> str:
        """The options that say so."""
        asked = self._rerun
        named = (("--force", asked.force), ("--force-where", asked.where is not None), ("--force-from", bool(asked.step)))
        return ", ".join(option for option, given in named if given)


class _History:
    """The runs that the store has of the plan's experiment, by their points: of several at one, the one in the results, or the latest."""

    def __init__(self, planned: Plan, reader: SqliteReader, before: _Before) -> None:
        self._planned, self._reader, self._fallen = planned, reader, before.fallen
        self._now = evidence.of(planned)
        self._known: dict[int, Evidence | None] = {}
        self._compared: dict[tuple[str, str, int], list[Difference]] = {}
        self._at: dict[str, Earlier] = {}
        orders: dict[int, bool] = {}
        for earlier in reader.earlier(planned.experiment.name):
            if earlier.epoch not in orders:
                names = list(codec.loads(earlier.params))
                orders[earlier.epoch] = names != list(planned.axes) and set(names) == set(planned.axes)
            point = self._ordered(earlier.params) if orders[earlier.epoch] else earlier.params
            if earlier.id_run in before.published or point not in self._at or self._at[point].id_run not in before.published:
                self._at[point] = earlier

    def _ordered(self, params: str) -> str:
        """The point with its axes in the plan's order."""
        values = codec.loads(params)
        return codec.dumps({name: values[name] for name in self._planned.axes if name in values})

    def state(self, run: Run) -> State:
        """Of a run that the store does not have: why its result has fallen, or what differs from the one at its point."""
        if why := self._fell_for(run):
            return State("changed", why, (), run.id_run)
        earlier = self._at.get(codec.dumps(run.params)) if self._at else None
        if earlier is None:
            return NEW
        if earlier.id_run == run.id_run:
            return State("new", DAMAGED)
        found = self._differences(run, earlier)
        return State("changed", ", ".join(map(str, found)) or UNKNOWN, tuple(found), earlier.id_run)

    def _fell_for(self, run: Run) -> str:
        """Why the result that the store has of a run stands no more; "" where it has none."""
        with suppress(DamagedError):  # `find` has told of it
            for record in self._reader.lookup(run.id_run, 1) if self._fallen else ():
                return self._fallen.get(record.epoch, (0.0, ""))[1]
        return ""

    def _differences(self, run: Run, earlier: Earlier) -> list[Difference]:
        kwargs = self._planned.kwargs_json(run)
        key = (earlier.kwargs, kwargs, earlier.epoch)
        if key not in self._compared:
            old = self._evidence(earlier.epoch)
            sides = [
                Side(params={}, kwargs=codec.loads(text), evidence=None if old is None else whose)
                for text, whose in ((earlier.kwargs, old), (kwargs, self._now))
            ]
            found = compare(*sides) if earlier.kwargs != kwargs else [] if old is None else between(old, self._now)
            if len(self._compared) > CHUNK:
                self._compared.clear()
            self._compared[key] = found
        return self._compared[key]

    def _evidence(self, epoch: int) -> Evidence | None:
        if epoch not in self._known:
            text = self._reader.evidence(epoch)
            self._known[epoch] = evidence.loads(text) if text else None
        return self._known[epoch]
