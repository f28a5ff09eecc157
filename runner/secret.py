"""Texts that are nobody's business: which names tell of one, and a text that shows a label wherever its value would be seen.

A Secret *is* its label: whatever stores, prints, compares or sends it without thinking of secrets gets the label. The value has to be asked
for (`revealed`), which is done in one place, on the way to the workers.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Self

_TELLING = re.compile(
    r"passw(?:or)?d|passphrase|secret(?!ar)|credential|authorization|(?:api|access|private|account|signing|encryption)[-_. ]?key(?![a-z])"
    r"|(?:^|[^a-z])(?:pass|token|tokens)$|[^a-z]pwd$",
    re.IGNORECASE,
)
_VOCABULARY = re.compile(r"(?:pad|bos|eos|unk|sep|cls|mask|start|stop|end|special|image|audio|video)[-_. ]tokens?$", re.IGNORECASE)
"""Of language models: `pad_token: "<pad>"`."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
PUBLIC = re.compile(
    r"HOME|USER|LOGNAME|PWD|OLDPWD|SHELL|LANG|LC_\w+|TERM|TZ|TMP|TEMP|TMPDIR|HOST|HOSTNAME|PATH|PYTHON\w*|VIRTUAL_ENV|CONDA_\w+|XDG_\w+"
    r"|CUDA_\w+|OMP_\w+|SLURM_\w+|PBS_\w+|LSB_\w+|CI|DISPLAY|EDITOR"
)
"""Variables of the environment that say who and where one is."""
_PLAIN = frozenset((int, float, bool, type(None)))
SHORTEST = 6
"""Characters. What is shorter is a secret in its own place, and a syllable in every other text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A secret inside a text, or all of it."""

    value: str
    label: str
    credential: bool = True
    """Whether its name tells that it opens something; else it is a value of the environment, which is kept from view and counts."""


class Secret(str):
    """A text that is seen as its label.

    `value`: what a step gets. `counted`: what of it belongs to the identity of a run. `pieces`: what in it is secret.
    """

    __slots__ = ("counted", "pieces", "value")
    value: str
    counted: str
    pieces: tuple[Piece, ...]

    def __new__(cls, label: str, value: str, counted: str, pieces: tuple[Piece, ...] = ()) -> Self:
        """A text that is seen as `label`."""
        made = super().__new__(cls, label)
        made.value, made.counted, made.pieces = value, counted, pieces
        return made

    def __reduce__(self) -> tuple[type["Secret"], tuple[str, str, str, tuple[Piece, ...]]]:
        return Secret, (str.__str__(self), self.value, self.counted, self.pieces)


def looks_secret(name: object) -> bool:
    """Whether what has this name opens something: `api_key`, `DB_PASSWORD`, `hfToken`. Not so `tokenizer`, `pad_token`, `n_passes`."""
    text = _HUMP.sub("_", str(name))
    return _TELLING.search(text) is not None and _VOCABULARY.search(text) is None


def label_of(value: str, name: str = "") -> str:
    """What a value is shown as whose identity counts: `secret#1a2b3c4d`, of a variable `env:NAME#1a2b3c4d`.

    The digits tell two values apart. They are 32 bits of a hash that an `id_run` holds more of.
    """
    digits = hashlib.sha256(b"xrun-secret-1" + value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"env:{name}#{digits}" if name else f"secret#{digits}"


def shown_as(name: str, value: Any) -> Any:
    """What is kept of a value that a program logs: of a text whose name tells that it opens something, a label."""
    return label_of(value) if isinstance(value, str) and value and looks_secret(name.rpartition(".")[2]) else value


def revealed(tree: Any) -> Any:
    """Plain data, or a frozen value, with the values of its secrets; `tree` itself where it has none."""
    return _changed(tree, lambda secret: secret.value)


def labelled(tree: Any) -> Any:
    """The same with ordinary texts, the labels, in place of its secrets."""
    return _changed(tree, str.__str__)


def _changed(tree: Any, change: Any) -> Any:
    kind = type(tree)
    if kind is Secret:
        return change(tree)
    if isinstance(tree, Mapping):
        items = {key: _changed(item, change) for key, item in tree.items()}
        return items if any(items[key] is not item for key, item in tree.items()) else tree
    if kind is list or kind is tuple:
        found = [_changed(item, change) for item in tree]
        return kind(found) if any(one is not other for one, other in zip(found, tree, strict=True)) else tree
    if is_dataclass(tree) and not isinstance(tree, type):
        made = {each.name: _changed(getattr(tree, each.name), change) for each in fields(tree)}
        changed = {name: value for name, value in made.items() if value is not getattr(tree, name)}
        return replace(tree, **changed) if changed else tree
    return tree


def pieces(*trees: Any) -> tuple[Piece, ...]:
    """All that is secret in plain data, each once."""
    return tuple(dict.fromkeys(piece for tree in trees for piece in _pieces(tree)))


def _pieces(tree: Any) -> Iterator[Piece]:
    if type(tree) is Secret:
        yield from tree.pieces
    elif isinstance(tree, Mapping | list | tuple):
        inner: Iterable[Any] = tree.values() if isinstance(tree, Mapping) else tree
        for item in inner:
            if type(item) not in _PLAIN:  # a long axis is mostly numbers
                yield from _pieces(item)
