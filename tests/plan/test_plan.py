"""The plan: every run once, in order, the same everywhere; made one by one."""

import itertools
import math
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import plan
from runner.errors import PlanError
from runner.spec import Axis, Experiment, Grid, Step, Variant, Zip

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "c", "d.e", "d.f", "é"])


def key(value: Any) -> str:
    return f"{type(value).__name__}:{value!r}"


AXES = st.lists(st.tuples(NAMES, st.lists(SCALARS, min_size=1, max_size=4, unique_by=key)), max_size=4, unique_by=lambda pair: pair[0]).map(
    lambda pairs: tuple(Axis(name=name, values=tuple(values)) for name, values in pairs)
)


def experiment(*grids: Grid, kwargs: Any = None, **changes: Any) -> Experiment:
    variant = Variant(kwargs=kwargs or {"k": 1}, grids=grids or (Grid(),))
    whole: dict[str, Any] = {"name": "x", "steps": (Step(call="a.b", name="b"),), "variants": (variant,), "root": Path("/"), "yaml": ""}
    return Experiment(**{**whole, **changes})


def expand(*factors: Axis | Zip, **changes: Any) -> plan.Plan:
    exclude = changes.pop("exclude", ())
    return plan.expand(experiment(Grid(factors=factors, exclude=exclude), **changes), ("code",))


def ints(name: str, count: int) -> Axis:
    return Axis(name=name, values=tuple(range(count)))


@given(AXES, st.none() | st.integers(1, 3))
def test_length_order_and_ids(axes: tuple[Axis, ...], replicates: int | None) -> None:
    made = expand(*axes, replicates=replicates)
    runs = list(made)
    assert len(made) == len(runs) == math.prod(len(axis.values) for axis in axes) * (replicates or 1)
    wanted = itertools.product(*(axis.values for axis in axes), *([range(replicates)] if replicates else []))
    assert [list(map(key, run.params.values())) for run in runs] == [list(map(key, values)) for values in wanted]
    assert [run.index for run in runs] == list(range(len(runs)))
    assert len({run.id_run for run in runs}) == len(runs)
    assert all(tuple(run.params) == made.axes for run in runs)
    assert repr(list(made)) == repr(runs), "two iterations are equal"


@given(AXES, st.randoms())
def test_ids_and_seeds_do_not_depend_on_the_order_of_the_axes(axes, random):
    shuffled = list(axes)
    random.shuffle(shuffled)
    one, other = ({(run.id_run, run.seed) for run in expand(*order)} for order in (axes, shuffled))
    assert one == other


@given(AXES.filter(bool), st.lists(SCALARS, min_size=1, max_size=3), st.data())
def test_a_new_value_of_an_axis_keeps_the_old_ids(axes, extra, data):
    n = data.draw(st.integers(0, len(axes) - 1))
    known = set(map(key, axes[n].values))
    new = tuple(value for value in {key(v): v for v in extra}.values() if key(value) not in known)
    grown = (*axes[:n], Axis(name=axes[n].name, values=(*new, *axes[n].values)), *axes[n + 1 :])
    old = {(run.id_run, run.seed) for run in expand(*axes)}
    assert old <= {(run.id_run, run.seed) for run in expand(*grown)}


@given(AXES, st.integers(1, 20))
def test_more_replicates_keep_the_old_runs_and_never_share_a_seed_at_a_point(axes, replicates):
    runs = list(expand(*axes, replicates=replicates))
    for n in range(0, len(runs), replicates):
        assert len({run.seed for run in runs[n : n + replicates]}) == replicates
    assert {(r.id_run, r.seed) for r in runs} <= {(r.id_run, r.seed) for r in expand(*axes, replicates=replicates + 1)}


@given(AXES, AXES)
def test_a_union_has_every_point_once(first, second):
    def points(*grids):
        runs = plan.expand(experiment(*grids), ("code",))
        assert len(runs) == len(list(runs))
        return [run.id_run for run in runs]

    one, other = Grid(factors=first), Grid(factors=second)
    both = points(one, other)
    assert len(set(both)) == len(both)
    assert set(both) == set(points(one)) | set(points(other))


def test_a_union_takes_exclusions_and_zips_into_account():
    pairs = Zip(axes=(Axis(name="a", values=(1, 2)), Axis(name="b", values=(3, 4))))
    whole = Grid(factors=(ints("a", 4), ints("b", 5)))
    without = Grid(factors=(ints("a", 4), ints("b", 5)), exclude=({"a": 1, "b": 3},))
    assert len(plan.expand(experiment(Grid(factors=(pairs,)), whole), ("",))) == 20
    assert len(plan.expand(experiment(without, Grid(factors=(pairs,))), ("",))) == 20


def test_a_plan_without_a_point_is_refused():
    with pytest.raises(PlanError, match="`exclude` drops every point"):
        expand(ints("a", 2), exclude=({"a": 0}, {"a": 1}))


def test_an_axis_replaces_the_part_of_a_kwarg_that_it_names():
    made = expand(Axis(name="m.o.lr", values=(1,)), kwargs={"m": {"o": {"lr": 5, "x": 1}, "k": 2}, "z": 3})
    assert made.scopes == ({"m": {"o": {"x": 1}, "k": 2}, "z": 3},)
    again = expand(Axis(name="m.o.lr", values=(1,)), kwargs={"m": {"o": {"lr": 6, "x": 1}, "k": 2}, "z": 3})
    assert [r.id_run for r in made] == [r.id_run for r in again]


def test_what_identifies_a_run():
    def first(**changes):
        code, data = changes.pop("code", ("code",)), changes.pop("data", None)
        return next(iter(plan.expand(experiment(Grid(factors=(ints("a", 1),)), **changes), code, data)))

    base = first()
    for same in ({"name": "y"}, {"description": "d"}, {"tags": ("t",)}, {"root": Path("/tmp")}, {"yaml": "z"}):
        assert first(**same).id_run == base.id_run
    for other in ({"seed": 1}, {"kwargs": {"k": 2}}, {"code": ("new",)}, {"data": {"d": "1"}}):
        assert first(**other).id_run != base.id_run
    assert first(code=("new",)).seed == base.seed, "an edit changes the results but not the luck"
    assert first(kwargs={"k": 1, "j": 9}, ignore=frozenset("j")).id_run == base.id_run


def test_kwargs_that_refer_to_the_point_are_part_of_the_identity():
    def at(point):
        return {"twice": 2 * point["a"]}

    variant = Variant(kwargs={"twice": 0}, kwargs_at=at, grids=(Grid(factors=(ints("a", 3),)),))
    made = plan.expand(experiment(variants=(variant,)), ("",))
    assert [made.kwargs(run) for run in made] == [{"twice": 0}, {"twice": 2}, {"twice": 4}]
    fixed = [run.id_run for run in expand(ints("a", 3), kwargs={"twice": 2})]
    assert [n for n, run in enumerate(plan.expand(experiment(variants=(variant,)), ("code",))) if run.id_run in fixed] == [1]


@pytest.mark.parametrize("shape", [(1000, 1000), (1_000_000,), (100, 100, 100), (1_000_000, 1)])
def test_the_first_run_of_a_million_comes_at_once(shape):
    axes = [ints(f"a{n}", size) for n, size in enumerate(shape)]
    begun = time.perf_counter()
    made = expand(*axes)
    next(iter(made))
    assert len(made) == 1_000_000
    assert time.perf_counter() - begun < 1.0  # 5 ms here
    assert len(made.axes) == len(shape)


def test_a_million_points_take_no_memory():
    made = expand(ints("a", 1000), ints("b", 1000))
    tracemalloc.start()
    try:
        for _ in itertools.islice(made, 20_000):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_100_000_points():
    begun = time.perf_counter()
    assert sum(1 for _ in expand(ints("a", 1000), ints("b", 100))) == 100_000
    assert time.perf_counter() - begun < 20  # 0.45 s here


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from runner.config.load import Request, load
from runner import plan
from pathlib import Path
(found,) = load(Request(overrides=("+experiment=x", "K=1,2"), cwd=Path(sys.argv[1]), config_path="conf"))
print([run.id_run for run in plan.expand(found, ("",))])
"""


def test_ids_do_not_depend_on_the_process(tmp_path):
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "x.yaml").write_text("# @package _global_\nkwargs: {K: 0, b: {z: 1, a: 2}}\nparams: {N: [1, x]}\nsteps: [a.b]\n")
    told = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path)], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=cwd,
            capture_output=True, text=True, check=True,
        ).stdout
        for seed, cwd in (("1", tmp_path), ("2", folder), ("3", Path("/")))
    }  # fmt: skip
    assert len(told) == 1


def test_plans_and_their_errors_travel_between_processes():
    made = expand(ints("a", 2))
    assert [r.id_run for r in pickle.loads(pickle.dumps(made))] == [r.id_run for r in made]
    error = pickle.loads(pickle.dumps(PlanError(["one", "two"])))
    assert (error.problems, str(error)) == (("one", "two"), str(PlanError(["one", "two"])))
