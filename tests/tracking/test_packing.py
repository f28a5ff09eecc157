"""Summaries and packed entries: what they say of any points, whatever way they take."""

import json
import math
import struct
from array import array
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import logged
from runner.executors import wire
from runner.logged import Artifact, Child, Entry, Output, Params, Points, Progress, Restart, Rows, Summary, Trouble
from runner.record import Live, Outcome

STEPS = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1]))
VALUES = st.one_of(st.floats(width=64), st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0, 1.0]))
POINTS = st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=40)


def arrays(points):
    return array("q", [step for step, _ in points]), array("d", [value for _, value in points])


def bits(values):
    return [struct.pack("<d", value) for value in values]


def assert_same(one, other):
    """Equal, NaN to NaN, the sum to rounding."""
    assert one.count == other.count
    assert one.n_nan == other.n_nan
    for name in ("first", "last", "min", "max", "first_step", "last_step", "min_step", "max_step"):
        a, b = getattr(one, name), getattr(other, name)
        assert a == b or (a != a and b != b), name
    if math.isfinite(one.total) and math.isfinite(other.total):
        assert math.isclose(one.total, other.total, rel_tol=1e-9, abs_tol=1e-9 * max(abs(one.max or 0), abs(one.min or 0)))


@given(POINTS, st.data())
def test_summaries_of_parts_add_up_to_the_summary_of_the_whole(points, data):
    steps, values = arrays(points)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(points)), max_size=4)))
    found = Summary()
    for start, end in zip([0, *cuts], [*cuts, len(points)], strict=True):
        if start < end:
            found = found.then(Summary.of(steps[start:end], values[start:end]))
    assert_same(found, Summary.of(steps, values))


@given(POINTS)
def test_a_summary_is_what_one_would_say_by_hand(points):
    found = Summary.of(*arrays(points))
    finite = [(value, step) for step, value in points if math.isfinite(value)]
    first = min(range(len(points)), key=lambda n: (points[n][0], n))
    last = max(range(len(points)), key=lambda n: (points[n][0], n))
    assert (found.count, found.n_nan) == (len(points), len(points) - len(finite))
    assert bits([found.first, found.last]) == bits([points[first][1], points[last][1]])
    assert (found.first_step, found.last_step) == (points[first][0], points[last][0])
    if not finite:
        assert (found.min, found.max, found.mean) == (None, None, None)
        return
    assert (found.min, found.max) == (min(finite)[0], max(finite)[0])
    assert found.min_step == next(step for value, step in finite if value == found.min)
    assert found.max_step == next(step for value, step in finite if value == found.max)


@given(POINTS)
def test_points_come_back_bit_exact_through_json(points):
    """NaN's payload bits too, which the summary alone may lose: it is told in JSON, where a NaN is a NaN."""
    steps, values = arrays(points)
    sent = Points.of("a", steps, values, 1.5, 2.5)
    text = json.dumps(logged.pack((("child", sent),)), allow_nan=False)
    ((child, found),) = logged.unpack(json.loads(text))
    assert child == "child"
    where, what = found.unpacked()
    assert where == steps
    assert bits(what) == bits(values)
    assert (found.name, found.begun, found.ended, found.start) == ("a", 1.5, 2.5, steps[0])
    assert_same(found.summary, sent.summary)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 300))
def test_steps_that_follow_each_other_take_no_room(start, count):
    start = min(start, 2**63 - count)
    sent = Points.of("a", array("q", range(start, start + count)), array("d", bytes(8 * count)), 0.0, 0.0)
    assert sent.steps == b""
    assert sent.unpacked()[0] == array("q", range(start, start + count))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 2**40)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ENTRIES = st.lists(
    st.tuples(
        TEXT,
        st.one_of(
            POINTS.map(lambda points: Points.of("m", *arrays(points), 1.0, 2.0)),
            st.builds(Rows, TEXT, COUNT, TEXT), st.builds(Params, TEXT), st.builds(Artifact, TEXT, COUNT, TEXT, TEXT, st.none() | STEPS),
            st.builds(Output, TEXT, TEXT), st.builds(Progress, FINITE, TEXT), st.builds(Trouble, COUNT, TEXT), st.just(Restart()),
            st.builds(Child, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, COUNT, FINITE, FINITE),
        ),
    ),
    max_size=8,
).map(tuple)  # fmt: skip


@given(ENTRIES, st.integers(0, 2**31), st.integers(0, 2**32 - 1))
def test_entries_of_every_kind_come_back_from_a_report(entries, index, generation):
    (payload,) = wire.Inbox().feed(wire.pack_live(index, entries, generation))
    live, told = wire.unpack(payload)
    assert (live.index, told) == (index, generation)
    assert repr(live.logged) == repr(entries)  # where NaN is NaN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["Points", "Rows", "Output", "Child", ""]),
    lambda inner: st.lists(inner, max_size=14) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=40,
)


def assert_refused_or_a_report(payload):
    """JSON by chance may be a report; whoever gets that relies on the types of its parts."""
    try:
        what, mark = wire.unpack(payload)
    except (ValueError, TypeError):
        return
    if isinstance(what, Live):
        assert (type(what.index), type(mark)) == (int, int)
        assert all(isinstance(entry, get_args(Entry)) for _, entry in what.logged)
    else:
        assert type(mark) is bool
        assert all(isinstance(each, Outcome) for each in what)


@given(JSON)
def test_what_is_no_report_is_refused_as_such(tree):
    assert_refused_or_a_report(json.dumps(tree).encode())


@given(JSON, JSON)
def test_what_is_nearly_a_report_is_refused_as_such(first, second):
    for payload in (
        [1, [first, second], 3],
        [1, [["", "Points", first, second]], 1],
        [1, [["", "Child", first]], 1],
        [True, [[first, second]]],
        [first, []],
    ):
        assert_refused_or_a_report(json.dumps(payload).encode())


@pytest.mark.parametrize(
    "payload", [b"[" * 100_000, b"[1,[[[]],[{}]],2]", b"[1,[{}],2]", b"[1,[[]],2]", b"[true,[[]]]", b"[1,[5],2]", b"\xff", b""]
)
def test_reports_of_strange_shapes_are_refused_as_such(payload):
    with pytest.raises((ValueError, TypeError)):
        wire.unpack(payload)
