"""Takes what is known to be secret out of texts: what steps print and raise, patches, command lines.

A text is known by what the config says (`runner.secret`). It is found as it is, and as JSON, Python, a URL and a shell write it. What a
program has encoded otherwise, or cut in pieces, is not found.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from runner import codec
from runner.secret import SHORTEST, Piece, label_of, looks_secret

_LINE = 12
"""Characters of a line of a secret of several lines (a key file) that is secret by itself."""
_URL = re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^/@:\s'\"]*:)([^/@\s'\"]+)(?=@)", re.IGNORECASE)
_TOKEN_URL = re.compile(r"(\bhttps?://)([^/@:\s'\"]{16,})(?=@)", re.IGNORECASE)
_DEFAULT = re.compile(r"\$\{\s*oc\.env\s*:\s*(\w+)\s*,[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Mask:
    """What is known to be secret. False where nothing is, so that nobody pays for it."""

    pieces: tuple[Piece, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def text(self, text: str) -> str:
        """The text with labels in place of secrets."""
        if not self.pieces:
            return text
        pattern, labels, _ = _compiled(self.pieces)
        return pattern.sub(lambda found: labels[found[0]], text)

    def found(self, text: str) -> bool:
        """Whether a secret is in it."""
        return bool(self.pieces) and _compiled(self.pieces)[0].search(text) is not None

    def json(self, text: str) -> str:
        """JSON text of `runner.codec` with labels in place of secrets in its texts, names included. Numbers stay."""
        return codec.dumps(self.plain(codec.loads(text))) if self.found(text) else text

    def plain(self, tree: Any) -> Any:
        """Plain data with labels in place of secrets in its texts."""
        if isinstance(tree, str):
            return self.text(tree)
        if isinstance(tree, bytes):
            return self.bytes(tree)
        if isinstance(tree, Mapping):
            return {self.name(key): self.plain(item) for key, item in tree.items()}
        return [self.plain(item) for item in tree] if isinstance(tree, list | tuple) else tree

    def name(self, text: str) -> str:
        """A name of the user's, in which only a credential is looked for: a field may be called like a data set."""
        credentials = tuple(piece for piece in self.pieces if piece.credential)
        return Mask(credentials).text(text) if credentials else text

    def bytes(self, content: bytes) -> bytes:
        """Bytes with labels in place of secrets."""
        text = content.decode("utf-8", "surrogateescape")
        return self.text(text).encode("utf-8", "surrogateescape") if self.found(text) else content

    def begun(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a secret, of which the rest is still to come."""
        forms = _compiled(self.pieces)[2] if self.pieces else ()
        longest = max((len(form) for form in forms), default=0)
        for count in range(min(longest - 1, len(text)), 0, -1):
            tail = text[-count:]
            if any(len(form) > count and form.startswith(tail) for form in forms):
                return count
        return 0


NOTHING = Mask()


@lru_cache(maxsize=16)
def _compiled(pieces: tuple[Piece, ...]) -> tuple[re.Pattern[str], Mapping[str, str], tuple[str, ...]]:
    """A pattern of all forms, the longest first; form -> label; the forms."""
    labels: dict[str, str] = {}
    strict: set[str] = set()
    for piece in pieces:
        for form in _forms(piece):
            labels.setdefault(form, piece.label)
            if not piece.credential:
                strict.add(form)
    ordered = sorted(labels, key=len, reverse=True)
    parts = [rf"(?<!\w){re.escape(form)}(?!\w)" if form in strict else re.escape(form) for form in ordered]
    return re.compile("|".join(parts) or r"(?!)"), labels, tuple(ordered)


def _forms(piece: Piece) -> Iterator[str]:
    value = piece.value
    lines = [line.strip() for line in value.splitlines()]
    for text in dict.fromkeys([value, value.strip(), *(line for line in lines if len(lines) > 1 and len(line) >= _LINE)]):
        if not _seekable(text, piece):
            continue
        written = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1], shlex.quote(text))
        yield from dict.fromkeys((text, *written, quote(text, safe=""), quote(text), quote_plus(text)))


def _seekable(text: str, piece: Piece) -> bool:
    """Whether it can be told from what people write: not a syllable, nor, but for a variable that is called a secret, a word."""
    return len(text) >= SHORTEST and (
        (piece.label.startswith("env:") and piece.credential) or not text.isalpha() or len(text) >= 2 * SHORTEST
    )


def url_passwords(text: str) -> Iterator[tuple[str, str]]:
    """(Password, label) of each URL in a text that has one."""
    if "://" in text:
        for pattern in (_URL, _TOKEN_URL):
            for found in pattern.finditer(text):
                if "${" not in found[2] and found[2].strip("*"):
                    yield found[2], label_of(found[2])


def without_defaults(text: str, *, telling: bool) -> str:
    """The text with `${oc.env:NAME}` for `${oc.env:NAME,DEFAULT}` where the name of the variable, or a name above, tells of a secret."""
    return _DEFAULT.sub(lambda found: f"${{oc.env:{found[1]}}}" if telling or looks_secret(found[1]) else found[0], text)


def without_url_passwords(text: str) -> str:
    """The text with `***` for the password of each URL in it."""
    return _TOKEN_URL.sub(r"\1***", _URL.sub(r"\1***", text)) if "://" in text else text
