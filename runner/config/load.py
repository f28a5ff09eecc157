"""`load`: the command line and the YAML tree -> Experiments. The front door of the package."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config import build, guard, lower, place
from runner.config.build import Locator, Reader
from runner.config.compose import COMMAND_LINE, Composer, Composition, first_line, without_hydra
from runner.config.schema import LATER, TOP_LEVEL, ExperimentSchema
from runner.errors import ConfigError, UsageError
from runner.spec import Experiment, Launch, Variant

FORMAT = 1
"""Version of experiment.yaml's `xrun` header."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the command line asks to be loaded."""

    overrides: tuple[str, ...] = ()
    file: Path | None = None
    """A composed experiment.yaml to run again, instead of composing from a config directory."""
    config_path: str | None = None
    config_dir: str | None = None
    config_name: str | None = None
    cwd: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One composed and overridden config, before it is an Experiment."""

    cfg: DictConfig
    groups: frozenset[str]
    """Top-level keys that config groups brought; kwargs of that name."""
    chosen: Mapping[str, str]
    experiment: str | None
    locate: Locator
    launch: Launch | None = None


def load(request: Request) -> tuple[Experiment, ...]:
    """The experiments that the command line describes: one, or one per option when `experiment` itself is swept.

    Raises ConfigError (exit 2) for the first thing that is wrong, naming file and key. Nothing is written, no step is imported.
    """
    root, made = parts(request)
    by_name: dict[str, list[tuple[Part, Reader, Variant]]] = {}
    for part in made:
        reader = Reader(build.resolve(part.cfg, part.locate), part.locate)
        name = build.name_of(reader, part.experiment)
        by_name.setdefault(name, []).append((part, reader, build.variant(reader, part.cfg, part.chosen, part.groups)))
    return tuple(_experiment(name, members, root, request) for name, members in by_name.items())


def parts(request: Request) -> tuple[Path, list[Part]]:
    """The project root, and every composed config with its overrides applied."""
    if request.file is not None:
        return _from_file(request, request.file)
    where = place.find(request.cwd, request.config_path)
    composer = Composer(where, request.config_dir, request.config_name)
    overrides = composer.parse(list(request.overrides))
    choosing = [o for o in overrides if composer.is_group(o) or o.is_hydra_override()]
    setting = [o for o in overrides if o not in choosing]
    compositions = [composer.compose(lines, chosen) for lines, chosen in composer.combinations(choosing)]
    return where.root, [_part(composer, composition, setting) for composition in compositions]


def _part(composer: Composer, composition: Composition, setting: list[Override]) -> Part:
    sweeper = _sweeper_params(composer, composition.cfg)
    launch = _launch(composer, composition)
    cfg = without_hydra(composition.cfg)
    locate = Lazy(composer, composition)
    groups = frozenset[str]()
    if any(str(key) not in TOP_LEVEL and str(key) not in LATER for key in cfg):
        skip = (composer.config_name, "experiment/")
        groups = frozenset(
            str(key) for path, _, content in locate.origins() if not path.startswith(skip) for key in content if key not in TOP_LEVEL
        )
    if composition.experiment is None and "steps" not in cfg:
        raise _nothing_to_run(composer)
    build.check_top_level(cfg, groups, locate)
    full = _with_defaults(cfg, locate)
    lower.apply(full, [*sweeper, *setting], groups)
    return Part(cfg=full, groups=groups, chosen=composition.chosen, experiment=composition.experiment, locate=locate, launch=launch)


class Lazy(Locator):
    """A Locator that asks the composer only when an error needs it."""

    def __init__(self, composer: Composer, composition: Composition) -> None:
        self._composer, self._composition = composer, composition

    def origins(self) -> list[tuple[str, str, dict[Any, Any]]]:
        """The configs that took part."""
        return self._composer.origins(self._composition.lines)

    def __call__(self, key: str) -> str:
        """The file that sets the key."""
        return Locator(self.origins(), COMMAND_LINE)(key)


def _nothing_to_run(composer: Composer) -> UsageError:
    options = composer.options("experiment") if composer.loader.repository.group_exists("experiment") else []
    if options:
        listed = "\n".join(f"  xrun +experiment={option}" for option in options)
        return UsageError(f"choose an experiment:\n{listed}")
    tried = "".join(f"\n  {path}" for path in composer.place.tried) or f"\n  {composer.place.conf}/experiment/"
    return UsageError(f"there is no experiment; looked for a config directory with experiment/NAME.yaml in:{tried}")


def _with_defaults(cfg: DictConfig, locate: Locator) -> DictConfig:
    """The config over the schema's defaults, closed to unknown keys."""
    defaults = OmegaConf.create(OmegaConf.to_container(OmegaConf.structured(ExperimentSchema)))
    for key in ("executor", "results", "provenance"):
        if key in cfg and not isinstance(OmegaConf.to_container(cfg, resolve=False)[key], dict):  # type: ignore[index,call-overload]
            hint = f"{key}: {{name: {cfg[key]}}}" if key == "executor" else None
            raise ConfigError(f"{cfg[key]!r} is not a mapping", where=locate(key), key=key, hint=hint)
    try:
        full = OmegaConf.merge(defaults, cfg)
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", "") or "")
        raise ConfigError(first_line(error), where=locate(key), key=key) from None
    OmegaConf.set_struct(full, True)
    return full  # type: ignore[return-value]


def _launch(composer: Composer, composition: Composition) -> Launch | None:
    """The launcher plugin that the config names; None, without loading anything, where nothing asked for the `hydra` node."""
    if "hydra" not in composition.cfg:
        return None
    from runner.config.launcher import launcher

    return launcher(composer, composition.lines)


def _sweeper_params(composer: Composer, cfg: DictConfig) -> list[Override]:
    """`hydra.sweeper.params` in the YAML is a sweep from the command line, which comes later and wins."""
    params = OmegaConf.select(cfg, "hydra.sweeper.params")
    return composer.parse([f"{key}={value}" for key, value in params.items()]) if params else []


def _from_file(request: Request, file: Path) -> tuple[Path, list[Part]]:
    """A composed experiment.yaml: nothing is composed again; overrides apply to every variant in it."""
    if request.config_path or request.config_dir or request.config_name:
        raise UsageError(f"{file} is a composed experiment; it takes no --config-path, --config-dir or --config-name")
    if not file.is_file():
        raise ConfigError("no such file", where=str(file))
    guard.check(text := guard.read(file), str(file))
    try:
        cfg = OmegaConf.create(text)
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(first_line(error), where=str(file)) from None
    header = cfg.pop("xrun", None) if isinstance(cfg, DictConfig) else None
    if header is None or header.get("format") != FORMAT:
        problem = "not an experiment.yaml of this version of xrun" if header else "not an experiment.yaml that xrun wrote"
        raise ConfigError(problem, where=str(file), key="xrun.format", hint="run it from its config directory: xrun +experiment=NAME")
    root = _root_of(file, request.cwd)
    composer = Composer(place.Place(root=root, conf=None, tried=()))
    setting = composer.parse(list(request.overrides))
    variants = header.get("variants") or [{"chosen": header.get("chosen", {}), "groups": header.get("groups", []), "config": cfg}]
    made = []
    for entry in variants:
        content = entry["config"] if isinstance(entry["config"], DictConfig) else OmegaConf.create(entry["config"])
        locate = Locator([("", str(file), OmegaConf.to_container(content, resolve=False))], str(file))  # type: ignore[list-item]
        groups = frozenset(str(g) for g in entry["groups"])
        build.check_top_level(content, groups, locate)
        full = _with_defaults(content, locate)
        lower.apply(full, setting, groups)
        made.append(Part(cfg=full, groups=groups, chosen=dict(entry["chosen"]), experiment=None, locate=locate))
    return root, made


def _root_of(file: Path, cwd: Path) -> Path:
    """The project that a results file belongs to: the folder of `results/NAME/`, else the nearest that holds a config directory."""
    folder = file.absolute().parent
    for candidate in folder.parents:
        if (candidate / ".xrun").is_dir() or any((candidate / name).is_dir() for name in place.NAMES):
            return candidate
    return place.find(cwd).root


def _experiment(name: str, members: list[tuple[Part, Reader, Variant]], root: Path, request: Request) -> Experiment:
    part, reader, _ = members[0]
    return Experiment(
        name=name,
        description=reader.text(reader.tree["description"], "description"),
        tags=reader.texts(reader.tree["tags"], "tags"),
        steps=build.steps(reader),
        variants=tuple(variant for _, _, variant in members),
        seed=reader.integer(reader.tree["seed"], "seed", -(2**63)),
        replicates=None if reader.tree["replicates"] is None else reader.integer(reader.tree["replicates"], "replicates", 1),
        data=build.root_relative(reader, root),
        ignore=frozenset(reader.texts(reader.tree["ignore"], "ignore")),
        results=build.results(reader),
        executor=build.executor(reader),
        launch=part.launch,
        on_error=build.on_error(reader),
        provenance=build.provenance(reader),
        root=root,
        yaml=composed_yaml(name, [member for member, _, _ in members]),
        overrides=request.overrides,
    )


def composed_yaml(name: str, members: list[Part]) -> str:
    """experiment.yaml: everything that the plan depends on, environment variables unresolved."""
    for part in members:
        part.cfg.name = name
    if len(members) == 1:
        part = members[0]
        header: dict[str, Any] = {"format": FORMAT, "groups": sorted(part.groups), "chosen": dict(part.chosen)}
        return OmegaConf.to_yaml(OmegaConf.create({"xrun": header})) + OmegaConf.to_yaml(part.cfg, resolve=False)
    variants = [
        {"chosen": dict(p.chosen), "groups": sorted(p.groups), "config": OmegaConf.to_container(p.cfg, resolve=False)} for p in members
    ]
    return OmegaConf.to_yaml(OmegaConf.create({"xrun": {"format": FORMAT, "variants": variants}}))


def is_experiment_file(word: str) -> bool:
    """Whether the first word of a command line names a composed experiment rather than an override."""
    return "=" not in word and re.search(r"\.ya?ml$", word) is not None
