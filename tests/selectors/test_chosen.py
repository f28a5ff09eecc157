"""`results.columns`: what may be a column's name, what a selector means beside the axes, and what is said about it."""

from array import array

import pytest

from runner import chosen, codec, stores
from runner.errors import ConfigError
from runner.logged import Points
from runner.record import Record, Status, Trail

AXES = ("lr", "val loss")
ID = "a0000000-0000-8000-8000-000000000000"


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (("lr", "loss.min"), "the table has a column `lr` already, an axis; give `loss.min` another name: {lr_result: loss.min}"),
        (("lr", "fields.lr"), "an axis"),
        (("val loss", "`val loss`.min"), "give `val loss`.min another name"),
        (("id_run", "fields.id"), "the id of the run; give `fields.id` another name: {id_run_value: fields.id}"),
    ],
)
def test_a_name_that_the_table_has_already_is_refused(column, told):
    assert told in refusal(column)
    assert f"results.columns.{column[0]}" in refusal(column)


@pytest.mark.parametrize(
    "column", [("lr", "lr"), ("lr", "params.lr"), ("val loss", "`val loss`"), ("id_run", "id_run"), ("fields.lr", "fields.lr")]
)
def test_an_axis_and_the_id_under_their_own_names_are_no_clash(column):
    assert refusal(column) == ""


def refusal(column):
    """What is said of a column behind another one; "": nothing, it may be one."""
    try:
        chosen.check([("x", "fields.x"), column], AXES)
    except ConfigError as error:
        return str(error)
    return ""


def reader(tmp_path, status=Status.COMPLETED):
    store = stores.open(tmp_path / "xrun.db")
    epoch = store.begin("e", 1.0)
    record = Record(
        id_run=ID, experiment="e", status=status, params_json='{"lr":0.5,"x":1}', fields_json=codec.dumps({"x": 2}), epoch=epoch
    )
    points = tuple(("", Points.of(name, array("q", [0]), array("d", [3.0]), 1.0, 1.0)) for name in ("lr", "val loss"))
    store.append([record], [Trail(id_run=ID, experiment="e", epoch=epoch, attempt=1, entries=points)])
    store.close()
    return stores.read(tmp_path / "xrun.db")


def columns(opened, *texts):
    try:
        choice = chosen.choose([(text, text) for text in texts], [ID], opened, ("lr", "x"))
        rows = list(chosen.rows([ID], opened))
        return [codec.loads(choice.fields(row)) for row in rows], choice.notes
    finally:
        opened.close()


def test_a_name_of_an_axis_means_the_axis_which_the_table_shows_anyway(tmp_path):
    assert columns(reader(tmp_path), "lr", "x", "id_run", "metrics.lr", "fields.x") == ([{"metrics.lr": 3.0, "fields.x": 2}], ())


def test_a_selector_that_nothing_answers_to_is_noted_once_a_run_has_completed(tmp_path):
    rows, notes = columns(reader(tmp_path), "`val los`")
    assert rows == [{"`val los`": None}]
    assert notes == ("results.columns: there is no `val los`; did you mean `val loss`?",)


def test_where_no_run_has_completed_nothing_is_noted(tmp_path):
    assert columns(reader(tmp_path, Status.FAILED), "loss.last", "error") == ([], ())


def test_the_hint_at_metrics_is_yaml(tmp_path):
    import yaml

    opened = reader(tmp_path)
    (hint,) = chosen.hint([ID], opened)
    opened.close()
    told = yaml.safe_load(hint.partition(": ")[2])
    assert told == {"results": {"columns": ["lr", "`val loss`"]}}
