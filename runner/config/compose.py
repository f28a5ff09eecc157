"""Composes configs with Hydra's own loader, once per choice of config groups instead of once per run.

Hydra composes its own `hydra` node with every config, which is four fifths of the time (34 of 43 ms, measured). Here it is
left out unless something asks for it: an override of `hydra.*`, a config that mentions it. Everything that this package takes
from Hydra's private modules is imported in this file and in `sources.py`; tests/config/test_contract.py compares the outcome with
Hydra's public `compose()`.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import guard, hydra_node, sources
from runner.config.failures import Asked, explain, not_an_override
from runner.config.place import Place
from runner.config.reader import COMMAND_LINE, Origin
from runner.config.resolve import first_line
from runner.config.sources import YamlWarning
from runner.errors import ConfigError

__all__ = ["COMMAND_LINE", "RESERVED_GROUPS", "Composer", "Composition", "YamlWarning", "apply_value", "first_line", "without_hydra"]

_SLIPS = (AssertionError, AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""What Hydra's own code trips over where a config has an odd shape (`hydra: null`)."""
RESERVED_GROUPS = ("experiment", "executor", "store", "search")
"""Groups whose choice says what or how to run; a choice of any other group is an axis of the experiment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """One composed config, before value overrides."""

    cfg: DictConfig
    """Unresolved; holds the `hydra` node only if it was asked for."""
    chosen: Mapping[str, str]
    """Group -> option for the groups that the command line chose, reserved ones left out."""
    lines: tuple[str, ...]
    """The group overrides it was made with."""
    known: Mapping[str, Any]
    """Group -> option for every group of the defaults list."""

    @property
    def experiment(self) -> str | None:
        """The option of the group `experiment`."""
        return self.known.get("experiment")


class Composer:
    """Hydra's loader over the user's config directory and the packaged defaults."""

    def __init__(self, place: Place, config_dir: str | Path | None = None, config_name: str | None = None) -> None:
        """`config_dir` is searched after the config directory; `config_name` is the primary config, default `config`."""
        sources.register(place.root)
        setup_globals()
        version.setbase(None)  # the present defaults, as @hydra.main(version_base=None) has them
        self.place = place
        self.search_path = sources.search_path(place, config_dir)
        self.loader = ConfigLoaderImpl(self.search_path)
        self.config_name = (config_name or "config").removesuffix(".yaml")
        self._primaries = [Path(folder) / f"{self.config_name}.yaml" for folder in (place.conf, config_dir) if folder is not None]
        self._searched: tuple[str, ...] = ()
        """Overrides of `hydra.searchpath`, which say where groups are."""

    def parse(self, lines: list[str]) -> list[Override]:
        """Overrides in Hydra's grammar. Raises ConfigError for what is not an override."""
        parser = OverridesParser.create(config_loader=self.loader)
        found = []
        for line in lines:
            try:
                found.extend(parser.parse_overrides([line]))
            except (OverrideParseException, HydraException, ValueError, RecursionError) as error:
                raise not_an_override(line, error, self.options("experiment")) from None
        if searched := tuple(line for line, override in zip(lines, found, strict=True) if override.key_or_group == "hydra.searchpath"):
            self._searched = searched
        return found

    @cached_property
    def _repository(self) -> IConfigRepository:
        """All sources, those of `hydra.searchpath` in the primary config and on the command line included (3 ms, where there are any)."""
        if not self._searched and not any("searchpath" in guard.read(file) for file in self._primaries if file.is_file()):
            return self.loader.repository
        try:
            _, repository = self.loader._parse_overrides_and_create_caching_repo(self.config_name, list(self._searched))
        except (HydraException, OmegaConfBaseException) as error:
            raise explain(error, Asked(self._searched, self.place, self.loader.get_group_options)) from None
        return repository

    def is_group(self, override: Override) -> bool:
        """Whether the override chooses an option of a config group (Hydra's own rule)."""
        if isinstance(override._value, dict):
            return False
        return bool(self._repository.group_exists(override.key_or_group))

    def groups(self) -> list[str]:
        """The config groups at the top of the user's directory."""
        return [name for name in self._repository.get_group_options("", ObjectType.GROUP) if name != "hydra"]

    def options(self, group: str) -> list[str]:
        """The options of a config group."""
        return list(self._repository.get_group_options(group, ObjectType.CONFIG))

    def combinations(self, overrides: list[Override]) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
        """Every combination of the swept groups: its override lines and the options it chose."""
        variants: list[list[tuple[str, str, Any]]] = []
        for override in overrides:
            key = override.get_key_element()
            if override.is_sweep_override():
                variants.append([(f"{key}={option}", key, option) for option in self._swept(override)])
            else:
                variants.append([(override.input_line or "", key, override.value())])
        for combination in itertools.product(*variants):
            chosen = {key.lstrip("+"): option for _, key, option in combination if isinstance(option, str) and not key.startswith("~")}
            yield tuple(line for line, _, _ in combination), chosen

    def _swept(self, override: Override) -> list[str]:
        if override.is_hydra_override():
            raise ConfigError("Hydra's own configuration cannot be swept", where=COMMAND_LINE, key=override.key_or_group)
        if not override.is_discrete_sweep():
            raise ConfigError("a config group is swept by its options", where=COMMAND_LINE, key=override.input_line)
        options = list(dict.fromkeys(override.sweep_string_iterator()))
        if not options:
            known = ", ".join(self.options(override.key_or_group))
            raise ConfigError("no option matches", where=COMMAND_LINE, key=override.input_line, hint=f"options: {known}")
        return options

    def compose(self, lines: tuple[str, ...], chosen: Mapping[str, str]) -> Composition:
        """The config that these group overrides (and `hydra.*` overrides) make."""
        try:
            cfg, known, lines = self._compose_either_way(lines)
        except (HydraException, OmegaConfBaseException, *_SLIPS) as error:
            raise explain(error, Asked(lines, self.place, self.options)) from None
        user = {g: o for g, o in chosen.items() if g.split("@")[0] not in RESERVED_GROUPS and not g.startswith("hydra")}
        return Composition(cfg=cfg, chosen=user, lines=lines, known=dict(known))

    def _compose_either_way(self, lines: tuple[str, ...]) -> tuple[DictConfig, Mapping[str, Any], tuple[str, ...]]:
        for _ in RESERVED_GROUPS:
            try:
                return *self._compose(lines), lines
            except HydraException as error:
                toggled = _toggle_add(lines, error)
                if toggled == lines:
                    raise
                lines = toggled
        return *self._compose(lines), lines

    def _compose(self, lines: tuple[str, ...]) -> tuple[DictConfig, Mapping[str, Any]]:
        if not any("hydra" in line for line in lines):
            parsed, repository = self.loader._parse_overrides_and_create_caching_repo(self.config_name, list(lines))
            try:
                defaults = create_defaults_list(
                    repo=repository, config_name=self.config_name, overrides_list=parsed, prepend_hydra=False, skip_missing=False
                )
            except HydraException as error:
                if "hydra/" not in str(error):
                    raise
            else:
                cfg = self.loader._compose_config_from_defaults_list(defaults=defaults.defaults, repo=repository)
                if "hydra" not in cfg and not hydra_node.mentioned(cfg):
                    return cfg, defaults.overrides.known_choices
        return self._compose_with_hydra(lines)

    def _compose_with_hydra(self, lines: tuple[str, ...]) -> tuple[DictConfig, Mapping[str, Any]]:
        JobRuntime.instance().set("name", "xrun")
        cfg = self.loader.load_configuration(self.config_name, list(lines), run_mode=RunMode.RUN, validate_sweep_overrides=False)
        OmegaConf.set_struct(cfg, False)
        hydra_node.settle(cfg)
        return cfg, dict(cfg.hydra.runtime.choices)

    def home(self, composition: Composition) -> str:
        """Where a key belongs that no file has: the experiment's file, or else the config directory."""
        files = (file.parent / "experiment" / f"{composition.experiment}.yaml" for file in self._primaries if composition.experiment)
        return str(next((file for file in files if file.is_file()), self.place.conf or "packaged defaults"))

    def origins(self, lines: tuple[str, ...]) -> list[Origin]:
        """Every config that took part; for error messages, so it may be slow."""
        parsed, repository = self.loader._parse_overrides_and_create_caching_repo(self.config_name, list(lines))
        parsed = [o for o in parsed if not o.is_hydra_override()]
        defaults = create_defaults_list(
            repo=repository, config_name=self.config_name, overrides_list=parsed, prepend_hydra=False, skip_missing=True
        )
        found: list[Origin] = []
        for default in defaults.defaults:
            loaded = self.loader._load_single_config(default=default, repo=repository)
            content = OmegaConf.to_container(loaded.config, resolve=False)
            file = f"{loaded.path.removeprefix('file://')}/{default.config_path}.yaml"
            found.append((str(default.config_path), file, content if isinstance(content, dict) else {}))
        return found


def _toggle_add(lines: tuple[str, ...], error: BaseException) -> tuple[str, ...]:
    """`+experiment=x` and `experiment=x` are one wish; which of them Hydra takes depends on the user's defaults list."""
    text = str(error)
    for group in RESERVED_GROUPS:
        if f"Multiple values for {group}." in text:
            return tuple(line[1:] if line.startswith(f"+{group}=") else line for line in lines)
        if f"Could not override '{group}'." in text:
            return tuple(f"+{line}" if line.startswith(f"{group}=") else line for line in lines)
    return lines


def apply_value(cfg: DictConfig, override: Override) -> None:
    """Hydra's own way to apply a value override. Raises HydraException, OmegaConfBaseException."""
    ConfigLoaderImpl._apply_overrides_to_config([override], cfg)


def without_hydra(cfg: DictConfig) -> DictConfig:
    """The job's part of a composed config."""
    if "hydra" in cfg:
        with open_dict(cfg):
            cfg.pop("hydra")
    return cfg
