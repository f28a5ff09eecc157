"""Mappings that steps see: read-only views of kwargs and params, and the fields."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from runner import codec
from runner.flow import ENDED
from runner.suggest import did_you_mean

MOST = 1000
"""So many items of a field are looked at when it is set; of more, all are when the run ends."""
_NESTED = frozenset((dict, list, tuple))
_PLAIN = frozenset((str, int, float, bool, type(None)))


class View(dict[str, Any]):
    """A read-only mapping with attribute access; nested mappings are views, dotted names nest.

    It is a dict, so that `hydra.utils.instantiate`, `**` and the json module take it. Lists are the caller's own copies.
    """

    __slots__ = ()

    def __init__(self, content: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(content)
        if not _NESTED.isdisjoint(map(type, self.values())):
            for key, value in self.items():
                dict.__setitem__(self, key, _viewed(value))

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
        raise KeyError(f"there is no `{key}`{self._instead(str(key))}")

    def _instead(self, key: str) -> str:
        return f"; {did_you_mean(key, map(str, self), 'there is')}" if self else ": there is nothing here"

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

    def having(self, **more: Any) -> "View":
        """The same with more items, plain scalars; cheaper than a new view."""
        made = View.__new__(View)
        dict.update(made, self)
        dict.update(made, more)
        return made

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

    def _instead(self, key: str) -> str:
        return super()._instead(key) if self else ": there are no kwargs"


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


class Fields(Bunch):
    """The fields of a run. What can be no result is refused where it is set, so that the traceback names that line."""

    __slots__ = ()

    def __setitem__(self, name: str, value: Any) -> None:
        if type(value) not in _PLAIN or type(name) is not str:
            _check_field(name, value)
        dict.__setitem__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) not in _PLAIN:
            _check_field(name, value)
        dict.__setitem__(self, name, value)


def _check_field(name: Any, value: Any) -> None:
    """Raises UnserialisableError. What is large, or may grow, is looked at when the run ends and not twice."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a field is a string, not {_a(name)}")
    large = isinstance(value, list | tuple | Mapping) and len(value) > MOST
    if not large and not getattr(value, "ndim", 0):  # an array
        codec.plain(value, f"fields.{name}")


class Tags(dict[str, Any]):
    """Labels of a run: texts to texts, numbers, true, false and None. Anything else is refused where it is set."""

    __slots__ = ()

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _label(name, value))

    def setdefault(self, name: str, value: Any = None) -> Any:
        """As of a dict."""
        if name not in self:
            self[name] = value
        return self[name]

    def update(self, *others: Any, **named: Any) -> None:
        """As of a dict; none where one of them is wrong."""
        super().update({name: _label(name, value) for name, value in dict(*others, **named).items()})

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc] # as update takes it
        self.update(other)
        return self


def _label(name: Any, value: Any) -> Any:
    if not isinstance(name, str):
        raise TypeError(f"the name of a tag is a string, not {_a(name)}")
    if hasattr(value, "item") and not getattr(value, "ndim", 1):
        value = value.item()  # a number of numpy's or torch's
    if not isinstance(value, str | int | float) and value is not None:
        raise TypeError(f"the tag `{name}` is a text, a number, true, false or None, not {_a(value)}; run.fields keeps plain data")
    return value


def _a(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


class _Ended(Bunch):
    """Fields or tags of a child run that has ended: to be read only."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(ENDED)

    __setitem__ = __delitem__ = __setattr__ = __delattr__ = __ior__ = _refuse
    pop = popitem = clear = update = setdefault = _refuse


def ended(content: dict[str, Any]) -> Any:
    """The same content, which from now on refuses to be changed: what a child run is given after its end would be lost."""
    try:
        object.__setattr__(content, "__class__", _Ended)  # who holds it shall be told as well
    except TypeError:  # somebody has put an ordinary dict in its place
        return _Ended(content)
    return content


class Elsewhere:
    """A name that other trackers have and a Run has not: AttributeError says what to call instead."""

    __slots__ = ("_instead", "_name")

    def __init__(self, instead: str) -> None:
        self._instead, self._name = instead, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, found: object, owner: type) -> Any:
        raise AttributeError(f"a run has no `{self._name}`; {self._instead}")
