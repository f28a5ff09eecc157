"""Trees of mappings under dotted names."""

from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from runner.dotted import leaves

NAMES = st.text("abc_", min_size=1, max_size=3)
TREES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2) | st.just({}),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def rebuilt(pairs):
    tree = {}
    for name, value in pairs:
        *way, last = name.split(".")
        place = tree
        for part in way:
            place = place.setdefault(part, {})
        place[last] = value
    return tree


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_the_leaves_are_the_whole_tree_and_in_its_order(tree):
    found = list(leaves(tree))
    assert rebuilt(found) == tree
    assert list(leaves(rebuilt(found))) == found
    assert not any(isinstance(value, dict) and value for _, value in found)


@given(st.dictionaries(NAMES, TREES, max_size=4), NAMES)
def test_a_prefix_stands_before_every_name(tree, prefix):
    assert list(leaves(tree, f"{prefix}.")) == [(f"{prefix}.{name}", value) for name, value in leaves(tree)]


def test_every_kind_of_mapping_is_opened_and_names_are_texts():
    assert list(leaves({1: MappingProxyType({"b": 2}), "c": [{"d": 3}]})) == [("1.b", 2), ("c", [{"d": 3}])]


def test_a_name_that_two_leaves_have_comes_twice():
    assert list(leaves({"a.b": 1, "a": {"b": 2}})) == [("a.b", 1), ("a.b", 2)]
