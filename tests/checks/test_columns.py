"""A name in a check means the same value whether the store has the runs, or a table with the experiment's columns alone is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks import Group, Sample
from runner.checks.groups import point
from runner.errors import UsageError
from runner.selectors import MISSING, resolve
from tests.checks.conftest import row, verdicts

COLUMNS = (("best", "val/acc.max"), ("loss", "metrics.loss.min"), ("end", "loss.last"), ("kwargs.k", "kwargs.k"), ("mm", "fields.m"))
STORED = [
    row({"m": "a"}, {"m": 5, "y": 1.0}, {"val/acc": [0.2, 0.8, 0.5], "loss": [0.9, 0.1, 0.3]}, {"k": 3}),
    row({"m": "b"}, {"m": 6, "y": 2.0}, {"val/acc": [0.1, 0.6], "loss": [0.8, 0.7]}, {"k": 4}),
]


def tabled(columns):
    """What the table of these runs holds, as it is read back."""
    store = Sample.of(STORED, "store", columns=columns)
    rows = []
    for each in STORED:
        values = {name: resolve(text, store.names).value(each) for name, text in columns}
        fields = values if columns else {f"fields.{name}" if name in each.params else name: v for name, v in each.fields.items()}
        rows.append(row(each.params, fields))
    return Sample.of(rows, "table", table=True, columns=columns)


def values(text, sample):
    selector = resolve(text, sample.names)
    return [selector.value(each) for each in sample.rows]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("best", [0.8, 0.6]),
        ("val/acc.max", [0.8, 0.6]),
        ("metrics.val/acc.max", [0.8, 0.6]),
        ("`val/acc`.max", [0.8, 0.6]),
        ("loss", [0.1, 0.7]),  # the column, not the metric
        ("`loss`", [0.1, 0.7]),
        ("loss.min", [0.1, 0.7]),
        ("metrics.loss.min", [0.1, 0.7]),
        ("metrics.loss", [0.3, 0.7]),  # the metric, which the column `end` shows
        ("loss.last", [0.3, 0.7]),
        ("kwargs.k", [3, 4]),
        ("k", [3, 4]),
        ("mm", [5, 6]),
        ("fields.m", [5, 6]),
        ("m", ["a", "b"]),  # the column of the axis
        ("params.m", ["a", "b"]),
        ("status", ["COMPLETED", "COMPLETED"]),
    ],
)
def test_with_chosen_columns_a_name_means_the_same_on_both_sides(text, found):
    assert values(text, Sample.of(STORED, "store", columns=COLUMNS)) == found
    assert values(text, tabled(COLUMNS)) == found


@pytest.mark.parametrize(("text", "found"), [("m", ["a", "b"]), ("fields.m", [5, 6]), ("y", [1.0, 2.0]), ("fields.y", [1.0, 2.0])])
def test_without_chosen_columns_too(text, found):
    assert values(text, Sample.of(STORED, "store", columns=())) == found
    assert values(text, tabled(())) == found


@pytest.mark.parametrize("text", ["val/acc.min", "metrics.y", "y", "seconds", "run.seconds", "params.k", "metrics.`loss.min`"])
def test_what_no_column_shows_is_not_found_in_a_table_under_another_name(text):
    with pytest.raises(UsageError, match="there is no"):
        resolve(text, tabled(COLUMNS).names)


def test_a_misspelt_column_is_told_with_the_name_that_the_experiment_gives_it():
    with pytest.raises(UsageError, match="did you mean `best`"):
        resolve("bast", Sample.of(STORED, "store", columns=COLUMNS).names)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), st.sampled_from([text for _, text in COLUMNS]), min_size=1))
def test_every_column_is_found_under_its_name_and_its_selector(columns):
    declared = tuple((name, text) for name, text in columns.items() if name not in ("m", "y"))
    table = tabled(declared) if declared else Sample.of((), "none", table=True)
    for name, text in declared:
        expected = values(text, Sample.of(STORED, "store"))
        assert values(name, table) == values(name, Sample.of(STORED, "store", columns=declared)) == expected
        if MISSING not in expected and text not in columns:
            assert values(text, table) == expected


def test_conditions_and_groups_see_the_columns_of_a_table():
    check = {"check": "best >= 0.5", "where": "kwargs.k == 3", "group_by": ["kwargs.k"]}
    for sample in (tabled(COLUMNS), Sample.of(STORED, "store", columns=COLUMNS)):
        (verdict,) = verdicts(check, sample)
        assert (verdict.group.told(), verdict.current.value) == ({"kwargs.k": 3}, 0.8)


def test_a_metric_is_held_against_the_column_that_shows_it():
    found = verdicts("val/acc.max >= baseline", Sample.of(STORED, "store", columns=COLUMNS), tabled(COLUMNS))
    assert [(v.outcome.value, v.delta) for v in found] == [("pass", 0), ("pass", 0)]


LOSSES = Sample.of([row({"m": 1}, {"loss": 0.3, "y": 1.0}), row({"m": 2}, {"loss": 0.7, "y": 2.0})], "T", table=True, metrics=["loss"])


@pytest.mark.parametrize("part", ["mean", "min", "max", "count"])
def test_a_part_of_a_metric_is_never_made_of_the_column_that_shows_another_one(part):
    (store,) = {v.reason for v in verdicts(f"loss.{part} >= 0", Sample.of(STORED, "store", columns=(("loss", "loss"),)))}
    assert store is None
    for text in (f"loss.{part}", f"`loss`.{part}", f"metrics.loss.{part}"):
        (verdict,) = verdicts(f"{text} >= 0", LOSSES)
        assert (verdict.outcome.value, verdict.reason.value) == ("FAIL", "missing metric")
        assert f"add loss.{part} to results.columns; or metric: loss, agg: {part}" in verdict.text


def test_what_is_no_part_of_a_metric_or_said_with_agg_is_made_of_the_column_on_both_sides():
    store = Sample.of(STORED, "store", columns=(("loss", "loss"),))
    for check in ("loss.std >= 0", {"check": "loss >= 0", "agg": "mean"}, "loss.median >= 0"):
        (here,), (there,) = verdicts(check, store), verdicts(check, LOSSES)
        assert here.current.value == there.current.value
        assert here.agg == there.agg != ""
    assert [v.current.value for v in verdicts("y.mean >= 0", LOSSES)] == [1.5]


def test_where_a_field_is_called_as_a_metric_neither_is_guessed():
    store = Sample.of([row({"m": 1}, {"loss": 5.0}, {"loss": [0.9, 0.1]})], "S", columns=())
    with pytest.raises(UsageError, match=r"`loss.mean` is .* write `metrics.loss.mean`, or metric: loss, agg: mean"):
        verdicts("loss.mean >= 0", store)
    assert [v.current.value for v in verdicts("metrics.loss.mean >= 0", store)] == [0.5]
    assert [v.current.value for v in verdicts({"check": "loss >= 0", "agg": "mean"}, store)] == [5.0]


def test_an_axis_that_is_null_is_told_and_makes_no_difference():
    with_null, without = point(row({"m": "a", "n": None}, {})), point(row({"m": "a"}, {}))
    assert str(with_null) == "m=a, n=null"
    assert str(without) == "m=a"
    assert str(point(row({"m": "a"}, {}), {"m", "n", "replicate"})) == "m=a, n=null"
    assert with_null == without == Group.of({"m": "a"})
    assert with_null.told() == {"m": "a"}
    sample = Sample.of([row({"n": None, "m": "a"}, {"y": 1}), row({"n": 1, "m": "a"}, {"y": 1})], "both")
    assert [str(v.group) for v in verdicts("y >= 0", sample)] == ["m=a, n=null", "m=a, n=1"]
