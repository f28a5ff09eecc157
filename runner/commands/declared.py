"""Which experiment `xrun check` is about, where its results are, and what it declares."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner import checks, published
from runner.checks import Check
from runner.config.reader import located
from runner.errors import ConfigError, UsageError
from runner.spec import Experiment
from runner.workspace import Workspace, locate

EXPERIMENT: Final = "experiment.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One experiment with results."""

    name: str
    root: Path
    """The project's."""
    workspace: Workspace
    conf: Path | None = None
    """The config directory; None: there is none, or `composed` takes its place."""
    composed: Experiment | None = None
    """What an experiment.yaml says, where that is what was asked for."""

    def checks(self) -> tuple[Check, ...]:
        """The checks that it declares. Raises ConfigError when it cannot be composed, UsageError when there is nothing to compose."""
        return declared(self.name, self.workspace, self.conf) if self.composed is None else _checks(self.composed)


def subject(asked: str, chosen: str | None) -> Subject:
    """What is meant by a name, by a results folder or its manifest, or by the path of an experiment.yaml.

    `chosen`: the workspace that the command line names.
    """
    from runner.config.load import is_experiment_file
    from runner.config.place import find

    if is_experiment_file(asked):
        return _of_file(Path(asked), chosen)
    place = find(Path.cwd(), os.environ.get("XRUN_CONF"))
    workspace = locate(place.root, chosen)
    path = Path(asked)
    if path.exists() and asked not in published.names(workspace):  # a results folder, or its manifest
        file = (path if path.is_dir() else path.parent) / EXPERIMENT
        if not file.is_file() or not (path.is_dir() or path.name in published.FILES):
            raise UsageError(f"{asked} is no results folder: there is no {EXPERIMENT} in it; give an experiment, or results/NAME")
        return _of_file(file, chosen)
    return Subject(name=asked, root=place.root, workspace=workspace, conf=place.conf)


def _of_file(file: Path, chosen: str | None) -> Subject:
    """The results that lie beside the file count; those of its project, where it lies in no results folder."""
    from runner.config.load import Request, load

    (composed,) = load(Request(file=file, cwd=Path.cwd()))
    folder = file.absolute().parent
    if chosen is None and folder.name == composed.name and folder.parent.name == "results":
        chosen = str(folder.parent.parent)
    return Subject(name=composed.name, root=composed.root, workspace=locate(composed.root, chosen), composed=composed)


def declared(experiment: str, workspace: Workspace, conf: Path | None) -> tuple[Check, ...]:
    """The checks of an experiment: as the config directory says now; of one that is not there, as its results folder does.

    Raises ConfigError when it cannot be composed, UsageError when there is neither.
    """
    from runner.config.load import Request, load

    folder = workspace.results / experiment
    told = published.Published(folder, str(folder)).manifest()
    recorded = told.overrides if told is not None else ()
    plain = (f"+experiment={experiment}",)
    ways = [way for way in (plain, recorded) if _options(way, conf)]  # the second for what the overrides of the last run alone set
    errors: list[ConfigError] = []
    for overrides in ways:
        try:
            found = load(Request(overrides=overrides, cwd=Path.cwd()))
        except ConfigError as error:
            errors.append(error)
            continue
        for each in found:
            if each.name == experiment:
                return _checks(each)
    if errors:
        raise errors[0]
    file = folder / "experiment.yaml"
    if not file.is_file():
        raise UsageError(f"there is no experiment `{experiment}` in the config directory, and no {file}; -c EXPR needs neither")
    return tuple(check for each in load(Request(file=file, cwd=Path.cwd())) for check in _checks(each))


def _checks(experiment: Experiment) -> tuple[Check, ...]:
    with located(experiment.locate):
        return checks.read(experiment.checks)


def _options(overrides: Iterable[str], conf: Path | None) -> bool:
    """Whether the config directory has an experiment that the overrides choose."""
    chosen = [override.partition("=")[2].split(",") for override in overrides if re.match(r"\+{0,2}experiment=", override)]
    return conf is not None and any((conf / "experiment" / f"{option}.yaml").is_file() for options in chosen for option in options)
