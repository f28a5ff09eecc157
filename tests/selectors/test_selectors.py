"""A selector says which value of a run is meant; what nothing has, or several kinds have, is an error with the spelling that works."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner import codec
from runner.errors import UsageError
from runner.logged import Summary
from runner.record import Failure, Record, Status
from runner.selectors import ATTRIBUTES, MISSING, PARTS, Names, Row, Selector, flat, known, parse, quoted, resolve
from runner.table import frame

LOSS = Summary.of([0, 1, 2, 3], [4.0, 1.0, math.nan, 3.0])


def row(*, fields=None, params=None, kwargs=None, logged=None, tags=None, metrics=None, **own) -> Row:
    texts = {"fields": fields, "params": params, "kwargs": kwargs, "logged": logged, "tags": tags}
    record = Record(
        **{"id_run": "a", "experiment": "e", "status": Status.COMPLETED, **own},
        **{f"{k}_json": codec.dumps(v or {}) for k, v in texts.items()},
    )
    return Row(record, metrics or {})


RUN = row(
    fields={"x": 1, "a": {"b": 2, "c": {}}, "none": None, "both": 1, "val loss": 7},
    params={"lr": 0.1, "opt.lr": 0.2, "model": {"C": 3}, "both": 2},
    kwargs={"P": 0.8, "x": "hidden"},
    logged={"derived": 5},
    tags={"owner": "me", "empty": None},
    metrics={"loss": LOSS, "val/acc": Summary.of([0], [0.5]), "val loss": LOSS, "p-1.5": LOSS, "flat": Summary.of([0], [math.inf])},
    seconds=1.5,
    max_rss=0,
)
NAMES = known([RUN])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", 1),
        ("fields.x", 1),
        ("kwargs.x", "hidden"),
        ("a.b", 2),
        ("fields.a.c", {}),
        ("fields.none", MISSING),
        ("lr", 0.1),
        ("opt.lr", 0.2),
        ("params.model.C", 3),
        ("P", 0.8),
        ("derived", 5),
        ("logged.derived", 5),
        ("tags.owner", "me"),
        ("tags.empty", MISSING),
        ("loss", 3.0),
        ("metrics.loss.last", 3.0),
        ("loss.min", 1.0),
        (" loss.max ", 4.0),
        ("val/acc", 0.5),
        ("val/acc.mean", 0.5),
        ("metrics.`val loss`.min", 1.0),
        ("`val loss`.min", 1.0),
        ("p-1.5", 3.0),
        ("p-1.5.first", 4.0),
        ("flat.min", MISSING),
        ("flat.argmin", MISSING),
        ("flat.last", math.inf),
        ("status", "COMPLETED"),
        ("run.status", "COMPLETED"),
        ("seconds", 1.5),
        ("max_rss", MISSING),
        ("failure", MISSING),
    ],
)
def test_a_selector_gives_the_value_of_that_name(text, value):
    assert resolve(text, NAMES).value(RUN) == value


def test_every_part_of_a_metric_can_be_asked_for():
    parts = {part: resolve(f"loss.{part}", NAMES).value(RUN) for part in PARTS}
    assert parts == {
        "last": 3.0, "first": 4.0, "min": 1.0, "max": 4.0, "mean": 8 / 3, "count": 4, "n_nan": 1, "last_step": 3, "first_step": 0,
        "argmin": 1, "argmax": 0, "min_step": 1, "max_step": 0,
    }  # fmt: skip


def test_everything_of_the_run_itself_can_be_asked_for():
    run = row(
        failure=Failure(kind="ValueError", message="no"), max_rss=7, started=3.0, id_run="i", attempt=2, seed=9, cpu_seconds=0.5, troubles=1
    )
    assert {name: resolve(f"run.{name}", Names()).value(run) for name in ATTRIBUTES} == {
        "id_run": "i", "status": "COMPLETED", "seconds": 0.0, "experiment": "e", "attempt": 2, "started": 3.0, "seed": 9,
        "cpu_seconds": 0.5, "max_rss": 7, "troubles": 1, "failure": "ValueError: no",
        "parent": MISSING, "name": MISSING,
    }  # fmt: skip


def test_a_run_without_the_value_is_missing_it():
    assert resolve("loss.min", NAMES).value(row()) is MISSING
    assert resolve("fields.a.b", NAMES).value(row()) is MISSING


def test_a_field_hides_a_kwarg_and_a_logged_parameter_and_what_the_run_itself_has():
    names = Names(fields=frozenset({"status", "k"}), kwargs=frozenset({"k"}), logged=frozenset({"k"}))
    assert resolve("status", names) == Selector("fields", "status")
    assert resolve("run.status", names) == Selector("run", "status")
    assert resolve("k", names) == Selector("fields", "k")
    assert resolve("k", Names(kwargs=frozenset("k"), logged=frozenset("k"))) == Selector("kwargs", "k")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("both", "`both` is a field and a param; write `fields.both` or `params.both`"),
        ("`val loss`", "`val loss` is a field and a metric; write fields.`val loss` or metrics.`val loss`"),
    ],
)
def test_a_name_of_several_kinds_is_refused_with_the_spellings(text, told):
    with pytest.raises(UsageError) as error:
        resolve(text, NAMES)
    assert told in str(error.value)


def test_a_metric_named_like_a_part_of_another_is_refused_with_spellings_that_work():
    names = Names(metrics=frozenset({"loss", "loss.min"}))
    with pytest.raises(UsageError) as error:
        resolve("metrics.loss.min", names)
    assert str(error.value) == "`metrics.loss.min` is a metric and a part of one; write metrics.`loss`.min or metrics.`loss.min`"
    assert resolve("metrics.`loss`.min", names) == Selector("metrics", "loss", "min")
    assert resolve("metrics.`loss.min`", names) == Selector("metrics", "loss.min", "last")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lss", "did you mean `loss`?"),
        ("loss.mn", "a metric has no `mn`; did you mean `loss.min`?"),
        ("metrics.loss.median", "did you mean `metrics.loss.mean`?"),
        ("fields.unheard", "names with `fields.`: fields.a.b, fields.a.c"),
        ("feilds.x", "did you mean `fields.x`?"),
        ("param.lr", "did you mean `params.lr`?"),
        ("params.P", "did you mean `kwargs.P`?"),
        ("statsu", "did you mean `status`?"),
        ("run.statsu", "did you mean `run.status`?"),
        ("zzzz", "names: a.b, a.c, both"),
        ("fields.", "there is no `fields.`"),
        ("tags.ownr", "did you mean `tags.owner`?"),
        ("", "a selector is empty"),
        ("val loss", "a name with ' ' in it stands in backticks"),
        ("`val loss", "a backtick is not closed"),
        ("`val loss`min", "there is 'm' instead of a dot"),
        ("a`b`", "separated by dots"),
        ("x == 3", "a name with ' ' in it stands in backticks"),
    ],
)
def test_a_name_that_nothing_has_is_refused_with_the_nearest(text, told):
    with pytest.raises(UsageError) as error:
        resolve(text, NAMES)
    assert told in str(error.value)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text("ab.`min/ -", max_size=8)
TREES = st.recursive(st.integers(), lambda inner: st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(TEXTS, TREES, max_size=4), st.frozensets(TEXTS, max_size=4))
def test_the_spelling_of_whatever_there_is_stands_for_it(fields, metrics):
    run = row(fields=fields, params=fields, metrics=dict.fromkeys(metrics, LOSS))
    names = known([run])
    for kind in ("fields", "params"):
        for name, value in getattr(run, kind).items():
            selector = Selector(kind, name)
            assert resolve(selector.spelling, names) == selector
            assert resolve(selector.spelling, names).value(run) == value
    for name in metrics:
        assert resolve(Selector("metrics", name, "last").spelling, names) == Selector("metrics", name, "last")
        assert resolve(f"metrics.{quoted(name, always=True)}.min", names) == Selector("metrics", name, "min")


@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_fields_have_the_names_that_the_table_gives_them(fields):
    assume("id_run" not in flat(fields))
    table = frame.build([frame.Row(id_run="a", params={}, fields_json=codec.dumps(fields))], ())
    assert list(table.columns) == ["id_run", *flat(fields)]


@given(TEXTS | st.text("ab.`min/ -", max_size=20))
def test_whatever_the_text_parsing_and_resolving_end_in_a_selector_or_a_usage_error(text):
    for act in (parse, lambda text: resolve(text, NAMES)):
        try:
            act(text)
        except UsageError as error:
            assert str(error)  # noqa: PT017


def test_known_names_are_those_of_all_runs():
    runs = [
        row(fields={"a": 1}, kwargs={"k": 1}),
        row(fields={"b": {"c": 1}}, kwargs={"k": 2, "l": 1}, metrics={"m": LOSS}),
        row(tags={"t": "x"}),
    ]
    assert known(runs) == Names(
        fields=frozenset({"a", "b.c"}), kwargs=frozenset("kl"), metrics=frozenset("m"), tags=frozenset("t")
    )  # fmt: skip


@pytest.mark.parametrize("text", ["`val los`.min", "fields.`val los`", "`val loss", "val loss.min", "metrics.`val loss`.mn"])
def test_no_message_has_two_backticks_beside_each_other(text):
    with pytest.raises(UsageError) as error:
        resolve(text, NAMES)
    assert "``" not in str(error.value)
