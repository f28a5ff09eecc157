"""What every executor keeps; run over all of them. To test a new one: an entry in conftest.KINDS."""

import json
import random

import pytest

from runner.executors import EXECUTORS
from runner.executors.plugin import Plugin
from runner.record import Status
from runner.spec import ExecutorSpec

PLAIN = "def step(n):\n    return {'double': 2 * n}\n"


def test_every_run_comes_back_once_with_its_own_result(bench, read):
    b = bench(PLAIN)
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(300)])
    assert [read(o) for o in outcomes] == [{"double": 2 * n} for n in range(300)]
    assert {o.status for o in outcomes} == {Status.COMPLETED}
    assert all(o.seconds > 0 and o.started > 0 and o.failure is None for o in outcomes)


def test_results_are_plain_typed_data(bench, read):
    b = bench(
        """
import datetime, enum, math, uuid
from pathlib import Path
class Colour(str, enum.Enum):
    RED = "red"
class Size(enum.IntEnum):
    BIG = 3
def step(run):
    import numpy as np
    run.fields.update(i=2**100, f=-0.0, nan=math.nan, t=True, none=None, text="\\0 \\u20ac", raw=b"\\xff", path=Path("a/b"),
        when=datetime.datetime(2020, 1, 2), id=uuid.UUID(int=7), deep={"a": [1, (2, 3)]}, colour=Colour.RED, size=Size.BIG,
        np_float=np.float32(0.5), np_int=np.int64(7), np_bool=np.bool_(True), array=np.arange(4).reshape(2, 2))
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 1}])
    found = read(outcome)
    assert outcome.failure is None
    assert {type(v).__name__ for v in found.values()} <= {
        "int", "float", "bool", "NoneType", "str", "bytes", "datetime", "UUID", "dict", "list",
    }  # fmt: skip
    assert (found["i"], found["raw"], found["deep"], found["array"]) == (2**100, b"\xff", {"a": [1, [2, 3]]}, [[0, 1], [2, 3]])
    assert (found["colour"], found["size"], found["np_int"], found["np_bool"]) == ("red", 3, 7, True)
    assert str(found["f"]) == "-0.0"
    assert found["nan"] != found["nan"]


RAISING = """
import sys
class Extra(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b
class Unbuildable(Exception):
    def __init__(self, lock):
        super().__init__("cannot be rebuilt")
        self.lock = lock
    def __reduce__(self):
        raise RuntimeError("no")
class Mute(Exception):
    def __str__(self):
        raise ValueError("mute")
def step(n):
    if n == 0: raise ValueError("plain")
    if n == 1: sys.exit(3)
    if n == 2: raise KeyboardInterrupt
    if n == 3: raise Extra("extra", 7)
    if n == 4: raise Unbuildable(object())
    if n == 5: raise Mute
    if n == 6: raise ValueError("x" * 10_000_000)
    if n == 7: raise ExceptionGroup("group", [ValueError("one"), TypeError("two")])
    if n == 8: return step(n)
    if n == 9: raise GeneratorExit
    if n == 10: raise ValueError("lone \\udc80 surrogate")
    return {"ok": n}
"""


def test_an_exception_of_any_kind_fails_its_own_run_only(bench, read):
    b = bench(RAISING)
    outcomes = b.run(b.step("step"), points=[{"n": n % 20} for n in range(60)])
    kinds = [
        "ValueError", "SystemExit", "KeyboardInterrupt", f"{b.module}.Extra", f"{b.module}.Unbuildable", f"{b.module}.Mute",
        "ValueError", "ExceptionGroup", "RecursionError", "GeneratorExit", "ValueError",
    ]  # fmt: skip
    for n, outcome in enumerate(outcomes):
        if n % 20 < len(kinds):
            assert outcome.status is Status.FAILED
            assert outcome.failure.kind == kinds[n % 20]
            assert len(outcome.failure.message) < 17_000
            assert len(outcome.failure.traceback) < 1_100_000
            assert outcome.failure.where.startswith(f"{b.module}.py:")
            assert outcome.fields == "{}"
            json.dumps(outcome.failure.message).encode()
            outcome.failure.traceback.encode()
        else:
            assert read(outcome) == {"ok": n % 20}
    assert "two" in outcomes[7].failure.traceback
    assert "mute" not in outcomes[5].failure.message
    assert "9,984,000 characters left out" in outcomes[6].failure.message


def test_a_result_that_is_no_plain_data_fails_its_own_run_and_names_the_field(bench, read):
    b = bench(
        """
import os, sys, threading
class Bomb:
    def __reduce__(self):
        os._exit(9)
def step(run):
    n = run.params.n
    loop = []
    loop.append(loop)
    bad = [lambda: 1, (i for i in []), threading.Lock(), sys.__stdout__, Bomb(), loop, 1j, "lone \\udc80", {1: 2}, {"deep": [0, {1, 2}]}]
    run.fields.good = 1
    run.fields.bad = bad[n] if n < len(bad) else n
"""
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(12)])
    for outcome in outcomes[:10]:
        assert outcome.status is Status.FAILED
        assert outcome.failure.kind == "UnserialisableError"
        assert outcome.failure.message.startswith("fields.bad")
        late = outcome.index == 7  # a text is looked at when the run ends
        assert outcome.fields == ("{}" if late else '{"good":1}')
    assert outcomes[9].failure.message.startswith("fields.bad.deep[1]: a value of type set")
    assert [read(o)["bad"] for o in outcomes[10:]] == [10, 11]


def test_what_steps_print_is_their_runs_own(bench, read, capfd):
    b = bench("import sys\ndef step(n):\n    sys.stdout.write(f'out {n}\\n')\n    sys.stderr.write(f'err {n}\\n')\n    return {'n': n}\n")
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(20)])
    b.executor.close()
    assert [read(o)["n"] for o in outcomes] == list(range(20))
    assert [b.printed(n, "stdout") for n in range(20)] == [f"out {n}\n" for n in range(20)]
    assert [b.printed(n, "stderr") for n in range(20)] == [f"err {n}\n" for n in range(20)]
    assert capfd.readouterr() == ("", "")


def test_what_modules_print_on_import_is_printed_once_per_import(bench, capfd):
    b = bench("print('hello')\ndef step(n):\n    return {}\n")
    b.run(b.step("step"), points=[{"n": n} for n in range(8)])
    b.executor.close()
    assert 1 <= capfd.readouterr().out.count("hello") <= 3


def test_params_and_kwargs_are_read_only(bench, read):
    b = bench(
        """
def step(run):
    for name, change in {
        "item": lambda: run.params.__setitem__("n", 5), "attribute": lambda: setattr(run.params, "n", 5),
        "delete": lambda: run.kwargs.pop("k"), "update": lambda: run.kwargs.update(k=1),
        "nested": lambda: run.kwargs.deep.__setitem__("a", 2),
    }.items():
        try:
            change()
        except TypeError as error:
            run.fields[name] = "read-only" in str(error)
    run.kwargs.items_.append(3)
    run.fields.seen = [run.params.n, run.params["n"], run.kwargs.k, run.kwargs["deep"]["a"], run.kwargs.deep.a, run.kwargs.items_]
"""
    )
    outcomes = b.run(b.step("step"), points=[{"n": 1}] * 5, kwargs={"k": 2, "deep": {"a": 7}, "items_": [1, 2]})
    for outcome in outcomes:
        found = read(outcome)
        assert found.pop("seen") == [1, 1, 2, 7, 7, [1, 2, 3]]
        assert found == {"item": True, "attribute": True, "delete": True, "update": True, "nested": True}


def test_run_dir_is_a_folder_of_its_own_made_on_first_use(bench, read):
    b = bench("def step(run):\n    if run.params.n:\n        (run.dir / 'x').write_text(run.id_run)\n        run.fields.dir = run.dir\n")
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in (0, 1, 1)])
    assert sorted(p.name for p in (b.root / "artifacts").iterdir()) == ["id-1", "id-2"]
    assert (b.root / "artifacts" / "id-1" / "x").read_text() == "id-1"
    assert read(outcomes[2])["dir"] == str(b.root / "artifacts" / "id-2")


def test_later_steps_see_vars_and_fields_of_the_same_run_only(bench, read):
    b = bench(
        """
def first(run):
    run.fields.fresh = dict(run.vars) == {} and dict(run.fields) == {}
    run.vars.model = lambda: run.params.n
    run.tags["who"] = "first"
def second(run):
    run.fields.value = run.vars.model()
def third(n, value=None):
    return {"value": n + 100, "extra": value}
"""
    )
    outcomes = b.run(b.step("first"), b.step("second"), b.step("third"), points=[{"n": n} for n in range(6)])
    assert [read(o) for o in outcomes] == [{"fresh": True, "value": n + 100, "extra": None} for n in range(6)]
    assert {o.tags for o in outcomes} == {'{"who":"first"}'}
    assert {o.step for o in outcomes} == {2}


def test_a_plain_function_must_return_a_mapping_or_nothing(bench):
    b = bench("def step(n):\n    return n\n")
    (outcome,) = b.run(b.step("step"), points=[{"n": 3}])
    assert (outcome.status, outcome.failure.kind) == (Status.FAILED, "TypeError")
    assert "returned int" in outcome.failure.message


def test_a_failure_names_its_step_and_ends_the_run(bench):
    b = bench("def first(n):\n    return {'a': 1}\ndef second(n):\n    raise ValueError('no')\ndef third(n):\n    raise AssertionError\n")
    (outcome,) = b.run(b.step("first"), b.step("second"), b.step("third"), points=[{"n": 1}])
    assert (outcome.status, outcome.step, outcome.failure.step, outcome.failure.message) == (Status.FAILED, 1, "second", "no")


DRAWS = """
import random
def first(run):
    import numpy
    run.fields.first = [run.seed, random.random(), numpy.random.random()]
def second(run):
    import numpy
    run.fields.second = [run.seed, random.random(), numpy.random.random()]
"""


def draws(make, spec, read):
    b = make(spec, DRAWS)
    return [read(o) for o in b.run(b.step("first"), b.step("second"), points=[{"n": n} for n in range(12)])]


@pytest.mark.parametrize("kind", ["serial", "local", "local-spawn", "plugin"])
def test_every_step_has_its_own_seed_and_draws_do_not_depend_on_the_workers(make, read, kind):
    random.seed(99)
    one = draws(make, ExecutorSpec(name="local", workers=1), read)
    assert draws(make, kind, read) == one
    seeds = [found[step][0] for found in one for step in ("first", "second")]
    assert len(set(seeds)) == 24
    assert [found["first"][0] for found in one] == [1000 + n for n in range(12)]
    assert len({tuple(found[step][1:]) for found in one for step in ("first", "second")}) == 24


def test_after_drain_nothing_starts_and_what_executes_comes_out(bench, tmp_path):
    b = bench(f"import time\ndef step(n):\n    open('{tmp_path}/started-' + str(n), 'x').close()\n    time.sleep(0.1)\n    return {{}}\n")
    b.open(b.step("step")).submit([{"n": n} for n in range(20)])
    b.outcomes.update((o.index, o) for o in b.executor.events(5.0))
    b.executor.drain()
    found = b.collect(10)
    started = {int(p.name.partition("-")[2]) for p in tmp_path.glob("started-*")}
    assert set(found) == started
    assert len(started) < 20 or isinstance(b.executor, Plugin)  # its launch is one piece
    assert b.executor.close() == []


def test_close_is_idempotent_and_ends_what_executes(bench):
    b = bench("import time\ndef step(n):\n    time.sleep(0.3)\n")
    b.open(b.step("step")).submit([{"n": n} for n in range(4)])
    b.executor.events(5.0)
    assert {outcome.index for outcome in b.executor.close()} <= set(range(4))
    assert b.executor.close() == []


def test_close_right_after_open_is_fine(bench):
    b = bench(PLAIN)
    assert b.executor.close() == []


def test_a_module_that_cannot_be_imported_is_a_problem_not_an_error(bench):
    b = bench("import nothing_of_that_name\ndef step(n):\n    return {}\n")
    inspection = b.executor.inspect(b.experiment([b.step("step")]))
    assert any("nothing_of_that_name" in problem for problem in inspection.problems)


def test_a_step_that_forks_and_returns_in_both_processes_has_one_outcome(bench, read):
    b = bench(
        """
import os
def step(n):
    child = os.fork()
    if child and n % 2:
        os.waitpid(child, 0)
    if not child and n == 3:
        raise ValueError("the child's")
    return {"n": n}
def after(n, run):
    with open(os.path.join(os.path.dirname(__file__), "after"), "a") as file:
        file.write("x")
"""
    )
    outcomes = b.run(b.step("step"), b.step("after"), points=[{"n": n} for n in range(6)])
    assert [read(o) for o in outcomes] == [{"n": n} for n in range(6)]
    assert (b.root / "after").read_text() == "x" * 6


def test_the_second_attempt_is_told_in_meta(bench, read):
    b = bench("def step(run):\n    run.fields.attempt = run.meta.attempt\n")
    b.open(b.step("step"))
    b.executor.submit([(0, "id", {"n": 1}, 5, 0, None, 3, None)])
    assert read(b.collect()[0]) == {"attempt": 3}


def test_an_experiment_file_may_name_every_executor_that_there_is():
    from runner.config import build

    assert set(build._EXECUTORS) == set(EXECUTORS)
