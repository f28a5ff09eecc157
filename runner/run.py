"""The Run that a step sees."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.suggest import did_you_mean


class View(dict[str, Any]):
    """A read-only mapping with attribute access; nested mappings are views, dotted names nest.

    It is a dict, so that `hydra.utils.instantiate`, `**` and the json module take it. Lists are the caller's own copies.
    """

    __slots__ = ()

    def __init__(self, content: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__({key: _viewed(value) for key, value in dict(content).items()})

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0] if error.args else name) from None

    def __missing__(self, key: Any) -> Any:
        """`view["a"]` and `view["a.b"]` reach both `{"a.b": 1}` and `{"a": {"b": 1}}`."""
        below = {
            name.removeprefix(f"{key}."): value
            for name, value in self.items()
            if isinstance(name, str) and name.startswith(f"{key}.")  # type: ignore[redundant-expr] # YAML has other keys
        }
        if below:
            return View(below)
        head, dot, rest = key.partition(".") if isinstance(key, str) else (key, "", "")
        if dot and isinstance(inner := dict.get(self, head), View):
            return inner[rest]
        raise KeyError(f"there is no `{key}`; {did_you_mean(str(key), map(str, self), 'there is')}")

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("kwargs and params are read-only; results go to run.fields, scratch to run.vars")

    __setitem__ = __delitem__ = __setattr__ = __delattr__ = __ior__ = _refuse
    pop = popitem = clear = update = setdefault = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return View, (dict(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """A deep copy is an ordinary dict, one's own to change."""
        from copy import deepcopy

        return {key: deepcopy(value, memo) for key, value in self.items()}

    def copy(self) -> dict[str, Any]:
        """An ordinary dict with the same items."""
        return dict(self)


def _viewed(value: Any) -> Any:
    if type(value) is dict:
        return View(value)
    if type(value) is list or type(value) is tuple:
        return [_viewed(item) for item in value]
    return value


class Kwargs(View):
    """The fixed parameters. A kwarg that is swept is an axis, and is found here all the same, with this point's value: sweeping a kwarg
    from the command line needs no edit of the step.
    """

    __slots__ = ("_point",)

    def __init__(self, content: Mapping[str, Any], point: View) -> None:
        super().__init__(content)
        object.__setattr__(self, "_point", point)

    def __missing__(self, key: Any) -> Any:
        """As in a View, then the point."""
        try:
            return super().__missing__(key)
        except KeyError:
            point: View = object.__getattribute__(self, "_point")
            if key in point:
                return point[key]
            raise


class Bunch(dict[str, Any]):
    """A mapping with attribute access."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no `{name}`; {did_you_mean(name, self, 'there is')}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"there is no `{name}`") from None


class Run:
    """One run, as its steps see it.

    Only `id_run`, `fields` and `tags` outlive the run. Nothing is pickled.
    """

    __slots__ = ("_dir", "_folders", "fields", "id_run", "kwargs", "meta", "params", "seed", "tags", "vars")

    id_run: str
    """UUID of the run's identity: the same code, parameters, seed and data have the same id, on any machine."""
    kwargs: View
    """Fixed parameters; read-only, by attribute and by item."""
    params: View
    """This point: one value of each axis; read-only, by attribute and by item."""
    fields: Bunch
    """The results: the columns of the table. Plain data, numpy scalars and arrays, dates."""
    vars: Bunch
    """Scratch that later steps of this run see; never kept."""
    seed: int
    """0 <= seed < 2**32, from the experiment's seed, the point and the replicate; each step has its own. `random`, numpy and torch
    (the latter two if imported) are seeded with it before every step."""
    tags: dict[str, str | None]
    """Labels of the run; kept."""
    meta: View
    """experiment, step names, attempt, host, ...: for information, no input to results."""

    def __init__(  # noqa: PLR0913 - its fields
        self, *, id_run: str, kwargs: View, params: View, seed: int, meta: View, folders: Path
    ) -> None:
        self.id_run, self.kwargs, self.params, self.seed, self.meta = id_run, kwargs, params, seed, meta
        self.fields, self.vars, self.tags = Bunch(), Bunch(), {}
        self._folders = folders
        self._dir: Path | None = None

    @contextmanager
    def having(self, kwargs: Mapping[str, Any]) -> Iterator[None]:
        """Let a step's own kwargs win over the experiment's while it runs."""
        common = self.kwargs
        self.kwargs = Kwargs({**common, **kwargs}, self.params)
        try:
            yield
        finally:
            self.kwargs = common

    @property
    def dir(self) -> Path:
        """A folder of this run's own, made when first asked for, empty at the start of every attempt; it outlives the run."""
        if self._dir is None:
            self._dir = self._folders / self.id_run
            shutil.rmtree(self._dir, ignore_errors=True)
            self._dir.mkdir(parents=True, exist_ok=True)
        return self._dir

    def __repr__(self) -> str:
        return f"Run({self.id_run}, {', '.join(f'{k}={v!r}' for k, v in self.params.items())})"
