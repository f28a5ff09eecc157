"""What an override may say on top of a recorded experiment.yaml without making it another experiment."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from omegaconf import OmegaConf

from runner.config import composed, place
from runner.config.compose import Composer
from runner.config.part import Part
from runner.config.reader import COMMAND_LINE
from runner.errors import ConfigError

_OF_EXECUTION: Final = ("executor", "tracking")
"""Sections that say how runs are executed and watched, and nothing of what they are."""
_OPEN: Final = ("???", "${oc.env:")
"""Stand where the file leaves a value to whoever runs it again."""


def check(file: Path, lines: Sequence[str]) -> None:
    """Raise ConfigError for the first of the overrides `lines` that changes what `file`, an experiment.yaml, records."""
    if not lines:
        return
    parts = composed.read(file)
    for override in Composer(place.Place(root=file.parent, conf=None, tried=())).parse(list(lines)):
        key = override.key_or_group
        structural = override.is_delete() or override.is_hydra_override()
        if not structural and (key.partition(".")[0] in _OF_EXECUTION or any(_is_open(value) for value in _values(parts, key))):
            continue
        raise ConfigError(
            "this is recorded, and what is made again is the record",
            where=COMMAND_LINE,
            key=override.input_line,
            hint="may be given: executor.NAME=..., tracking.NAME=..., a secret that experiment.yaml does not keep; "
            f"to run something else: {shlex.join(['xrun', str(file), override.input_line or ''])}",
        )


def _values(parts: Sequence[Part], key: str) -> Iterator[Any]:
    """What the file has under a name, in whatever place a bare name is looked for."""
    for part in parts:
        tree = OmegaConf.to_container(part.cfg, resolve=False)
        for path in (key, f"params.{key}", f"kwargs.{key}"):
            value: Any = tree
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            yield value


def _is_open(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return any(map(_is_open, inner)) if inner is not None else isinstance(value, str) and any(mark in value for mark in _OPEN)
