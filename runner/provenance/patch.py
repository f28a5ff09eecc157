"""What is not committed, as text that `git apply` turns back into the same files."""

import ast
import base64
import hashlib
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from runner.codec import printable
from runner.mask import Mask
from runner.provenance import concealed

if TYPE_CHECKING:
    from git import Repo

UNTRACKED_LIMIT = 1_000_000
"""Bytes of untracked files in a patch, together."""
TRACKED_LIMIT = 32_000_000
"""Bytes of changed tracked files in a patch, together; a comment names what is left out."""

# Whatever users configured for their own eyes must not change what we read, and nothing may write into their repository.
_CONFIG = ("-c", "core.fsmonitor=false", "-c", "core.splitIndex=false", "-c", "core.quotePath=true")
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_DIFF_OPTS": "", "GIT_LITERAL_PATHSPECS": "0", "GIT_TERMINAL_PROMPT": "0"}
_DIFF = (
    *("diff", "--binary", "--full-index", "--unified=3", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--no-color", "--no-renames", "--no-ext-diff", "--no-textconv"),
    *("--submodule=short", "--ignore-submodules=dirty"),
)
# Names of the empty tree and the empty file, by the length of object names: SHA-1 and SHA-256.
_EMPTY = {
    40: ("4b825dc642cb6eb9a060e54bf8d69288fbee4904", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
    64: (
        "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    ),
}
_HEADER = re.compile(r'diff --git (?:"a/(?P<quoted>.+)" "b/(?P=quoted)"|a/(?P<plain>.+) b/(?P=plain))')


def execute(repo: "Repo", *args: str, index: Path | None = None, stdin: BinaryIO | None = None) -> bytes:
    """What `git ARGS` prints, run at the top of the working tree. Raises GitCommandError."""
    environment = _ENVIRONMENT | {"GIT_INDEX_FILE": str(index or Path(repo.git_dir, "index"))}
    if "GIT_WORK_TREE" in os.environ:  # a hook of some repository started us, not necessarily of this one
        environment["GIT_WORK_TREE"] = str(repo.working_tree_dir or "")
    command = [repo.git.GIT_PYTHON_GIT_EXECUTABLE or "git", *_CONFIG, *args]
    return repo.git.execute(command, istream=stdin, env=environment, stdout_as_string=False, strip_newline_in_stdout=False)


def note(text: str) -> str:
    """Comment lines, which `git apply` passes over."""
    return "".join(f"# {line}\n" for line in text.strip().splitlines())


def notes(patch: str) -> list[str]:
    """The comment lines of a patch; they stand at its top."""
    head = patch if patch.startswith("#") else ""
    return [line.removeprefix("# ") for line in head.partition("\ndiff --git ")[0].splitlines()]


def paths(patch: str) -> list[str]:
    """The files that a patch changes, in its order."""
    headers = re.findall(r"(?m)^diff --git .*$", patch)
    return list(dict.fromkeys(printable(path) for header in headers if (path := _path(header))))


def make(  # noqa: PLR0913 - what differs, and how it is told
    repo: "Repo", commit: str | None, *, changed: Sequence[str], untracked: Sequence[str], excluded: Sequence[str], mask: Mask
) -> str:
    """All that differs from `commit` (without one: from nothing): tracked files, and UNTRACKED_LIMIT bytes of untracked ones.

    `changed` and `untracked` are relative to the top of the working tree, `excluded` are pathspecs. Untracked files whose names tell of
    secrets (`.env`, `id_rsa`, `*.pem`) stay out, like repositories inside the repository. What else is secret (`mask`, and what is
    assigned to a name that tells) is replaced, and a comment says where. The text is valid Unicode: files that are text for git but not
    UTF-8 are written as git writes binary ones. Raises GitCommandError.
    """
    top = Path(str(repo.working_tree_dir))
    kept = set(_fitting(top, changed, TRACKED_LIMIT))
    large = [path for path in changed if path not in kept]
    new = [path for path in untracked if not path.endswith("/") and not concealed.UNTOLD.fullmatch(Path(path).name)]
    empty_tree, empty_file = _EMPTY[len(commit) if commit else _width(repo)]
    with tempfile.TemporaryDirectory(prefix="xrun-git-") as folder:
        index = _index(repo, Path(folder), _fitting(top, new, UNTRACKED_LIMIT), empty_file)
        pathspecs = (*excluded, *(f":(top,exclude,literal){path}" for path in large))
        diff = execute(repo, *_DIFF, commit or empty_tree, "--", ".", *pathspecs, index=index)
    said = [note(f"too large, left out: {printable(path)}") for path in large]
    sections = [_concealed(section, top, mask) for section in re.split(rb"(?m)^(?=diff --git )", diff) if section.startswith(b"diff")]
    return "".join([*said, *(note for note, _ in sections), *(text for _, text in sections)])


def _fitting(top: Path, names: Iterable[str], limit: int) -> Iterator[str]:
    """As many files as are at most `limit` bytes together, the smallest first."""
    total = 0
    for size, name in sorted((_size(top / name), name) for name in names):
        total += size
        if total > limit:
            return
        yield name


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # deleted


def _width(repo: "Repo") -> int:
    return 64 if repo.config_reader("repository").get_value("extensions", "objectformat", "sha1") == "sha256" else 40


def _index(repo: "Repo", folder: Path, new: Iterable[str], empty_file: str) -> Path:
    """A copy of the repository's index in `folder` that lists `new` as well, so that a diff shows these.

    The copy keeps the time stamp: git takes it to tell files that were changed within the tick of the last `git add`. The new
    entries name the empty file, which need not exist as an object: `git add -N` would write it into the user's repository.
    """
    index, listing = folder / "index", folder / "new"
    if (own := Path(repo.git_dir, "index")).exists():
        shutil.copy2(own, index)
    entries = [b"100644 %b 0\t%b\0" % (empty_file.encode(), os.fsencode(path)) for path in new]
    if entries:
        listing.write_bytes(b"".join(entries))
        with listing.open("rb") as stdin:
            execute(repo, "update-index", "-z", "--index-info", index=index, stdin=stdin)
    return index


def _path(header: str) -> str | None:
    found = _HEADER.match(header)
    if found is None:
        return None
    return os.fsdecode(ast.literal_eval(f'b"{found["quoted"]}"')) if found["quoted"] else found["plain"]


def _concealed(section: bytes, top: Path, mask: Mask) -> tuple[str, str]:
    """One file's part of a diff as valid Unicode, without secrets, and the comments on it."""
    header = section.partition(b"\n")[0].decode(errors="replace")
    path = _path(header)
    shown = printable(path or header)
    if path and b"\nGIT binary patch\n" in section and concealed.holds(top / path, mask):
        return note(f"holds a secret, left out: {shown}"), ""
    text = _text(section)
    told = concealed.lines(text, shown, mask) if text is not None else None
    if text is not None and told == text:
        return "", text
    if told is None:
        told = _binary(section, top / path, lambda raw: concealed.content(raw, shown, mask)) if path else None
        if text is None:
            return ("", told) if told else (note(f"neither UTF-8 nor binary, left out: {shown}"), "")
    return (note(f"secrets in it are replaced: {shown}"), told) if told else (note(f"holds a secret, left out: {shown}"), "")


def _text(section: bytes) -> str | None:
    """A part of a diff as text; None where it is none."""
    try:
        return section.decode() if b"\0" not in section else None
    except UnicodeDecodeError:
        return None


def _binary(section: bytes, file: Path, change: Callable[[bytes], bytes]) -> str | None:
    """A text section as a binary one; None when git filters the file, so that we do not know what git compares.

    `change` is made to the content.
    """
    head = section.partition(b"\n--- ")[0].decode()
    after = re.search(r"(?m)^index [0-9a-f]+\.\.([0-9a-f]+)", head)
    if after is None:
        return None
    raw = b"" if set(after[1]) == {"0"} else file.read_bytes()
    for content in (raw, raw.replace(b"\r\n", b"\n")):  # the second for core.autocrlf
        if set(after[1]) == {"0"} or _object_name(content, len(after[1])) == after[1]:
            changed = change(content)
            if changed != content:
                head = head.replace(after[1], _object_name(changed, len(after[1])))
            return f"{head}\nGIT binary patch\nliteral {len(changed)}\n{_base85(changed)}\n"
    return None


def _object_name(content: bytes, width: int) -> str:
    return hashlib.new("sha1" if width == 40 else "sha256", b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _base85(content: bytes) -> str:
    """The form that git uses: compressed, in lines of at most 52 bytes, each of them led by a letter for its length."""
    packed = zlib.compress(content)
    chunks = (packed[start : start + 52] for start in range(0, len(packed), 52))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(f"{letters[len(chunk) - 1]}{base64.b85encode(chunk, pad=True).decode()}\n" for chunk in chunks)
