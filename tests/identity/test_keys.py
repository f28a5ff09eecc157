"""`default_ids`, `ignore` and `identity.packages`: what keeps ids and what changes them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import identity, plan
from runner.errors import ConfigError
from runner.provenance import environment
from runner.spec import Axis, Experiment, Grid, Step, Variant

VALUES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text("ab", max_size=2)


def ids(kwargs=None, axes=(), packages=None, **changes):
    factors = tuple(Axis(name=name, values=tuple(values)) for name, values in axes)
    variant = Variant(kwargs=kwargs or {}, grids=(Grid(factors=factors),))
    step = Step(call="a.b", name="b")
    made = Experiment(name="x", steps=(step,), variants=(variant,), root=Path("/"), yaml="", **changes)
    return [(run.id_run, run.seed) for run in plan.expand(made, ("code",), None, packages)]


@given(VALUES, VALUES)
def test_a_kwarg_at_its_default_has_the_id_of_no_kwarg_and_at_no_other_value(default, value):
    same = identity.encode(default) == identity.encode(value)
    assert (ids({"a": 1, "K": value}, default_ids={"K": default}) == ids({"a": 1})) == same


def test_so_has_an_axis_with_the_seed_of_old():
    old = ids({}, [("N", [1, 2])], seed=3)
    assert ids({}, [("N", [1, 2]), ("K", [100])], seed=3, default_ids={"K": 100}) == old
    grown = ids({}, [("N", [1, 2]), ("K", [50, 100])], seed=3, default_ids={"K": 100})
    assert grown[1::2] == old
    assert len(set(grown)) == 4


def test_dotted_names_reach_into_kwargs():
    assert ids({"m": {"C": 1, "depth": 3}}, default_ids={"m.depth": 3}) == ids({"m": {"C": 1}})
    assert ids({"m": {"C": 1, "depth": 4}}, default_ids={"m.depth": 3}) != ids({"m": {"C": 1}})
    assert ids({"m": {"depth": 3}}, default_ids={"m": {"depth": 3}}) == ids({})
    assert ids({"m": 5}, default_ids={"m.depth": 3}) == ids({"m": 5})


def test_types_count():
    assert ids({"K": 100.0}, default_ids={"K": 100}) != ids({})
    assert ids({"K": True}, default_ids={"K": 1}) != ids({})


def test_what_is_declared_alone_changes_no_id():
    assert ids({"K": 1}, default_ids={"other": 2}, ignore=frozenset({"another"})) == ids({"K": 1})


def test_versions_of_packages_that_count():
    one, other = ids(packages={"numpy": "1.0"}), ids(packages={"numpy": "2.0"})
    assert len({ids()[0], one[0], other[0]}) == 3
    assert ids(packages={}) == ids()


def test_the_version_is_that_of_the_installed_distribution():
    from importlib.metadata import version

    assert environment.versions(("numpy", "hydra-core")) == {"numpy": version("numpy"), "hydra-core": version("hydra-core")}
    with pytest.raises(ConfigError, match="the package `numpi` is not installed\n  did you mean `numpy`"):
        environment.versions(("numpi",))
