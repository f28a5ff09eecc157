"""Metrics of programs that know nothing of xrun."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.logged import Trouble
from runner.scripts.failing import ScriptError
from runner.scripts.metrics import PATTERN, MetricsFile, Scalars

LINES = {
    "loss: 0.5": ("loss", "0.5", None),
    "val/acc:  1e-3": ("val/acc", "1e-3", None),
    "loss: -.5 (step 20)": ("loss", "-.5", "20"),
    "loss: nan": ("loss", "nan", None),
    "loss: NaN": ("loss", "NaN", None),
    "loss: -inf": ("loss", "-inf", None),
    "loss: 3.": ("loss", "3.", None),
    "loss: 12 ": ("loss", "12", None),
    "best accuracy: 0.93": ("best accuracy", "0.93", None),
    "best val/acc top5: 0.9 (step 3)": ("best val/acc top5", "0.9", "3"),
}
NO_LINES = [
    "loss: 0.5 of 3",
    "loss = 0.5",
    "time: 12:30",
    "this is prose here: 3",
    "two  spaces: 3",
    "Epoch 3: 0.5",
    "took at 12: 30",
    "two : 3",
    "loss:0.5",
    " loss: 0.5",
    "loss: abc",
    "loss: 1.2.3",
    "loss: ",
    ": 3",
]


@pytest.mark.parametrize("line", LINES)
def test_lines_that_are_metrics(line):
    assert PATTERN.match(line).groups() == LINES[line]


@pytest.mark.parametrize("line", NO_LINES)
def test_lines_that_are_none(line):
    assert PATTERN.match(line) is None


@given(st.floats())
def test_every_number_that_python_prints_is_read_back_exactly(value):
    read = float(PATTERN.match(f"x: {value}")["value"])
    assert read == value or (math.isnan(read) and math.isnan(value))


@pytest.fixture
def scalars(project):
    """`scalars(pattern, *data)` -> the points that the output holds."""

    def feed(pattern, *data):
        made = project()
        run = made.run()
        found = Scalars(run, pattern)
        for part in data:
            found.feed(part)
        found.finish()
        return made.points(run)

    return feed


def test_output_comes_in_any_pieces(scalars):
    whole = b"a: 1\nb: 2 (step 7)\nnoise\na: 3"
    expected = {"a": [(0, 1.0), (1, 3.0)], "b": [(7, 2.0)]}
    for cut in range(len(whole)):
        assert scalars(True, whole[:cut], whole[cut:]) == expected


def test_a_name_with_spaces_is_a_metric_of_that_name(scalars):
    assert scalars(True, b"best accuracy: 0.93\nthe answer to all: 42\n") == {"best accuracy": [(0, 0.93)]}


def test_a_step_line_is_about_the_lines_after_it(scalars):
    assert scalars(True, b"a: 1\nstep: 10\na: 2\nb: 3\nstep: 20\na: 4 (step 5)\na: 6\n") == {
        "a": [(0, 1.0), (10, 2.0), (5, 4.0), (20, 6.0)],
        "b": [(10, 3.0)],
    }


def test_progress_bars_colours_and_windows(scalars):
    assert scalars(True, b"10%\r20%\ra: 1\r\n\x1b[32mb: 2\x1b[0m\n\xff\xfe: 3\n") == {"a": [(0, 1.0)], "b": [(0, 2.0)]}


def test_a_pattern_of_one_s_own_finds_several_on_a_line(scalars):
    pattern = r"(?:epoch (?P<step>\d+) )?(?P<key>loss|acc)=(?P<value>\S+)"
    assert scalars(pattern, b"epoch 3 loss=0.5 acc=0.9\nloss=oops\n") == {"loss": [(3, 0.5)], "acc": [(0, 0.9)]}


def test_a_name_that_cannot_be_a_metric_s_is_trouble_and_no_end(project):
    made = project()
    run = made.run()
    Scalars(run, r"(?P<key>\S+)=(?P<value>\S+)").feed(b"../a=1\nb=2\n")
    assert [entry.count for entry in made.entries(run) if isinstance(entry, Trouble)] == [1]


def test_an_endless_line_costs_no_memory(project):
    found = Scalars(project().run(), True)
    for _ in range(50):
        found.feed(b"x" * 100_000)
    assert len(found._rest) <= 100_000


@pytest.fixture
def read(project, tmp_path):
    """`read(name, text)` -> the points of a metrics file."""

    def points(name, text, before=None):
        made = project({name: before} if before is not None else {})
        run = made.run()
        file = MetricsFile(run, tmp_path / name)
        if text is not None:
            (tmp_path / name).write_text(text)
        file.finish()
        return made.points(run)

    return points


def test_a_json_object(read):
    text = '{"acc": 0.5, "val": {"loss": 2, "deep": {"x": true}}, "name": "svm", "none": null, "list": [1], "nan": NaN, "inf": "Infinity"}'
    found = read("m.json", text)
    assert str(found.pop("nan")) == "[(0, nan)]"
    assert found == {"acc": [(0, 0.5)], "val/loss": [(0, 2.0)], "val/deep/x": [(0, 1.0)], "inf": [(0, math.inf)]}


def test_json_lines(read):
    text = '{"step": 3, "epoch": 1, "loss": 1}\n\n{"epoch": 2, "loss": 0.5}\n{"loss": 0.25, "epoch": 2.5}\n'
    assert read("m.jsonl", text) == {"loss": [(3, 1.0), (2, 0.5), (3, 0.25)], "epoch": [(3, 1.0), (4, 2.5)]}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("m.json", None, "has not written its metrics_file m.json"),
        ("m.json", "{", "m.json is not JSON"),
        ("m.json", "[1]", "m.json is not a JSON object"),
        ("m.json", "[" * 100_000, "m.json is not JSON"),
        ("m.jsonl", '{"a": 1}\n{"a"\n', "line 2 of m.jsonl is not JSON"),
        ("m.jsonl", '{"a": 1}\n{"a"', "the last line of m.jsonl is not JSON"),
    ],
)
def test_a_file_that_is_none(name, text, says, read):
    with pytest.raises(ScriptError, match=says):
        read(name, text)


def test_a_file_that_an_earlier_process_left_does_not_count(read):
    with pytest.raises(ScriptError, match="has not written"):
        read("m.json", None, before='{"a": 1}')
    assert read("m.jsonl", '{"a": 1}\n{"a": 2}\n', before='{"a": 1}\n') == {"a": [(0, 2.0)]}
    assert read("m.jsonl", '{"a": 9}\n', before='{"a": 1}\n{"a": 1}\n') == {"a": [(0, 9.0)]}


def test_a_whole_number_beyond_all_floats_is_left_out(read):
    assert read("m.json", '{"a": 1' + "0" * 400 + ', "b": 2}') == {"b": [(0, 2.0)]}
