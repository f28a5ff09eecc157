"""What `run.log_...` means: names, numbers, steps, parameters, tables. One Tracker for a run, one for each of its child runs.

Mistakes in a call (a wrong type, a name that cannot be, another value for a parameter) are raised at the call; trouble with files never is,
unless the experiment says `tracking.strict: true`.
"""

import numbers
import posixpath
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner import codec
from runner.dotted import leaves
from runner.flow import ENDED, Flow
from runner.journal import Series
from runner.logged import FLOAT, INT, Entries, Params, Progress, Rows
from runner.secret import shown_as

MAX_NAME = 250
_NAME = re.compile(r"\w[\w./\- :]*")
_STEPS = range(-(2**63), 2**63)


class ParamConflictError(ValueError):
    """A parameter was logged with another value than it has."""


class Tracker:
    """Logs for one run or child run."""

    def __init__(self, flow: Flow, child: str, given: Mapping[str, Any], of_step: Mapping[str, Any]) -> None:
        """`child`: id of the child run, or ""; `given`: parameters that the run has already, which are logged in that sense; `of_step`:
        those that the step sees which executes now: where they differ from the run's it may log them, and that changes nothing.
        """
        self.flow, self.child = flow, child
        self._lock, self._point = flow.lock, flow.point
        self._given, self.of_step = given, of_step
        self._series: dict[str, Series] = {}
        self._params: dict[str, str] = {}
        self._step: int | None = None

    def set_step(self, step: int | None) -> None:
        """The step of all that is logged without one from now on; None: each metric counts by itself again."""
        self._step = None if step is None else whole(step)

    @property
    def step(self) -> int | None:
        """What `set_step` was given."""
        return self._step

    def metric(self, name: str, value: Any, step: int | None = None) -> None:
        """One point."""
        if type(value) is not float:
            value = number(name, value)
        with self._lock:
            series = self._series.get(name)
            if series is None:
                series = self._open(name)
            if step is None:
                step = self._step
                if step is None:
                    step = series.next
            elif type(step) is not int:
                step = whole(step)
            try:
                self._point(series, step, value)
            except OverflowError:
                raise ValueError(f"the step {step} needs more than 64 bits") from None
            series.next = step + 1

    def step_of(self, name: str, step: int | None) -> int:
        """The step of the next thing of this name that is no point (an image), by the rules for points."""
        with self._lock:
            series = self._series.setdefault(name, Series(self.child, name))
            number = whole(step) if step is not None else self._step if self._step is not None else series.next
            series.next = number + 1
            return number

    def relay(self, entries: Entries) -> None:
        """What another process has logged for this run; parameters are held against those that are known."""
        for child, entry in entries:
            if isinstance(entry, Params) and not child:
                self.params(codec.loads(entry.content))
            else:
                self.flow.entry(child or self.child, entry)
        self.flow.flush()

    @property
    def state(self) -> dict[str, Any]:
        """Where it stands, as plain data."""
        return {"step": self._step, "next": {name: series.next for name, series in self._series.items()}, "params": dict(self._params)}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._step = state["step"]
        self._params.update(state["params"])
        for name, following in state["next"].items():
            self._series[name] = Series(self.child, name)
            self._series[name].next = following

    def metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """One point of each; none where one of them is wrong."""
        if not isinstance(metrics, Mapping):
            raise TypeError(f"log_metrics takes a mapping of names to numbers, not a {type(metrics).__name__}; log_metric takes one number")
        checked = {name: number(name, value) for name, value in metrics.items()}
        step = None if step is None else whole(step)
        with self._lock:
            for name in checked:
                _ = self._series.get(name) or self._open(name)
            for name, value in checked.items():
                self.metric(name, value, step)

    def values(self, name: str, values: Iterable[Any], step: int | None = None) -> None:
        """Points at consecutive steps."""
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
            raise TypeError(f"`{name}`: log_list takes a list of numbers, not a {type(values).__name__}; log_metric takes one")
        items = values.tolist() if hasattr(values, "tolist") else list(values)
        if not isinstance(items, list):
            raise TypeError(f"`{name}`: log_list takes a list of numbers, not a single one; log_metric takes one")
        packed = array(FLOAT, [item if type(item) is float else number(name, item) for item in items])
        if not packed:
            return
        with self.flow.lock:
            series = self._series.get(name) or self._open(name)
            first = whole(step) if step is not None else self._step if self._step is not None else series.next
            whole(first + len(packed) - 1)
            series.next = first + len(packed)
            self.flow.points(series, array(INT, range(first, first + len(packed))), packed)

    def _open(self, name: str) -> Series:
        series = self._series[check_name(name)] = Series(self.child, name)
        return series

    def param(self, name: str, value: Any) -> None:
        """A parameter, or several below one name."""
        check_name(name, "parameter")
        self.params({name: value})

    def params(self, params: Mapping[str, Any]) -> None:
        """Parameters; nested ones get dotted names. Raises ParamConflictError, before any of them is kept."""
        checked_params(params, "log_params takes a mapping of names to values")
        with self.flow.lock:
            fresh: dict[str, Any] = {}
            for name, value in leaves(params):
                kept = shown_as(name, value)
                text = codec.dumps(kept)
                known = self._params.get(name)
                if known is None and name in self._given:
                    known = codec.dumps(self._given[name])
                if known is None:
                    known = codec.dumps(fresh[name]) if name in fresh else None
                if known is None:
                    fresh[check_name(name, "parameter")] = kept
                elif known not in (same := {text, codec.dumps(value)}) and (
                    name not in self.of_step or codec.dumps(self.of_step[name]) not in same
                ):
                    known = known if kept is value else "another"
                    raise ParamConflictError(
                        f"the parameter `{name}` is {known} and cannot become {text}; parameters do not change in a run"
                    )
            if fresh:
                self._params.update({name: codec.dumps(value) for name, value in fresh.items()})
                self.flow.entry(self.child, Params(codec.dumps(fresh)), at_once=True)

    def row(self, table: str, columns: Mapping[str, Any]) -> None:
        """One row of a table."""
        check_name(table, "table")
        if not columns:
            raise ValueError(f"`{table}`: a row needs a column: log_row({table!r}, a=1)")
        self.flow.entry(self.child, Rows(table, 1, _cells(table, {name: [value] for name, value in columns.items()})))

    def table(self, table: str, data: Any) -> None:
        """Rows of a table: a dict of columns, a list of dicts, or a data frame."""
        columns = _columns(check_name(table, "table"), data)
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
            raise ValueError(f"`{table}`: the columns differ in length: {told}")
        count = next(iter(lengths.values()), 0)
        if count:
            self.flow.entry(self.child, Rows(table, count, _cells(table, columns)), at_once=True)

    def progress(self, fraction: float, text: str) -> None:
        """How far the run is."""
        try:
            value = number("progress", fraction)
        except TypeError:
            raise TypeError(f"progress takes a fraction from 0 to 1, and maybe a text, not {fraction!r}") from None
        if not 0 <= value <= 1:
            raise ValueError(f"progress is a fraction from 0 to 1, not {fraction!r}")
        self.flow.entry(self.child, Progress(value, str(text)))


class Ended(Tracker):
    """In the place of the Tracker of a child run that has ended, so that nobody has to ask before each point."""

    def __init__(self) -> None:
        """Of none."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(ENDED)


def checked_params(params: Any, what: str) -> Mapping[str, Any]:
    """A mapping of parameters, empty for None. Raises TypeError, which names the one that is no plain data, or that begins with `what`."""
    params = {} if params is None else params
    if not isinstance(params, Mapping):
        raise TypeError(f"{what}, not a {type(params).__name__}")
    for name, value in params.items():
        if not isinstance(name, str):
            raise TypeError(f"the name of a parameter is a string, not {name!r}")
        codec.plain(value, f"the parameter {name}")
    return params


def check_name(name: str, what: str = "metric") -> str:
    """A name that every tracker accepts (MLflow's rule): 1 to 250 letters, digits, `_ . / - :` and spaces. Raises ValueError, TypeError."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a {what} is a string, not a {type(name).__name__}")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME or posixpath.normpath(name) != name or ".." in name:
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        raise ValueError(
            f"{shown!r} is no name for a {what}: letters, digits and `_ . / - :` or spaces, not first any of the latter, no `..`, "
            f"no `/` at the end, at most {MAX_NAME} characters"
        )
    if name.startswith("system/"):
        raise ValueError(f"{name!r}: names that begin with `system/` are kept for what xrun measures itself")
    return name


def whole(step: Any) -> int:
    """A step: any whole number of 64 bits. Raises TypeError for a bool, a text, a float that is not whole; ValueError out of range."""
    if hasattr(step, "item") and getattr(step, "ndim", 1) == 0:
        step = step.item()
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if isinstance(step, bool) or not isinstance(step, int):
        raise TypeError(f"a step is a whole number, not {step!r}")
    if step not in _STEPS:
        raise ValueError(f"the step {step} needs more than 64 bits")
    return int(step)


def number(name: str, value: Any) -> float:
    """The float64 of a number: of Python's and numpy's scalars, 0-d arrays and tensors. Raises TypeError that names the right call."""
    if isinstance(value, str):
        if not isinstance(name, str):
            raise TypeError(f"the name comes first: log_metric({value[:40]!r}, {name!r})")
        raise TypeError(f"`{name}`: a metric is a number, not the text {value[:40]!r}; run.fields[{name!r}] = ... keeps a text")
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, numbers.Real) or (hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"`{name}`: the number is too large for a float") from None
    if isinstance(value, Mapping):
        raise TypeError(f"`{name}`: a metric is a number, not a mapping; log_metrics takes one number a name, log_row one row of a table")
    if isinstance(value, Sequence) or hasattr(value, "tolist"):
        raise TypeError(f"`{name}`: a metric is one number; log_list takes many")
    raise TypeError(f"`{name}`: a metric is a number, not a {type(value).__name__}")


def _columns(table: str, data: Any) -> dict[str, list[Any]]:
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        return {str(name): list(values) for name, values in data.to_dict(orient="list").items()}
    if isinstance(data, Mapping):
        short = [name for name, values in data.items() if isinstance(values, str) or not isinstance(values, Iterable)]
        if short:
            raise TypeError(f"`{table}`: the column `{short[0]}` is no list; log_row takes one value a column")
        return {str(name): list(values) for name, values in data.items()}
    if isinstance(data, Iterable) and not isinstance(data, str | bytes):
        rows = list(data)
        if all(isinstance(row, Mapping) for row in rows):
            names = dict.fromkeys(name for row in rows for name in row)
            return {str(name): [row.get(name) for row in rows] for name in names}
    raise TypeError(f"`{table}`: a table is a dict of columns, a list of dicts or a data frame, not a {type(data).__name__}")


def _cells(table: str, columns: Mapping[str, Any]) -> str:
    """Columns as JSON text. Raises UnserialisableError that names the table and the column."""
    try:
        return codec.dumps(columns)
    except codec.UnserialisableError as error:
        error.args = (str(error).replace("$.", f"`{table}`, column ", 1),)
        raise
