"""`${params.X}` in texts."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.templates import fill, fill_shell, names, word

VALUES = {"params.a": 1.5, "params.list": [1, "x"], "kwargs.t": "a b", "run.dir": "/d", "params.o.x-y": None}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${params.a}", 1.5),
        ("${ params.a }", 1.5),
        ("${params.list}", [1, "x"]),
        ("${params.o.x-y}", None),
        ("a=${params.a}, ${kwargs.t}!", "a=1.5, a b!"),
        ("${run.dir}/x", "/d/x"),
        ("x${params.list}", 'x[1, "x"]'),
        ("\\${params.a}", "\\${params.a}"),
        ("$params.a ${HOME} ${other.a}", "$params.a ${HOME} ${other.a}"),
        (3, 3),
    ],
)
def test_fill(text, filled):
    assert fill(text, VALUES.__getitem__) == filled


def test_a_filled_value_is_not_filled_again():
    assert fill("x${params.a}", {"params.a": "${params.b}"}.__getitem__) == "x${params.b}"


def test_names():
    assert list(names({"a": ["${params.a}", 3], "b": ("x ${run.dir}${kwargs.t}", None), "${params.no}": 1})) == [
        "params.a",
        "run.dir",
        "kwargs.t",
    ]


WORDS = [(True, "true"), (None, "null"), (0.1, "0.1"), (float("nan"), "nan"), ({"é": [1]}, '{"é": [1]}'), ("x", "x")]


@pytest.mark.parametrize(("value", "text"), WORDS)
def test_words(value, text):
    assert word(value) == text


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.sampled_from(["{}", '"{}"', "'{}'", '"$(printf %s "{}")"']))
def test_the_shell_sees_one_word_whatever_the_value_is(value, place):
    text = "printf '%s|' x" + place.format("${params.v}")
    filled = fill_shell(text, lambda _: value)
    printed = subprocess.run(["/bin/sh", "-c", filled], capture_output=True, check=True).stdout.decode()
    if "$(" in place:
        assert printed.rstrip("|").rstrip("\n") == f"x{value}".rstrip("|").rstrip("\n")
    else:
        assert printed == f"x{value}|"


@given(st.text(max_size=30))
def test_a_text_without_templates_stays_as_it_is(text):
    assert fill_shell(text, lambda _: "never") == text
    assert shlex.quote(text) in fill_shell("${params.v}", lambda _: text)
