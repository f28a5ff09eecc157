"""Takes what is known to be secret out of what an attempt at a run sends, before anybody sees or stores it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runner.logged import Child, Entries, Entry, Output, Params, Points, Prefix, Progress, Restart, Rows, Trouble
from runner.mask import Mask
from runner.record import Failure, Live, Outcome

_Labelled = tuple[str, Entry]


@dataclass(slots=True)
class Veil:
    """Between an attempt at a run and everybody else. Files that the run keeps, and their names, are its own."""

    mask: Mask
    steps: int
    """How many steps the run has."""
    tails: dict[tuple[str, str], str] = field(default_factory=dict)
    """(Child run, stream) -> the end of what it has written, where that may be the beginning of a secret."""

    def live(self, event: Live) -> Live:
        """What has been logged."""
        return replace(event, logged=tuple(self._entries(event.logged)))

    def end(self, outcome: Outcome) -> Outcome:
        """The end of the attempt."""
        entries = [*self._entries(outcome.logged), *self._rest()]
        fields, tags = self.mask.json(outcome.fields), self.mask.json(outcome.tags)
        if (fields, tags) != (outcome.fields, outcome.tags):
            entries.append(("", Prefix(0, "{}", "{}", "{}")))  # later steps would be given the labels
        return replace(outcome, fields=fields, tags=tags, failure=self._failure(outcome.failure), logged=tuple(entries))

    def _failure(self, failure: Failure | None) -> Failure | None:
        if failure is None:
            return None
        text = self.mask.text
        return replace(
            failure, kind=text(failure.kind), message=text(failure.message), traceback=text(failure.traceback), where=text(failure.where)
        )

    def _entries(self, entries: Entries) -> Iterator[_Labelled]:
        for child, entry in entries:
            if isinstance(entry, Output):
                whole = self.tails.pop((child, entry.stream), "") + entry.text
                if begun := self.mask.begun(whole):
                    whole, self.tails[child, entry.stream] = whole[:-begun], whole[-begun:]
                if whole:
                    yield child, Output(entry.stream, self.mask.text(whole))
            elif isinstance(entry, Prefix):
                yield from ((child, prefix) for prefix in self._prefix(entry))
            else:
                if isinstance(entry, Restart):
                    self.tails.clear()
                yield child, self._entry(entry)

    def _rest(self) -> Iterator[_Labelled]:
        """What has been held back, now that nothing follows."""
        for (child, stream), text in self.tails.items():
            yield child, Output(stream, self.mask.text(text))
        self.tails.clear()

    def _prefix(self, entry: Prefix) -> Iterator[Prefix]:
        """The state of a run with a secret in it is not kept: steps would be given the label. At its end that has to be said."""
        if not any(map(self.mask.found, (entry.fields, entry.tags, entry.tracker))):
            yield entry
        elif entry.steps in (0, self.steps):
            yield Prefix(0, "{}", "{}", "{}", entry.link)

    def _entry(self, entry: Entry) -> Entry:  # noqa: PLR0911 - one each kind
        text, json = self.mask.text, self.mask.json
        match entry:
            case Rows():
                return Rows(text(entry.table), entry.count, json(entry.columns))
            case Params():
                return Params(json(entry.content))
            case Progress():
                return Progress(entry.fraction, text(entry.text))
            case Trouble():
                return Trouble(entry.count, text(entry.message))
            case Points():
                return replace(entry, name=self.mask.name(entry.name)) if self.mask.found(entry.name) else entry
            case Child():
                params, fields, tags = map(json, (entry.params, entry.fields, entry.tags))
                return replace(entry, name=text(entry.name), params=params, fields=fields, tags=tags)
            case _:
                return entry
