"""`load`: the command line and the YAML tree -> Experiments. The front door of the package."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from runner.config import again, build, composed, group_axes, identifying, lower, moment, namesakes, place, steps, variant
from runner.config.compose import Composer, Composition, without_hydra
from runner.config.part import Part, with_defaults
from runner.config.reader import COMMAND_LINE, Locator, Reader
from runner.config.schema import LATER, TOP_LEVEL
from runner.errors import ConfigError, UsageError
from runner.mask import Mask
from runner.spec import Experiment, Launch, Sweep, Variant

composed_yaml = composed.write


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the command line asks to be loaded."""

    overrides: tuple[str, ...] = ()
    file: Path | None = None
    """A composed experiment.yaml to run again, instead of composing from a config directory."""
    config_path: str | None = None
    """The config directory; of a file, it names the project."""
    config_dir: str | None = None
    config_name: str | None = None
    cwd: Path


Member = tuple[Part, Reader, Variant]


def load(request: Request) -> tuple[Experiment, ...]:
    """The experiments that the command line describes: one, or one per option when `experiment` itself is swept.

    Raises ConfigError (exit 2) for the first thing that is wrong, naming file and key. Nothing is written, no step is imported.
    """
    return _grouped(*parts(request), request)


def union(requests: Sequence[Request]) -> Experiment:
    """One experiment whose plan is the union of those that several command lines describe."""
    loaded = [parts(request) for request in requests]
    (experiment,) = _grouped(loaded[0][0], [part for _, made in loaded for part in made], requests[0])
    return experiment


def _grouped(root: Path, made: list[Part], request: Request) -> tuple[Experiment, ...]:
    by_name: dict[str, list[Member]] = {}
    moments: dict[str, str] = {}
    for part in made:
        moment.settle(part.cfg, moments)
        reader, found = variant.read(part.cfg, part.groups, part.chosen, part.locate)
        name = build.name_of(reader, part.experiment)
        if name not in by_name:
            namesakes.warn(name, part)
        by_name.setdefault(name, []).append((part, reader, found))
    return tuple(_experiment(name, members, root, request) for name, members in by_name.items())


def parts(request: Request) -> tuple[Path, list[Part]]:
    """The project root, and every composed config with its overrides applied."""
    if request.file is not None:
        if request.config_dir or request.config_name:
            raise UsageError(f"{request.file} is a composed experiment; it takes no --config-dir or --config-name")
        return again.load(request.cwd / request.file, request.overrides, request.cwd, request.config_path)
    where = place.find(request.cwd, request.config_path)
    composer = Composer(where, request.cwd / request.config_dir if request.config_dir else None, request.config_name)
    overrides = composer.parse(list(request.overrides))
    choosing = [o for o in overrides if composer.is_group(o) or o.is_hydra_override()]
    setting = [o for o in overrides if o not in choosing]
    lower.refuse_misspelt_groups(setting, composer.groups(), composer.options)
    compositions = [composer.compose(lines, chosen) for lines, chosen in composer.combinations(choosing)]
    expanded = [each for composition in compositions for each in group_axes.expand(composer, composition)]
    return where.root, [_part(composer, composition, setting) for composition in expanded]


def _part(composer: Composer, composition: Composition, setting: list[Override]) -> Part:
    sweeper = _sweeper_params(composer, composition.cfg)
    launch, sweep = _plugins(composer, composition, setting)
    if sweep is not None:
        setting = []  # they are the plugin's to split
    cfg = without_hydra(composition.cfg)
    locate = Locator(lambda: composer.origins(composition.lines), default=composer.home(composition))
    if composition.experiment is None and "steps" not in cfg and not OmegaConf.is_missing(cfg, "steps"):
        raise _nothing_to_run(composer)
    groups = frozenset[str]()
    if any(str(key) not in TOP_LEVEL and str(key) not in LATER for key in cfg):
        skip = (composer.config_name, "experiment/")
        groups = frozenset(
            str(key) for path, _, content in locate.origins() if not path.startswith(skip) for key in content if key not in TOP_LEVEL
        )
    build.check_top_level(cfg, groups, locate)
    group_axes.drop(cfg, composition)
    full = with_defaults(cfg, locate)
    locate.given.extend(lower.apply(full, [*sweeper, *setting], groups)[len(sweeper) :])
    return Part(
        cfg=full,
        groups=groups,
        chosen=composition.chosen,
        experiment=composition.experiment,
        conf=composer.place.unusual,
        locate=locate,
        launch=launch,
        sweep=sweep,
    )


def _nothing_to_run(composer: Composer) -> UsageError:
    options = composer.options("experiment")
    if options:
        listed = "\n".join(f"  xrun +experiment={option}" for option in options)
        return UsageError(f"choose an experiment:\n{listed}")
    tried = "".join(f"\n  {path}" for path in composer.place.tried) or f"\n  {composer.place.conf}/experiment/"
    return UsageError(f"there is no experiment; looked for a config directory with experiment/NAME.yaml in:{tried}")


def _plugins(composer: Composer, composition: Composition, setting: list[Override]) -> tuple[Launch | None, Sweep | None]:
    """Launcher and sweeper plugins that the config names; none, without loading anything, where nothing asked for the `hydra` node."""
    if "hydra" not in composition.cfg:
        return None, None
    from runner.config.launcher import launcher
    from runner.config.sweeper import sweeper

    sweep = sweeper(composer, composition.lines, setting, composition.cfg)
    return (None if sweep is not None else launcher(composer, composition.lines)), sweep


def _sweeper_params(composer: Composer, cfg: DictConfig) -> list[Override]:
    """Values that `hydra.sweeper.params` sweeps (groups: `group_axes`); as from the command line, which comes later and wins."""
    params = OmegaConf.select(cfg, "hydra.sweeper.params")
    lines = [f"{key}={value}" for key, value in (params or {}).items()]
    return [override for override in composer.parse(lines) if not composer.is_group(override)]


def _experiment(name: str, members: list[Member], root: Path, request: Request) -> Experiment:
    part, reader, _ = members[0]
    variants = tuple(variant for _, _, variant in members)
    for other in members[1:]:
        _must_agree(name, members[0], other)
    tree = reader.tree
    known = Mask(tuple(dict.fromkeys(piece for variant in variants for piece in variant.mask.pieces)))
    public = frozenset(tree["secrets"]["public"])
    return Experiment(
        name=name,
        description=reader.text(tree["description"], "description"),
        tags=reader.texts(tree["tags"], "tags"),
        steps=steps.read(reader),
        variants=variants,
        seed=reader.integer(tree["seed"], "seed"),
        replicates=None if tree["replicates"] is None else reader.integer(tree["replicates"], "replicates", 1),
        data=build.data(reader, root),
        ignore=identifying.ignore(reader, variants),
        default_ids=identifying.default_ids(reader, variants),
        packages=identifying.packages(reader),
        results=build.results(reader),
        checks=build.checks(reader),
        tracking=build.tracking(reader),
        executor=build.executor(reader),
        launch=part.launch,
        sweep=part.sweep,
        on_error=build.on_error(reader),
        max_failures=None if tree["max_failures"] is None else reader.integer(tree["max_failures"], "max_failures", 1),
        checkpoint=identifying.checkpoint(reader, variants),
        provenance=build.provenance(reader),
        step_packages=place.step_packages(root),
        root=root,
        yaml=composed.write(name, [member for member, _, _ in members], known, public),
        overrides=request.overrides,
        mask=known,
        locate=part.locate,
    )


def _must_agree(name: str, first: Member, other: Member) -> None:
    """The compositions of one experiment differ in kwargs and params alone."""
    if first[0].experiment != other[0].experiment:
        problem = f"the experiments `{first[0].experiment}` and `{other[0].experiment}` are both called `{name}`"
        raise ConfigError(problem, where=other[0].locate("name"), key="name", hint="give each a name of its own")
    for key in TOP_LEVEL:
        if key not in ("name", "description", "kwargs", "params") and first[1].tree[key] != other[1].tree[key]:
            choice = ", ".join(f"{group}={option}" for group, option in other[0].chosen.items()) or "a swept group"
            problem = f"{choice} changes `{key}`, which is one for the whole experiment"
            raise ConfigError(problem, where=other[0].locate(key), key=key, hint="sweep the experiment group instead: +experiment=a,b")


def is_experiment_file(word: str) -> bool:
    """Whether a word of a command line names a composed experiment rather than an override."""
    return re.search(r"\.ya?ml$", word) is not None and ("=" not in word or Path(word).is_file())


__all__ = ["COMMAND_LINE", "Part", "Request", "composed_yaml", "is_experiment_file", "load", "parts", "union"]
