"""For all tests."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("xrun", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
settings.load_profile("xrun")

for _name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(_name, None)  # what tests start writes and imports as it does for most users

for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:  # as under nohup, or in a script's background: what tests start would inherit it
        signal.signal(_number, _handler)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Names of cases do not hold addresses: two processes that collect the same tests must agree."""
    text = repr(val)
    return f"{argname}-{type(val).__name__}" if " at 0x" in text else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`@pytest.mark.forms(rounds=(3, 50))`: a short form, and a long one that `make soak` runs."""
    mark = metafunc.definition.get_closest_marker("forms")
    if mark is None:
        return
    scale = float(os.environ.get("XRUN_TEST_SCALE", "1"))
    short = [numbers[0] for numbers in mark.kwargs.values()]
    long = [max(1, round(numbers[1] * scale)) for numbers in mark.kwargs.values()]
    forms = [pytest.param(*short, id="short"), pytest.param(*long, id="long", marks=pytest.mark.soak)]
    metafunc.parametrize(list(mark.kwargs), forms)
