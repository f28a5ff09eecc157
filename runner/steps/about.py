"""What there is to tell about a step, as plain data that is sent between processes."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runner import annotations
from runner.spec import Step

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a step, as text."""

    name: str
    type: str = ""
    default: str | None = None
    """repr of the default; None: it must be given."""
    doc: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepInfo:
    """A function, script or command."""

    call: str
    doc: str = ""
    takes_run: bool = False
    sees_all: bool = False
    """Whether it can look at every axis and kwarg: it takes `run`, or `**kwargs`, or reads its environment."""
    parameters: tuple[Parameter, ...] = ()


def takes_run(params: list[inspect.Parameter]) -> bool:
    """Whether the function's single parameter is `run`, which it is then given whatever its annotation."""
    return len(params) == 1 and params[0].name == "run" and params[0].kind in (params[0].POSITIONAL_ONLY, params[0].POSITIONAL_OR_KEYWORD)


def describe_function(step: Step, function: Callable[..., Any], params: list[inspect.Parameter]) -> StepInfo:
    """What a function's signature and docstring say."""
    doc = inspect.getdoc(function) or ""
    about = argument_docs(doc)
    return StepInfo(
        call=step.call,
        doc=doc.split("\n\n")[0].replace("\n", " "),
        takes_run=takes_run(params),
        sees_all=any(p.name == "run" or p.kind is p.VAR_KEYWORD for p in params),
        parameters=tuple(
            Parameter(
                name=p.name,
                type="" if p.annotation is p.empty else annotations.describe(p.annotation),
                default=None if p.default is p.empty else _repr(p.default),
                doc=about.get(p.name, ""),
            )
            for p in params
            if p.kind in (*_BY_NAME, p.POSITIONAL_ONLY) and p.name != "run"
        )
        or tuple(Parameter(name=name, doc=text) for name, text in about.items()),
    )


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a default's own repr is the user's code
        return "..."


def argument_docs(doc: str) -> dict[str, str]:
    """What a docstring says of each argument: Google's `Args:`, numpy's `Parameters`, or Sphinx' `:param x:`."""
    found: dict[str, str] = {}
    section, name = False, ""
    for line in doc.splitlines():
        text = line.strip()
        if text.startswith(":param "):
            name, _, about = text.removeprefix(":param ").partition(":")
            found[name.split()[-1]] = about.strip()
        elif text in ("Args:", "Arguments:", "Parameters", "Parameters:"):
            section = True
        elif section and text and not set(text) <= {"-"}:
            if not line.startswith(" ") and text.endswith(":") and " " not in text:
                section = False
                continue
            head, colon, about = text.partition(":")
            word = head.split("(")[0].strip()
            if colon and word.isidentifier():
                name = word
                found[name] = about.strip() if "(" in head or line.startswith(" ") else ""
            elif name:
                found[name] = f"{found[name]} {text}".strip()
    return found
