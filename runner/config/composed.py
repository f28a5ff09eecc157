"""experiment.yaml: a composed config that is written beside the results, and runs again without its config directory."""

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config import build, guard, place
from runner.config.part import Part, with_defaults
from runner.config.reader import Locator
from runner.config.resolve import first_line
from runner.errors import ConfigError

FORMAT = 1
"""Version of experiment.yaml's `xrun` header."""


def write(name: str, members: list[Part]) -> str:
    """The text: everything that the plan depends on, environment variables unresolved."""
    for part in members:
        part.cfg.name = name
    if len(members) == 1:
        part = members[0]
        header: dict[str, Any] = {"format": FORMAT, "groups": sorted(part.groups), "chosen": dict(part.chosen)}
        return OmegaConf.to_yaml(OmegaConf.create({"xrun": header})) + OmegaConf.to_yaml(part.cfg, resolve=False)
    variants = [
        {"chosen": dict(p.chosen), "groups": sorted(p.groups), "config": OmegaConf.to_container(p.cfg, resolve=False)} for p in members
    ]
    return OmegaConf.to_yaml(OmegaConf.create({"xrun": {"format": FORMAT, "variants": variants}}))


def read(file: Path) -> list[Part]:
    """The parts that a file holds. Raises ConfigError when xrun did not write it, or another version of xrun."""
    cfg = _read(file)
    header = cfg.pop("xrun", None) if isinstance(cfg, DictConfig) else None
    if not isinstance(header, DictConfig) or header.get("format") != FORMAT:
        problem = "not an experiment.yaml of this version of xrun" if header else "not an experiment.yaml that xrun wrote"
        raise ConfigError(problem, where=str(file), key="xrun.format", hint="run it from its config directory: xrun +experiment=NAME")
    entries = header.get("variants") or [{**header, "config": cfg}]
    try:
        return [_part(file, entry["config"], frozenset(entry["groups"]), dict(entry["chosen"])) for entry in entries]
    except (KeyError, TypeError, ValueError, OmegaConfBaseException):
        raise ConfigError("the header `xrun` is damaged", where=str(file), hint="run it from its config directory") from None


def _read(file: Path) -> DictConfig | ListConfig:
    guard.check(text := guard.read(file), str(file))
    try:
        return OmegaConf.create(text)
    except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError(first_line(error), where=str(file)) from None


def _part(file: Path, content: DictConfig, groups: frozenset[str], chosen: dict[str, str]) -> Part:
    own = OmegaConf.create(OmegaConf.to_container(content, resolve=False))
    raw = OmegaConf.to_container(own, resolve=False)
    locate = Locator(lambda: [("", str(file), raw)], default=str(file))  # type: ignore[list-item]
    build.check_top_level(own, groups, locate)  # type: ignore[arg-type]
    return Part(cfg=with_defaults(own, locate), groups=groups, chosen=chosen, experiment=None, locate=locate)  # type: ignore[arg-type]


def root_of(file: Path, cwd: Path) -> Path:
    """The project that a results file belongs to: the nearest folder above it with a config directory, else the one around `cwd`.

    A workspace that was moved elsewhere (`--workspace`) is no project: there is nothing to import in it.
    """
    for candidate in file.absolute().parent.parents:
        if any((candidate / name).is_dir() for name in place.NAMES) or place.from_pyproject(candidate):
            return candidate
    return place.find(cwd).root
