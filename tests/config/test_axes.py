"""Axes and overrides: what people write on the command line and in `params`, and that both are one plan."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.axes import space

KWARGS = "kwargs: {P: 0.8, K: 100, opt: {lr: 0.1, name: sgd}}\n"
PARAMS = "params: {N: [1, 25], M: [a, b]}\n"
MODELS = {"model/svm.yaml": "kind: svm\nC: 1.0\n", "model/tree.yaml": "kind: tree\ndepth: 3\n"}

REPLACED = {
    "N=10,100": [10, 100],
    "params.N=10,100": [10, 100],
    "N=[10,100]": [10, 100],
    "params.N=[10,100]": [10, 100],
    "N=7": [7],
    "N=null": [None],
    "N=": [""],
    "N=range(1,9)": list(range(1, 9)),
    "N=range(1,9,3)": [1, 4, 7],
    "N=range(0,1,0.25)": [0.0, 0.25, 0.5, 0.75],
    "N=choice(a,b)": ["a", "b"],
    "N=sort(3,1,2)": [1, 2, 3],
    "N=range(3,0,-1)": [3, 2, 1],
    "N=1,1.0,true,'1'": [1, 1.0, True, "1"],
    "N='a,b','c d'": ["a,b", "c d"],
    'N="range(1,9)"': ["range(1,9)"],
    "N=[1,2],[3]": [[1, 2], [3]],
    "N=[[1,2],[3]]": [[1, 2], [3]],
    "N={a:1},{a:{b:2}}": [{"a": 1}, {"a": {"b": 2}}],
    "N={a:1}": [{"a": 1}],
    "N={linspace:[0,1,3]}": [0.0, 0.5, 1.0],
    "++N=1,2": [1, 2],
    "N=1e-3,-inf": [0.001, float("-inf")],
}


@pytest.mark.parametrize("override", REPLACED)
def test_an_override_replaces_the_values_of_an_axis(override, project, grid):
    points = grid(project(KWARGS + PARAMS).load(override))
    values = list(dict.fromkeys((type(p["N"]), str(p["N"])) for p in points))
    assert values == [(type(v), str(v)) for v in REPLACED[override]]
    assert list(points[0]) == ["N", "M"], "the order of the axes is the declared one"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("[1, 2]", [1, 2]),
        ('"range(1,4)"', [1, 2, 3]),
        ('"choice(a,b)"', ["a", "b"]),
        ("a,b", None),
        ("{linspace: [0, 1, 5]}", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("{logspace: [0, 2, 3]}", [1.0, 10.0, 100.0]),
        ("[[1], {a: 2}, null, 2020-01-01]", [[1], {"a": 2}, None, "2020-01-01"]),
        ("[.nan, .inf]", [float("nan"), float("inf")]),
        ("${kwargs.Ns}", [5, 6]),
    ],
)
def test_yaml_axes(given, wanted, project, grid):
    made = project(f"kwargs: {{Ns: [5, 6]}}\nparams:\n  N: {given}\n")
    if wanted is None:
        assert [p["N"] for p in grid(made.load())] == ["a", "b"], "comma-separated sweep text, as Hydra reads it"
    else:
        assert str([p["N"] for p in grid(made.load())]) == str(wanted)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(1, 50))
def test_linspace_is_numpys(start, stop, count):
    assert np.allclose(space("linspace", start, stop, count), np.linspace(start, stop, count), rtol=1e-12, atol=1e-9)


@given(st.floats(-30, 30), st.floats(-30, 30), st.integers(1, 50))
def test_logspace_is_numpys(start, stop, count):
    assert np.allclose(space("logspace", start, stop, count), np.logspace(start, stop, count), rtol=1e-9)


def test_product_order_is_the_declared_one_with_the_last_axis_fastest(project, grid):
    points = grid(project("params: {a: [1, 2], b: [x, y], c: [0]}\n").load())
    assert [tuple(p.values()) for p in points] == list(itertools.product([1, 2], "xy", [0]))


def test_zip_stands_where_it_is_declared_in_the_product(project, grid):
    points = grid(project("params: {a: [0, 1], zip: {b: [1, 2], c: [3, 4]}, d: [p, q]}\n").load())
    assert [tuple(p.values()) for p in points] == [(a, b, c, d) for a in (0, 1) for b, c in ((1, 3), (2, 4)) for d in "pq"]


def test_several_zips_multiply(project, grid):
    points = grid(project("params: {zip: [{a: [1, 2], b: [3, 4]}, {c: [5, 6], d: [7, 8]}]}\n").load())
    assert [tuple(p.values()) for p in points] == [(1, 3, 5, 7), (1, 3, 6, 8), (2, 4, 5, 7), (2, 4, 6, 8)]


def test_a_zipped_axis_is_replaced_in_its_zip(project, grid):
    points = grid(project("params: {zip: {a: [1, 2], b: [3, 4]}}\n").load("b=5,6"))
    assert [tuple(p.values()) for p in points] == [(1, 5), (2, 6)]


def test_exclude_drops_points_that_match_every_entry(project, grid):
    points = grid(project("params: {a: [1, 2], b: [1.0, true], exclude: [{a: 1, b: 1}, {a: 2, b: true}]}\n").load())
    assert [tuple(p.values()) for p in points] == [(1, True), (2, 1.0)]


def test_union_of_grids_repeats_no_point(project, grid):
    points = grid(project("params: [{a: [1, 2], b: [0]}, {b: [0, 1], a: [2]}, {c: [9]}]\n").load())
    assert points == [{"a": 1, "b": 0}, {"a": 2, "b": 0}, {"b": 1, "a": 2}, {"c": 9}]


def test_an_override_applies_to_every_grid_of_a_union(project, grid):
    points = grid(project("params: [{a: [1, 2]}, {a: [3], b: [0]}]\n").load("a=7"))
    assert points == [{"a": 7}, {"a": 7, "b": 0}]


@pytest.mark.parametrize("params", ["{opt.lr: [1, 2], opt.mom: [3]}", "{opt: {lr: [1, 2], mom: [3]}}"])
def test_dotted_and_nested_axes_are_the_same(params, project, grid):
    assert grid(project(f"params: {params}\n").load()) == [{"opt.lr": 1, "opt.mom": 3}, {"opt.lr": 2, "opt.mom": 3}]


def test_replicates_are_the_fastest_axis(project, grid):
    points = grid(project("params: {a: [1, 2]}\nreplicates: 2\n").load())
    assert [tuple(p.values()) for p in points] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert len(grid(project("params: {a: [1, 2]}\n").load("replicates=5"))) == 10


def test_plus_adds_an_axis_and_tilde_drops_one(project, grid):
    points = grid(project(KWARGS + PARAMS).load("+L=1,2", "~M"))
    assert [tuple(p.items()) for p in points] == [(("N", n), ("L", v)) for n in (1, 25) for v in (1, 2)]


@pytest.mark.parametrize("override", ["K=1,2", "kwargs.K=1,2"])
def test_a_swept_kwarg_becomes_an_axis(override, project, grid):
    experiment = project(KWARGS + PARAMS).load(override)
    assert list(grid(experiment)[0]) == ["N", "M", "K"]
    assert "K" not in experiment.variants[0].kwargs


def test_a_nested_kwarg_becomes_a_dotted_axis(project, grid):
    experiment = project(KWARGS).load("opt.lr=1,2")
    assert grid(experiment) == [{"opt.lr": 1}, {"opt.lr": 2}]
    assert experiment.variants[0].kwargs["opt"] == {"name": "sgd"}


def test_kwargs_are_set_added_and_dropped(project):
    kwargs = project(KWARGS + PARAMS).load("P=1", "+kwargs.new={a: [1]}", "++kwargs.K=5", "~kwargs.opt").variants[0].kwargs
    assert kwargs == {"P": 1, "K": 5, "new": {"a": [1]}}


def test_the_key_order_of_a_bare_name_is_top_level_then_axis_then_kwarg(project, grid):
    experiment = project("kwargs: {a: 1}\nparams: {b: [2]}\n").load("seed=9", "b=3", "a=4")
    assert (experiment.seed, grid(experiment), experiment.variants[0].kwargs) == (9, [{"b": 3}], {"a": 4})


def test_the_last_override_of_an_axis_wins(project, grid):
    assert grid(project(PARAMS).load("M=c", "N=3,4", "N=5")) == [{"N": 5, "M": "c"}]


def test_a_group_is_a_kwarg_and_its_keys_can_be_swept(project, grid):
    experiment = project("", MODELS).load("+model=svm", "model.C=1,10")
    assert experiment.variants[0].kwargs == {"model": {"kind": "svm", "C": 1.0}}
    assert grid(experiment) == [{"model": "svm", "model.C": 1}, {"model": "svm", "model.C": 10}]


@pytest.mark.parametrize("override", ["+model=svm,tree", "+model=glob(*)", "+model=choice(svm,tree)"])
def test_a_swept_group_composes_once_per_option_and_its_choice_is_the_first_axis(override, project, grid):
    experiment = project(PARAMS, MODELS).load(override)
    assert [v.kwargs["model"]["kind"] for v in experiment.variants] == ["svm", "tree"]
    assert [v.choices for v in experiment.variants] == [{"model": "svm"}, {"model": "tree"}]
    assert [tuple(p.values()) for p in grid(experiment)] == list(itertools.product(["svm", "tree"], [1, 25], "ab"))


def test_experiments_can_be_swept(project, grid):
    body = "# @package _global_\nsteps: [a.b]\nparams: {N: [1]}\n"
    made = project(files={"experiment/one.yaml": body, "experiment/two.yaml": body})
    assert [(e.name, grid(e)) for e in made.load_all("+experiment=one,two", "N=3")] == [("one", [{"N": 3}]), ("two", [{"N": 3}])]
    assert [e.name for e in made.load_all("+experiment=glob(*,exclude=x)")] == ["one", "two"]


def test_hydra_sweeper_params_are_a_sweep_that_the_command_line_overrides(project, grid):
    made = project(PARAMS + "hydra: {sweeper: {params: {N: '7,8', M: z}}}\n")
    assert grid(made.load()) == [{"N": 7, "M": "z"}, {"N": 8, "M": "z"}]
    assert grid(made.load("N=1")) == [{"N": 1, "M": "z"}]


def test_kwargs_may_refer_to_the_point(project):
    experiment = project(
        "kwargs: {twice: ['${params.N}', '${params.N}'], via: '${.name}-x', name: '${params.o.lr}', sizes: {a: 1, b: 2},"
        " size: '${kwargs.sizes.${params.w}}', fix: 3}\nparams: [{N: [1, 2], o.lr: [5], zip: {w: [a, b], v: [0, 1]}}]\n"
    ).load()
    at = experiment.variants[0].kwargs_at
    assert at is not None
    expected = {"twice": [2, 2], "via": "5-x", "name": 5, "sizes": {"a": 1, "b": 2}, "size": 2, "fix": 3}
    assert at({"N": 2, "o.lr": 5, "w": "b", "v": 1}) == expected
    assert at({"N": 1, "o.lr": 5, "w": "a", "v": 0})["size"] == 1


def test_kwargs_follow_a_kwarg_that_became_an_axis(project):
    experiment = project("kwargs: {K: 3, L: '${kwargs.K}', M: '${.K}', C: '${model.C}'}\n", MODELS).load(
        "+model=svm", "K=1,2", "model.C=5,6"
    )
    at = experiment.variants[0].kwargs_at
    assert at is not None
    assert at({"model": "svm", "K": 2, "model.C": 6}) == {"L": 2, "M": 2, "C": 6, "model": {"kind": "svm", "C": 6}}


def test_kwargs_that_refer_to_no_axis_are_resolved_once(project):
    (variant,) = project("kwargs: {a: 1, b: '${kwargs.a}', c: '${seed}'}\nparams: {N: [1]}\n").load().variants
    assert (variant.kwargs_at, variant.kwargs) == (None, {"a": 1, "b": 1, "c": 0})


def test_what_the_clock_says_is_one_value_for_all_runs_and_iterations(project, ids):
    experiment = project("kwargs: {when: '${now:%f}', n: '${params.N}'}\nparams: {N: [1, 2]}\n").load()
    at = experiment.variants[0].kwargs_at
    assert at is not None
    assert at({"N": 1})["when"] == at({"N": 2})["when"]
    assert ids(experiment) == ids(experiment)


def test_hydra_references_are_answered_for_each_choice(project):
    experiment = project("kwargs: {which: '${hydra:runtime.choices.model}', tag: 'x-${hydra:job.name}'}\n", MODELS).load("+model=svm,tree")
    assert [v.kwargs["which"] for v in experiment.variants] == ["svm", "tree"]
    assert experiment.variants[0].kwargs["tag"] == "x-xrun"


SAME = [
    (["N=10,100", "M=x"], "params: {N: [10, 100], M: [x]}\n"),
    (["N=range(0,5)", "M=x"], "params: {N: [0, 1, 2, 3, 4], M: [x]}\n"),
    (["N=[3,4]", "~M"], 'params: {N: "choice(3,4)"}\n'),
    (["params.N={linspace:[0,1,3]}", "++M=q"], "params: {N: [0.0, 0.5, 1.0], M: [q]}\n"),
    (["K=1,2", "replicates=2"], "params: {N: [1, 25], M: [a, b], K: [1, 2]}\nreplicates: 2\n"),
    (["+o.lr=1,2"], "params: {N: [1, 25], M: [a, b], o: {lr: [1, 2]}}\n"),
]


@pytest.mark.parametrize(("overrides", "params"), SAME)
def test_a_grid_from_the_command_line_and_from_yaml_have_the_same_ids(overrides, params, project, ids):
    kwargs = "kwargs: {P: 0.8}\n" if any(word.startswith("K=") for word in overrides) else "kwargs: {P: 0.8, K: 100}\n"
    from_cli = ids(project("kwargs: {P: 0.8, K: 100}\n" + PARAMS).load(*overrides))
    assert from_cli == ids(project(kwargs + params).load())


def test_a_large_range_costs_nothing_before_the_plan(project):
    experiment = project(PARAMS).load("N=range(0,300000)")
    assert len(experiment.variants[0].grids[0].factors[0].values) == 300_000
    assert len(experiment.yaml) < 2_000
