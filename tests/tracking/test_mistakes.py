"""What is wrong with a call is said at the call, with the way out."""

import datetime as dt
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from runner import codec
from runner.describe import describe
from runner.logged import Child
from runner.run import Run
from runner.views import Fields, Tags

CALLS = [
    (lambda run: run.log_param("o", object()), TypeError, "the parameter o: a value of type object is not plain data"),
    (lambda run: run.log_params({"a": {"b": {1, 2}}}), TypeError, "the parameter a.b: a value of type set is not plain data"),
    (lambda run: run.log_params([1]), TypeError, "log_params takes a mapping of names to values, not a list"),
    (lambda run: run.log_param(3, 3), TypeError, "the name of a parameter is a string, not a int"),
    (lambda run: run.log_params({3: 3}), TypeError, "the name of a parameter is a string, not 3"),
    (lambda run: run.log_metrics([("a", 1)]), TypeError, "log_metrics takes a mapping of names to numbers, not a list"),
    (lambda run: run.log_metric(0.5, "m"), TypeError, "the name comes first: log_metric('m', 0.5)"),
    (lambda run: run.log_metric(0.5, 0.5), TypeError, "the name of a metric is a string, not a float"),
    (lambda run: run.log_metric("m", "0.5"), TypeError, "`m`: a metric is a number, not the text '0.5'"),
    (lambda run: run.child_run("e", 3), TypeError, "child_run takes a name, and a mapping of params, not a int"),
    (lambda run: run.child_run("e", {"o": object()}), TypeError, "the parameter o: a value of type object is not plain data"),
    (lambda run: run.log_artifact(3), TypeError, "log_artifact takes the path of a file or a folder, not 3"),
    (lambda run: run.log_row("t", {"a": 1}), TypeError, "columns are keywords: log_row('t', a=1); log_table takes a dict"),
    (lambda run: run.log_row("t"), ValueError, "`t`: a row needs a column: log_row('t', a=1)"),
    (lambda run: run.log_row("t", a=object()), TypeError, "`t`, column a[0]: a value of type object is not plain data"),
    (lambda run: run.log_table("t", {"a": [1, object()]}), TypeError, "`t`, column a[1]: a value of type object is not plain data"),
    (lambda run: run.progress("half"), TypeError, "progress takes a fraction from 0 to 1, and maybe a text, not 'half'"),
    (lambda run: run.progress(2), ValueError, "progress is a fraction from 0 to 1, not 2"),
    (lambda run: run.kwargs["nope"], KeyError, "there is no `nope`: there are no kwargs"),
    (lambda run: run.kwargs.nope, AttributeError, "there is no `nope`: there are no kwargs"),
    (lambda run: run.params.nope, AttributeError, "there is no `nope`: there is nothing here"),
    (lambda run: setattr(run, "seed", 3), AttributeError, "seed"),
]


@pytest.mark.parametrize(("call", "kind", "says"), CALLS, ids=[says[:50] for _, _, says in CALLS])
def test_a_mistake_is_told_at_the_call_and_nothing_is_kept(call, kind, says, sheet, run):
    with pytest.raises(kind) as caught:
        call(run)
    assert says in str(caught.value)
    assert sheet.end().entries == []


@pytest.mark.parametrize("name", ["log", "log_figure", "log_text", "log_dict", "log_artifacts", "log_batch", "set_tag", "set_tags"])
def test_what_other_trackers_call_it_says_how_it_is_called_here(name, run):
    with pytest.raises(AttributeError, match=f"a run has no `{name}`; (log_|run.)"):
        getattr(run, name)
    assert not hasattr(run, name)


@pytest.mark.parametrize(("wrong", "right"), [("log_metrc", "log_metric"), ("log_parm", "log_param"), ("field", "fields")])
def test_a_misspelt_name_fails_with_the_nearest_one(wrong, right, run):
    with pytest.raises(AttributeError) as caught:
        getattr(run, wrong)
    failure = describe(caught.value, "s", Path("/nowhere"))
    assert failure.message == f"'Run' object has no attribute '{wrong}'; did you mean `{right}`?"
    assert failure.traceback.rstrip().endswith(f"did you mean `{right}`?")


def test_a_misspelt_name_of_something_else_is_left_to_its_maker():
    with pytest.raises(AttributeError) as caught:
        Path("x").exsts  # noqa: B018
    assert describe(caught.value, "s", Path("/nowhere")).message == str(caught.value)
    assert "did you mean `" not in str(caught.value)


def test_run_has_no_getattr_which_would_slow_every_call_down():
    assert not any("__getattr__" in vars(kind) for kind in Run.__mro__)


# -- fields and tags --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [object(), {1, 2}, [object()], {"a": {3: 1}}, lambda: 0, Fields])
def test_a_field_that_can_be_no_result_is_refused_where_it_is_set(value, run):
    def attribute():
        run.fields.o = value

    def item():
        run.fields["o"] = value

    for set_it in (attribute, item):
        with pytest.raises(codec.UnserialisableError, match=r"^fields\.o"):
            set_it()
    assert run.fields == {}


def test_a_field_has_a_name(run):
    with pytest.raises(TypeError, match="the name of a field is a string, not a value of type int"):
        run.fields[3] = 1


GOOD = [1, 1.5, "a", True, None, [1, [2]], {"a": 1}, (1,), np.float32(1), np.int64(3), dt.date(2020, 1, 1), Path("x"), b"b", float("nan")]


@pytest.mark.parametrize("value", GOOD, ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case)))
def test_plain_data_is_taken_as_it_is(value, run):
    run.fields.v = value
    run.fields["w"] = value
    assert run.fields.v is value
    assert run.fields["w"] is value


@pytest.mark.parametrize("value", [np.zeros(3), [0] * 2000, {str(n): n for n in range(2000)}], ids=["array", "list", "dict"])
def test_what_is_large_is_looked_at_once(value, run, monkeypatch):
    monkeypatch.setattr(codec, "plain", None)
    run.fields.large = value
    assert run.fields.large is value


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (3, "x", "the name of a tag is a string, not a value of type int"),
        ("k", object(), "the tag `k` is a text, a number, true, false or None, not a value of type object"),
        ("k", [1], "not a value of type list; run.fields keeps plain data"),
        ("k", np.zeros(2), "not a value of type ndarray"),
    ],
)
def test_a_tag_that_is_none_is_refused_in_every_way_to_set_it(name, value, says, run):
    ways = [
        lambda: run.tags.__setitem__(name, value),
        lambda: run.tags.update({"good": 1, name: value}),
        lambda: run.tags.update([(name, value)]),
        lambda: run.tags.setdefault(name, value),
        lambda: run.tags.__ior__({name: value}),
    ]
    for way in ways:
        with pytest.raises(TypeError) as caught:
            way()
        assert says in str(caught.value)
    assert run.tags == {}


def test_tags_take_texts_and_numbers(run):
    run.tags["a"] = "x"
    run.tags.update(b=1, c=1.5, d=None)
    run.tags |= {"e": True}
    assert run.tags.setdefault("f", np.int64(3)) == 3
    assert run.tags.setdefault("a", "y") == "x"
    assert run.tags == {"a": "x", "b": 1, "c": 1.5, "d": None, "e": True, "f": 3}
    assert type(run.tags) is Tags
    assert type(run.tags["f"]) is int


# -- after the end ----------------------------------------------------------------------------------------------------

LATE = [
    lambda run, _: run.log_metric("m", 1),
    lambda run, _: run.log_metrics({"m": 1}),
    lambda run, _: run.log_list("m", [1]),
    lambda run, _: run.set_step(1),
    lambda run, _: run.log_param("p", 1),
    lambda run, _: run.log_params({"p": 1}),
    lambda run, _: run.log_row("t", a=1),
    lambda run, _: run.log_table("t", {"a": [1]}),
    lambda run, file: run.log_artifact(file),
    lambda run, _: run.log_image("i", np.zeros((2, 2))),
    lambda run, _: run.child_run("inner"),
    lambda run, _: run.progress(0.5),
    lambda run, _: setattr(run.fields, "x", 2),
    lambda run, _: run.fields.__setitem__("x", 2),
    lambda run, _: run.fields.update(x=2),
    lambda run, _: run.fields.pop("x"),
    lambda run, _: run.tags.__setitem__("x", "2"),
    lambda run, _: run.tags.update(x="2"),
]


@pytest.mark.parametrize("call", LATE)
def test_a_child_run_that_has_ended_takes_nothing_more(call, sheet, run, tmp_path):
    (tmp_path / "f").write_text("x")
    with run.child_run("c") as child:
        child.log_metric("m", 0)
        child.fields.x = 1
    known = len(sheet.entries)
    with pytest.raises(RuntimeError, match=r"^this child run has ended$"):
        call(child, tmp_path / "f")
    assert (child.fields.x, child.tags) == (1, {})
    assert not (tmp_path / "artifacts" / child.id_run / "f").exists()
    run.log_metric("m", 1)
    assert sheet.end().points("m") == [(0, 1)]
    assert not any(child.id_run == whose for whose, _ in sheet.entries[known:])


def test_fields_that_somebody_still_holds_refuse_as_well(run):
    with run.child_run("c") as child:
        fields, tags = child.fields, child.tags
        fields.x = 1
    with pytest.raises(RuntimeError):
        fields.y = 2
    with pytest.raises(RuntimeError):
        tags["y"] = "2"
    assert fields == {"x": 1}


def test_fields_that_are_a_dict_of_the_users_own_refuse_after_the_end(sheet, run):
    with run.child_run("c") as child:
        child.fields = {"x": 1}
    with pytest.raises(RuntimeError):
        child.fields["y"] = 2
    assert sheet.end().of(Child, child.id_run)[1].fields == '{"x":1}'


def test_an_ended_child_run_can_still_be_read_and_ended_again(sheet, run):
    with run.child_run("c", {"fold": 1}) as child:
        child.fields.x = 1
    child.end()
    child.flush()
    assert (child.params.fold, child.fields.x, child.meta.name) == (1, 1, "c")
    assert len(sheet.end().of(Child, child.id_run)) == 2


def test_child_runs_that_end_with_their_parent_are_over_for_threads_too(sheet, run):
    child = run.child_run("open")
    sheet.end()
    raised = []

    def late():
        try:
            child.log_metric("m", 1)
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=late)
    thread.start()
    thread.join()
    assert raised == ["this child run has ended"]
