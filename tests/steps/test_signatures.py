"""Every step's signature is held against every axis and kwarg before run 1; all problems are told at once."""

import pytest

from runner.spec import Axis, Grid, Step, Variant


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, b): ...",
        "def f(a, /, b, *, c=1): ...",
        "def f(*, b, a): ...",
        "def f(a, **rest): ...",
        "def f(**rest): ...",
        "def f(*args, **rest): ...",
        "def f(run): ...",
        "def f(run, a): ...",
        "def f(*, run): ...",
        "def f(): ...",
        "import functools\ndef g(x, a, b): ...\nf = functools.partial(g, 1)",
        "import functools\ndef g(x, a, b): ...\nf = functools.partial(g, x=1)",
        "class F:\n    def __call__(self, a, b): ...\nf = F()",
        "class f:\n    def __init__(self, a, b): ...",
        "import dataclasses\n@dataclasses.dataclass\nclass f:\n    a: int\n    b: str",
        (
            "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def inner(*a, **k): return g(*a, **k)\n"
            "    return inner\n@deco\ndef f(a: int, b: str): ..."
        ),
    ],
)
def test_a_signature_that_the_experiment_provides_for(source, check):
    found = check(source, {"a": [1, 2]}, {"b": "x", "unused": 0})
    assert found.problems == ()
    assert len(found.code) == len(found.steps) == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(a, alpha): ...", "nothing provides its parameter `alpha`; unused axes and kwargs: b"),
        ("def f(a, bb): ...", "nothing provides its parameter `bb`; did you mean `b`?"),
        ("def f(x, /): ...", "nothing provides its parameter `x`"),
        ("def f(*, x): ...", "nothing provides its parameter `x`"),
        ("class F:\n    def __call__(self, x): ...\nf = F()", "nothing provides its parameter `x`"),
        ("class f:\n    def __init__(self, x): ...", "nothing provides its parameter `x`"),
        ("import functools\ndef g(x, y): ...\nf = functools.partial(g, 1)", "nothing provides its parameter `y`"),
        ("f = max", "its signature cannot be read; wrap it in a Python function"),
    ],
)
def test_a_parameter_that_nothing_provides(source, says, check):
    (problem,) = check(source, {"a": [1]}, {"b": "x"}).problems
    assert says in problem
    assert problem.startswith("step `f` (")


TYPES = [
    ("int", [1], ["x"], "'x' (str) is not int"),
    ("int", [1], [1.5], "1.5 (float) is not int"),
    ("int", [1], [True], "True (bool) is not int"),
    ("float", [1, 1.5], ["1"], "'1' (str) is not float"),
    ("bool", [True], [1], "1 (int) is not bool"),
    ("str", ["a"], [1], "1 (int) is not str"),
    ("int | None", [1, None], ["x"], "'x' (str) fits no member of int | None"),
    ("typing.Optional[int]", [None], [1.5], "1.5 (float) fits no member of int | None"),
    ("typing.Literal['a', 1]", ["a", 1], ["b"], "'b' is none of: 'a', 1"),
    ("typing.Literal[1]", [1], [True], "True is none of: 1"),
    ("Color", ["RED", 2], ["GREY"], "'GREY' is no member of Color: RED, BLUE"),
    ("list[int]", [[1, 2]], [[1, "x"]], "'x' (str) is not int"),
    ("list[list[int]]", [[[1]]], [[[1.5]]], "1.5 (float) is not int"),
    ("list[int]", [[]], [3], "3 (int) is not a list"),
    ("tuple[int, str]", [[1, "a"]], [[1]], "[1] has 1 values where 2 are meant"),
    ("tuple[int, ...]", [[1, 2, 3]], [["a"]], "'a' (str) is not int"),
    ("set[int]", [[1, 2]], [[[1]]], "[1] (list) is not int"),
    ("set", [[1]], [[[1]]], "is not a list of plain values, as a set needs"),
    ("dict[str, int]", [{"a": 1}], [{"a": "b"}], "'b' (str) is not int"),
    ("pathlib.Path", ["a/b"], [1], "1 (int) is not a path (text)"),
    ("typing.Annotated[int, 'm']", [1], ["x"], "'x' (str) is not int"),
    ("typing.NewType('Id', int)", [1], ["x"], "'x' (str) is not int"),
    ("np.int64", [1], [1.5], "1.5 (float) is not int64"),
    ("np.float32", [1, 1.5], ["x"], "'x' (str) is not float32"),
    ("collections.abc.Sequence[float]", [[1, 1.5]], ["x"], "'x' (str) is not a list"),
    ("None", [None], [0], "0 (int) is not None"),
    ("typing.Any", [1, "x", None, [1]], [], ""),
    ("object", [1, "x"], [], ""),
    ("typing.TypeVar('T')", [1, "x"], [], ""),
    ("collections.abc.Callable[[int], int]", ["x"], [], ""),
]
HEAD = "import collections.abc, enum, pathlib, typing\nimport numpy as np\nclass Color(enum.Enum):\n    RED = 1\n    BLUE = 2\n"


@pytest.mark.parametrize(("annotation", "good", "bad", "says"), TYPES, ids=[f"{t[0]} {t[3][:12]}" for t in TYPES])
@pytest.mark.parametrize("future", [False, True])
def test_values_are_held_against_annotations(annotation, good, bad, says, future, check):
    source = "from __future__ import annotations\n" * future + f"{HEAD}def f(a: {annotation}): ..."
    assert check(source, {"a": good}).problems == ()
    for value in bad:
        (problem,) = check(source, {"a": [*good, value]}).problems
        assert says in problem
        assert "does not accept params.a: " in problem
        (problem,) = check(source, {}, {"a": value}).problems
        assert "does not accept kwargs.a: " in problem


def test_a_type_alias_is_followed(check):
    assert "is not int" in check("import typing\nT: typing.TypeAlias = int\ndef f(a: T): ...", {"a": ["x"]}).problems[0]


def test_names_that_only_type_checkers_see_do_not_hide_the_others(check):
    source = (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
        "def f(x: torch.Tensor, a: int): ..."
    )
    (problem,) = check(source, {"a": ["text"]}, {"x": 1}).problems
    assert "'text' (str) is not int" in problem


def test_all_problems_are_told_at_once(check):
    found = check("def f(a: int, b: str, c, d): ...", {"a": ["x", 1.5]}, {"b": 1}, step_kwargs={"zz": 1})
    assert len(found.problems) == 6
    for part in ("no parameter `zz`", "'x' (str)", "1.5 (float)", "1 (int) is not str", "parameter `c`", "parameter `d`"):
        assert any(part in problem for problem in found.problems), part


def test_the_problems_of_one_step_do_not_hide_those_of_the_next(check, package, tmp_path):
    name = package({"other.py": "def g(x): ..."})
    steps = (Step(call=f"{name}.gone.f", name="one"), Step(call=f"{name}.other.g", name="two"))
    problems = check("", steps=steps).problems
    assert [problem.split(" (")[0] for problem in problems] == ["step `one`", "step `two`"]


def test_a_steps_own_kwargs_provide_and_win(check):
    assert check("def f(a: str): ...", {"a": [1]}, step_kwargs={"a": "x"}).problems == ()
    assert "'x' (str) is not int" in check("def f(a: int): ...", {"a": [1]}, step_kwargs={"a": "x"}).problems[0]


def test_every_variant_and_grid_is_checked(check):
    grids = (Grid(factors=(Axis(name="a", values=(1,)),)), Grid(factors=(Axis(name="b", values=(1,)),)))
    (problem,) = check("def f(a): ...", variants=(Variant(grids=grids),)).problems
    assert "nothing provides its parameter `a`; unused axes and kwargs: b" in problem


def test_dotted_axes_provide_their_head_and_replicates_an_axis(check):
    assert check("def f(model, replicate): ...", {"model.C": [1]}, replicates=2).problems == ()


def test_a_kwarg_that_depends_on_the_point_is_checked(check):
    variant = Variant(kwargs_at=lambda point: {"a": str(point["N"])}, grids=(Grid(factors=(Axis(name="N", values=(1,)),)),))
    assert "'1' (str) is not int" in check("def f(a: int): ...", variants=(variant,)).problems[0]


def test_what_is_told_of_a_step(check):
    source = '''
class Odd:
    def __repr__(self): raise ValueError
def f(a: int, b: "list[str] | None" = None, *, c=Odd()):
    """Train it.

    Args:
        a: how many
        b (list): which ones,
            and why
    """
'''
    (info,) = check(source, {"a": [1]}).steps
    assert (info.doc, info.takes_run) == ("Train it.", False)
    assert [(p.name, p.type, p.default, p.doc) for p in info.parameters] == [
        ("a", "int", None, "how many"),
        ("b", "list[str] | None", "None", "which ones, and why"),
        ("c", "", "...", ""),
    ]


def test_values_become_what_annotations_say():
    import enum
    from pathlib import Path

    from runner.annotations import fit

    class Color(enum.Enum):
        RED = "r"

    assert fit(Path, "a/b") == Path("a/b")
    assert (fit(Color, "RED"), fit(Color, "r")) == (Color.RED, Color.RED)
    assert fit(tuple[int, ...], [1, 2]) == (1, 2)
    assert fit(frozenset[int], [1, 1]) == frozenset({1})
    assert fit(dict[str, list[Path]], {"a": ["b"]}) == {"a": [Path("b")]}
    assert fit(list[Color] | None, ["RED"]) == [Color.RED]
