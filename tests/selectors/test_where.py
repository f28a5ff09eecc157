"""Conditions are parsed, never evaluated as code; logic is three-valued; a mistake is pointed at."""

import datetime as dt
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import codec, where
from runner.errors import UsageError
from runner.logged import Summary
from runner.record import Record, Status
from runner.selectors import Row, known
from runner.where.tree import All, Among, Compare, Either, Literal, Match, Name, Not, Null, Truth, written


def row(*, metrics=None, status=Status.COMPLETED, **fields) -> Row:
    params = {"lr": fields.pop("lr")} if "lr" in fields else {}
    record = Record(id_run="i", experiment="e", status=status, params_json=codec.dumps(params), fields_json=codec.dumps(fields))
    return Row(record, {name: Summary.of(range(len(values)), values) for name, values in (metrics or {}).items()})


RUN = row(
    lr=1e-3, error=0.2, n=3, big=10**30, text="it's", good=True, bad=False, nan=math.nan, inf=math.inf, gone=None, empty=[], list=[1, 2],
    day=dt.date(2026, 1, 31), spent=dt.timedelta(minutes=1), metrics={"loss": [3.0, 1.0, 2.0], "val loss": [0.5]},
)  # fmt: skip
NAMES = known([RUN])
TRUE = [
    "params.lr < 1e-2 and (fields.error > .1 or status == 'FAILED')",
    "lr = 0.001",
    "lr==1e-3",
    "loss.min <= 1 && loss.max >= 3.",
    "`val loss` > 0 and metrics.`val loss`.count == 1",
    "0 < n <= 3 < 4",
    "1 < 2",
    "n in [1, 2, 3]",
    "n in (1, 2, 3,)",
    "n not in [1, 2]",
    "not n in [1, 2]",
    "n in [lr, error, n]",
    "text == 'it''s'",
    'text == "it\'s"',
    "text ~ '^it'",
    'not text ~ "\'$"',
    "text > 'abc'",
    "n != 'three'",
    "n <> 4",
    "!(n == 4)",
    "! n == 4",
    "n == 4 || n == 3",
    "n == 3 or n == 4 and n == 5",
    "good",
    "not bad",
    "good == true and bad == False",
    "good != 1",
    "gone is null",
    "gone == null and n != None",
    "n is not null",
    "null == null",
    "gone in [1, null]",
    "nan == nan",
    "nan is not null",
    "nan != 1",
    "nan in [1, nan]",
    "fields.nan == NaN",
    "n != nan",
    "inf == inf and inf > 1e308 and -inf < n",
    "fields.inf == +Infinity",
    "big == 1000000000000000000000000000000",
    "big > 1_000",
    "empty == empty",
    "day >= '2026-01-30' and day < '2026-02'",
    "spent == 60",
    "status in ['FAILED', 'COMPLETED']",
    "NOT n IS NULL AND n IN [3]",
    "\n n\t== 3 ",
    "true",
]
FALSE = [
    "n == 'three'",
    "n == '3'",
    "n == true",
    "good == 1",
    "fields.nan != NaN",
    "fields.nan < 1 or fields.nan >= 1",
    "fields.nan == fields.nan",
    "n in []",
    "n is null",
    "3 < n < 5",
    "false",
    "list == n",
]
UNKNOWN = [
    "gone > 1",
    "gone == 1",
    "gone != 1",
    "gone not in [1]",
    "gone ~ 'a'",
    "gone",
    "n < 'three'",
    "good < 1",
    "n ~ '3'",
    "n",
    "list < 3",
    "0 < gone < 3",
]


def as_written(text: str) -> str:
    """`nan` and `inf` are fields here as well; bare, they are numbers."""
    return (
        text.replace("nan is not null", "fields.nan is not null")
        .replace("nan != 1", "fields.nan != 1")
        .replace("inf > 1e308", "fields.inf > 1e308")
    )


@pytest.mark.parametrize("text", TRUE)
def test_a_true_condition_takes_the_run(text):
    assert where.parse(as_written(text)).bind(NAMES)(RUN)


@pytest.mark.parametrize("text", FALSE)
def test_a_false_condition_leaves_it_and_its_negation_takes_it(text):
    assert not where.parse(text).bind(NAMES)(RUN)
    assert where.parse(f"not ({text})").bind(NAMES)(RUN)


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_condition_leaves_the_run_and_so_does_its_negation(text):
    assert not where.parse(text).bind(NAMES)(RUN)
    assert not where.parse(f"not ({text})").bind(NAMES)(RUN)
    assert where.parse(f"({text}) or n == 3").bind(NAMES)(RUN)


@pytest.mark.parametrize(
    ("text", "told", "column"),
    [
        ("", "expected a name, a value, `not` or `(`, there is nothing more", 0),
        ("params.lr <", "expected a name or a value, there is nothing more", 11),
        ("params.lr < )", "expected a name or a value, found `)`", 12),
        ("(n == 3", "expected `and`, `or` or `)`, there is nothing more", 7),
        ("n == 3)", "expected `and`, `or` or the end, found `)`", 6),
        ("n == 3 4", "expected `and`, `or` or the end, found `4`", 7),
        ("n is 3", "expected `null` or `not null`, found `3`", 5),
        ("n is not 3", "expected `null`, found `3`", 9),
        ("n not 3", "expected `in`, found `3`", 6),
        ("n in 3", "expected a list, `[1, 2]`, found `3`", 5),
        ("n in [1 2]", "expected `,` or `]`, found `2`", 8),
        ("n in [1,,2]", "expected a value or `]`, found `,`", 8),
        ("3", "expected a comparison", 1),
        ("'a' and n == 3", "expected a comparison", 4),
        ("n == 'three", "this quote is not closed", 5),
        ("`n == 3", "this backtick is not closed", 0),
        ("n + 1 == 3", "conditions do not calculate", 2),
        ("n == -x", "a number should follow `-`", 5),
        ("n == 3; n", "';' means nothing here", 6),
        ("n ~ 3", "expected a regular expression in quotes", 4),
        ("text ~ '('", "not a regular expression", 7),
        ("text ~ 'a{99999999999999999999}'", "not a regular expression", 7),
        ("n > null", "null is neither less nor greater", 4),
        ("null < n", "null is neither less nor greater", 0),
        ("1 <= n < null", "null is neither less nor greater", 9),
        ("n === 3", "expected a name or a value, found `=`", 4),
        ("`a`b == 3", "instead of a dot", 0),
        ("n == " + "9" * 5000, "more than 4000 characters", 5),
        ("(" * 51 + "n" + ")" * 51, "more than 50 levels", 51),
        ("not " * 100_000 + "n", "more than 50 levels", 63),
    ],
)
def test_a_mistake_is_pointed_at_with_what_was_expected(text, told, column):
    with pytest.raises(UsageError) as error:
        where.parse(text)
    said, shown, caret = str(error.value).split("\n")
    assert told in said
    assert caret == " " * (2 + column) + "^"
    assert len(shown) < 140


@pytest.mark.parametrize(
    ("text", "told", "column"),
    [
        ("fields.eror > 1", "did you mean `fields.error`?", 0),
        ("n == 3 and fields.eror is null", "did you mean `fields.error`?", 11),
        ("eror in []", "did you mean `error`?", 0),
        ("status == failed", "(a text stands in quotes: 'failed')", 10),
        ("status == 'failed'", "no run ends as 'failed'; did you mean `FAILED`?", 0),
        ("n == 3 or status not in ['FAILED', 'done']", "no run ends as 'done'; a status is one of: COMPLETED", 10),
    ],
)
def test_a_name_or_status_that_there_is_not_is_refused_before_any_run_is_looked_at(text, told, column):
    condition = where.parse(text)
    with pytest.raises(UsageError) as error:
        condition.bind(NAMES)
    assert told in str(error.value)
    assert str(error.value).endswith("\n" + " " * (2 + column) + "^")


def test_in_a_long_condition_the_mistake_is_shown_with_its_surroundings():
    with pytest.raises(UsageError) as error:
        where.parse(" or ".join(["n == 1"] * 50) + " or n = = 1" + " or n == 1" * 50)
    shown, caret = str(error.value).split("\n")[1:]
    assert shown[caret.index("^")] == "="
    assert shown.startswith("  ...")
    assert shown.endswith("...")


def test_a_condition_of_many_terms_is_no_deeper_than_one_of_two():
    text = " or ".join(f"n == {number}" for number in range(5000, 0, -1))
    assert where.parse(text).bind(NAMES)(RUN)
    assert where.parse(str(where.parse(text))).tree == where.parse(text).tree


def test_as_deep_as_is_allowed_works():
    text = "not (" * 25 + "n == 3" + ")" * 25
    assert not where.parse(text).bind(NAMES)(RUN)
    assert where.parse(str(where.parse(text))).bind(NAMES)(row(n=4))


NAME = st.sampled_from(
    ["fields.x", "loss.min", "val/acc", "`val loss`.max", "params.`a``b`", "p-1.5", "run.status", "_", "fields.in", "`and`", "5fold"]
)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats()
OPERAND = NAME.map(Name) | (NUMBERS | st.text() | st.booleans() | st.none()).map(Literal)
CHAIN = st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), OPERAND.filter(lambda o: o != Literal(None)))
LEAF = st.one_of(
    st.builds(Truth, NAME.map(Name) | st.booleans().map(Literal)),
    st.builds(Compare, OPERAND.filter(lambda o: o != Literal(None)), st.lists(CHAIN, min_size=1, max_size=3).map(tuple)),
    st.builds(Among, OPERAND, st.lists(OPERAND, max_size=3).map(tuple), st.booleans()),
    st.builds(Null, OPERAND, st.booleans()),
    st.builds(Match, OPERAND, st.sampled_from(["a", "^it's$", r"\d+", ""])),
)
NODES = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)


@given(NODES)
def test_what_a_tree_is_written_as_parses_to_the_same_tree(node):
    assert repr(without_places(where.parse(written(node)).tree)) == repr(
        without_places(node)
    )  # repr tells 1 from 1.0 and True, and NaN is equal to itself


def without_places(node):
    if isinstance(node, Name):
        return Name(node.text)
    if isinstance(node, tuple):
        return tuple(map(without_places, node))
    return (
        type(node)(*(without_places(getattr(node, name)) for name in node.__slots__))
        if hasattr(node, "__slots__") and not isinstance(node, Literal)
        else node
    )


ATOMS = ("a", "b", "c")
LOGIC = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=10,
)  # fmt: skip


def text_of(logic) -> str:
    match logic:
        case str():
            return logic
        case "not", inner:
            return f"not ({text_of(inner)})"
        case word, items:
            return f" {word} ".join(f"({text_of(item)})" for item in items)


def possible(logic, values) -> set[bool]:
    """Kleene's logic by its definition on each operator: what can come out when every unknown operand may be either."""
    match logic:
        case str():
            return {True, False} if values[logic] is None else {values[logic]}
        case "not", inner:
            return {not value for value in possible(inner, values)}
        case word, items:
            combine = all if word == "and" else any
            return {combine(choice) for choice in itertools.product(*(possible(item, values) for item in items))}


@given(LOGIC)
@settings(max_examples=60)
def test_and_or_and_not_agree_with_a_truth_table_of_three_values(logic):
    names = known([row(a=1, b=1, c=1)])
    holds, negated = (where.parse(text).bind(names) for text in (text_of(logic), f"not ({text_of(logic)})"))
    for choice in itertools.product([True, False, None], repeat=3):
        values = dict(zip(ATOMS, choice, strict=True))
        outcome = possible(logic, values)
        assert holds(row(**values)) == (outcome == {True})
        assert negated(row(**values)) == (outcome == {False})


WORDS = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "nan",
        "-inf",
        "(",
        ")",
        "[",
        "]",
        ",",
        "==",
        "=",
        "<",
        ">=",
        "!",
        "!=",
        "~",
        "&&",
        "|",
        "n",
        "text",
        "loss.min",
        "`val loss`",
        "`",
        "'",
        '"',
        "'a'",
        "'('",
        "1",
        "-1e400",
        ".5",
        "1_0",
        "status",
        "'FAILED'",
        ";",
        "\\",
        "\x00",
        "٣",
        "list",
        "gone",
        "day",
        "None",
    ]
)


@given(st.text() | st.lists(WORDS, max_size=12).map(" ".join) | st.lists(WORDS, max_size=12).map("".join))
@settings(max_examples=500)
def test_no_text_whatsoever_ends_in_anything_but_a_predicate_or_a_usage_error(text):
    try:
        holds = where.parse(text).bind(NAMES)
    except UsageError as error:
        assert "^" in str(error)  # noqa: PT017
    else:
        assert holds(RUN) in (True, False)
        assert holds(row()) in (True, False)


VALUES = st.none() | st.booleans() | NUMBERS | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@given(VALUES, VALUES, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_comparisons_of_two_values_of_a_run(a, b, sign):
    run = row(a=a, b=b, always=1)
    held = {text: where.parse(text).bind(known([run]))(run) for text in (f"a {sign} b", f"not a {sign} b")}
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (a, b))
    comparable = numbers or (isinstance(a, str) and isinstance(b, str))
    if a is None or b is None or (sign not in ("==", "!=") and not comparable):
        assert not any(held.values())
        return
    same = a == b and isinstance(a, bool) == isinstance(b, bool)
    ordered = {"<": lambda: a < b, "<=": lambda: a <= b, ">": lambda: a > b, ">=": lambda: a >= b}
    expected = {"==": same, "!=": not same}.get(sign) if sign in ("==", "!=") else ordered[sign]()
    assert list(held.values()) == [expected, not expected]


def notes(text, *runs):
    rows = [row(**one) for one in runs]
    holds = where.parse(text).bind(known(rows))
    assert [holds(one) for one in rows].count(True) == 0
    return holds.notes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lr == '0.1'", "`lr` is a number in these runs and is compared with a text; a number stands without quotes"),
        ("lr in ['0.1', '0.2']", "`lr` is a number in these runs and is compared with a text; a number stands without quotes"),
        ("'0.1' < lr", "`lr` is a number in these runs and is compared with a text; a number stands without quotes"),
        ("lr ~ '0'", "`lr` is a number in these runs and is compared with a text; a number stands without quotes"),
        ("mode == 1", "`mode` is a text in these runs and is compared with a number; a text stands in quotes"),
        ("mode", "`mode` is a text in these runs, neither true nor false; compare it: `==`, `<`, `is not null`"),
        ("list > 1", "`list` is a list in these runs and is compared with a number"),
    ],
)
def test_a_comparison_with_another_kind_of_value_than_any_run_has_is_noted(text, told):
    assert notes(text, {"lr": 0.1, "mode": "a", "list": [1]}, {"lr": 0.2, "mode": "b", "list": [2]}) == [told]


def test_where_one_run_has_such_a_value_nothing_is_noted():
    assert notes("mode == 'none'", {"mode": 1}, {"mode": "auto"}) == []
    assert notes("mode == 'none'", {"mode": None}, {}) == []
    assert notes("lr > 1", {"lr": 0.1}) == []


@pytest.mark.parametrize("text", ["loss", "not loss.min", "n == 3 or loss"])
def test_a_metric_alone_is_refused_with_what_is_expected(text):
    with pytest.raises(UsageError, match="is a metric and neither true nor false; expected a comparison, `loss"):
        where.parse(text).bind(NAMES)


def test_the_status_alone_and_a_pattern_that_no_status_has_are_refused():
    with pytest.raises(UsageError, match="expected a comparison, `status == 'COMPLETED'`"):
        where.parse("status").bind(NAMES)
    with pytest.raises(UsageError, match="no run ends as something with 'completed'; did you mean `COMPLETED`"):
        where.parse("status ~ 'completed'").bind(NAMES)
    assert where.parse("status ~ '^COMP'").bind(NAMES)(RUN)
