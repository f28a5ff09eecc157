"""Notes which variables of the environment a config takes values from, while it is resolved: only OmegaConf's resolver knows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from omegaconf import OmegaConf
from omegaconf.resolvers import oc

_NOTED: ContextVar[dict[str, str] | None] = ContextVar("_NOTED", default=None)


def _env(key: str, *default: str | None) -> str | None:
    """As `oc.env`, of which this is the only reader."""
    value = oc.env(key, *default)
    noted = _NOTED.get()
    if noted is not None and key in os.environ:
        noted[key] = os.environ[key]
    return value


OmegaConf.register_new_resolver("oc.env", _env, replace=True)


@contextmanager
def noting() -> Iterator[dict[str, str]]:
    """Variable -> value of those that are read inside, in the order in which they are; a default that was taken is none."""
    noted: dict[str, str] = {}
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)
