"""The journal: what a process that has died had logged and not sent."""

import json
import math
import random
import struct
from array import array
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.flow import FLUSH_POINTS, Flow
from runner.journal import JOURNAL_BYTES, Journal, Series, generation_of, recover
from runner.logged import Entry, Output, Params, Points, Progress, Rows

STRANGE = (ValueError, TypeError, IndexError, struct.error)
NAMES = st.sampled_from(["a", "b", "val/acc", "\u03b1", "x" * 250])
STEPS = st.integers(-(2**63), 2**63 - 1)
OTHERS = st.one_of(
    st.builds(Params, st.just('{"a":1}')),
    st.builds(Rows, NAMES, st.integers(1, 9), st.text(st.characters(exclude_categories=["Cs"]), max_size=200)),
    st.builds(Progress, st.floats(0, 1), st.text(st.characters(exclude_categories=["Cs"]), max_size=50)),
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("point"), NAMES, STEPS, st.floats(width=64)),
        st.tuples(st.just("entry"), NAMES, OTHERS),
        st.tuples(st.just("clear")),
    ),
    max_size=60,
)


def bits(values):
    return [struct.pack("<d", value) for value in values]


@given(ACTIONS, st.integers(64, 4000))
def test_what_stands_there_is_what_was_written_since_it_was_cleared(actions, size):
    journal = Journal(memoryview(bytearray(size)))
    series, points, entries = {}, {}, []
    for n, (kind, *given_) in enumerate(actions):
        if kind == "clear":
            journal.clear()
            series, points, entries = {}, {}, []
        elif kind == "entry":
            if journal.entry(*given_):
                entries.append(tuple(given_))
        else:
            name, step, value = given_
            if journal.point(series.setdefault(name, Series("child", name)), step, value, 100.0 + n):
                points.setdefault(name, []).append((step, value, 100.0 + n))
    found = recover(bytes(journal.memory))
    assert [item for item in found if not isinstance(item[1], Points)] == entries
    logged = {entry.name: entry for child, entry in found if isinstance(entry, Points) and child == "child"}
    assert set(logged) == set(points)
    for name, entry in logged.items():
        steps, values = entry.unpacked()
        assert list(steps) == [step for step, _, _ in points[name]]
        assert bits(values) == bits(value for _, value, _ in points[name])
        assert (entry.begun, entry.ended) == (points[name][0][2], points[name][-1][2])


@given(st.lists(st.tuples(NAMES, st.floats(width=64), st.booleans()), max_size=300))
def test_sent_and_journaled_together_are_all_that_was_logged(calls):
    sent = []
    journal = Journal(memoryview(bytearray(2000)))
    flow = Flow(sent.extend, journal)
    series, expected = {}, {}
    for step, (name, value, flush) in enumerate(calls):
        with flow.lock:
            flow.point(series.setdefault(name, Series("", name)), step, value)
        expected.setdefault(name, []).append((step, struct.pack("<d", value)))
        if flush:
            flow.entry("", Output("stdout", "x"))
            flow.flush()
    found = {}
    for _, entry in (*sent, *recover(bytes(journal.memory))):
        if isinstance(entry, Points):
            steps, values = entry.unpacked()
            found.setdefault(entry.name, []).extend(zip(steps, bits(values), strict=True))
    assert found == expected


def recovered(memory):
    """What stands in it; None: it is refused as no journal."""
    try:
        return recover(bytes(memory))
    except STRANGE:
        return None


def points(entries):
    """(step, value) of all points among them."""
    return [pair for _, entry in entries if isinstance(entry, Points) for pair in zip(*entry.unpacked(), strict=True)]


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_no_journal_or_hold_no_more_than_they_have_room_for(data):
    found = recovered(data) or ()
    assert all(isinstance(entry, get_args(Entry)) for _, entry in found)
    assert len(points(found)) <= len(data) // 32


SAMPLED = [(n, n / 3) for n in range(10)]


def sample():
    """A journal of these points, with an entry behind each, and where each point ends."""
    journal = Journal(memoryview(bytearray(1200)))
    series, ends = Series("", "a"), []
    for n, value in SAMPLED:
        journal.point(series, n, value, 1e9 + n)
        ends.append(journal.end)
        journal.entry("", Params(json.dumps({"n": n})))
    return journal, ends


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 1199), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_journal_with_bytes_that_a_step_has_overwritten_is_read_or_refused(changes):
    journal, ends = sample()
    memory = bytearray(journal.memory)
    for at, byte in changes:
        memory[at] = byte
    before = SAMPLED[: sum(end <= min(changes)[0] for end in ends)]
    found = recovered(memory)
    assert found is None or points(found)[: len(before)] == before


def test_a_journal_cut_anywhere_is_read_as_far_as_it_goes_or_refused():
    journal, ends = sample()
    refused = 0
    for cut in range(len(journal.memory)):
        found = recovered(journal.memory[:cut])
        refused += found is None
        assert found is None or points(found) == SAMPLED[: sum(end <= cut for end in ends)]
    assert 0 < refused < len(journal.memory) / 2


def test_memory_that_nobody_has_written_to_holds_nothing():
    assert recover(bytes(JOURNAL_BYTES)) == ()


@pytest.mark.parametrize("length", [0, -1, -12, -13, -(2**31), 2**31 - 1, 5])
@pytest.mark.parametrize("number", [-1, -2, -3, 7, 2**31 - 1])
def test_lengths_and_numbers_that_cannot_be_are_refused(number, length):
    journal, _ = sample()
    assert points(recover(bytes(journal.memory))) == SAMPLED
    struct.pack_into("<iiI", journal.memory, journal.end, number, length, journal.generation)
    struct.pack_into("<I", journal.memory, journal.end + 28, journal.generation)
    with pytest.raises(STRANGE):
        recover(bytes(journal.memory))


@pytest.mark.parametrize(
    "text", [b"[" * 900, b"{}", b"[{}]", b"[[]]", b"5", b'["a"]', b'["a", 5]', b"[[1, 2]]", b'[["", "Points", 1]]', b"\xff"]
)
@pytest.mark.parametrize("kind", [-1, -2])
def test_texts_that_cannot_be_are_refused(kind, text):
    journal = Journal(memoryview(bytearray(1200)))
    journal.memory[journal.end + 12 : journal.end + 12 + len(text)] = text
    struct.pack_into("<iiI", journal.memory, journal.end, kind, len(text), journal.generation)
    with pytest.raises(STRANGE):
        recover(bytes(journal.memory))


def test_nesting_deeper_than_python_takes_is_refused():
    text = b"[" * 100_000
    journal = Journal(memoryview(bytearray(JOURNAL_BYTES)))
    journal.memory[journal.end + 12 : journal.end + 12 + len(text)] = text
    struct.pack_into("<iiI", journal.memory, journal.end, -2, len(text), journal.generation)
    with pytest.raises(ValueError, match="too deep"):
        recover(bytes(journal.memory))


def test_half_a_record_is_none():
    """A record's bytes are written from its beginning on; a kill leaves zeros, or an older flush's bytes, behind some of them."""
    whole, _ = sample()
    series = Series("", "b")
    before, start = bytes(whole.memory), whole.end
    assert whole.point(series, 5, 0.5, 1.0)
    assert whole.point(series, 6, 0.5, 1.0)
    after = bytes(whole.memory)
    begun = whole.end - 32
    for written in range(32):
        torn = after[: begun + written] + bytes(32 - written) + before[begun + 32 :]
        (entry,) = (entry for _, entry in recover(torn) if isinstance(entry, Points) and entry.name == "b")
        assert list(entry.unpacked()[0]) == [5]
    assert start < begun


def test_each_flush_has_a_generation_of_its_own():
    journal = Journal(memoryview(bytearray(1000)))
    seen = set()
    for _ in range(100):
        seen.add(generation_of(bytes(journal.memory)))
        journal.clear()
    assert len(seen) == 100


def test_the_last_generation_is_followed_by_the_first():
    journal = Journal(memoryview(bytearray(1000)))
    journal.generation = 2**32 - 1
    journal.clear()
    assert journal.generation == 1
    series = Series("", "a")
    journal.point(series, 1, 2.0, 3.0)
    ((_, entry),) = recover(bytes(journal.memory))
    assert entry.unpacked() == (array("q", [1]), array("d", [2.0]))


def test_what_does_not_fit_is_sent_at_once():
    sent = []
    journal = Journal(memoryview(bytearray(600)))
    flow = Flow(sent.extend, journal)
    dice = random.Random(1)
    series = [Series("", f"metric {n}") for n in range(40)]
    for step in range(3000):
        with flow.lock:
            flow.point(dice.choice(series), step, 1.0)
        if step % 7 == 0:
            flow.entry("", Rows("t", 1, "x" * dice.randrange(1000)))
        held = sum(e.summary.count for _, e in recover(bytes(journal.memory)) if isinstance(e, Points))
        assert held + sum(e.summary.count for _, e in sent if isinstance(e, Points)) == step + 1


def test_a_flush_comes_with_every_4096th_point():
    sent = []
    flow = Flow(sent.append, Journal(memoryview(bytearray(JOURNAL_BYTES))))
    series = Series("", "a")
    for step in range(100_000):
        with flow.lock:
            flow.point(series, step, math.nan)
    sizes = [sum(e.summary.count for _, e in entries) for entries in sent]
    assert max(sizes) <= FLUSH_POINTS + 1
    assert len(sizes) < 100_000 / FLUSH_POINTS + 20
    assert sum(sizes) + sum(e.summary.count for _, e in flow.finish()) == 100_000


def test_a_sink_that_fails_is_trouble_and_the_next_flush_goes_on(capsys):
    sent, broken = [], [True]

    def sink(entries):
        if broken[0]:
            raise OSError(28, "No space left on device")
        sent.extend(entries)

    flow = Flow(sink, Journal(memoryview(bytearray(JOURNAL_BYTES))))
    flow.entry("", Output("stdout", "lost"), at_once=True)
    broken[0] = False
    flow.entry("", Output("stdout", "kept"), at_once=True)
    kinds = [type(entry).__name__ for _, entry in sent]
    assert kinds == ["Output", "Trouble"]
    assert (sent[1][1].count, sent[1][1].message) == (1, "No space left on device")
    assert flow.finish() == ()
    assert "No space left" in capsys.readouterr().err


def test_an_exception_of_a_signal_handler_in_the_middle_of_a_flush_leaves_a_clean_journal():
    def sink(entries):
        raise KeyboardInterrupt

    journal = Journal(memoryview(bytearray(1000)))
    flow = Flow(sink, journal)
    with pytest.raises(KeyboardInterrupt):
        flow.entry("", Output("stdout", "x"), at_once=True)
    assert recover(bytes(journal.memory)) == ()
