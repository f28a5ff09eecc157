"""`quick` makes the very values that the class makes."""

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.quick import quick
from runner.record import Failure, Outcome, QuickOutcome, QuickRecord, Record, Status

KINDS = [(Record, QuickRecord), (Outcome, QuickOutcome)]
VALUES = st.one_of(st.integers(), st.text(), st.floats(allow_nan=False), st.just(Failure(kind="E")), st.sampled_from(Status))


def required(kind):
    return {"id_run": "1", "experiment": "e", "status": Status.FAILED} if kind is Record else {"index": 1, "status": Status.FAILED}


@pytest.mark.parametrize(("kind", "made"), KINDS)
@given(data=st.data())
def test_the_values_are_equal_whatever_is_given(kind, made, data):
    names = data.draw(st.sets(st.sampled_from([part.name for part in fields(kind)])))
    given = required(kind) | {name: data.draw(VALUES) for name in sorted(names)}
    usual, quickly = kind(**given), made(**given)
    assert type(quickly) is kind
    assert quickly == usual
    assert hash(quickly) == hash(usual)
    assert repr(quickly) == repr(usual)
    assert asdict(quickly) == asdict(usual)
    assert pickle.loads(pickle.dumps(quickly)) == copy.deepcopy(quickly) == replace(quickly) == usual


@pytest.mark.parametrize(("kind", "made"), KINDS)
def test_they_are_frozen(kind, made):
    value = made(**required(kind))
    with pytest.raises(FrozenInstanceError):
        value.status = Status.COMPLETED
    with pytest.raises(AttributeError):
        object.__setattr__(value, "more", 1)


@pytest.mark.parametrize(("kind", "made"), KINDS)
def test_wrong_arguments_are_refused(kind, made):
    with pytest.raises(TypeError, match="status"):
        made(**{name: value for name, value in required(kind).items() if name != "status"})
    with pytest.raises(TypeError, match="unheard"):
        made(**required(kind), unheard=1)


def test_what_has_a_default_factory_is_refused():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Value:
        items: list[int] = field(default_factory=list)

    with pytest.raises(TypeError, match=r"Value\.items has a default factory"):
        quick(Value)
