"""From a config with interpolations to plain containers, once for the whole experiment or once for each point."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from omegaconf import DictConfig, Node, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.concealing import Concealer
from runner.config.noting import noting
from runner.config.reader import Locator, shown
from runner.errors import ConfigError
from runner.secret import labelled, pieces, revealed
from runner.suggest import nearest

MAX_BITS = 10_000
"""Longest whole number, about 3,000 digits: Python refuses to write longer ones as text."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something."""
    cause = error.__cause__ or error
    lines = [line.strip() for line in f"{error}\n{cause}".splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def raw(cfg: DictConfig, key: str) -> Any:
    """One entry as plain data, interpolations as they are written."""
    node = cfg._get_node(key)
    if OmegaConf.is_config(node):
        return OmegaConf.to_container(node, resolve=False)
    return node._value() if isinstance(node, Node) else None


def texts(tree: Any) -> Iterator[str]:
    """All strings of plain data, keys left out."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from texts(item)


def mapped(tree: Any, change: Callable[[str], Any]) -> Any:
    """Plain data with every string in it changed, keys left out."""
    if isinstance(tree, dict):
        return {key: mapped(item, change) for key, item in tree.items()}
    if isinstance(tree, list):
        return [mapped(item, change) for item in tree]
    return change(tree) if isinstance(tree, str) else tree


def plain(cfg: DictConfig, key: str) -> Any:
    """One entry, interpolations resolved."""
    value = cfg[key]
    return OmegaConf.to_container(value, resolve=True, throw_on_missing=True) if OmegaConf.is_config(value) else value


def resolve(cfg: DictConfig, keys: list[str], locate: Locator) -> dict[str, Any]:
    """Some top-level entries as plain data. Raises ConfigError naming the key that cannot be resolved, or whose value is none."""
    tree: dict[str, Any] = {}
    for key in keys:
        try:
            tree[key] = plain(cfg, key)
        except (OmegaConfBaseException, RecursionError) as error:
            raise explain(error, cfg, locate) from None
        _check(tree[key], key, locate)
    return tree


def explain(error: BaseException, cfg: DictConfig, locate: Locator) -> ConfigError:
    """An error of OmegaConf in our words."""
    key = str(getattr(error, "full_key", "") or "")
    problem, hint, match = first_line(error), None, None
    if isinstance(error, RecursionError) or "Recursive interpolation" in problem:
        problem = "the interpolation refers to itself"
    elif "Missing mandatory value" in problem:
        problem, hint = "a value is required here (???)", f"give it: {key}=..."
    elif match := re.search(r"Interpolation key '(.+?)' not found", problem):
        problem, paths = f"there is no key `{match[1]}` to interpolate", _paths(OmegaConf.to_container(cfg))
        below = [path for path in paths if path in (f"params.{match[1]}", f"kwargs.{match[1]}")]  # `${lr}`
        close = below[0] if below else nearest(match[1], paths)
        hint = f"did you mean ${{{close}}}?" if close else None
    elif match := re.search(r"Environment variable '(.+?)' not found", problem):
        problem, hint = f"the environment variable {match[1]} is not set", f"set it, or give a default: ${{oc.env:{match[1]},DEFAULT}}"
    elif match := re.search(r"Unsupported interpolation type (\S+)", problem):
        problem = f"there is no resolver `{match[1]}`"
        hint = "did you mean ${oc.env:NAME}?" if match[1] == "env" else None
    if hint is None and match is not None and re.match(r"steps\[\d+\]\.command", key):
        hint = f"a variable of the shell is written ${match[1]} or \\${{{match[1]}}}"
    return ConfigError(problem, where=locate(key), key=key or None, hint=hint)


def _paths(tree: Any, prefix: str = "") -> list[str]:
    if not isinstance(tree, dict):
        return []
    return [path for key, value in tree.items() for path in (f"{prefix}{key}", *_paths(value, f"{prefix}{key}."))]


def _check(value: Any, key: str, locate: Locator) -> None:
    """Refuse what no store or table can keep, naming the place."""
    kind = type(value)
    if kind is dict:
        for name, item in value.items():
            if isinstance(name, str):
                _check_text(name, key, locate)
            elif type(name) not in (int, float, bool):
                raise ConfigError(f"the key {shown(name)} is no plain value", where=locate(key), key=key)
            _check(item, f"{key}.{name}", locate)
    elif kind is list:
        for n, item in enumerate(value):
            if type(item) is not float and item is not None:
                _check(item, f"{key}[{n}]", locate)
    else:
        _check_scalar(value, key, locate)


def _check_scalar(value: Any, key: str, locate: Locator) -> None:
    if type(value) is str:
        _check_text(value, key, locate)
    elif type(value) is int and value.bit_length() > MAX_BITS:
        raise ConfigError("the number has too many digits", where=locate(key), key=key)
    elif value is not None and type(value) not in (bool, int, float):
        raise ConfigError(f"a value of type {type(value).__name__} is not plain data", where=locate(key), key=key)


def _check_text(text: str, key: str, locate: Locator) -> None:
    if "\0" in text:
        raise ConfigError(f"character {text.index(chr(0))} of the text is NUL, which no store can keep", where=locate(key), key=key)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            problem = f"character {error.start} of the text is a lone surrogate, which is not Unicode"
            raise ConfigError(problem, where=locate(key), key=key) from None


def refers_to(cfg: DictConfig, key: str, names: list[str]) -> bool:
    """Whether an interpolation below `key` mentions an axis, as `params.N` or by the name of a kwarg that an axis replaced.

    It may find one too many, which costs time and nothing else.
    """
    text = "\n".join(texts(raw(cfg, key)))
    if "${" not in text:
        return False
    parts = dict.fromkeys(part for name in names for part in name.split("."))  # `${kwargs.model}` holds `model.C` as well
    words = "|".join(["params", *map(re.escape, parts)])
    return re.search(rf"\$\{{[^}}]*(?<!\w)(?:{words})(?!\w)", text) is not None


@dataclass(frozen=True, slots=True)
class KwargsAt:
    """The kwargs of one run, where they refer to its point; picklable, because helpers receive plans."""

    text: str
    """The unresolved config without `params`, as YAML."""
    kwargs: tuple[str, ...]
    groups: tuple[str, ...]
    """Top-level keys that config groups brought."""
    choices: frozenset[str]
    """Axes that are names of options, in nobody's place."""
    cache: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    """What `${now:}` and the like gave, so that every run sees the same."""
    public: frozenset[str] = frozenset()
    """`secrets.public`."""

    def settled(self, point: Mapping[str, Any]) -> "KwargsAt":
        """The same, with what `${now:}` and the like give from now on."""
        self(point)
        cache = OmegaConf.get_cache(_parsed(self.text, tuple(point)))
        return replace(self, cache={name: dict(values) for name, values in cache.items()})

    def __call__(self, point: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Resolve the kwargs at a point, which they see as `params` and in the place of the kwargs that its axes replaced."""
        with noting() as variables:
            tree = self._resolved(revealed(point))
        return Concealer(variables, self.public, pieces(point)).kwargs(tree)

    def _resolved(self, point: Mapping[str, Any]) -> dict[str, Any]:
        cfg = _parsed(self.text, tuple(point))
        OmegaConf.set_cache(cfg, defaultdict(dict, {name: dict(values) for name, values in self.cache.items()}))
        try:
            for name, value in point.items():
                OmegaConf.update(cfg, f"params.{name}", value, merge=False, force_add=True)
                if name not in self.choices:
                    section = "" if name.partition(".")[0] in self.groups else "kwargs."
                    OmegaConf.update(cfg, f"{section}{name}", value, merge=False, force_add=True)
            tree = {key: plain(cfg, key) for key in self.groups}
            tree.update((key, plain(cfg["kwargs"], key)) for key in self.kwargs)
        except (OmegaConfBaseException, RecursionError) as error:
            concealed = Concealer({}, self.public)
            where = ", ".join(f"{name}={shown(labelled(concealed.point(name, value)))}" for name, value in point.items())
            raise explain(error, cfg, Locator(list, default=f"at the point {where}")) from None
        return tree


@lru_cache(maxsize=8)
def _parsed(text: str, axes: tuple[str, ...]) -> DictConfig:
    """A config to write points of these axes into: each of them writes the same keys, so that none sees another's."""
    del axes
    return OmegaConf.create(text)  # type: ignore[return-value]
