"""What Hydra itself does best, done by Hydra: --info, --hydra-help, `--cfg hydra`, completion."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.bash_completion import BashCompletion
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.assigned import source
from runner.config import declared, place
from runner.config.compose import Composer
from runner.config.concealing import Concealer, redacted
from runner.config.load import Request, parts
from runner.config.noting import noting
from runner.config.part import Part
from runner.config.resolve import explain, first_line
from runner.errors import ConfigError, UsageError, XrunError
from runner.mask import NOTHING, Mask
from runner.secret import Piece, labelled, looks_secret, pieces


@contextmanager
def _hydra(composer: Composer) -> Iterator[Hydra]:
    """Hydra's application object over our search path."""
    try:
        yield Hydra.create_main_hydra2("xrun", composer.search_path)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(first_line(error), where="command line") from None
    finally:
        GlobalHydra.instance().clear()


def _composer(request: Request) -> Composer:
    return Composer(place.find(request.cwd, request.config_path), request.config_dir, request.config_name)


def _choosing(composer: Composer, request: Request) -> list[str]:
    """The overrides that Hydra needs for its own pages: groups and `hydra.*`; values are ours to apply."""
    overrides = composer.parse(list(request.overrides))
    return [o.input_line or "" for o in overrides if composer.is_group(o) or o.is_hydra_override()]


def info(request: Request, topic: str) -> None:
    """Print what `--info TOPIC` prints in any Hydra application."""
    composer = _composer(request)
    with _hydra(composer) as hydra, _without_secrets(request):
        hydra.show_info(topic, config_name=composer.config_name, overrides=_choosing(composer, request))


def show_cfg(request: Request, kind: str, package: str | None, *, resolve: bool) -> None:
    """Print the composed config. `job`: with sweeps lowered to axes, one document per combination of groups; `hydra` and `all`
    as any Hydra application prints them.
    """
    if kind == "job":
        for number, part in enumerate(parts(request)[1]):
            print("---\n" if number else "", end="")
            _print(part, package, resolve=resolve)
        return
    composer = _composer(request)
    with _hydra(composer) as hydra, _without_secrets(request, package):
        lines = _choosing(composer, request)
        hydra.show_cfg(config_name=composer.config_name, overrides=lines, cfg_type=kind, package=package, resolve=resolve)


@contextmanager
def _without_secrets(request: Request, package: str | None = None) -> Iterator[None]:
    """What Hydra prints of a config, less what is assigned to names that tell of secrets, and what is known from the config as `job`
    has it, wherever it stands. A package below such a name is `???`: its lines do not tell.
    """
    with redirect_stdout(StringIO()) as printed, noting() as variables:
        yield
    head, _, rest = printed.getvalue().partition("\n")
    if package is not None and rest.strip() and any(map(looks_secret, package.split("."))):
        print(f"{head}\n???")
        return
    known = Mask((*_known(request), *pieces(Concealer(variables).tree(list(variables.values())))))
    print(known.text(source(printed.getvalue(), "config.yaml")), end="")


def _known(request: Request) -> Iterator[Piece]:
    """What is secret in the config: as it is written, and, where it can be resolved, as it is then."""
    with suppress(XrunError):  # Hydra's own pages are there for configs that are no experiment as well
        for part in parts(request)[1]:
            public = _public(part)
            written = pieces(Concealer({}, public).tree(OmegaConf.to_container(part.cfg, resolve=False)))
            yield from (piece for piece in written if "${" not in piece.value)
            with suppress(OmegaConfBaseException, RecursionError), noting() as variables:
                resolved = OmegaConf.to_container(part.cfg, resolve=True)
                yield from pieces(Concealer(variables, public).tree(resolved))


def _public(part: Part) -> frozenset[str]:
    """What the experiment says is no secret."""
    return frozenset(map(str, OmegaConf.select(part.cfg, "secrets.public") or ()))


def _concealed(part: Part, *, resolve: bool) -> DictConfig:
    """A config with labels for secrets; unresolved, with `???` for those that stand in it."""
    cfg = part.cfg
    public = _public(part)
    try:
        with noting() as variables:
            tree = OmegaConf.to_container(cfg, resolve=resolve)
    except (OmegaConfBaseException, RecursionError) as error:
        raise explain(error, cfg, part.locate) from None
    if resolve:
        concealed = Concealer(variables, public).tree(tree)
        made = Mask(pieces(concealed)).plain(labelled(concealed))  # also in what refers to it
    else:
        made = redacted(tree, NOTHING, public)
    return OmegaConf.create(made)  # type: ignore[no-any-return]


def _print(part: Part, package: str | None, *, resolve: bool) -> None:
    cfg = _concealed(part, resolve=resolve)
    shown = cfg if package is None else OmegaConf.select(cfg, package)
    if shown is None:
        raise UsageError(f"the config has no package `{package}`")
    if package is not None:
        print(f"# @package {package}")
    print(OmegaConf.to_yaml(shown, resolve=resolve) if OmegaConf.is_config(shown) else f"{shown}\n", end="")


def hydra_help(request: Request) -> None:
    """Print `--hydra-help`."""
    composer = _composer(request)
    parser = get_args_parser()
    with _hydra(composer) as hydra:
        hydra.hydra_help(config_name=composer.config_name, args_parser=parser, args=parser.parse_args(["--hydra-help"]))


def complete(request: Request, commands: list[str]) -> None:
    """`-sc install=bash`, `-sc uninstall=bash`, `-sc query=bash` (COMP_LINE in the environment), as in any Hydra application."""
    composer = _composer(request)
    if "query=bash" in request.overrides:
        _Completion(composer, commands).query(composer.config_name)
        return
    with _hydra(composer) as hydra:
        try:
            hydra.shell_completion(config_name=composer.config_name, overrides=list(request.overrides))
        except ValueError as error:
            raise UsageError(f'{error}; for bash: eval "$(xrun -sc install=bash)"') from None


OPTIONS = (
    "--cfg",
    "--config-dir",
    "--config-name",
    "--config-path",
    "--force",
    "--grace",
    "--help",
    "--info",
    "--json",
    "--quiet",
    "--workspace",
)
"""What completion offers after `-`."""


class _Completion(BashCompletion):
    """Hydra's completion, plus axes and kwargs under their bare names, and the sub-commands."""

    def __init__(self, composer: Composer, commands: list[str]) -> None:
        super().__init__(ConfigLoaderImpl(composer.search_path))
        self._composer, self._commands = composer, commands

    def _query(self, config_name: str | None, line: str) -> list[str]:
        words = line.split()
        word = "" if not line or line.endswith(" ") else words.pop()
        if words and words[0] in self._commands:
            words = words[1:]
        elif not words and word.isalpha():
            return [name for name in self._commands if name.startswith(word)]
        chosen = [w for w in words if "=" in w and not w.startswith("-")]
        if word.startswith("-"):
            return [option for option in OPTIONS if option.startswith(word)]
        found = {*self._commands} if not words else set()
        with suppress(XrunError, HydraException, OmegaConfBaseException):  # a line that is wrong so far has no completion
            found.update(super()._query(config_name, " ".join([*chosen, word])))
            request = Request(overrides=tuple(chosen), cwd=Path.cwd(), config_path=str(self._composer.place.conf))
            for part in parts(request)[1]:
                names = [*declared.axis_names(part.cfg), *map(str, part.cfg.kwargs)]
                found.update(f"{name}=" for name in names if name.startswith(word))
        return sorted(found)
