"""Finds the config directory and with it the project root."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import ConfigError

NAMES = ("conf", "configs")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the project is."""

    root: Path
    """Put on `sys.path`; `.xrun/` and `results/` lie here."""
    conf: Path | None
    """The config directory; None when there is none, so that only the packaged defaults are left."""
    tried: tuple[str, ...]
    """What was looked at, for the error message."""

    @property
    def unusual(self) -> str:
        """The config directory relative to the root; empty in a usual place, where it is found untold, and outside of the root."""
        if self.conf is None or (self.conf.parent == self.root and self.conf.name in NAMES) or not self.conf.is_relative_to(self.root):
            return ""
        return str(self.conf.relative_to(self.root))


def git_root(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds `.git`."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def find(cwd: Path, config_path: str | None = None) -> Place:
    """The first of: `config_path`, $XRUN_CONF, `[tool.xrun] conf` in pyproject.toml, ./conf, ./configs, the same at the git root.

    A directory that somebody names and that does not exist raises ConfigError; one that nobody names may be absent.
    """
    top = git_root(cwd)
    if config_path is not None:
        return _named(cwd / config_path, "--config-path")
    if value := os.environ.get("XRUN_CONF"):
        return _named(cwd / value, "XRUN_CONF")
    homes = [cwd] + ([top] if top and top != cwd else [])
    tried = []
    for home in homes:
        if named := from_pyproject(home):
            return Place(root=home, conf=named, tried=())
        tried.append(f"[tool.xrun] conf in {home / 'pyproject.toml'}")
    for home in homes:
        for name in NAMES:
            if (home / name).is_dir():
                return Place(root=home, conf=home / name, tried=())
            tried.append(str(home / name))
    return Place(root=cwd, conf=None, tried=("--config-path", "$XRUN_CONF", *tried))


def experiments() -> list[str]:
    """Names of the experiments in the config directory around the working directory; none where there is no such directory."""
    with suppress(ConfigError):  # it names one that does not exist: an error of its own, once it is needed
        conf = find(Path.cwd()).conf
        folder = conf / "experiment" if conf is not None else None
        files = sorted(folder.rglob("*.yaml")) if folder is not None else []
        return [file.relative_to(folder).with_suffix("").as_posix() for file in files if folder is not None]
    return []


def is_home(folder: Path, unusual: str, file: Path) -> bool:
    """Whether a folder is the root of a project that `file` belongs to: it has a config directory, in a usual place, in the one that its
    pyproject.toml names, or in `unusual`; and the file does not lie in that.
    """
    named = [folder / name for name in (*NAMES, unusual) if name]
    with suppress(ConfigError):  # of a project that is nobody's business here
        named += filter(None, [from_pyproject(folder)])
    return any(conf.is_dir() and not file.is_relative_to(conf) for conf in named)


def _named(path: Path, where: str) -> Place:
    folder = Path(os.path.normpath(path))
    if not folder.is_dir():
        problem = "is not a directory" if folder.exists() else "does not exist"
        raise ConfigError(f"the config directory {folder} {problem}", where=where)
    return Place(root=folder.parent, conf=folder, tried=())


def step_packages(root: Path) -> tuple[str, ...]:
    """`[tool.xrun] steps` of the project's pyproject.toml: packages that steps may be taken from though they are none of the user's.

    Raises ConfigError when it is no list of names.
    """
    value = _settings(root / "pyproject.toml").get("steps", [])
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        problem = f"{value!r} is no list of packages"
        raise ConfigError(problem, where=str(root / "pyproject.toml"), key="tool.xrun.steps", hint='write steps = ["statistics"]')
    return tuple(value)


def _settings(file: Path) -> dict[str, Any]:
    """`[tool.xrun]`; empty where there is none."""
    raw = file.read_bytes() if file.is_file() else b""
    if b"xrun" not in raw:
        return {}
    import tomllib  # 2 ms, for those who say something there

    try:
        found = tomllib.loads(raw.decode()).get("tool", {}).get("xrun", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(file)) from None
    return found if isinstance(found, dict) else {}


def from_pyproject(home: Path) -> Path | None:
    """The config directory that `[tool.xrun] conf` of `home` names, None without. Raises ConfigError for one that is not there."""
    file = home / "pyproject.toml"
    value = _settings(file).get("conf")
    if value is None:
        return None
    if not isinstance(value, str) or not (home / value).is_dir():
        raise ConfigError(f"the config directory {value!r} does not exist", where=str(file), key="tool.xrun.conf")
    return home / value
