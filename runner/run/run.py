"""The Run that a step sees, and what its executor does with it."""

import contextlib
import os
from pathlib import Path

from runner import artifacts, codec, files, replaced
from runner.logged import Begun, Entries, Prefix
from runner.record import Start
from runner.run.logs import Logs


class Run(Logs):
    """One run, as its steps see it.

    Only `id_run`, `fields`, `tags` and what `log_...` keeps outlive the run. Nothing is pickled. A mistake in a call of `log_...` is
    raised there; trouble with files and disks is counted and told, and never ends a step, unless `tracking.strict` says so.
    """

    __slots__ = ()

    def leave_prefix(self, steps: int, *, at_once: bool) -> None:
        """Keep the state after the first `steps` steps, if it is whole: no `vars`, no child runs, no file that is not an artifact."""
        self._keep_outputs()
        if self._whole():
            self._leave(steps, at_once=at_once)

    def _leave(self, steps: int, *, at_once: bool) -> None:
        tracker = self._tracker or self._track()
        try:
            prefix = Prefix(steps, codec.dumps(self.fields), codec.dumps(self.tags), codec.dumps(tracker.state))
        except codec.UnserialisableError:  # a later step may still replace it
            return
        tracker.flow.prefix(prefix, at_once=at_once)

    def leave_end(self, steps: int) -> None:
        """At the end of all `steps` steps: keep the state for runs with one more, or the note that it is not whole.

        A run that has logged nothing and left nothing needs neither: its record is its state. `finish` is the next that is called.
        """
        self._keep_outputs()
        self._outputs_are_kept = True
        if not self._whole():
            (self._tracker or self._track()).flow.prefix(Prefix(0, "{}", "{}", "{}"), at_once=False)
        elif self._tracker is not None:
            self._leave(steps, at_once=False)

    def _whole(self) -> bool:
        return not self.vars and not self._children and self._files_are_kept()

    def go_on(self, start: Start) -> int:
        """Take over the state behind the first steps of an earlier run; how many steps these are, 0 where a file of it is not what it was.

        Then nothing of it has been taken over, and every step is to be executed: what can be made again is no reason to fail.
        """
        steps = start.prefix.steps
        try:
            self._take_files(start)
        except (ValueError, OSError):  # a later step or a person has changed one; or there is no room for copies
            steps = 0
        tracker = self._track()
        if steps:
            self._kept = {artifact.path for artifact in start.artifacts}
            self.fields.update(codec.loads(start.prefix.fields))
            self.tags.update(codec.loads(start.prefix.tags))
            tracker.resume(codec.loads(start.prefix.tracker))
        tracker.flow.entry("", Begun(steps), at_once=True)
        return steps

    def _take_files(self, start: Start) -> None:
        if start.artifacts:
            place = self._folders / self.id_run
            with artifacts.gathered(lambda: replaced.every(self._folders, start.id_run), place, start.artifacts) as draft:
                self._empty()
                draft.rename(place)
        else:
            self._empty()

    def _files_are_kept(self) -> bool:
        if not self._emptied:
            return True
        place = self._folders / self.id_run
        return all(Path(folder, name).relative_to(place).as_posix() in self._kept for folder, _, names in os.walk(place) for name in names)

    def finish(self, *, completed: bool = True) -> Entries:
        """The end of the run: what has not been sent of what it logged. Child runs that nobody ended end as it does."""
        if self._tracker is None and not self._emptied:
            return ()
        with contextlib.nullcontext() if completed else contextlib.suppress(Exception):  # a run fails for one reason
            self._conclude("COMPLETED" if completed else "FAILED")
        return self._flow.finish() if self._flow is not None else ()

    def _conclude(self, status: str) -> None:
        for child in self._children.values():
            child.end(status)
        if not self._outputs_are_kept:
            self._keep_outputs()
        if self._kept:
            self._settle()

    def _settle(self) -> None:
        assert self._flow is not None  # through which the news of them went
        try:
            files.settle(self._folders / self.id_run, self._kept)
        except OSError as error:
            self._flow.trouble(error)

    def _keep_outputs(self) -> None:
        outputs = self._folders / self.id_run / "outputs" if self._emptied else None  # also where a forked process made it
        if outputs is not None and outputs.is_dir():
            self._keep(lambda: artifacts.scan(outputs))

    def __repr__(self) -> str:
        return f"Run({self.id_run}, {', '.join(f'{k}={v!r}' for k, v in self.params.items())})"
