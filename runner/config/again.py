"""An experiment.yaml that runs again: which project it belongs to, and what overrides on top of it mean."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override

from runner.config import axes, composed, declared, lower, place
from runner.config.compose import Composer
from runner.config.part import Part
from runner.config.reader import COMMAND_LINE
from runner.errors import ConfigError


class ProjectWarning(UserWarning):
    """Nothing says which project an experiment.yaml belongs to."""


def load(file: Path, lines: Sequence[str], cwd: Path, config_path: str | None) -> tuple[Path, list[Part]]:
    """The project root and the parts of a composed experiment.yaml, with overrides applied to each of them.

    Nothing is composed again: an override sets a value, makes an axis, or chooses among the options of a config group that the file has.
    Raises ConfigError for a file that xrun did not write, and for an override that would need the config directory.
    """
    made = composed.read(file)
    root = root_of(file, made[0].conf, cwd, config_path)
    composer = Composer(place.Place(root=root, conf=None, tried=()))
    overrides = composer.parse([_executor(line) for line in lines])
    for override in overrides:
        _refuse_composition(override, made)
    choosing = [override for override in overrides if _choice(override, made)]
    for override in choosing:
        made = _chosen(override, made)
    setting = [override for override in overrides if override not in choosing]
    for part in made:
        part.locate.given.extend(lower.apply(part.cfg, setting, part.groups))
    return root, made


def root_of(file: Path, conf: str, cwd: Path, config_path: str | None = None) -> Path:
    """The project that a file belongs to: that of `config_path`, else of the nearest folder above the file that holds a config directory,
    else the one around `cwd`.

    `conf`: where the config directory was below the root, if not in a usual place. A workspace that was moved elsewhere (`--workspace`) is
    no project: there is nothing to import in it.
    """
    if config_path is not None:
        return place.find(cwd, config_path).root
    file = file.absolute()
    for candidate in file.parents:
        if place.is_home(candidate, conf, file):
            return candidate
    around = place.find(cwd)
    if around.conf is None:
        told = f"neither {file} nor {cwd} lies in a project: steps are imported from {cwd}, and results go there; -cp CONF names a project"
        warnings.warn(told, ProjectWarning, stacklevel=2)
    return around.root


def _executor(line: str) -> str:
    """`executor=serial`, which is a choice of a packaged group elsewhere, as the value that the group stands for."""
    key, equals, value = line.partition("=")
    return f"executor.name={value}" if equals and key.lstrip("+") == "executor" and not value.lstrip().startswith("{") else line


def _refuse_composition(override: Override, made: list[Part]) -> None:
    """What Hydra would have to compose for is not there any more."""
    key = override.key_or_group
    anew = f"compose it anew: xrun +experiment={made[0].cfg.name} {override.input_line}"
    if override.is_hydra_override() or key.startswith("hydra/"):
        raise ConfigError("an experiment.yaml holds no settings of Hydra's own", where=COMMAND_LINE, key=override.input_line, hint=anew)
    for part in made:
        if key == "experiment" and key not in declared.axis_names(part.cfg) and not declared.has_kwarg(part.cfg, key):
            problem = "an experiment.yaml is one experiment already"
            raise ConfigError(problem, where=COMMAND_LINE, key=override.input_line, hint="leave out the file, or the override")
        if key in part.groups and not (_choice(override, made) or isinstance(override._value, dict) or override.is_delete()):
            problem = f"`{key}` is a config group, and the file has the option that it was composed with"
            hint = f"a value in it: {key}.NAME=...; or {anew}"
            raise ConfigError(problem, where=COMMAND_LINE, key=override.input_line, hint=hint)


def _choice(override: Override, made: list[Part]) -> bool:
    """Whether it chooses among options that the file has."""
    if override.is_delete() or isinstance(override._value, dict):
        return False
    return all(override.get_key_element().lstrip("+") in part.chosen for part in made)


def _chosen(override: Override, made: list[Part]) -> list[Part]:
    """The parts with the options that an override names, in its order."""
    group = override.get_key_element().lstrip("+")
    value = override.value()
    values = axes.enumerate_sweep(override) if override.is_sweep_override() else value if isinstance(value, list) else [value]
    wanted = list(map(str, values))
    there = list(dict.fromkeys(part.chosen[group] for part in made))
    for option in wanted or [""]:
        if option not in there:
            problem = f"the file does not have the option `{option}` of the config group `{group}`; it has: {', '.join(there)}"
            hint = f"compose it anew: xrun +experiment={made[0].cfg.name} {override.input_line}"
            raise ConfigError(problem, where=COMMAND_LINE, key=override.input_line, hint=hint)
    return [part for option in dict.fromkeys(wanted) for part in made if part.chosen[group] == option]
