"""One composed config with its overrides applied, before it is an Experiment."""

from collections.abc import Mapping
from dataclasses import dataclass

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.reader import Locator, shown
from runner.config.resolve import explain
from runner.config.schema import TOP_LEVEL, ExperimentSchema, section
from runner.errors import ConfigError
from runner.spec import Launch, Sweep


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One composed and overridden config."""

    cfg: DictConfig
    groups: frozenset[str]
    """Top-level keys that config groups brought; kwargs of that name."""
    chosen: Mapping[str, str]
    experiment: str | None
    conf: str = ""
    """The config directory, relative to the project root, where it is not in a usual place: finds the project of an experiment.yaml."""
    locate: Locator
    launch: Launch | None = None
    sweep: Sweep | None = None


def with_defaults(cfg: DictConfig, locate: Locator) -> DictConfig:
    """The config over the schema's defaults, closed to unknown keys; what is `???` stays so."""
    defaults = DictConfig(OmegaConf.to_container(OmegaConf.structured(ExperimentSchema)))
    missing = []
    for key in TOP_LEVEL:
        if key not in cfg:
            if OmegaConf.is_missing(cfg, key):
                missing.append(key)
                defaults[key] = None
        elif section(key) is None:
            defaults[key] = None  # replaced whole
        else:
            missing.extend(_missing_below(cfg, key, locate))
    try:
        full = OmegaConf.merge(defaults, cfg)
    except OmegaConfBaseException as error:
        raise explain(error, cfg, locate) from None
    for key in missing:
        OmegaConf.update(full, key, "???", force_add=True)
    OmegaConf.set_struct(full, True)
    return full  # type: ignore[return-value]


def _missing_below(cfg: DictConfig, key: str, locate: Locator) -> set[str]:
    """Key paths of the missing values of a section. Raises ConfigError when it is no mapping."""
    try:
        value = cfg[key]
        if isinstance(value, DictConfig):
            return OmegaConf.missing_keys(value)
    except (OmegaConfBaseException, RecursionError) as error:
        raise explain(error, cfg, locate) from None
    hint = f"{key}: {{name: {value}}}" if key == "executor" and isinstance(value, str) else None
    raw = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    raise ConfigError(f"{shown(raw)} is not a mapping", where=locate(key), key=key, hint=hint)
