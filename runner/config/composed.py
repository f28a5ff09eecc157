"""experiment.yaml: a composed config that is written beside the results, and runs again without its config directory."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner import __version__
from runner.config import build, concealing, declared, guard
from runner.config.part import Part, with_defaults
from runner.config.reader import Locator
from runner.config.resolve import first_line
from runner.errors import ConfigError
from runner.mask import NOTHING, Mask
from runner.spec import REPLICATE

FORMAT = 1
"""Version of experiment.yaml, in its header `xrun.format`. A new key of experiment files needs no new one: what a file does not say is the
default. Raise it when a file would mean something else, keep reading the older ones, and add files of it to tests/config/golden."""


def write(name: str, members: list[Part], known: Mask = NOTHING, public: frozenset[str] = frozenset()) -> str:
    """The text: everything that the plan depends on, environment variables unresolved, secrets that stand in the config left out."""
    for part in members:
        part.cfg.name = name
    first = members[0]
    header: dict[str, Any] = {"format": FORMAT, **({"conf": first.conf} if first.conf else {})}
    if len(members) == 1:
        header |= {"groups": sorted(first.groups), "chosen": dict(first.chosen)}
        return OmegaConf.to_yaml(OmegaConf.create({"xrun": header})) + OmegaConf.to_yaml(OmegaConf.create(_content(first, known, public)))
    header["variants"] = [{"chosen": dict(p.chosen), "groups": sorted(p.groups), "config": _content(p, known, public)} for p in members]
    return OmegaConf.to_yaml(OmegaConf.create({"xrun": header}))


def _content(part: Part, known: Mask, public: frozenset[str]) -> Any:
    return concealing.redacted(OmegaConf.to_container(part.cfg, resolve=False), known, public)


def read(file: Path) -> list[Part]:
    """The parts that a file holds. Raises ConfigError when xrun did not write it, or a newer version of xrun did."""
    cfg = _read(file)
    header = cfg.pop("xrun", None) if isinstance(cfg, DictConfig) else None
    if not isinstance(header, DictConfig):
        option = file.stem if file.parent.name == "experiment" else "NAME"
        hint = f"run it from its config directory: xrun +experiment={option}"
        raise ConfigError("not an experiment.yaml that xrun wrote", where=str(file), key="xrun.format", hint=hint)
    _check_format(header.get("format"), file)
    entries = header.get("variants") or [{**header, "config": cfg}]
    try:
        return [_part(file, entry, str(header.get("conf") or "")) for entry in entries]
    except (KeyError, TypeError, ValueError, OmegaConfBaseException):
        raise _damaged(file) from None


def _check_format(found: object, file: Path) -> None:
    if type(found) is not int or found < 1:
        raise _damaged(file)
    if found > FORMAT:
        problem = f"the file is of a newer xrun: format {found}, and xrun {__version__} reads formats up to {FORMAT}"
        hint = "install a newer xrun, or run the experiment from its config directory: xrun +experiment=NAME"
        raise ConfigError(problem, where=str(file), key="xrun.format", hint=hint)


def _damaged(file: Path) -> ConfigError:
    return ConfigError("the header `xrun` is damaged", where=str(file), hint="run it from its config directory: xrun +experiment=NAME")


def axes_in(tree: Mapping[str, Any]) -> list[str]:
    """Names of the axes in the content of an experiment.yaml, of which nothing is resolved; none where it has another form."""
    names: list[str] = []
    for config, chosen in _configs(tree):
        names += [*declared.names_of(config.get("params")), *map(str, chosen)]
        names += [REPLICATE] if config.get("replicates") is not None else []
    return names


def columns_in(tree: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """(column, selector) of `results.columns` in the same; empty: the experiment chooses none; None where it has another form.

    Of what stands in `${...}`, other values of the file are put in their places; no resolver is called, since the file may be anybody's.
    """
    config = next((config for config, _ in _configs(tree)), None)  # variants have one table, and so the same columns
    if config is None:
        return None
    section = config.get("results")
    columns = section.get("columns") if isinstance(section, dict) else None
    if "${" in str(columns):
        try:
            chosen = OmegaConf.select(OmegaConf.create(_without_calls(config)), "results.columns")
            columns = OmegaConf.to_container(chosen, resolve=True, throw_on_missing=True)
        except (OmegaConfBaseException, ValueError):
            return None
    found: list[tuple[str, str]] = []
    for entry in [columns] if isinstance(columns, dict) else columns if isinstance(columns, list) else []:
        found += [(str(name), str(text)) for name, text in (entry.items() if isinstance(entry, dict) else [(entry, entry)])]
    return tuple(found)


def _without_calls(tree: Any) -> Any:
    """The same, with `???` for each text that may call a resolver, as `${oc.env:HOME}` does."""
    if isinstance(tree, dict):
        return {name: _without_calls(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_without_calls(value) for value in tree]
    return "???" if isinstance(tree, str) and ":" in tree.partition("${")[2] else tree


def _configs(tree: Mapping[str, Any]) -> Iterator[tuple[dict[Any, Any], dict[Any, Any]]]:
    """Each config in the content of an experiment.yaml, with the options that its groups have; nothing where it has another form."""
    header = tree.get("xrun")
    if not isinstance(header, dict) or header.get("format") not in range(1, FORMAT + 1):
        return
    variants = header.get("variants") or [{**header, "config": tree}]
    for entry in variants if isinstance(variants, list) else ():
        config, chosen = (entry.get("config"), entry.get("chosen")) if isinstance(entry, dict) else (None, None)
        if isinstance(config, dict) and isinstance(chosen, dict):
            yield config, chosen


def _read(file: Path) -> DictConfig | ListConfig:
    guard.check(text := guard.read(file), str(file))
    try:
        return OmegaConf.create(text)
    except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError(first_line(error), where=str(file)) from None


def _part(file: Path, entry: Any, conf: str) -> Part:
    groups, chosen = frozenset[str](map(str, entry["groups"])), {str(group): str(option) for group, option in dict(entry["chosen"]).items()}
    raw: Any = OmegaConf.to_container(entry["config"], resolve=False)
    own = OmegaConf.create(raw)
    locate = Locator(lambda: [("", str(file), raw)], default=str(file))
    build.check_top_level(own, groups, locate)
    return Part(cfg=with_defaults(own, locate), groups=groups, chosen=chosen, experiment=None, conf=conf, locate=locate)
