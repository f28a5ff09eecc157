"""Holds a plain value against a type annotation: does a parameter accept what the YAML says, and as what?

Deliberately narrower than a type checker: what it does not know it accepts. What it knows: the plain types, Literal, Enum (by name or
value), unions, list, tuple, set, dict and their abstract forms, Path, and numpy's scalar types by their numeric kind.
"""

import enum
import numbers
import types
from collections import abc
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from runner.errors import XrunError
from runner.secret import Secret


class MisfitError(XrunError):
    """A value that an annotation does not accept; the text says why."""


def fit(annotation: Any, value: Any) -> Any:
    """`value` as the annotation wants it: itself, or an Enum member, a Path, a tuple or set. Raises MisfitError."""
    annotation = _unwrapped(annotation)
    if type(value) is Secret:
        return _unseen(annotation, value)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _literal(arguments, value)
    if origin in (Union, types.UnionType):
        return _union(arguments, value)
    kind = origin or annotation
    if kind is None or kind is type(None):
        return _must(value is None, value, "None")
    return _fit_class(kind, arguments, value) if isinstance(kind, type) and kind is not object else value


def _unseen(annotation: Any, secret: Secret) -> Secret:
    """A secret is held against the annotation as the step will get it, and told by its label."""
    try:
        fit(annotation, secret.value)
    except MisfitError:
        raise MisfitError(f"the value of {str.__str__(secret)} is not {describe(annotation)}") from None
    return secret


def _fit_class(kind: type, arguments: tuple[Any, ...], value: Any) -> Any:
    if issubclass(kind, enum.Enum):
        return _enum(kind, value)
    if kind in _SCALARS:
        accepted, name = _SCALARS[kind]
        return _must(type(value) in accepted, value, name)
    if kind.__module__ == "numpy" and issubclass(kind, numbers.Real):
        accepted = (int,) if issubclass(kind, numbers.Integral) else (int, float)
        return _must(type(value) in accepted, value, kind.__name__)
    if issubclass(kind, PurePath):
        return Path(_must(isinstance(value, str), value, "a path (text)"))
    return _container(kind, arguments, value)


_SCALARS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "bool"),
    int: ((int,), "int"),
    float: ((int, float), "float"),
    complex: ((int, float), "complex"),
    str: ((str,), "str"),
    bytes: ((), "bytes"),
}


def _unwrapped(annotation: Any) -> Any:
    """What an Annotated, a NewType or a `type` alias stands for."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # Python 3.12
            annotation = annotation.__value__
        else:
            return annotation


def _must(ok: bool, value: Any, name: str) -> Any:
    if not ok:
        raise MisfitError(f"{value!r} ({type(value).__name__}) is not {name}")
    return value


def _literal(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        plain = choice.value if isinstance(choice, enum.Enum) else choice
        if type(plain) is type(value) and plain == value:
            return choice
    raise MisfitError(f"{value!r} is none of: {', '.join(map(repr, choices))}")


def _union(members: tuple[Any, ...], value: Any) -> Any:
    reasons = []
    exact = [m for m in members if isinstance(m, type) and type(value) is m]
    for member in (*exact, *members):
        try:
            return fit(member, value)
        except MisfitError as error:
            reasons.append(str(error))
    raise MisfitError(reasons[0] if len(reasons) == 1 else f"{value!r} ({type(value).__name__}) fits no member of {_names(members)}")


def _names(members: tuple[Any, ...]) -> str:
    return " | ".join("None" if m is type(None) else describe(m) for m in members)


def _enum(kind: type[enum.Enum], value: Any) -> Any:
    if isinstance(value, str) and value in kind.__members__:
        return kind[value]
    for member in kind:
        if type(member.value) is type(value) and member.value == value:
            return member
    raise MisfitError(f"{value!r} is no member of {kind.__name__}: {', '.join(kind.__members__)}")


def _container(kind: type, arguments: tuple[Any, ...], value: Any) -> Any:
    if issubclass(kind, tuple) and kind is tuple:
        return _tuple(arguments, value)
    if kind in (set, frozenset, abc.Set, abc.MutableSet):
        items = _items(arguments, _must(isinstance(value, list | tuple), value, "a list"))
        _must(all(isinstance(item, abc.Hashable) for item in items), value, "a list of plain values, as a set needs")
        return frozenset(items) if kind is frozenset else set(items)
    if kind in (list, abc.Sequence, abc.Iterable, abc.Collection, abc.MutableSequence):
        return _items(arguments, _must(isinstance(value, list | tuple), value, "a list"))
    if kind in (dict, abc.Mapping, abc.MutableMapping):
        _must(isinstance(value, dict), value, "a mapping")
        return {fit(arguments[0], key): fit(arguments[1], item) for key, item in value.items()} if len(arguments) == 2 else value
    return value


def _tuple(arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    _must(isinstance(value, list | tuple), value, "a list")
    if not arguments or arguments[-1] is Ellipsis:
        return tuple(_items(arguments[:1], value))
    if len(arguments) != len(value):
        raise MisfitError(f"{value!r} has {len(value)} values where {len(arguments)} are meant")
    return tuple(fit(a, v) for a, v in zip(arguments, value, strict=True))


def _items(arguments: tuple[Any, ...], value: Any) -> list[Any]:
    return [fit(arguments[0], item) for item in value] if arguments else list(value)


def describe(annotation: Any) -> str:
    """The annotation as people write it."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("NoneType", "None")
