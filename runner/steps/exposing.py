"""Secrets that a script or command would be given in its command line, which everybody on the machine can read (`ps`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner import templates
from runner.secret import Secret, pieces
from runner.spec import Experiment, Process


def exposed(process: Process, experiment: Experiment, own: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the secret params and kwargs in its `args` and `command`; `own`: the step's kwargs. Those that stand there are ``."""
    if not experiment.mask:
        return ()
    secret = list(dict.fromkeys(name for name, value in _given(experiment, own) if pieces(value)))
    if isinstance(process.args, str):
        found = [name for name in secret if process.args == "all" or name.startswith("params.")]
    else:
        words = [word if isinstance(word, str) else word[1] for word in process.args]
        found = _mentioned([*words, process.command], secret)
    return tuple(dict.fromkeys(found))


def _given(experiment: Experiment, own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for variant in experiment.variants:
        yield from ((f"params.{axis.name}", axis.values) for grid in variant.grids for axis in grid.axes)
        yield from ((f"kwargs.{name}", value) for name, value in {**variant.kwargs, **own}.items())


def _mentioned(texts: list[Any], secret: list[str]) -> list[str]:
    named = [name for text in texts for name in templates.names(text)]
    found = [name for name in secret if any(each == name or each.startswith(f"{name}.") for each in named)]
    return [*found, ""] if any(type(text) is Secret or pieces(text) for text in texts) else found
