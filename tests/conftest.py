"""For all tests."""

import signal

import pytest

for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:  # as under nohup, or in a script's background: what tests start would inherit it
        signal.signal(_number, _handler)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Names of cases do not hold addresses: two processes that collect the same tests must agree."""
    text = repr(val)
    return f"{argname}-{type(val).__name__}" if " at 0x" in text else None
