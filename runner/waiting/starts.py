"""Where runs can go on that begin with the same steps as earlier ones."""

from collections.abc import Mapping, Sequence

from runner import identity
from runner.logged import Entries, Prefix
from runner.plan import Run
from runner.record import Record, Start
from runner.spec import Step
from runner.stores.base import Reader


class Starts:
    """The starts of runs that have been looked up and not taken. Memory is O(these)."""

    def __init__(self, store: Reader, steps: Sequence[Step]) -> None:
        """`steps`: those of the experiment. Whatever comes behind one with `cache: false` is executed, as is the last one."""
        self._store = store
        self.links = next((k for k, step in enumerate(steps) if not step.cache), len(steps) - 1)
        """How many first steps of a run may be taken over from earlier ones."""
        self._found: dict[int, Start] = {}
        """Index -> where the run can go on."""

    def find(self, todo: Sequence[Run], limits: Mapping[int, int]) -> None:
        """Of each run to execute, the longest row of first steps that an earlier run has executed, and of at most `limits[index]`."""
        links = {run.index: run.links[: limits[run.index]] for run in todo}
        every = list(dict.fromkeys(link for some in links.values() for link in some))
        ids = {link: identity.uuid8(bytes.fromhex(link)) for link in every}  # of runs that had these steps and no more
        found = self._store.prefixes([*every, *ids.values()])
        ended = self._store.find([id_run for id_run in ids.values() if id_run not in found])
        for run in todo:
            for steps, link in reversed(list(enumerate(links[run.index], 1))):
                start = found.get(link) or found.get(ids[link])
                if start is None and (record := ended.get(ids[link])) is not None and record.status.ok:
                    start = _where_it_ended(record, steps)
                if start is not None and start.prefix.steps:
                    self._found[run.index] = start
                    break

    def behind(self, run: Run) -> tuple[Start | None, Entries]:
        """Where a run that was taken goes on, and what had been logged up to there."""
        start = self._found.pop(run.index, None)
        entries = self._store.behind(start) if start is not None else None
        return (start, entries) if entries is not None else (None, ())

    def taken_over(self, run: Run) -> int:
        """How many first steps of a run need not be executed; it is looked up, and not taken, by that."""
        start = self._found.get(run.index)
        return start.prefix.steps if start is not None else 0

    def further(self, run: Run, start: Start | None) -> tuple[Start, Entries] | None:
        """Where a run can go on that has begun at `start` and failed: behind the steps that it has finished itself; None: no further."""
        links = run.links[: self.links]
        found = self._store.prefixes(links)
        for link in reversed(links):
            own = found.get(link)
            if own is not None and own.id_run == run.id_run and own.prefix.steps > (start.prefix.steps if start is not None else 0):
                entries = self._store.behind(own)
                return (own, entries) if entries is not None else None
        return None


def _where_it_ended(record: Record, steps: int) -> Start:
    """The end of a run that has logged nothing: its record is its state."""
    state = '{"step":null,"next":{},"params":{}}'
    prefix = Prefix(steps, record.fields_json, record.tags_json, state, record.id_run)
    return Start(prefix=prefix, id_run=record.id_run, attempt=0, points=0, parts=0)
