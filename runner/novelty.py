"""Of every run of a plan: new, cached, how it ended last, or changed and why. Reads the store and the project; changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runner import codec, evidence, trust
from runner.evidence import Evidence
from runner.plan import Plan, Run
from runner.record import Record
from runner.stores import SqliteReader
from runner.stores.explained import Earlier
from runner.why import Difference, Side, between, compare

CHUNK = 512
UNKNOWN = "it is not known why: of the earlier run no evidence is kept"


@dataclass(frozen=True, slots=True)
class State:
    """What the store knows of a run of the plan."""

    word: str
    """`new`, `cached`, `changed`, or the status of a run that did not complete, in lower case."""
    why: str = ""
    """Of a changed one: what differs, in a few words."""
    differences: tuple[Difference, ...] = ()
    earlier: str = ""
    """id_run of the run at the same point that it differs from."""


NEW, CACHED = State("new"), State("cached")


def states(planned: Plan, reader: SqliteReader | None, root: Path) -> Iterator[tuple[Run, State]]:
    """Every run with its state, in plan order. Memory is O(runs of the experiment in the store), and O(1) while all of them are cached."""
    runs = iter(planned)
    fallen = trust.reasons(reader, root) if reader is not None else {}
    history: _History | None = None
    for chunk in iter(lambda: list(islice(runs, CHUNK)), []):
        found = reader.find([run.id_run for run in chunk]) if reader is not None else {}
        if reader is not None and history is None and len(found) < len(chunk):
            history = _History(planned, reader)
        for run in chunk:
            record = found.get(run.id_run)
            if record is not None:
                yield run, _known(record, fallen)
            else:
                yield run, history.state(run, fallen) if history is not None else NEW


def _known(record: Record, fallen: dict[int, tuple[float, str]]) -> State:
    if not record.status.ok:
        return State(record.status.value.lower())
    until, why = fallen.get(record.epoch, (float("inf"), ""))
    return State("changed", why, (), record.id_run) if record.started + record.seconds > until else CACHED


class _History:
    """The runs that the store has of the plan's experiment, by their points."""

    def __init__(self, planned: Plan, reader: SqliteReader) -> None:
        self._planned, self._reader = planned, reader
        self._now = evidence.of(planned)
        self._known: dict[int, Evidence | None] = {}
        self._compared: dict[tuple[str, str, int], list[Difference]] = {}
        self._at: dict[str, Earlier] = {}
        orders: dict[int, bool] = {}
        for earlier in reader.earlier(planned.experiment.name):
            if earlier.epoch not in orders:
                names = list(codec.loads(earlier.params))
                orders[earlier.epoch] = names != list(planned.axes) and set(names) == set(planned.axes)
            self._at[self._ordered(earlier.params) if orders[earlier.epoch] else earlier.params] = earlier

    def _ordered(self, params: str) -> str:
        """The point with its axes in the plan's order."""
        values = codec.loads(params)
        return codec.dumps({name: values[name] for name in self._planned.axes if name in values})

    def state(self, run: Run, fallen: dict[int, tuple[float, str]]) -> State:
        """Of a run that the store does not have: what differs from the latest one at its point."""
        earlier = self._at.get(codec.dumps(run.params)) if self._at else None
        if earlier is None:
            return NEW
        if earlier.id_run == run.id_run:  # its result has fallen
            why = fallen.get(earlier.epoch, (0.0, ""))[1]
            return State("changed", why, (), run.id_run) if why else CACHED
        found = self._differences(run, earlier)
        return State("changed", ", ".join(map(str, found)) or UNKNOWN, tuple(found), earlier.id_run)

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
