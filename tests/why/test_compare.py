"""What differs between two runs, from what their identities were made of."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runner import evidence, plan
from runner.evidence import Evidence
from runner.spec import Axis, CodePolicy, Experiment, Grid, Step, Variant
from runner.why import ABSENT, Difference, Side, compare, unified

FN = Step(call="pkg.mod.fn", name="fn")


def side(params=None, kwargs=None, steps=(FN,), files=None, **changes):
    data, packages = changes.pop("data", {}), changes.pop("packages", {})
    grid = Grid(factors=tuple(Axis(name=name, values=(value,)) for name, value in (params or {}).items()))
    variant = Variant(kwargs=kwargs or {}, grids=(grid,))
    experiment = Experiment(name="x", steps=tuple(steps), root=Path("/"), yaml="", variants=(variant,), **changes)
    files = files or ({"pkg/mod.py": "1"},) * len(steps)
    made = plan.Plan(experiment, tuple(str(sorted(f.items())) for f in files), data, packages, files=tuple(files))
    (run,) = made
    return run.id_run, Side(params=run.params, kwargs=made.kwargs(run), evidence=evidence.loads(evidence.of(made).dumps()))


def told(one, other):
    """The differences; they are there if and only if the ids differ."""
    found = compare(one[1], other[1])
    assert bool(found) == (one[0] != other[0])
    return [str(each) for each in found]


def test_nothing_differs():
    assert told(side({"N": 1}, {"K": 2}), side({"N": 1}, {"K": 2})) == []


def test_values_by_name_and_type():
    assert told(side({"N": 1}, {"m": {"C": 1}}), side({"N": 1.0}, {"m": {"C": 2, "d": [1]}})) == [
        "params.N 1 -> 1.0",
        "kwargs.m.C 1 -> 2",
        "kwargs.m.d (none) -> [1]",
    ]
    assert told(side({}, {"m": {}}), side({}, {"m": {"C": 1}})) == ["kwargs.m.C (none) -> 1"]
    assert told(side({}, {"K": 1}), side({"K": 1}, {})) == ["params.K (none) -> 1", "kwargs.K 1 -> (none)"]


def test_what_does_not_count_is_no_difference():
    assert told(side({}, {"K": 1, "w": 2}, ignore=frozenset({"w"})), side({}, {"K": 1, "w": 3}, ignore=frozenset({"w"}))) == []
    assert told(side({"N": 1}, {"K": 100}, default_ids={"K": 100}), side({"N": 1}, {})) == []
    assert told(side({"N": 1, "K": 100}, {}, default_ids={"K": 100}), side({"N": 1}, {})) == []
    assert told(side({}, {"w": 2}, ignore=frozenset({"w"})), side({}, {"w": 2})) == ["kwargs.w (none) -> 2"]


def test_seed_data_and_packages():
    assert told(side(seed=1, data={"d": "a", "e": "b"}), side(seed=2, data={"d": "c"}, packages={"numpy": "2"})) == [
        "seed 1 -> 2",
        "data: d",
        "data: e (removed)",
        'packages.numpy (none) -> "2"',
    ]


def test_steps_are_matched_by_what_they_declare():
    first, last = Step(call="pkg.mod.first", name="first"), Step(call="pkg.mod.last", name="last")
    assert told(side(steps=[FN]), side(steps=[FN, last])) == ["step last added"]
    assert told(side(steps=[first, FN, last]), side(steps=[FN, last])) == ["step first removed"]
    assert told(side(steps=[FN]), side(steps=[last])) == ['step last.call "pkg.mod.fn" -> "pkg.mod.last"']
    assert told(side(steps=[FN]), side(steps=[Step(call="pkg.mod.fn", name="fn", version=3)])) == ["step fn.version null -> 3"]


def test_sources_are_told_once_for_all_steps():
    old, new = {"a.py": "1", "b.py": "1", "c.py": "1"}, {"a.py": "1", "b.py": "2", "d.py": "1"}
    two = [FN, Step(call="pkg.mod.other", name="other")]
    assert told(side(steps=two, files=(old, old)), side(steps=two, files=(new, new))) == [
        "code: b.py",
        "code: c.py (removed)",
        "code: d.py (added)",
    ]
    module = Step(call="pkg.mod.fn", name="fn", code=CodePolicy.MODULE)
    assert told(side(files=({"a": "1", "b": "1"},)), side(steps=[module], files=({"a": "1"},))) == ['step fn.code "closure" -> "module"']


def test_where_no_evidence_is_kept_params_and_kwargs_still_tell():
    one = Side(params={"N": 1}, kwargs={"K": 1}, evidence=None)
    other = Side(params={"N": 2}, kwargs={"K": 1}, evidence=None)
    assert [str(each) for each in compare(one, other)] == ["params.N 1 -> 2"]


VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, "a", ""])
STEPS = st.builds(Step, call=st.sampled_from(["p.f", "p.g"]), name=st.just("s"), version=st.sampled_from([None, 1]))
SIDES = st.builds(
    side,
    params=st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
    kwargs=st.dictionaries(st.sampled_from("cd"), VALUES | st.just({}) | st.just({"e": 1}) | st.just({"e": {}}), max_size=2),
    ignore=st.sampled_from([frozenset(), frozenset("c")]),
    default_ids=st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=2),
    seed=st.integers(0, 1),
    data=st.dictionaries(st.sampled_from("xy"), st.sampled_from("12"), max_size=1),
    steps=st.lists(STEPS, min_size=1, max_size=3),
)


@given(SIDES, SIDES)
def test_ids_differ_if_and_only_if_a_difference_is_told(one, other):
    differences = compare(one[1], other[1])
    assert bool(differences) == (one[0] != other[0])


def test_evidence_survives_as_text_and_rubbish_is_none():
    _, made = side({"N": float("nan")}, {"K": float("inf")}, default_ids={"K": float("inf")})
    assert evidence.loads(made.evidence.dumps()) == made.evidence
    for text in ("", "[]", "{}", '{"steps": 3}', '{"steps": [{}]}', '{"steps": [], "unknown": 1}', "nonsense"):
        assert evidence.loads(text) in (None, Evidence())


def test_unified_diffs():
    assert unified("a.py", b"x\n", b"y").splitlines()[-2:] == ["-x", "+y"]
    assert unified("a.py", None, b"y\n").startswith("--- /dev/null\n+++ b/a.py\n")
    assert unified("a.bin", b"\xff", b"y") == ""


def test_long_values_are_shortened():
    text = str(Difference(kind="kwargs", name="K", old="x" * 1000, new=ABSENT))
    assert text == f'kwargs.K "{"x" * 36}... -> (none)'
