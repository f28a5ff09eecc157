"""The machine and the Python that an invocation runs on, and the whole Provenance put together."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from runner.errors import ConfigError
from runner.record import DataState, GitState, Provenance
from runner.suggest import did_you_mean

_SECRET = r"(?:pass|secret|token|api[-_]?key|credential)"
_OVERRIDE = re.compile(rf"([^=]*{_SECRET}[^=]*)=.", re.IGNORECASE | re.DOTALL)
_INNER = re.compile(rf"""(['"]?[\w.]*{_SECRET}[\w.]*['"]?\s*:\s*)("[^"]*"|'[^']*'|\[[^\]]*\]|[^,}}\]\s]+)""", re.IGNORECASE)
_URL = re.compile(r"(://[^/@:\s]*:)[^/@\s]+@")


def provenance(*, git: GitState | None, data: tuple[DataState, ...], argv: tuple[str, ...]) -> Provenance:
    """Everything that a manifest says about where its results come from. Secrets in `argv` are masked."""
    import platform

    return Provenance(
        git=git,
        data=data,
        python=platform.python_version(),
        platform=platform.platform(),
        host=platform.node(),
        user=_user(),
        packages=installed(),
        argv=tuple(map(masked, argv)),
        cpus=_cpus(),
    )


def installed() -> dict[str, str]:
    """Normalised name -> version of every distribution that can be imported."""
    return dict(sorted(_packages()))


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """The installed version of every distribution, by normalised name. Raises ConfigError, with the nearest name, where one is missing."""
    if not names:
        return {}
    there = installed()
    for name in names:
        if name not in there:
            hint = did_you_mean(name, there, "installed")
            raise ConfigError(f"the package `{name}` is not installed", key="identity.packages", hint=hint)
    return {name: there[name] for name in names}


def masked(argument: str) -> str:
    """`argument` with `***` for what looks like a secret: `db.password=x`, `kwargs={token: x}`, `store=db://user:x@host`."""
    if found := _OVERRIDE.match(argument):
        return f"{found[1]}=***"
    return _URL.sub(r"\1***@", _INNER.sub(r"\1***", argument))


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user id has no name
        return str(os.getuid())


def _cpus() -> int:
    """How many processors this process may use, which in a batch system is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _packages() -> Iterator[tuple[str, str]]:
    """Name (normalised, `hydra-core`) and version of every distribution that can be imported.

    A wheel's `NAME-VERSION.dist-info` says both; opening every METADATA file, as importlib.metadata does, takes 100 times as long.
    """
    seen = set()
    for folder in map(Path, dict.fromkeys(sys.path)):
        try:
            entries = os.listdir(folder)  # noqa: PTH208 - names only
        except OSError:  # a zip file, or nothing
            continue
        for entry in entries:
            name, version = _distribution(folder, entry)
            if name and name not in seen:
                seen.add(name)
                yield name, version


def _distribution(folder: Path, entry: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(entry)  # noqa: PTH122 - 10,000 entries
    if suffix not in {".dist-info", ".egg-info"} or stem.startswith("~"):  # "~": what pip leaves of a failed removal
        return "", ""
    name, _, version = stem.rpartition("-")
    if suffix == ".egg-info" or not version[:1].isdigit():
        from importlib.metadata import Distribution

        found = Distribution.at(folder / entry).metadata
        name, version = (found[key] if key in found else "" for key in ("Name", "Version"))  # noqa: SIM401 - it has no `get`
    return re.sub(r"[-_.]+", "-", name).lower(), version
