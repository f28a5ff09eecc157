"""Plain data comes back as it was, exactly; everything else is refused with its place."""

import datetime as dt
import enum
import json
import math
import struct
import uuid
from pathlib import PurePosixPath
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import codec

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary() | st.dates() | st.datetimes() | st.times() | st.uuids()
    | st.timedeltas()
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.just("$f"), inner, max_size=4), max_leaves=20
)


def bits(value):
    """A value with its floats as bits, so that NaN and -0.0 compare."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, list):
        return [bits(item) for item in value]
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    return type(value), value


@given(VALUES)
def test_every_plain_value_comes_back_exactly(value):
    assert bits(codec.loads(codec.dumps(value))) == bits(value)


@given(VALUES)
def test_the_text_is_standard_json(value):
    no_json: list[str] = []  # NaN, Infinity and -Infinity, which Python's reader takes
    json.loads(codec.dumps(value), parse_constant=no_json.append)
    assert no_json == []


@given(st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | st.floats() | TEXT, max_size=4))
def test_the_quick_way_writes_what_the_thorough_one_does(flat):
    """A flat mapping and one that is none of dict's own kind are encoded in two ways."""
    assert codec.dumps(flat) == codec.dumps(MappingProxyType(flat))


@given(st.integers(0, 2**64 - 1))
def test_every_float_is_bit_exact(raw):
    value = struct.unpack(">d", raw.to_bytes(8, "big"))[0]
    assert struct.pack(">d", codec.loads(codec.dumps(value))).hex() == struct.pack(">d", value).hex()


class Colour(str, enum.Enum):  # noqa: UP042 - StrEnum is the easy case
    RED = "red"

    def __str__(self):
        return "not this"


class Level(enum.IntEnum):
    HIGH = 3


class Half(float, enum.Enum):
    IT = 0.5


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, "red"), (Level.HIGH, 3), (Half.IT, 0.5), ((1, (2,)), [1, [2]]), (PurePosixPath("a/b"), "a/b"), (bytearray(b"x"), b"x"),
        (MappingProxyType({"a": 1}), {"a": 1}), (np.float64(0.1), 0.1), (np.float32(0.5), 0.5), (np.int8(-3), -3), (np.bool_(True), True),
        (np.str_("x"), "x"), (np.arange(3), [0, 1, 2]), (np.array(2.5), 2.5), ({Colour.RED: 1}, {"red": 1}), (10**9000, 10**9000),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_of_other_types_become_plain_ones(value, plain):
    found = codec.loads(codec.dumps({"x": value}))["x"]
    assert (type(found), found) == (type(plain), plain)


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, print, int, iter([]), np.array([1j]), dt.UTC])
def test_other_values_are_refused_with_their_place(value):
    with pytest.raises(codec.UnserialisableError, match=r"^\$\.a\[1\]\.b"):
        codec.dumps({"a": [0, {"b": value}]})


def test_a_value_that_contains_itself_is_refused_with_its_key():
    loop: list = []
    loop.append(loop)
    with pytest.raises(codec.UnserialisableError, match=r"^\$\.b: the value contains itself"):
        codec.dumps({"a": 1, "b": loop})


def test_a_lone_surrogate_is_refused_with_its_key():
    with pytest.raises(codec.UnserialisableError, match=r"^\$\.b: a string holds the lone surrogate '\\udc80'"):
        codec.dumps({"a": "\u20ac", "b": ["x\udc80"]})


def test_keys_must_be_strings():
    with pytest.raises(codec.UnserialisableError, match="the key 1 of a mapping is not a string"):
        codec.dumps({"a": {1: 2}})


def test_a_users_own_tag_is_no_tag():
    for value in ({"$f": "nan"}, {"$$f": 1}, {"$bytes": "x"}, {"$int": "0x1"}):
        assert codec.loads(codec.dumps({"x": value})) == {"x": value}


def test_negative_zero_and_infinities():
    found = codec.loads(codec.dumps([-0.0, math.inf, -math.inf]))
    assert str(found) == "[-0.0, inf, -inf]"
    assert codec.loads(codec.dumps(uuid.UUID(int=5))) == uuid.UUID(int=5)


def test_numpy_times_are_pythons_times_and_never_numbers() -> None:
    moment = np.datetime64("2020-01-02T03:04:05.000006", "ns")
    assert codec.loads(codec.dumps([moment, np.datetime64("NaT"), np.timedelta64(7, "ms")])) == [
        moment.astype("M8[us]").item(),
        None,
        dt.timedelta(milliseconds=7),
    ]
    with pytest.raises(codec.UnserialisableError, match="finer than microseconds"):
        codec.dumps({"t": np.timedelta64(5, "ns")})
