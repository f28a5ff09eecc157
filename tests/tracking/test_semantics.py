"""What each call of `run.log_...` means."""

import math
import os
import re
import struct
import sys
import threading
from array import array
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from runner import codec
from runner.logged import Artifact, Child, Points, Progress, Summary
from runner.tracking import ParamConflictError, check_name

NOT_STEPS = [True, False, "1", 1.5, math.nan, math.inf, None.__class__, [1], np.array([1]), np.bool_(True), np.float64(0.5)]


class Tensor:
    """What torch's 0-d tensors look like from outside."""

    def __init__(self, value, ndim=0):
        self.value, self.ndim = value, ndim

    def item(self):
        return self.value

    def tolist(self):
        return [self.value]


# -- steps --------------------------------------------------------------------------------------------------------------


def test_without_a_step_each_metric_counts_from_0(sheet, run):
    for n in range(20):
        run.log_metric("a", n)
    run.log_metric("b", 5)
    sheet.end()
    assert sheet.points("a") == [(n, n) for n in range(20)]
    assert sheet.points("b") == [(0, 5)]


def test_set_step_holds_for_all_metrics_until_it_is_taken_back(sheet, run):
    run.set_step(7)
    run.log_metric("a", 1)
    run.log_metric("a", 2)
    run.log_metrics({"a": 3, "b": 4})
    run.set_step(None)
    run.log_metric("a", 5)
    run.log_metric("c", 6)
    sheet.end()
    assert sheet.points("a") == [(7, 1), (7, 2), (7, 3), (8, 5)]
    assert sheet.points("b") == [(7, 4)]
    assert sheet.points("c") == [(0, 6)]


def test_step_0_is_a_step(sheet, run):
    run.set_step(7)
    run.log_metric("a", 1, step=0)
    run.log_metrics({"a": 2}, step=0)
    run.log_list("a", [3], step=0)
    run.set_step(0)
    run.log_metric("a", 4)
    run.log_metric("a", 5)
    assert sheet.end().points("a") == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]


def test_steps_may_come_in_any_order_and_again_and_none_is_dropped(sheet, run):
    steps = [5, 2, 2, -3, 5, 10**18, 0, -(2**63), 2**63 - 1] * 3
    for n, step in enumerate(steps):
        run.log_metric("a", n, step=step)
    assert sheet.end().points("a") == [(step, n) for n, step in enumerate(steps)]


def test_the_counter_goes_on_behind_the_last_given_step(sheet, run):
    run.log_metric("a", 0, step=10)
    run.log_metric("a", 1)
    run.log_metric("a", 2, step=3)
    run.log_metric("a", 3)
    assert sheet.end().points("a") == [(10, 0), (11, 1), (3, 2), (4, 3)]


@pytest.mark.parametrize("step", [np.int64(4), np.int8(4), np.uint16(4), np.array(4), 4.0, np.float32(4), Tensor(4)])
def test_whole_numbers_of_any_kind_are_steps(sheet, run, step):
    run.log_metric("a", 1, step=step)
    run.set_step(step)
    run.log_metric("a", 2)
    run.log_list("a", [3], step=step)
    assert sheet.end().points("a") == [(4, 1), (4, 2), (4, 3)]


@pytest.mark.parametrize("step", NOT_STEPS, ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case)))
def test_what_is_no_whole_number_is_no_step(sheet, run, step):
    for call in (
        lambda: run.log_metric("a", 1, step=step),
        lambda: run.log_metrics({"a": 1}, step=step),
        lambda: run.log_list("a", [1], step=step),
        lambda: run.set_step(step),
        lambda: run.log_image("a", "a.png", step=step),
    ):
        with pytest.raises(TypeError, match="a step is a whole number"):
            call()
    assert sheet.end().entries == []


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 10**30, 1e30])
def test_a_step_of_more_than_64_bits_is_refused_and_does_no_harm(sheet, run, step):
    for n in range(20):  # more than the first few, which go out at once
        run.log_metric("a", n)
    for call in (
        lambda: run.log_metric("a", 1, step=step),
        lambda: run.log_metric("new", 1, step=step),
        lambda: run.log_metrics({"a": 1, "b": 2}, step=step),
        lambda: run.log_list("a", [1, 2], step=step),
    ):
        with pytest.raises(ValueError, match="more than 64 bits"):
            call()
    run.log_metric("a", 20)
    sheet.end()
    assert sheet.points("a") == [(n, n) for n in range(21)]
    assert sheet.points("b") == sheet.points("new") == []


def test_behind_the_last_step_that_there_is_nothing_counts_on(sheet, run):
    run.log_list("a", [1.0, 2.0], step=2**63 - 2)
    with pytest.raises(ValueError, match="more than 64 bits"):
        run.log_metric("a", 3)
    run.log_metric("a", 4, step=0)
    assert sheet.end().points("a") == [(2**63 - 2, 1), (2**63 - 1, 2), (0, 4)]


# -- values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1.0), (2**53, 2.0**53), (-(2**53), -(2.0**53)), (True, 1.0), (False, 0.0), (0.1, 0.1),
        (np.float32(0.5), 0.5), (np.float64(0.1), 0.1),
        (np.float16(2), 2.0), (np.int8(-3), -3.0), (np.uint64(7), 7.0), (np.bool_(True), 1.0), (np.array(2.5), 2.5),
        (np.longdouble(1), 1.0),
        (Tensor(0.25), 0.25), (Decimal("0.5"), 0.5), (Fraction(1, 4), 0.25), (5e-324, 5e-324),
    ],
    ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case)),
)  # fmt: skip
def test_numbers_of_every_kind_are_64_bit_floats(sheet, run, value, kept):
    run.log_metric("a", value)
    run.log_metrics({"a": value})
    run.log_list("a", [value])
    assert [found for _, found in sheet.end().points("a")] == [kept] * 3


@pytest.mark.parametrize("bits", ["7ff8000000000000", "fff8000000000123", "7ff0000000000000", "fff0000000000000", "8000000000000000"])
def test_nan_infinities_and_minus_zero_are_kept_verbatim(sheet, run, bits):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    for _ in range(12):
        run.log_metric("a", value)
    run.log_list("a", array("d", [value]))
    assert {struct.pack(">d", found).hex() for _, found in sheet.end().points("a")} == {bits}


@pytest.mark.parametrize(
    ("value", "call"),
    [
        ("0.5", "run.fields['a']"), (np.str_("x"), "run.fields['a']"), ([1, 2], "log_list"), ((1,), "log_list"),
        (np.array([1.0]), "log_list"),
        (Tensor(1, ndim=1), "log_list"), (b"1", "log_list"), ({"b": 1}, "log_metrics"), (None, "NoneType"), (1j, "complex"),
        (np.complex128(1), "complex"), (object(), "object"), (np.datetime64("2020-01-01"), "date"), (len, "builtin"),
    ],
    ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case)),
)  # fmt: skip
def test_what_is_no_number_is_refused_with_the_right_call(sheet, run, value, call):
    with pytest.raises(TypeError, match="a metric is ") as error:
        run.log_metric("a", value)
    assert call in str(error.value)
    assert "`a`" in str(error.value)
    with pytest.raises(TypeError):
        run.log_list("a", [1.0, value])
    assert sheet.end().entries == []


def test_a_number_too_large_for_a_float_is_refused(sheet, run):
    with pytest.raises(ValueError, match="too large"):
        run.log_metric("a", 10**400)
    assert sheet.end().entries == []


def test_log_metrics_keeps_all_or_none(sheet, run):
    with pytest.raises(TypeError):
        run.log_metrics({"a": 1, "b": "x"})
    with pytest.raises(ValueError, match="no name"):
        run.log_metrics({"a": 1, "b/": 2})
    run.log_metrics({})
    run.log_metrics({"a": 3, "b": 4}, step=9)
    sheet.end()
    assert (sheet.points("a"), sheet.points("b")) == ([(9, 3)], [(9, 4)])


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5, True],
        (1, 2.5, True),
        np.array([1, 2.5, 1]),
        array("d", [1, 2.5, 1]),
        iter([1, 2.5, 1]),
        (x for x in (1, 2.5, 1)),
        {1: 0, 2.5: 0},
    ],
    ids=lambda values: type(values).__name__,
)
def test_log_list_takes_whatever_lists_numbers(sheet, run, values):
    values = values.keys() if isinstance(values, dict) else values
    run.log_list("a", values, step=5)
    assert [value for _, value in sheet.end().points("a")][:2] == [1, 2.5]


@pytest.mark.parametrize(
    "values", ["12", b"12", {"a": 1}, 5, None, np.array(3.0), np.zeros((2, 2))], ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case))
)
def test_log_list_refuses_what_is_no_list_of_numbers(sheet, run, values):
    with pytest.raises(TypeError, match="`a`: "):
        run.log_list("a", values)
    assert sheet.end().entries == []


def test_log_list_and_log_metric_are_one_series_in_the_order_of_the_calls(sheet, run):
    for n in range(30):
        run.log_metric("a", n)
        run.log_list("a", [n + 0.25, n + 0.5])
    run.log_list("a", [])
    values = [value for n in range(30) for value in (n, n + 0.25, n + 0.5)]
    assert sheet.end().points("a") == list(enumerate(values))


def test_log_list_is_of_any_length(sheet, run):
    values = np.random.default_rng(0).random(1_000_000)
    run.log_list("a", values)
    run.log_metric("a", -1.0)
    entries = sheet.end().of(Points)
    found = array("d")
    for entry in entries:
        found.extend(entry.unpacked()[1])
    assert found[:-1] == array("d", values)
    assert (entries[-1].start, found[-1]) == (1_000_000, -1.0)


# -- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "val/acc", "a b", "a-b.c:d_e", "9", "_", "\u03b1/\u03b2", "x" * 250, "a/b/c/d"])
def test_names_that_every_tracker_takes(sheet, run, name):
    run.log_metric(name, 1)
    assert sheet.end().points(name) == [(0, 1)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " a",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a..b",
        ".a",
        "-a",
        "a\n",
        "a\tb",
        "a\0",
        "a,b",
        "a=b",
        "a[0]",
        "a/./b",
        "x" * 251,
        "system/cpu",
    ],
    ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case)),
)
def test_names_that_some_tracker_refuses_are_refused_everywhere(sheet, run, name):
    for call in (
        lambda: run.log_metric(name, 1),
        lambda: run.log_metrics({"ok": 1, name: 1}),
        lambda: run.log_list(name, [1]),
        lambda: run.log_param(name, 1),
        lambda: run.log_row(name, a=1),
        lambda: run.log_table(name, {"a": []}),
        lambda: run.log_table(name, {"a": [1]}),
        lambda: run.log_image(name, "x.png"),
        lambda: run.child_run(name),
    ):
        with pytest.raises(ValueError, match=r"name|system/"):
            call()
    assert sheet.end().entries == []


@pytest.mark.parametrize("name", [None, 1, b"a", ("a",)])
def test_a_name_is_a_string(run, name):
    with pytest.raises(TypeError, match="is a string"):
        run.log_metric(name, 1)


def test_a_long_name_is_not_repeated_in_full():
    with pytest.raises(ValueError, match="x\\.\\.\\.") as error:
        check_name("x" * 100_000)
    assert len(str(error.value)) < 400


# -- summaries ----------------------------------------------------------------------------------------------------------


def test_a_summary_knows_last_first_min_max_where_they_are_mean_count_and_what_is_not_finite(sheet, run):
    for step, value in [(3, 2.0), (1, math.nan), (9, 7.0), (4, -1.0), (9, 5.0), (2, math.inf)]:
        run.log_metric("a", value, step)
    summary = Summary()
    for part in sheet.end().of(Points):
        summary = summary.then(part.summary)
    assert (summary.count, summary.n_nan, summary.mean) == (6, 2, 13 / 4)
    assert (summary.last, summary.last_step) == (5.0, 9)  # the greatest step, and of its two values the later one
    assert math.isnan(summary.first)
    assert (summary.first_step, summary.min, summary.min_step, summary.max, summary.max_step) == (1, -1.0, 4, 7.0, 9)


def test_a_metric_that_is_never_finite_has_no_mean_and_no_extremes(sheet, run):
    run.log_list("a", [math.nan, math.inf])
    (part,) = sheet.end().of(Points)
    assert (part.summary.mean, part.summary.min, part.summary.max, part.summary.n_nan) == (None, None, None, 2)
    assert part.summary.last == math.inf


# -- parameters ---------------------------------------------------------------------------------------------------------


def test_parameters_keep_their_types_nested_ones_get_dotted_names_and_nothing_is_cut(sheet, run):
    long = "x" * 100_000
    run.log_params({"a": 1, "b": {"c": 1.0, "d": {"e": True, "f": None}}, "g": [1, "2"], "h": long, "i": {}})
    run.log_param("n", np.float32(0.5))
    params = sheet.end().params
    assert params == {"a": 1, "b.c": 1.0, "b.d.e": True, "b.d.f": None, "g": [1, "2"], "h": long, "i": {}, "n": 0.5}
    assert [type(params[name]) for name in ("a", "b.c", "b.d.e")] == [int, float, bool]


def test_the_same_value_again_is_nothing_and_another_is_a_conflict(sheet, run):
    run.log_param("a", 1)
    run.log_param("a", 1)
    run.log_params({"nan": math.nan})
    run.log_params({"nan": math.nan})
    with pytest.raises(ParamConflictError, match=r"`a` is 1 and cannot become 2"):
        run.log_param("a", 2)
    assert sheet.end().params["a"] == 1
    assert len([e for e in sheet.entries if type(e[1]).__name__ == "Params"]) == 2


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (1, 1.0), (1, True), (0, False), ("a", None), (0.0, -0.0), ([1], 1), (None, "None")])
def test_values_of_different_types_differ(run, one, other):
    run.log_param("a", one)
    with pytest.raises(ParamConflictError):
        run.log_param("a", other)


def test_what_the_experiment_declares_is_logged_already(begin):
    sheet = begin(kwargs={"k": 1, "deep": {"x": 2}}, params={"lr": 0.1, "model.C": 3})
    sheet.run.log_params({"k": 1, "deep": {"x": 2}, "lr": 0.1, "model": {"C": 3}})
    for name, value in (("k", 2), ("lr", 0.2), ("deep.x", 3), ("model.C", 4)):
        with pytest.raises(ParamConflictError):
            sheet.run.log_param(name, value)
    sheet.run.log_param("new", 1)
    assert sheet.end().params == {"new": 1}


@pytest.mark.parametrize("first", [False, True])
def test_a_step_may_log_what_it_alone_is_given_whichever_step_logs_first(begin, first):
    sheet = begin(kwargs={"k": 1}, params={"lr": 0.1})
    if first:
        sheet.run.log_param("other", 0)
    with sheet.run.having({"k": 2, "deep": {"x": 3}}):
        sheet.run.log_params({"k": 2, "lr": 0.1, "deep": {"x": 3}})
        with pytest.raises(ParamConflictError, match="`k` is 1 and cannot become 3"):
            sheet.run.log_param("k", 3)
    with pytest.raises(ParamConflictError, match="`k` is 1 and cannot become 2"):
        sheet.run.log_param("k", 2)
    with sheet.run.having({"k": 3}):
        sheet.run.log_params({"k": 3, "deep.x": 3})
        with sheet.run.child_run("part") as child:
            child.log_params({"k": 3})
            child.log_params({"k": 1})
    sheet.end()
    assert sheet.params == {"deep.x": 3, **({"other": 0} if first else {})}, "what the record of the run does not tell in any case"


def test_of_parameters_that_conflict_in_part_none_is_kept(sheet, run):
    run.log_param("a", 1)
    with pytest.raises(ParamConflictError):
        run.log_params({"b": 1, "a": 2})
    with pytest.raises(ParamConflictError):
        run.log_params({"c": {"d": 1}, "c.d": 2})
    with pytest.raises(TypeError):
        run.log_params({"e": 1, "f": object()})
    with pytest.raises(TypeError, match="mapping"):
        run.log_params([("a", 1)])
    assert sheet.end().params == {"a": 1}


# -- tables -------------------------------------------------------------------------------------------------------------


def test_rows_add_up_and_columns_may_come_and_go(sheet, run):
    run.log_row("t", a=1)
    run.log_row("t", a=2, b="x")
    run.log_table("t", {"b": ["y", "z"], "c": [1.5, None]})
    run.log_row("u", a=0)
    sheet.end()
    assert sheet.rows("t") == [{"a": 1}, {"a": 2, "b": "x"}, {"b": "y", "c": 1.5}, {"b": "z", "c": None}]
    assert sheet.rows("u") == [{"a": 0}]


def test_columns_may_be_called_name_and_description(sheet, run):
    run.log_row("t", name="n", description="d", self=1, table=2)
    assert sheet.end().rows("t") == [{"name": "n", "description": "d", "self": 1, "table": 2}]


def test_a_table_is_a_dict_of_columns_a_list_of_dicts_or_a_data_frame(sheet, run):
    import pandas as pd

    run.log_table("columns", {"a": np.array([1, 2]), "b": ("x", "y")})
    run.log_table("dicts", [{"a": 1}, {"a": 2, "b": "y"}, {}])
    run.log_table("keys", [{1: "x"}, {2: "y"}])
    run.log_table("frame", pd.DataFrame({"a": [1, 2], "b": ["x", None], 3: [0.5, math.inf]}))
    run.log_table("nothing", [])
    sheet.end()
    assert sheet.rows("columns") == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert sheet.rows("dicts") == [{"a": 1, "b": None}, {"a": 2, "b": "y"}, {"a": None, "b": None}]
    assert sheet.rows("keys") == [{"1": "x", "2": None}, {"1": None, "2": "y"}]
    assert sheet.rows("frame")[0] == {"a": 1, "b": "x", "3": 0.5}
    assert sheet.rows("nothing") == []


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"a": [1], "b": [1, 2]}, "differ in length"), ({"a": 1}, "`a` is no list"), ({"a": "text"}, "no list"), ("text", "a table is"),
        (5, "a table is"), ([1, 2], "a table is"), ([[1]], "a table is"), (None, "a table is"), ({"a": [object()]}, "plain data"),
    ],
    ids=lambda case: re.sub(" at 0x[0-9a-f]+", "", repr(case)),
)  # fmt: skip
def test_what_is_no_table_is_refused(sheet, run, data, word):
    with pytest.raises((TypeError, ValueError), match=word):
        run.log_table("t", data)
    assert sheet.end().entries == []


# -- files --------------------------------------------------------------------------------------------------------------


def test_an_artifact_is_kept_under_its_path_with_size_and_digest(sheet, run, tmp_path):
    import hashlib

    source = tmp_path / "model.bin"
    source.write_bytes(b"12345")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "x").write_text("x")
    run.log_artifact(source)
    run.log_artifact(str(source), "models/best.bin")
    run.log_artifact(source, "models/")
    run.log_artifact(tmp_path / "folder")
    kept = {a.path: a for a in sheet.end().of(Artifact)}
    assert sorted(kept) == ["folder/deep/x", "model.bin", "models/best.bin", "models/model.bin"]
    assert kept["model.bin"] == Artifact("model.bin", 5, hashlib.sha256(b"12345").hexdigest())
    assert all((run.dir / path).stat().st_size == a.size for path, a in kept.items())


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//x", "", "a/./b"])
def test_a_path_that_leaves_the_folder_is_refused(sheet, run, tmp_path, path):
    (tmp_path / "source").write_text("x")
    with pytest.raises(ValueError, match="cannot be the path"):
        run.log_artifact(tmp_path / "source", path)
    assert sheet.end().entries == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "artifacts") == ["source"]


def test_an_artifact_that_is_not_there_is_a_mistake_of_the_call(sheet, run, tmp_path):
    with pytest.raises(FileNotFoundError):
        run.log_artifact(tmp_path / "nothing")
    assert sheet.end().entries == []


def test_the_same_path_again_replaces_what_was_kept(sheet, run, tmp_path):
    for text in ("one", "three"):
        (tmp_path / "f").write_text(text)
        run.log_artifact(tmp_path / "f")
    assert [a.size for a in sheet.end().of(Artifact)] == [3, 5]  # the store keeps the last of a path
    assert (run.dir / "f").read_text() == "three"


def test_images_count_like_metrics_and_never_collide(sheet, run):
    picture = np.zeros((2, 2, 3), dtype=np.uint8)
    run.log_image("a", picture)
    run.log_image("a", picture)
    run.log_image("b/c", picture, step=0)
    run.set_step(9)
    run.log_image("a", picture)
    run.set_step(None)
    run.log_image("a", picture)
    found = [(a.path, a.kind, a.step) for a in sheet.end().of(Artifact)]
    assert found == [
        ("images/a/0.png", "image", 0), ("images/a/1.png", "image", 1), ("images/b/c/0.png", "image", 0), ("images/a/9.png", "image", 9),
        ("images/a/10.png", "image", 10),
    ]  # fmt: skip
    assert (run.dir / "images/a/9.png").read_bytes().startswith(b"\x89PNG")


def test_what_lies_in_outputs_at_the_end_is_an_artifact(sheet, run):
    (run.dir / "outputs" / "sub").mkdir(parents=True)
    (run.dir / "outputs" / "sub" / "m").write_text("x")
    (run.dir / "other").write_text("x")
    assert [(a.path, a.kind) for a in sheet.end().of(Artifact)] == [("outputs/sub/m", "output")]


@pytest.fixture
def opened():
    """How often which file was opened to be read; `files.sync`, which reads nothing, opens with O_NONBLOCK."""
    counts = Counter()
    looking = True

    def hear(event, about):
        if looking and event == "open" and not (about[2] or 0) & os.O_NONBLOCK:
            counts.update([str(about[0])])

    sys.addaudithook(hear)
    yield counts
    looking = False  # a hook stays for ever


@pytest.mark.parametrize("logs", [False, True])
def test_what_lies_in_outputs_at_the_end_is_read_once(sheet, run, opened, logs):
    (run.dir / "outputs").mkdir()
    file = run.dir / "outputs" / "model.bin"
    file.write_bytes(b"x" * 1000)
    if logs:
        run.log_metric("loss", 1.0)
    opened.clear()
    run.leave_end(3)
    sheet.end()
    assert opened[str(file)] == 1
    assert [artifact.path for artifact in sheet.of(Artifact)] == ["outputs/model.bin"]


def test_nothing_is_made_on_disk_unless_something_is_kept(sheet, run, tmp_path):
    run.log_metric("a", 1)
    run.log_param("p", 1)
    run.log_row("t", a=1)
    sheet.end()
    assert list(tmp_path.iterdir()) == []


# -- failures -----------------------------------------------------------------------------------------------------------


def in_the_way(run):
    run._folders.parent.mkdir(parents=True, exist_ok=True)
    run._folders.write_text("a file where a folder should be")


def test_trouble_with_files_is_told_once_counted_and_never_raised(sheet, run, tmp_path, capsys, troubles):
    in_the_way(run)
    (tmp_path / "f").write_text("x")
    for _ in range(5):
        run.log_artifact(tmp_path / "f")
    run.log_image("i", np.zeros((2, 2, 3), dtype=np.uint8))
    run.log_metric("a", 1)
    assert troubles(sheet.entries) == 6  # before the end, which may never come
    assert troubles(sheet.end().entries) == 6
    assert sheet.points("a") == [(0, 1)]
    assert capsys.readouterr().err.count("warning") == 1


def test_strict_raises_trouble(begin, tmp_path):
    sheet = begin(strict=True)
    in_the_way(sheet.run)
    (tmp_path / "f").write_text("x")
    with pytest.raises(OSError, match=r"Not a directory|File exists|exists"):
        sheet.run.log_artifact(tmp_path / "f")


def test_trouble_is_survived_without_a_stderr(sheet, run, tmp_path, monkeypatch, troubles):
    in_the_way(run)
    (tmp_path / "f").write_text("x")
    monkeypatch.setattr("sys.stderr", None)
    run.log_artifact(tmp_path / "f")
    assert troubles(sheet.end().entries) == 1


# -- progress, tags, child runs -----------------------------------------------------------------------------------------


def test_progress_is_a_fraction(sheet, run):
    run.progress(0)
    run.progress(np.float32(0.5), "half")
    run.progress(1, "all")
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="from 0 to 1"):
            run.progress(wrong)
    with pytest.raises(TypeError):
        run.progress("50 %")
    assert sheet.end().of(Progress) == [Progress(0.0), Progress(0.5, "half"), Progress(1.0, "all")]


def test_a_child_run_has_metrics_fields_params_and_files_of_its_own(sheet, run, tmp_path):
    (tmp_path / "f").write_text("x")
    with run.child_run("fold0", params={"fold": 0}) as child:
        child.log_metric("loss", 1)
        child.log_artifact(tmp_path / "f")
        child.fields.score = 0.5
        child.tags["t"] = "x"
    run.log_metric("loss", 9)
    sheet.end()
    assert (sheet.points("loss"), sheet.points("loss", child.id_run)) == ([(0, 9)], [(0, 1)])
    assert child.dir != run.dir
    begun, ended = sheet.of(Child, child.id_run)
    assert (begun.status, begun.parent, begun.name, begun.params) == ("", "id-0", "fold0", '{"fold":0}')
    assert (ended.status, codec.loads(ended.fields), codec.loads(ended.tags)) == ("COMPLETED", {"score": 0.5}, {"t": "x"})
    assert (child.meta.parent, child.meta.name, child.params.fold, dict(run.fields)) == ("id-0", "fold0", 0, {})


def test_the_id_of_a_child_run_comes_from_its_parent_and_name(begin):
    first, second = begin().run, begin().run
    assert first.child_run("a").id_run == second.child_run("a").id_run != first.child_run("b").id_run
    inner = first.child_run("c").child_run("a")
    assert inner.id_run != second.child_run("x").id_run
    assert inner.meta.parent == first._children["c"].id_run


def test_child_runs_without_a_name_count_and_a_name_is_taken_once(run):
    assert [run.child_run().name for _ in range(3)] == ["child0", "child1", "child2"]
    run.child_run("child4")
    assert run.child_run().name == "child5"
    run.child_run("child6")
    run.child_run("child8")
    assert [run.child_run().name for _ in range(2)] == ["child7", "child9"]
    with pytest.raises(ValueError, match="there is a child run `child0` already"):
        run.child_run("child0")


def test_threads_may_make_child_runs_at_once(run):
    made = []
    threads = [threading.Thread(target=lambda: made.extend(run.child_run() for _ in range(50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({child.id_run for child in made}) == len(made) == 400


def test_a_child_run_ends_as_its_block_does_or_with_its_parent(sheet, run):
    with pytest.raises(ZeroDivisionError), run.child_run("failing"):
        raise ZeroDivisionError
    run.child_run("open")
    with run.child_run("outer") as outer:
        outer.child_run("inner")
    sheet.end()
    ends = {entry.name: entry.status for _, entry in sheet.entries if isinstance(entry, Child)}
    assert ends == {"failing": "FAILED", "open": "COMPLETED", "outer": "COMPLETED", "inner": "COMPLETED"}


def test_a_failing_run_keeps_what_was_logged_though_its_child_runs_hold_no_plain_data(sheet, run):
    for name in ("a", "b", "c"):
        run.child_run(name).fields.update(bad=object())
    for n in range(20):
        run.log_metric("a", n)
    with pytest.raises(codec.UnserialisableError):
        run.finish()
    sheet.entries += run.finish(completed=False)
    assert len(sheet.points("a")) == 20


def test_parameters_of_a_child_run_are_its_own(begin):
    sheet = begin(kwargs={"k": 1})
    child = sheet.run.child_run("a", {"fold": 1})
    child.log_param("x", 1)
    sheet.run.log_param("x", 2)
    with pytest.raises(ParamConflictError):
        child.log_param("fold", 2)
    with pytest.raises(ParamConflictError):
        child.log_param("k", 2)


# -- threads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("journaled", [False, True])
def test_8_threads_that_log_10_000_points_each_lose_none(begin, journal, journaled):
    sheet = begin(journal=journal if journaled else None)
    ready = threading.Barrier(8)

    def work(k):
        ready.wait()
        for n in range(10_000):
            sheet.run.log_metric("all", k)
            if n % 100 == 0:
                sheet.run.log_metrics({f"own{k}": n, "pair": k})

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sheet.end()
    points = sheet.points("all")
    assert sorted(step for step, _ in points) == list(range(80_000))  # one counter for all threads
    assert [sum(1 for _, value in points if value == k) for k in range(8)] == [10_000] * 8
    assert sorted(step for step, _ in sheet.points("pair")) == list(range(800))
    assert all(sheet.points(f"own{k}") == [(n, 100 * n) for n in range(100)] for k in range(8))


def test_a_thread_that_logs_after_the_end_is_told_once_and_leaves_the_next_runs_journal_alone(begin, journal, capsys):
    first = begin(journal=journal)
    first.run.log_metric("a", 1)
    first.end()
    second = begin(journal=journal)
    for n in range(30):
        second.run.log_metric("b", n)
    before = bytes(journal.memory), journal.end
    for n in range(10_000):
        first.run.log_metric("a", n)
        first.run.log_list("a", [n])
    first.run.log_row("t", a=1)
    assert (bytes(journal.memory), journal.end) == before
    assert first.points("a") == [(0, 1)]
    assert first.run.finish() == ()
    told = capsys.readouterr().err
    assert told.count("warning") == 1
    assert "the run is over" in told
