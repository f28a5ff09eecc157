"""The canonical encoding tells every two different values apart, and nothing else."""

import math
import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import identity
from runner.spec import Step

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4))
NEAR = st.sampled_from([0, 0.0, -0.0, False, "", "0", None, 1, 1.0, True, "1", [], {}, [[]], [None], {"": 0}, {"a": {"b": 1}}, {"a.b": 1}])
VALUES = st.recursive(
    SCALARS | NEAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1", max_size=2) | st.integers(0, 1), inner, max_size=3),
    max_leaves=6,
)


def typed(value):
    """What makes a value that value: its type, and for a float its bits (all NaN are one)."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else struct.pack(">d", value))
    if isinstance(value, list):
        return ("list", tuple(map(typed, value)))
    if isinstance(value, dict):
        return ("dict", frozenset((typed(key), typed(item)) for key, item in value.items()))
    return (type(value).__name__, value)


@given(VALUES, VALUES)
def test_equal_encodings_are_equal_typed_values(one, other):
    assert (identity.encode(one) == identity.encode(other)) == (typed(one) == typed(other))


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_joined_encodings_are_told_apart_as_well(one, other):
    joined = [b"".join(map(identity.encode, values)) for values in (one, other)]
    assert (joined[0] == joined[1]) == (typed(one) == typed(other))


def test_1_and_1_0_and_true_and_the_text_differ():
    assert len({identity.encode(value) for value in (1, 1.0, True, "1", [1], {"1": 1}, None)}) == 7
    assert identity.encode(0.0) != identity.encode(-0.0)
    assert identity.encode(math.nan) == identity.encode(-math.nan) == identity.encode(struct.unpack(">d", b"\x7f\xf8\0\0\0\0\0\1")[0])


def test_the_order_of_keys_and_their_normal_form_do_not_count():
    assert identity.encode({"a": 1, "b": 2}) == identity.encode({"b": 2, "a": 1})
    assert identity.encode({"é": 1}) == identity.encode({"e\u0301": 1})
    assert identity.encode("é") != identity.encode("e\u0301"), "values are untouched"
    assert identity.encode({"é": 1, "e\u0301": {}}) == identity.encode({"e\u0301": {}, "é": 1}), "a clash is still an order"


def test_tuples_are_lists_and_other_types_are_refused():
    assert identity.encode((1, 2)) == identity.encode([1, 2])
    for value in (b"x", {1, 2}, object(), 1j):
        with pytest.raises(TypeError, match="has no canonical encoding"):
            identity.encode(value)


@given(st.binary(min_size=32, max_size=32))
def test_ids_are_uuids_of_version_8(digest):
    text = identity.uuid8(digest)
    parsed = uuid.UUID(text)
    assert (str(parsed), parsed.version, parsed.variant) == (text, 8, uuid.RFC_4122)


def test_ids_use_122_bits_of_the_digest():
    seen = set()
    for bit in range(128):
        seen.add(identity.uuid8((1 << (127 - bit)).to_bytes(16, "big") + bytes(16)))
    assert len(seen) == 122 + 1, "the six fixed bits give the id of zero"


@given(st.integers(-(2**70), 2**70), st.binary(max_size=9), st.integers(1, 2000))
def test_replicates_of_one_point_never_share_a_seed(seed, point, replicates):
    seeds = [identity.seeding(seed)(point, n) for n in range(replicates)]
    assert len(set(seeds)) == replicates
    assert all(0 <= s < 2**32 for s in seeds)


def test_each_step_has_a_seed_of_its_own_and_the_first_has_the_runs():
    seeds = [identity.seed_of_step(7, n) for n in range(100)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 100


def step(**changes):
    return Step(**{"call": "a.b", "name": "b", **changes})


def test_what_of_a_step_counts():
    base = identity.encode_step(step(), "digest")
    for same in (step(name="other"), step(timeout=3.0), step(retries=4), step(cache=False), step(call="a:b")):
        assert identity.encode_step(same, "digest") == base
    for other in (step(call="a.c"), step(kwargs={"x": 1}), step(version=1)):
        assert identity.encode_step(other, "digest") != base
    assert identity.encode_step(step(), "other digest") != base


def test_the_chain_depends_on_every_step_and_their_order():
    h0 = bytes(32)
    chains = {identity.chain(h0, steps) for steps in ((), (b"a",), (b"b",), (b"a", b"b"), (b"b", b"a"), (b"ab",))}
    assert len(chains) == 6
    assert identity.chain(identity.chain(h0, (b"a",)), (b"b",)) == identity.chain(h0, (b"a", b"b"))
