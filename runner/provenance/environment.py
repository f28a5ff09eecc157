"""The machine and the Python that an invocation runs on, and the whole Provenance put together."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.codec import printable
from runner.errors import ConfigError
from runner.mask import NOTHING, Mask, without_url_passwords
from runner.record import DataState, GitState, Provenance
from runner.secret import SHORTEST, Piece, looks_secret
from runner.suggest import did_you_mean
from runner.usage import cpus

_OVERRIDE = re.compile(r"([^=]*)=(.+)", re.DOTALL)
_INNER = re.compile(r"""(?P<mark>['"]?)(?P<name>[\w.\-]+)(?P=mark)\s*:\s*""")
_VALUE = re.compile(r"""("[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[^,}\]\s]+)""")
_NUMBER = re.compile(r"[\[\s]*[-+\d.][-+\d.,\se\]]*|true|false|null|range\([\d,\s]*\)", re.IGNORECASE)


def provenance(*, git: GitState | None, data: tuple[DataState, ...], argv: tuple[str, ...], mask: Mask = NOTHING) -> Provenance:
    """Everything that a manifest says about where its results come from. Secrets in `argv` are masked: what looks like one, and `mask`."""
    import platform

    return Provenance(
        git=git,
        data=data,
        python=platform.python_version(),
        platform=platform.platform(),
        host=platform.node(),
        user=_user(),
        packages=installed(),
        argv=tuple(printable(mask.text(masked(argument))) for argument in argv),
        cpus=cpus(),
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
    if (found := _OVERRIDE.fullmatch(argument)) and _tells(found[1], found[2]):
        return f"{found[1]}=***"
    done, position = [], 0
    for name in _INNER.finditer(argument):
        value = _VALUE.match(argument, name.end())
        if value is not None and name.start() >= position and _tells(name["name"], value[0]):
            done += [argument[position : name.end()], "***"]
            position = value.end()
    return without_url_passwords("".join([*done, argument[position:]]))


def without_secrets(text: str, argv: Sequence[str]) -> str:
    """A message less what the command line and the environment have under names that tell of secrets."""
    values = [value for name, value in os.environ.items() if looks_secret(name)]
    for argument in argv:
        if masked(argument) != argument:
            text = text.replace(argument, masked(argument))
            values += [argument.partition("=")[2], *re.split(r"[\s,:=\[\]{}'\"@/]+", argument.partition("=")[2])]
    pieces = tuple(Piece(value, "***") for value in values if len(value) >= SHORTEST)
    return Mask(pieces).text(text)


def _tells(name: str, value: str) -> bool:
    """Whether a part of a name tells of a secret, which no number is (`max_tokens=512`)."""
    return any(map(looks_secret, re.split(r"[.@/:]", name.strip("'\" ")))) and _NUMBER.fullmatch(value.strip()) is None


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user id has no name
        return str(os.getuid())


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
