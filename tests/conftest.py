"""For all tests."""

import pytest


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Names of cases do not hold addresses: two processes that collect the same tests must agree."""
    text = repr(val)
    return f"{argname}-{type(val).__name__}" if " at 0x" in text else None
