"""Where Hydra's loader looks for configs, and our limits on what it reads there."""

import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Final

import yaml
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.file_config_source import FileConfigSource as HydraFileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf.errors import GrammarParseError, OmegaConfBaseException

from runner.config import guard
from runner.config.place import Place
from runner.config.resolve import first_line
from runner.errors import ConfigError

PLUGINS: Final = "hydra_plugins"
"""The package in which Hydra looks for plugins."""


class YamlWarning(UserWarning):
    """A literal that YAML reads otherwise than most people do."""


class FileConfigSource(HydraFileConfigSource):
    """Hydra's file source behind our limits (it must carry Hydra's class name to take its place in the registry)."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Check the file before OmegaConf expands it; as Hydra's own otherwise."""
        path = Path(self.path) / self._normalize_file_name(config_path)
        if path.is_file():
            for text in guard.check(guard.read(path), str(path)):
                warnings.warn(text, YamlWarning, stacklevel=2)
        try:
            return super().load_config(config_path)
        except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
            problem = "a number has too many digits" if "int_max_str_digits" in str(error) else first_line(error)
            if isinstance(error, GrammarParseError):
                problem = f"not a valid interpolation: {problem}"
            raise ConfigError(problem, where=str(path)) from None


def register(root: Path) -> None:
    """Make our file source Hydra's, and the others known. Plugins are scanned (15 ms and more) only where there are some: installed, on
    PYTHONPATH, or in `hydra_plugins/` in the project root, where an app of Hydra's own finds them beside its script.
    """
    if (root / PLUGINS).is_dir() and str(root) not in sys.path:
        sys.path.append(str(root))  # last: nothing of the project takes the place of a library here
        importlib.invalidate_caches()
    registry = SourcesRegistry.instance()
    registry.types["file"] = FileConfigSource
    if _has_plugins():
        from hydra.core.plugins import Plugins

        Plugins.instance()
        return
    for kind in (ImportlibResourcesConfigSource, StructuredConfigSource):
        registry.register(kind)


def search_path(place: Place, config_dir: str | Path | None) -> ConfigSearchPathImpl:
    """Hydra, the user's directory, plugins, --config-dir, our packaged defaults; the first match wins."""
    path = ConfigSearchPathImpl()
    path.append("hydra", "pkg://hydra.conf")
    path.append("main", f"file://{place.conf}" if place.conf else "pkg://runner.conf")
    if _has_plugins():
        from hydra.core.plugins import Plugins
        from hydra.plugins.search_path_plugin import SearchPathPlugin

        for kind in Plugins.instance().discover(SearchPathPlugin):
            kind().manipulate_search_path(path)  # type: ignore[attr-defined]
    if config_dir is not None:
        folder = Path(config_dir).absolute()
        if not folder.is_dir():
            problem = "is not a directory" if folder.exists() else "does not exist"
            raise ConfigError(f"the config directory {folder} {problem}", where="--config-dir")
        path.append("command-line", f"file://{folder}")
    path.append("xrun", "pkg://runner.conf")
    path.append("schema", "structured://")
    return path


def _has_plugins() -> bool:
    return importlib.util.find_spec(PLUGINS) is not None
