"""Bytes become the text that a terminal would still show, however they arrive."""

import itertools
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner import collapse
from runner.collapse import LONGEST, Collapser

PIECES = st.sampled_from(  # characters, parts of characters, what is none
    [
        b"a",
        b"b ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        "ä".encode(),
        "€".encode(),
        "🙂".encode(),
        b"\xff",
        b"\xe2\x82",
        b"\xf0\x80",
        b"\xed\xa0\x80",
    ]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join) | st.binary(max_size=40)


def through(*parts):
    collapser = Collapser()
    return "".join([*map(collapser.feed, parts), collapser.finish()])


def character_by_character(data, longest):
    """The same, the plain way."""
    kept, line, returned = "", "", False
    for character in data.decode("utf-8", "backslashreplace").replace("\0", ""):
        if character == "\n":
            kept, line, returned = kept + line + "\n", "", False
        elif character == "\r":
            returned = True
        else:
            line, returned = ("" if returned else line) + character, False
            if len(line) > longest:
                kept, line = kept + line[:longest], line[longest:]
    return kept + line


@given(STREAMS, st.lists(st.integers(0, 60), max_size=6), st.sampled_from([3, 7, LONGEST]))
@example(b"aaaaaaaaaaaa\rb\n", [], 3)
@example(b"\xe2\x82", [1], 7)
@example(b"a\r\0\r\nb", [2, 3], 7)
def test_any_split_of_the_bytes_gives_the_text_that_the_plain_way_gives(data, cuts, longest):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collapse, "LONGEST", longest)
        ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        parts = [data[a:b] for a, b in itertools.pairwise(ends)]
        expected = character_by_character(data, longest)
        assert through(*parts) == expected
        assert through(*(data[n : n + 1] for n in range(len(data)))) == expected
        assert through(data) == expected


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\ntext\n", "plain\ntext\n"),
        (b"windows\r\nlines\r\n", "windows\nlines\n"),
        (b"  1%\r 50%\r100%\n", "100%\n"),
        (b"\r  0%|  |\r 50%|- |\r100%|--|\ndone\n", "100%|--|\ndone\n"),  # as tqdm draws it
        (b" 50%\r100%\r", "100%"),
        (b"gone\r\r\r\nkept", "gone\nkept"),
        ("grüße €\n".encode(), "grüße €\n"),
        (b"\xff\xfe\n", "\\xff\\xfe\n"),
        (b"a\0b\n", "ab\n"),
        (b"", ""),
    ],
)
def test_what_a_terminal_would_still_show_is_kept(data, text):
    assert through(data) == text


def test_only_complete_lines_come_before_the_end():
    collapser = Collapser()
    assert [collapser.feed(b"one\ntw"), collapser.feed(b"o\nthree"), collapser.finish()] == ["one\n", "two\n", "three"]


def test_a_bar_that_is_redrawn_a_million_times_takes_no_memory():
    collapser = Collapser()
    bars = b"".join(b"\r%5d of 1000000 |####      |" % n for n in range(1000))
    tracemalloc.start()
    try:
        for _ in range(1000):
            assert collapser.feed(bars) == ""
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000
    assert collapser.finish() == "  999 of 1000000 |####      |"


def test_a_line_without_end_comes_in_pieces():
    collapser = Collapser()
    pieces = [collapser.feed(b"x" * 1000) for _ in range(1000)]
    assert max(map(len, pieces)) == LONGEST
    assert sum(map(len, pieces)) > 1_000_000 - 2 * LONGEST
    assert "".join([*pieces, collapser.finish()]) == "x" * 1_000_000
