"""Mappings that steps see: read-only views of kwargs and params, and the fields."""

from collections.abc import Iterable, Mapping
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
