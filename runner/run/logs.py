"""What a step may log."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from runner import artifacts, files, images
from runner.logged import Artifact, Entries
from runner.run.state import State
from runner.tracking import check_name, checked_params
from runner.views import Elsewhere

if TYPE_CHECKING:
    from runner.run.child import ChildRun


class Logs(State):
    """The part of a Run that keeps what it is told. A mistake in a call is raised there; trouble with files and disks is counted."""

    __slots__ = ()

    if not TYPE_CHECKING:  # no __getattr__, which would make each call of log_metric a tenth slower; describe.py knows what was meant
        log, log_figure, log_artifacts, log_text, log_dict, log_batch, set_tag, set_tags = map(
            Elsewhere,
            (
                "log_metric takes a name and a number, log_metrics a mapping",
                "log_image takes figures",
                "log_artifact takes folders as well",
                "run.fields keeps a text, log_artifact a file",
                "run.fields keeps plain data, log_params parameters, log_artifact a file",
                "log_metrics and log_params take mappings",
                "run.tags is a mapping",
                "run.tags is a mapping",
            ),
        )

    # -- metrics ------------------------------------------------------------------------------------------------------

    def log_metric(self, name: str, value: Any, step: int | None = None) -> None:
        """One point of a metric, kept as a 64-bit float; NaN and the infinities as they are. About a microsecond.

        Args:
            name: 1 to 250 letters, digits, `_ . / - :` and spaces; `/` groups.
            value: a number: of Python's, numpy's and torch's scalars.
            step: any whole number, in any order, none is ever dropped; None: what `set_step` said, else one more than the metric's last.

        Raises TypeError and ValueError for what is no number, name or step.

        """
        (self._tracker or self._track()).metric(name, value, step)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """One point of each of several metrics; none where one of them is wrong."""
        (self._tracker or self._track()).metrics(metrics, step)

    def set_step(self, step: int | None) -> None:
        """The step of the points that are given none from now on; None: each metric counts for itself again."""
        (self._tracker or self._track()).set_step(step)

    def log_list(self, name: str, values: Iterable[Any], step: int | None = None) -> None:
        """Many points of a metric at consecutive steps, the first of them `step`; of any length."""
        (self._tracker or self._track()).values(name, values, step)

    # -- parameters and tables ----------------------------------------------------------------------------------------

    def log_param(self, name: str, value: Any) -> None:
        """A parameter that a step derived, with its type. The same value again changes nothing; another raises ParamConflictError."""
        (self._tracker or self._track()).param(name, value)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Several parameters; nested mappings become dotted names. None is kept where one of them conflicts."""
        (self._tracker or self._track()).params(params)

    def log_row(self, name: str, /, *wrong: Never, **columns: Any) -> None:
        """One row of the run's table `name`. A column that other rows lack is null there."""
        if wrong:
            raise TypeError(f"columns are keywords: log_row({name!r}, a=1); log_table takes a dict")
        (self._tracker or self._track()).row(name, columns)

    def log_table(self, name: str, data: Any) -> None:
        """Rows of the run's table `name`, behind those that it has: a dict of columns, a list of dicts, or a data frame."""
        (self._tracker or self._track()).table(name, data)

    # -- files --------------------------------------------------------------------------------------------------------

    def log_artifact(self, local: str | Path, path: str | None = None) -> None:
        """Keep a file or a folder, with its size and SHA-256.

        Args:
            local: what to keep; it is copied, unless it lies in `run.dir` already.
            path: the target, relative to `run.dir`; with a `/` at its end the folder to put it in. Default: the name of `local`.

        Raises FileNotFoundError where there is nothing to keep, ValueError for a path that leaves the folder.

        """
        self._keep(lambda: artifacts.keep(local, path, self.dir))

    def log_image(self, name: str, image: Any, step: int | None = None) -> None:
        """Keep an image as `images/<name>/<step>.png`: a file, an array, a PIL image, a figure of matplotlib or plotly.

        `step` as in `log_metric`. Raises TypeError for anything else.
        """
        tracker = self._tracker or self._track()
        series = f"images/{check_name(name, 'image')}"
        number = tracker.step_of(series, step)

        def write() -> list[Artifact]:
            with artifacts.held(self.dir / series, self.dir) as folder:
                file = images.write(image, folder / str(number))
                return [artifacts.measure(file, f"{series}/{file.name}", "image", number)]

        self._keep(write)

    def _keep(self, write: Callable[[], list[Artifact]]) -> None:
        tracker = self._tracker or self._track()
        flow = tracker.flow  # of a child run that has ended this raises, before anything is written
        try:
            kept = write()
        except files.SourceError:
            raise
        except OSError as error:
            flow.trouble(error)
        else:
            self._kept.update(artifact.path for artifact in kept)
            for n, artifact in enumerate(kept, 1):
                flow.entry(tracker.child, artifact, at_once=n == len(kept))

    # -- the rest -----------------------------------------------------------------------------------------------------

    def child_run(self, name: str | None = None, params: Mapping[str, Any] | None = None) -> "ChildRun":
        """A run within this one, with fields, metrics and files of its own: `with run.child_run("fold0", {"fold": 0}) as child: ...`.

        Its id comes from this run's and `name` (default: `child0`, `child1`, ...), of which there is one each. Raises ValueError.
        Once it has ended, its calls of `log_...` raise RuntimeError, and its fields and tags cannot be changed.
        """
        from runner.run.child import ChildRun  # which is a Run itself

        tracker = self._tracker or self._track()
        given = checked_params(params, "child_run takes a name, and a mapping of params")
        with tracker.flow.lock:
            if name is None:
                name = next(free for n in itertools.count(len(self._children)) if (free := f"child{n}") not in self._children)
            if check_name(name, "child run") in self._children:
                raise ValueError(f"there is a child run `{name}` already")
            child = ChildRun(self, tracker.flow, name, given)
            self._children[name] = child
        return child

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far this run is, 0 to 1, and what it is about, for those who watch."""
        (self._tracker or self._track()).progress(fraction, text)

    def flush(self) -> None:
        """Send what was logged on its way now; it goes by itself, about once a second."""
        if self._flow is not None:
            self._flow.flush()

    def relay(self, entries: Entries) -> None:
        """Keep what a process that this run started has logged in its name."""
        tracker = self._tracker or self._track()
        tracker.relay(entries)
