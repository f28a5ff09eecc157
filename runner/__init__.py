"""The experiment runner behind `xrun`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.current import get_run
    from runner.reading import load
    from runner.tracking import ParamConflictError

__version__ = "0.1.0"
__all__ = ["ParamConflictError", "__version__", "get_run", "load"]

_HOMES = {"get_run": "runner.current", "load": "runner.reading", "ParamConflictError": "runner.tracking"}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are asked for: start-up is a feature."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
