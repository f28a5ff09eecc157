"""A patch without the secrets that stand in what it changes, which `git apply` still takes."""

import re
from pathlib import Path

from runner.assigned import source
from runner.mask import Mask

UNTOLD = re.compile(
    r"\.env.*|\.netrc|\.pypirc|\.git-credentials|id_(?:rsa|dsa|ecdsa|ed25519).*|.*\.(?:pem|key|p12|pfx|jks|kdbx)|(?:secrets?|credentials?)\..*",
    re.IGNORECASE,
)
"""Names of files that hold secrets by trade; untracked, they are in no patch."""


def lines(section: str, path: str, known: Mask) -> str | None:
    """One file's part of a diff with `***` or labels for secrets in the lines that it adds; itself where there are none.

    None where one stands in a line that was there before: that line has to be as it was, or the part applies to nothing.
    """
    head, mark, body = section.partition("\n@@ ")
    if not mark:
        return section  # names and modes only
    old = f"@@ {body}".split("\n")
    new = source("\n".join(line[1:] for line in old), path).split("\n")  # together, since a name may stand in another line
    made = []
    for before, after in zip(old, new, strict=True):
        rest = known.text(after)
        if rest != before[1:] and not before.startswith("+"):
            return None
        made.append(f"{before[:1]}{rest}")
    return f"{head}\n" + "\n".join(made)


def content(raw: bytes, path: str, known: Mask) -> bytes:
    """A file's content without secrets."""
    return _without(raw.decode("utf-8", "surrogateescape"), path, known).encode("utf-8", "surrogateescape")


def holds(file: Path, known: Mask) -> bool:
    """Whether something that is known to be secret stands in a file; one that is not there holds none."""
    try:
        return bool(known) and known.found(file.read_bytes().decode("utf-8", "surrogateescape"))
    except OSError:
        return False


def _without(text: str, path: str, known: Mask) -> str:
    return known.text(source(text, path))
