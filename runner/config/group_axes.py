"""Config groups that the YAML itself sweeps: an axis that is called like a group of the defaults list (`params: {model: [svm, tree]}`), or
Hydra's own `hydra.sweeper.params`. Both are what `model=svm,tree` is on the command line, which wins over them.
"""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from runner.config.compose import RESERVED_GROUPS, Composer, Composition
from runner.errors import ConfigError


def expand(composer: Composer, composition: Composition) -> list[Composition]:
    """The composition, or one per combination of the groups that it sweeps."""
    found = dict([*_of_params(composer, composition), *_of_sweeper(composition)])
    if not found:
        return [composition]
    swept = composer.parse([f"{group}={text}" for group, text in found.items()])
    return [
        composer.compose((*composition.lines, *lines), {**composition.chosen, **options}) for lines, options in composer.combinations(swept)
    ]


def drop(cfg: DictConfig, composition: Composition) -> None:
    """Take the axes that have become choices out of `params`."""
    params = cfg.get("params")
    if isinstance(params, DictConfig):
        with open_dict(params):
            for group in composition.chosen:
                if group in composition.known and _names(OmegaConf.to_container(params).get(group)):  # type: ignore[union-attr]
                    del params[group]


def _sweepable(composition: Composition, name: object) -> bool:
    """Whether a name is that of a group with an option in the defaults list, which the command line has not chosen."""
    if not isinstance(name, str) or name in composition.chosen or name in RESERVED_GROUPS:
        return False
    return isinstance(composition.known.get(name), str)


def _of_params(composer: Composer, composition: Composition) -> Iterator[tuple[str, str]]:
    params = composition.cfg.get("params")
    raw: Any = OmegaConf.to_container(params, resolve=False) if isinstance(params, DictConfig) else {}
    for name, value in raw.items():
        if not _sweepable(composition, name):
            continue
        if text := _names(value):
            yield name, text
        else:
            hint = f"write [{', '.join(composer.options(name))}]"
            raise ConfigError(f"`{name}` is a config group, swept by the names of its options", key=f"params.{name}", hint=hint)


def _names(value: object) -> str:
    """An axis of option names as the command line writes it; empty for anything else."""
    if isinstance(value, list) and value and all(isinstance(option, str) for option in value):
        return ",".join(value)
    return value if isinstance(value, str) else ""


def _of_sweeper(composition: Composition) -> Iterator[tuple[str, str]]:
    for name, text in (OmegaConf.select(composition.cfg, "hydra.sweeper.params") or {}).items():
        if _sweepable(composition, name):
            yield name, str(text)
