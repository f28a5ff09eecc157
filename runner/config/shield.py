"""Keeps `${params.X}`, `${kwargs.X}` and `${run.X}` in the texts of scripts and commands from OmegaConf, which would resolve them once for
all runs; every other interpolation is resolved as everywhere.
"""

import copy
import re
from typing import Any

from omegaconf import DictConfig, OmegaConf

from runner import templates
from runner.config.reader import Locator
from runner.config.resolve import raw
from runner.errors import ConfigError

KEYS = ("args", "command", "cwd", "env", "metrics_file")
"""Of a script or command step: where the point may be referred to."""

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # Unicode keeps these for a program's own use; no text that people write has them
_NESTED = re.compile(rf"\$\{{[^}}]*{_OPEN}")
_MARKED = re.compile(rf"{_OPEN}(.*?){_CLOSE}")


def shielded(cfg: DictConfig, locate: Locator) -> DictConfig:
    """The config with those templates replaced by marks that OmegaConf leaves alone; `cfg` itself where there are none.

    Raises ConfigError for a template inside another interpolation.
    """
    steps = raw(cfg, "steps")
    if not isinstance(steps, list) or not any(isinstance(step, dict) and ("script" in step or "command" in step) for step in steps):
        return cfg
    marked = [_step(step, f"steps[{n}]", locate) for n, step in enumerate(steps)]
    made = copy.deepcopy(cfg)
    OmegaConf.update(made, "steps", marked, merge=False)
    return made


def restored(tree: Any) -> Any:
    """Plain data with the marks turned back into templates."""
    if isinstance(tree, str):
        return _MARKED.sub(r"${\1}", tree) if _OPEN in tree else tree
    if isinstance(tree, list):
        return [restored(item) for item in tree]
    return {key: restored(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def _step(step: Any, key: str, locate: Locator) -> Any:
    if not isinstance(step, dict) or not ("script" in step or "command" in step):
        return step
    return {name: _marked(value, f"{key}.{name}", locate) if name in KEYS else value for name, value in step.items()}


def _marked(tree: Any, key: str, locate: Locator) -> Any:
    if isinstance(tree, list):
        return [_marked(item, f"{key}[{n}]", locate) for n, item in enumerate(tree)]
    if isinstance(tree, dict):
        return {name: _marked(item, f"{key}.{name}", locate) for name, item in tree.items()}
    if not isinstance(tree, str):
        return tree
    text = templates.PATTERN.sub(lambda found: f"{_OPEN}{found[1]}{_CLOSE}", tree)
    if _NESTED.search(text):
        name = next(templates.names(tree))
        problem = f"${{{name}}} stands inside another interpolation; the point is known only when a run executes"
        raise ConfigError(problem, where=locate(key), key=key, hint="refer to the point in kwargs, and to that kwarg here: ${kwargs.NAME}")
    return text
