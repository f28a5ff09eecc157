"""A virtual environment with the recorded versions of everything, for one reproduction."""

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import runner
from runner.errors import IncompleteError
from runner.reproducing.recording import Recording

_XRUN: Final = "xrun"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*")
_TOLD: Final = 1500
"""Characters of an installer's complaint that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An environment."""

    python: Path
    notes: tuple[str, ...] = ()
    """What is not as recorded, a sentence each."""


def build(recording: Recording, projects: Sequence[Path], folder: Path) -> Built:
    """Make `folder` a virtual environment with the recorded Python and packages, from the package index that pip or uv are set up for.

    `projects`: folders of the checkout; a recorded package that one of them is the source of is installed from there. xrun itself comes
    from there as well, or is a copy of the one that runs: the index may have something else under that name. Raises IncompleteError for
    a Python or a package that cannot be had.
    """
    packages = recording.manifest.packages
    if not packages:
        raise IncompleteError(f"{recording.folder} names no packages, so that there is nothing to build an environment from")
    _check(packages, str(recording.manifest.python))
    python, note = _create(str(recording.manifest.python), folder)
    own = {name: path for path in dict.fromkeys(projects) if (name := _name(path)) in packages}
    wanted = [f"{name}=={version}" for name, version in packages.items() if name not in (*own, _XRUN, "pip")]
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    _install(python, ["--requirement", str(requirements)])
    for path in own.values():
        _install(python, [str(path)])
    notes = [note] if note else []
    if _XRUN not in own:
        _copy_xrun(python)
        if (recorded := str(recording.manifest.xrun)) != runner.__version__:
            notes.append(f"xrun {runner.__version__} runs it, not {recorded}, which it was made with")
    return Built(python=python, notes=tuple(notes))


def _check(packages: Mapping[str, str], python: str) -> None:
    """Raise IncompleteError for what is no name or version: it would become a line, or an option, of an installer's."""
    for name, version in (("python", python), *packages.items()):
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            raise IncompleteError(f"the manifest names {name[:40]!r} {version[:40]!r}, which is no version; nothing was installed")


def _create(version: str, folder: Path) -> tuple[Path, str]:
    """The interpreter of a new environment of that version, and what is not as it should be."""
    python, note = folder / "bin" / "python", ""
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--python", version, str(folder)])
        return python, note
    source, found = _interpreter(version)
    if found != version:
        note = f"Python {found} instead of {version}"
    _run([source, "-m", "venv", "--without-pip", str(folder)])
    return python, note


def _interpreter(version: str) -> tuple[str, str]:
    """One of the same minor version, and its version. Raises IncompleteError."""
    if version == platform.python_version():
        return sys.executable, version
    minor = ".".join(version.split(".")[:2])
    near = ""
    for candidate in (f"python{version}", f"python{minor}", sys.executable):
        if path := shutil.which(candidate):
            asked = subprocess.run(
                [path, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True, check=False
            )
            found = asked.stdout.strip()
            if found == version:
                return path, found
            if found.startswith(f"{minor}."):
                near = near or f"{path}\n{found}"
    if near:
        path, _, found = near.partition("\n")
        return path, found
    raise IncompleteError(
        f"these results were made with Python {version}, and no python{minor} is here\n  install it, or uv, which brings it"
    )


def _install(python: Path, what: Sequence[str]) -> None:
    """Exactly these, no dependencies: the recorded list is complete."""
    if shutil.which("uv"):
        _run(["uv", "pip", "install", "--quiet", "--python", str(python), "--no-deps", *what])
        return
    if importlib.util.find_spec("pip") is None:
        raise IncompleteError("--env needs pip or uv, and neither is here\n  python -m ensurepip")
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--disable-pip-version-check", *what])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_TOLD:]
        raise IncompleteError(f"the recorded environment cannot be built:\n{said}\n  without --env the present one is used")


def _name(project: Path) -> str:
    """The normalised name of the distribution that a folder is the source of; "": of none."""
    try:
        name = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8")).get("project", {}).get("name", "")
    except (OSError, ValueError, AttributeError):
        return ""
    return re.sub(r"[-_.]+", "-", str(name)).lower()


def _copy_xrun(python: Path) -> None:
    """The xrun that runs, and what says of which version it is."""
    (site,) = (python.parent.parent / "lib").glob("python*/site-packages")
    shutil.copytree(Path(runner.__file__).parent, site / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    told = site / f"{_XRUN}-{runner.__version__}.dist-info"
    told.mkdir()
    try:
        text = str(importlib.metadata.distribution(_XRUN).read_text("METADATA"))
    except importlib.metadata.PackageNotFoundError:
        text = f"Metadata-Version: 2.1\nName: {_XRUN}\nVersion: {runner.__version__}\n"
    (told / "METADATA").write_text(text, encoding="utf-8")
