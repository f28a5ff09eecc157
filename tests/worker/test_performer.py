"""How a step is called, and what its failure looks like."""

import os
import sys
from pathlib import Path

import pytest

from runner import codec
from runner.describe import describe
from runner.record import Status
from runner.spec import Step
from runner.worker import Job, Performer


@pytest.fixture
def perform(tmp_path):
    """perform(source, params, kwargs) -> outcome of `step`."""

    def run(source, params=None, kwargs=None, choices=(), **step):
        module = f"mod_{os.urandom(4).hex()}"
        (tmp_path / f"{module}.py").write_text(source)
        steps = (Step(call=f"{module}.step", name="step", **step),)
        job = Job(experiment="e", root=tmp_path, steps=steps, scopes=(kwargs or {},), folders=tmp_path, choices=frozenset(choices))
        return Performer(job).perform((0, "id", params or {}, 5, 0, None, 1, None))

    return run


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("a, k", {"a": 1, "k": 2}),
        ("*, a, k=9, z=3", {"a": 1, "k": 2, "z": 3}),
        ("a, /, k", {"a": 1, "k": 2}),
        ("a, k, own=0", {"a": 1, "k": 2, "own": 7}),
    ],
)
def test_a_function_gets_the_params_and_kwargs_that_it_names(perform, signature, expected):
    outcome = perform(f"def step({signature}):\n    return dict(locals())\n", {"a": 1, "unused": 5}, {"k": 2, "own": 7})
    assert outcome.fields == str(expected).replace("'", '"').replace(" ", "")


def test_an_open_function_gets_them_all(perform):
    outcome = perform("def step(a, **rest):\n    return {'a': a, 'rest': sorted(rest)}\n", {"a": 1, "b": 2}, {"k": 2})
    assert outcome.fields == '{"a":1,"rest":["b","k"]}'


def test_a_function_may_ask_for_the_run_beside_others(perform):
    outcome = perform("def step(a, run):\n    run.fields.seed = run.seed\n    return {'a': a}\n", {"a": 1})
    assert outcome.fields == '{"seed":5,"a":1}'


def test_a_param_wins_over_a_kwarg_of_that_name(perform):
    assert perform("def step(k):\n    return {'k': k}\n", {"k": 1}, {"k": 2}).fields == '{"k":1}'


def test_the_option_of_a_swept_group_stands_behind_its_content(perform):
    source = "def step(run):\n    run.fields.model = run.kwargs.model.C\ndef other(model):\n    return {'c': model.C}\n"
    assert (
        perform(source.replace("step", "x").replace("other", "step"), {"model": "svm"}, {"model": {"C": 3}}, choices=["model"]).fields
        == '{"c":3}'
    )


def test_a_failure_has_the_users_frames_only(perform, tmp_path):
    outcome = perform("def inner():\n    raise ValueError('no')\ndef step(a):\n    inner()\n", {"a": 1})
    assert outcome.status is Status.FAILED
    assert (outcome.failure.kind, outcome.failure.message, outcome.failure.step) == ("ValueError", "no", "step")
    assert outcome.failure.where.endswith(".py:2")
    assert not outcome.failure.where.startswith("/")
    assert "worker.py" not in outcome.failure.traceback
    assert outcome.failure.traceback.rstrip().endswith("ValueError: no")


def test_notes_and_causes_are_in_the_traceback(perform):
    outcome = perform(
        """
def step(a):
    try:
        1 / 0
    except ZeroDivisionError as error:
        other = KeyError("x")
        other.add_note("a note")
        raise other from error
""",
        {"a": 1},
    )
    assert "ZeroDivisionError" in outcome.failure.traceback
    assert "a note" in outcome.failure.traceback


def test_an_exception_that_fights_back_is_described_all_the_same(tmp_path):
    class Hostile(Exception):  # noqa: N818
        __module__ = "x\udc80"

        def __str__(self):
            raise SystemExit

        def __getattr__(self, name):
            raise MemoryError

    try:
        raise Hostile
    except Hostile as error:
        failure = describe(error, "s", tmp_path)
    failure.kind.encode()
    failure.traceback.encode()
    assert "Hostile" in failure.kind
    assert "SystemExit" in failure.message


def test_a_folder_named_like_the_root_is_not_inside_it(perform):
    outcome = perform("import json\ndef step(a):\n    json.loads('{')\n", {"a": 1})
    assert outcome.failure.where.endswith(".py:3")


@pytest.mark.soak
def test_a_result_that_no_store_takes_is_refused(perform):
    outcome = perform("def step(a):\n    return {'x': 'y' * (257 << 20)}\n", {"a": 1})
    assert (outcome.status, outcome.failure.message[:23]) == (Status.FAILED, "fields: 257 MB of text,")


def performed(tmp_path: Path, source: str, kwargs: dict, points: list[dict], *, step_kwargs: dict):
    """The fields of each point, performed one after the other by one worker."""
    (tmp_path / "owned.py").write_text(source)
    sys.modules.pop("owned", None)
    steps = (Step(call="owned.step", name="step", kwargs=step_kwargs),)
    performer = Performer(Job(experiment="x", root=tmp_path, steps=steps, scopes=(kwargs,), folders=tmp_path / "runs"))
    outcomes = [performer.perform((n, f"id{n}", point, 0, 0, None, 1, None)) for n, point in enumerate(points)]
    return [codec.loads(outcome.fields) for outcome in outcomes]


def test_a_steps_own_kwargs_are_each_calls_own(tmp_path: Path) -> None:
    source = "def step(N, acc):\n    acc.append(N)\n    return {'n': len(acc)}\n"
    assert performed(tmp_path, source, {}, [{"N": n} for n in range(3)], step_kwargs={"acc": []}) == [{"n": 1}] * 3


def test_a_steps_own_kwargs_win_for_a_step_that_takes_the_run(tmp_path: Path) -> None:
    source = "def step(run):\n    run.fields.a = run.kwargs.a\n"
    assert performed(tmp_path, source, {"a": 1}, [{"N": 1}], step_kwargs={"a": 2}) == [{"a": 2}]


def test_a_positional_default_is_not_taken_by_its_neighbour(tmp_path: Path) -> None:
    source = "def step(a=1, b=2, /):\n    return {'a': a, 'b': b}\n"
    assert performed(tmp_path, source, {"b": 7}, [{"N": 1}], step_kwargs={}) == [{"a": 1, "b": 7}]
