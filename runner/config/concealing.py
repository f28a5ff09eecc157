"""Which texts of a resolved config are secret: what comes from the environment, what stands below a name that tells of a secret, the
passwords of URLs. They become Secrets; `redacted` takes them out of the config that is written beside the results.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runner import mask, templates
from runner.secret import PUBLIC, SHORTEST, Piece, Secret, label_of, looks_secret, pieces
from runner.spec import Axis, Grid, Zip

_REQUIRED = "???"
"""OmegaConf's word for a value that has to be given."""
IN_STEPS = ("kwargs", "env", "args", "command")
"""Of a step: where there may be secrets."""


@dataclass(frozen=True, slots=True)
class Concealer:
    """Makes Secrets of texts."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Name -> value of the environment's that the config has read."""
    public: frozenset[str] = frozenset()
    """Variables and keys that are none (`secrets.public`)."""
    known: tuple[Piece, ...] = ()
    """What is secret already: values of the point that kwargs refer to."""
    credentials: frozenset[str] = frozenset()
    """Variables that open something, though their names do not tell."""

    def kwargs(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """The kwargs, with Secrets. A variable that stands below a name that tells is a credential wherever else it is referred to."""
        made: dict[str, Any] = self.tree(dict(tree))
        named = frozenset(piece.label[4:] for piece in pieces(made) if _is_credential(piece) and not looks_secret(piece.label[4:]))
        return replace(self, credentials=named).tree(dict(tree)) if named - self.credentials else made

    def tree(self, value: Any, key: str = "", *, axis: bool = False, below: bool = False) -> Any:
        """Plain data below a key, with Secrets. `axis`: values of a param, all of which count. `below`: a key above tells already."""
        telling = below or (looks_secret(key) and not self._is_public(key))
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return self._text(value, telling=telling, axis=axis)
        if isinstance(value, dict):
            return {name: self.tree(item, str(name), axis=axis, below=telling) for name, item in value.items()}
        return [self.tree(item, key, axis=axis, below=telling) for item in value] if isinstance(value, list) else value

    def steps(self, entries: Any) -> Any:
        """The entries of `steps`."""
        if not isinstance(entries, list):
            return entries
        return [
            {k: self.tree(v, k) if k in IN_STEPS else v for k, v in entry.items()} if isinstance(entry, dict) else entry
            for entry in entries
        ]

    def grid(self, grid: Grid) -> Grid:
        """A grid whose secret values are Secrets."""
        factors = tuple(replace(f, axes=tuple(map(self._axis, f.axes))) if isinstance(f, Zip) else self._axis(f) for f in grid.factors)
        return replace(grid, factors=factors, exclude=tuple({n: self.point(n, v) for n, v in each.items()} for each in grid.exclude))

    def _axis(self, axis: Axis) -> Axis:
        if axis.role == "choice" or not any(isinstance(value, str | list | dict) for value in axis.values):
            return axis
        return replace(axis, values=tuple(self.point(axis.name, value) for value in axis.values))

    def point(self, name: str, value: Any) -> Any:
        """A value of a param."""
        return self.tree(value, name.rpartition(".")[2], axis=True, below=any(map(self._tells, name.split("."))))

    def _tells(self, name: str) -> bool:
        return looks_secret(name) and not self._is_public(name)

    def _is_public(self, name: str) -> bool:
        return name in self.public

    def _text(self, text: str, *, telling: bool, axis: bool) -> str:
        """The text, or the Secret that it is or holds."""
        if telling and text and not templates.PATTERN.search(text):
            return self._whole(text, axis=axis)
        found = [*self._variables(text), *(Piece(value, label) for value, label in mask.url_passwords(text))]
        found += [piece for piece in self.known if (piece.value in text if len(piece.value) >= SHORTEST else piece.value == text)]
        return _secret(text, found, axis=axis) if found else text

    def _whole(self, text: str, *, axis: bool) -> Secret:
        """Below a name that tells. What comes from a variable counts in no identity, so that a key that is renewed makes nothing stale."""
        name = next((name for name, value in self.variables.items() if value == text), "")
        if name and not axis:
            return Secret(f"env:{name}", text, f"${{oc.env:{name}}}", (Piece(text, f"env:{name}"),))
        inside = (
            [] if axis else [Piece(value, f"env:{n}") for n, value in self.variables.items() if len(value) >= SHORTEST and value in text]
        )
        counted = text
        for piece in inside:
            counted = counted.replace(piece.value, f"${{oc.{piece.label}}}")
        label = label_of(counted, name)
        return Secret(label, text, counted, (*inside, Piece(text, label)))

    def _variables(self, text: str) -> list[Piece]:
        """What of a text comes from the environment. A short value of no credential is left alone: `1`, `cpu`."""
        made = []
        for name, value in self.variables.items():
            credential = looks_secret(name) or name in self.credentials
            if name in self.public or (PUBLIC.fullmatch(name) and not credential) or not value:
                continue
            long = len(value) >= SHORTEST
            if (value in text) if long else (value == text and credential):
                made.append(Piece(value, f"env:{name}" if credential else label_of(value, name), credential))
        return made


def _secret(text: str, found: list[Piece], *, axis: bool) -> Secret:
    """A text that holds secrets. Of the environment's credentials the name counts and not the value, but for those of a param."""
    named = [replace(piece, label=label_of(piece.value, piece.label[4:])) if axis and _is_credential(piece) else piece for piece in found]
    label = counted = text
    for piece in sorted(named, key=lambda piece: -len(piece.value)):
        label = label.replace(piece.value, piece.label)
        if _is_credential(piece):
            counted = counted.replace(piece.value, f"${{oc.{piece.label}}}")
    return Secret(label, text, counted, tuple(named))


def _is_credential(piece: Piece) -> bool:
    return piece.credential and piece.label.startswith("env:") and "#" not in piece.label


def redacted(tree: Any, known: mask.Mask, public: frozenset[str]) -> Any:
    """An unresolved config without secrets: `???` for those that were written in it, which whoever runs it again has to give.

    References to the environment stay; a default that stands in one to a credential goes.
    """
    return _redacted(tree, "", known, public, below=False)


def _redacted(tree: Any, key: str, known: mask.Mask, public: frozenset[str], *, below: bool) -> Any:
    telling = below or (looks_secret(key) and key not in public)
    inner: Callable[[Any, str], Any] = lambda item, name: _redacted(item, name, known, public, below=telling)  # noqa: E731
    if isinstance(tree, dict):
        return {name: inner(item, str(name)) for name, item in tree.items()}
    if isinstance(tree, list):
        return [inner(item, key) for item in tree]
    if not isinstance(tree, str):
        return tree
    text = mask.without_defaults(tree, telling=telling)
    secret = (telling and text and "${" not in text) or known.found(text) or any(mask.url_passwords(text))
    return _REQUIRED if secret else text
