"""Plain typed data as JSON text, bit-exact and without pickle.

JSON has no NaN, no infinities, no bytes and no dates, and Python's own extension (`NaN`) is not valid JSON, so that
SQLite's JSON functions and every other reader choke on it. These values are written as one-key objects, `{"$f": "nan"}`;
everything else is standard JSON. Integers keep all their digits, floats round-trip by repr, -0.0 keeps its sign.
"""

import base64
import datetime as dt
import json
import math
import os
import struct
import uuid
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

_LONG = 10**4300
"""Python refuses to write or read longer integers in decimal."""
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = ((int, int.__int__), (float, float.__float__), (str, str.__str__))
"""What an enum member is, not how it presents itself."""
_QUIET_NAN = struct.pack(">d", math.nan)


class UnserialisableError(TypeError):
    """A value that is not plain data; `path` says where it is, `$.a[2]`."""

    def __init__(self, path: str, value: object, why: str = "") -> None:
        self.path = path
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        super().__init__(f"{path}: {why or f'a value of type {kind} is not plain data'}")


def _float(value: float) -> Any:
    if value - value == 0.0:
        return value
    if math.isinf(value):
        return {"$f": "inf" if value > 0 else "-inf"}
    raw = struct.pack(">d", value)
    return {"$f": "nan" if raw == _QUIET_NAN else raw.hex()}


def _int(value: int) -> Any:
    return value if -_LONG < value < _LONG else {"$int": hex(value)}


_TAGGED: dict[type, Callable[[Any], Any]] = {
    int: _int,
    float: _float,
    bytes: lambda v: {"$bytes": base64.b64encode(v).decode()},
    dt.datetime: lambda v: {"$datetime": v.isoformat()},
    dt.date: lambda v: {"$date": v.isoformat()},
    dt.time: lambda v: {"$time": v.isoformat()},
    dt.timedelta: lambda v: {"$seconds": [v.days, v.seconds, v.microseconds]},
    uuid.UUID: lambda v: {"$uuid": str(v)},
}

_UNTAGGED: dict[str, Callable[[Any], Any]] = {
    "$f": lambda v: float(v) if v in ("nan", "inf", "-inf") else struct.unpack(">d", bytes.fromhex(v))[0],
    "$int": lambda v: int(v, 16),
    "$bytes": base64.b64decode,
    "$datetime": dt.datetime.fromisoformat,
    "$date": dt.date.fromisoformat,
    "$time": dt.time.fromisoformat,
    "$seconds": lambda v: dt.timedelta(days=v[0], seconds=v[1], microseconds=v[2]),
    "$uuid": uuid.UUID,
}


def plain(value: Any, path: str = "$") -> Any:
    """`value` as a tree that the standard JSON encoder takes.

    Subclasses of str, int and float (enum members, numpy's float64) become the base type; numpy and torch scalars become
    Python scalars, arrays nested lists; tuples become lists. Raises UnserialisableError, naming the place, for anything
    else, for keys that are not strings, and for structures that contain themselves.
    """
    try:
        return _plain(value, path)
    except RecursionError:
        where = _culprit(value, path, lambda item: _plain(item, path), RecursionError)
        raise UnserialisableError(where, value, "the value contains itself, or is nested too deeply") from None


def _plain(value: Any, path: str) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind in _TAGGED:
        return _TAGGED[kind](value)
    if isinstance(value, Mapping):
        return _mapping(value, path)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{n}]") for n, item in enumerate(value)]
    return _foreign(value, path)


def _mapping(value: Mapping[Any, Any], path: str) -> Any:
    tree = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise UnserialisableError(path, value, f"the key {key!r} of a mapping is not a string")
        tree[str.__str__(key)] = _plain(item, f"{path}.{key}")
    if len(tree) == 1 and (key := next(iter(tree))).startswith("$"):
        return {f"${key}": tree[key]}  # escaped, so that a user's own {"$f": ...} comes back as it was
    return tree


def _foreign(value: Any, path: str) -> Any:
    """Values of other libraries, by what they can do rather than by importing those libraries."""
    for base, as_base in _BASES:
        if isinstance(value, base):
            return _plain(as_base(value), path)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, bytearray | memoryview):
        return _plain(bytes(value), path)
    if getattr(getattr(value, "dtype", None), "kind", None) in ("m", "M"):
        return _numpy_time(value, path)
    if callable(convert := getattr(value, "tolist", None)):
        converted = convert()
        if type(converted) is not type(value):
            return _plain(converted, path)
    raise UnserialisableError(path, value)


def _numpy_time(value: Any, path: str) -> Any:
    """Dates and durations of numpy: as Python's where those can hold them (microseconds), not-a-time as null."""
    unit = "datetime64[us]" if value.dtype.kind == "M" else "timedelta64[us]"
    micro = value.astype(unit)
    none = (micro + 0).astype("int64") == -(2**63)  # not a time, which equals nothing
    if not ((micro.astype(value.dtype) == value) | none).all():
        raise UnserialisableError(path, value, "a time that is finer than microseconds is not plain data")
    return _plain(micro.tolist(), path)


_encoder = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), check_circular=False)


def _once() -> Callable[[Any], str]:
    """`_encoder.encode` with one encoder for all calls: json makes a new one for each, which takes longer than a small mapping does."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # elsewhere than in CPython
        return _encoder.encode
    chunks = make(None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode = _once()
_SIMPLE = frozenset((str, int, float, bool, type(None)))


def _simple(value: dict[Any, Any]) -> str | None:
    """JSON text of what a flat mapping mostly holds, quickly; None for all else, and for what has a special form or is a mistake."""
    try:
        if "$" in "".join(value) or not _SIMPLE.issuperset(map(type, value.values())):
            return None
        text = _encode(value)
    except (TypeError, ValueError):  # a key that is no string, a NaN, a long integer
        return None
    return text if text.isascii() else None


def dumps(value: Any) -> str:
    """JSON text of `value`. Raises UnserialisableError as `plain` does, also for text that is not valid Unicode."""
    if type(value) is dict and (simple := _simple(value)) is not None:
        return simple
    text = _encoder.encode(plain(value))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        where = _culprit(value, "$", lambda item: _encoder.encode(plain(item)).encode(), UnicodeEncodeError)
        found = text[error.start : error.start + 1]
        raise UnserialisableError(where, value, f"a string holds the lone surrogate {found!r}, which is no character") from None
    return text


def printable(name: str) -> str:
    """The name of a file, a branch, an argument as valid Unicode: these are bytes, and neither JSON nor a store takes such."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _culprit(value: Any, path: str, attempt: Callable[[Any], object], error: type[Exception]) -> str:
    """The key whose item makes the attempt fail, where `value` is a mapping."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        try:
            attempt(item)
        except error:
            return f"{path}.{key}"
    return path


def _revive(tree: dict[str, Any]) -> Any:
    if len(tree) == 1:
        ((key, value),) = tree.items()
        if key in _UNTAGGED:
            return _UNTAGGED[key](value)
        if key.startswith("$$"):
            return {key[1:]: value}
    return tree


_decoder = json.JSONDecoder(object_hook=_revive)


def loads(text: str) -> Any:
    """The value that `dumps` made `text` of. Never builds anything but plain data."""
    return _decoder.decode(text) if '{"$' in text else json.loads(text)
