"""Composes configs with Hydra's own loader, once per choice of config groups instead of once per run.

Hydra composes its own `hydra` node with every config, which is four fifths of the time (34 of 43 ms, measured). Here it is
left out unless something asks for it: an override of `hydra.*`, a config that mentions it. Everything that this package takes
from Hydra's private modules is imported in this file and in `delegate.py`; tests/config/test_contract.py compares the outcome with
Hydra's public `compose()`.
"""

import importlib.util
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.file_config_source import FileConfigSource as HydraFileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException, OverrideParseException
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import guard
from runner.config.place import Place
from runner.suggest import nearest
from runner.errors import ConfigError

COMMAND_LINE = "command line"
RESERVED_GROUPS = ("experiment", "executor", "store", "search")
"""Groups whose choice says what or how to run; a choice of any other group is an axis of the experiment."""


class YamlWarning(UserWarning):
    """A literal that YAML reads otherwise than most people do."""


class FileConfigSource(HydraFileConfigSource):  # type: ignore[misc]
    """Hydra's file source behind our limits (it must carry Hydra's class name to take its place in the registry)."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Check the file before OmegaConf expands it; as Hydra's own otherwise."""
        path = Path(self.path) / self._normalize_file_name(config_path)
        if path.is_file():
            for text in guard.check(guard.read(path), str(path)):
                warnings.warn(text, YamlWarning, stacklevel=2)
        try:
            return super().load_config(config_path)
        except OmegaConfBaseException as error:
            raise ConfigError(first_line(error), where=str(path)) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """One composed config, before value overrides."""

    cfg: DictConfig
    """Unresolved; holds the `hydra` node only if it was asked for."""
    chosen: Mapping[str, str]
    """Group -> option for the groups that the command line chose, reserved ones left out."""
    lines: tuple[str, ...]
    """The group overrides it was made with."""
    experiment: str | None
    """The option of the group `experiment`."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something."""
    cause = error.__cause__ or error
    lines = [line.strip() for line in f"{error}\n{cause}".splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class Composer:
    """Hydra's loader over the user's config directory and the packaged defaults."""

    def __init__(self, place: Place, config_dir: str | None = None, config_name: str | None = None) -> None:
        """`config_dir` is searched after the config directory; `config_name` is the primary config, default `config`."""
        _register_sources()
        setup_globals()
        version.setbase(None)  # the present defaults, as @hydra.main(version_base=None) has them
        self.place = place
        self.search_path = _search_path(place, config_dir)
        self.loader = ConfigLoaderImpl(self.search_path)
        self.config_name = config_name or "config"

    def parse(self, lines: list[str]) -> list[Override]:
        """Overrides in Hydra's grammar. Raises ConfigError for what is not an override."""
        parser = OverridesParser.create(config_loader=self.loader)
        try:
            return list(parser.parse_overrides(lines))
        except OverrideParseException as error:
            raise self._not_an_override(error) from None

    def _not_an_override(self, error: OverrideParseException) -> ConfigError:
        word = str(error.override)
        hint = None
        if "=" not in word:
            close = nearest(word, self.options("experiment"))
            hint = f"did you mean +experiment={close}?" if close else "an override is written key=value"
        return ConfigError(f"{word!r} is not an override ({first_line(error)})", where=COMMAND_LINE, hint=hint)

    def is_group(self, override: Override) -> bool:
        """Whether the override chooses an option of a config group (Hydra's own rule)."""
        if isinstance(override._value, dict):
            return False
        return bool(self.loader.repository.group_exists(override.key_or_group))

    def options(self, group: str) -> list[str]:
        """The options of a config group."""
        return list(self.loader.get_group_options(group))

    def combinations(self, overrides: list[Override]) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
        """Every combination of the swept groups: its override lines and the options it chose."""
        variants = []
        for override in overrides:
            key = override.get_key_element()
            if override.is_sweep_override():
                if override.is_hydra_override():
                    raise ConfigError("Hydra's own configuration cannot be swept", where=COMMAND_LINE, key=key)
                variants.append([(f"{key}={option}", key, option) for option in override.sweep_string_iterator()])
            else:
                variants.append([(override.input_line or "", key, override.value())])
        for combination in itertools.product(*variants):
            chosen = {key.lstrip("+"): option for _, key, option in combination if isinstance(option, str) and not key.startswith("~")}
            yield tuple(line for line, _, _ in combination), chosen

    def compose(self, lines: tuple[str, ...], chosen: Mapping[str, str]) -> Composition:
        """The config that these group overrides (and `hydra.*` overrides) make."""
        try:
            cfg, known, lines = self._compose_either_way(lines)
        except (HydraException, OmegaConfBaseException) as error:
            raise self._composition_error(error) from None
        user = {g: o for g, o in chosen.items() if g.split("@")[0] not in RESERVED_GROUPS and not g.startswith("hydra")}
        return Composition(cfg=cfg, chosen=user, lines=lines, experiment=known.get("experiment"))

    def _compose_either_way(self, lines: tuple[str, ...]) -> tuple[DictConfig, Mapping[str, Any], tuple[str, ...]]:
        for _ in RESERVED_GROUPS:
            try:
                return *self._compose(lines), lines
            except HydraException as error:
                toggled = _toggle_add(lines, error)
                if toggled is None or toggled == lines:
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
                if "hydra" not in cfg:
                    return cfg, defaults.overrides.known_choices
        return self._compose_with_hydra(lines)

    def _compose_with_hydra(self, lines: tuple[str, ...]) -> tuple[DictConfig, Mapping[str, Any]]:
        from hydra.core.hydra_config import HydraConfig

        JobRuntime.instance().set("name", "xrun")
        cfg = self.loader.load_configuration(self.config_name, list(lines), run_mode=RunMode.RUN, validate_sweep_overrides=False)
        HydraConfig.instance().set_config(cfg)
        OmegaConf.set_struct(cfg, False)
        return cfg, dict(cfg.hydra.runtime.choices)

    def origins(self, lines: tuple[str, ...]) -> list[tuple[str, str, dict[Any, Any]]]:
        """(config path, file, content at its package) of every config that took part; for error messages, so it may be slow."""
        parsed, repository = self.loader._parse_overrides_and_create_caching_repo(self.config_name, list(lines))
        parsed = [o for o in parsed if not o.is_hydra_override()]
        defaults = create_defaults_list(
            repo=repository, config_name=self.config_name, overrides_list=parsed, prepend_hydra=False, skip_missing=True
        )
        found = []
        for default in defaults.defaults:
            loaded = self.loader._load_single_config(default=default, repo=repository)
            content = OmegaConf.to_container(loaded.config, resolve=False)
            file = f"{loaded.path.removeprefix('file://')}/{default.config_path}.yaml"
            found.append((str(default.config_path), file, content if isinstance(content, dict) else {}))
        return found

    def _composition_error(self, error: BaseException) -> ConfigError:
        text = first_line(error)
        if match := re.search(r"Could not find '([^']+)/([^/']+)'", f"{error}"):
            group, option = match.groups()
            choices = self.options(group)
            close = nearest(option, choices)
            tried = "; ".join(self.place.tried)
            problem = f"the group has no option {option!r}; it has: {', '.join(choices) or 'none'}"
            hint = f"did you mean {group}={close}?" if close else (f"no config directory was found; tried {tried}" if tried else None)
            return ConfigError(problem, where=str(self.place.conf or "packaged defaults"), key=group, hint=hint)
        if (
            "Could not load" in text
            or "not in the defaults list" in text
            or "No match in the defaults" in text
            or isinstance(error, HydraException)
        ):
            rest = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
            return ConfigError(rest or text, where=str(self.place.conf or "packaged defaults"))
        return ConfigError(text, where=str(self.place.conf))


def _toggle_add(lines: tuple[str, ...], error: BaseException) -> tuple[str, ...] | None:
    """`+experiment=x` and `experiment=x` are one wish; which of them Hydra takes depends on the user's defaults list."""
    text = str(error)
    for group in RESERVED_GROUPS:
        if f"Multiple values for {group}" in text:
            return tuple(line[1:] if line.startswith(f"+{group}=") else line for line in lines)
        if f"Could not override '{group}'" in text:
            return tuple(f"+{line}" if line.startswith(f"{group}=") else line for line in lines)
    return None


def _register_sources() -> None:
    registry = SourcesRegistry.instance()
    registry.types["file"] = FileConfigSource
    if importlib.util.find_spec("hydra_plugins") is not None:
        from hydra.core.plugins import Plugins  # scans every installed plugin, 15 ms and more

        Plugins.instance()
        return
    for kind in (ImportlibResourcesConfigSource, StructuredConfigSource):
        registry.register(kind)


def _search_path(place: Place, config_dir: str | None) -> ConfigSearchPathImpl:
    """Hydra, the user's directory, plugins, --config-dir, our packaged defaults; the first match wins."""
    path = ConfigSearchPathImpl()
    path.append("hydra", "pkg://hydra.conf")
    path.append("main", f"file://{place.conf}" if place.conf else "pkg://runner.conf")
    if importlib.util.find_spec("hydra_plugins") is not None:
        from hydra.core.plugins import Plugins
        from hydra.plugins.search_path_plugin import SearchPathPlugin

        for kind in Plugins.instance().discover(SearchPathPlugin):
            kind().manipulate_search_path(path)
    if config_dir is not None:
        folder = Path(config_dir).absolute()
        if not folder.is_dir():
            raise ConfigError(f"the config directory {folder} does not exist", where="--config-dir")
        path.append("command-line", f"file://{folder}")
    path.append("xrun", "pkg://runner.conf")
    path.append("schema", "structured://")
    return path


def without_hydra(cfg: DictConfig) -> DictConfig:
    """The job's part of a composed config."""
    if "hydra" in cfg:
        with open_dict(cfg):
            cfg.pop("hydra")
    return cfg
