"""Whether a folder lies on a network file system, where SQLite's WAL does not work: it needs memory that all processes share."""

import os
import re
from pathlib import Path
from typing import Final


class NetworkWarning(UserWarning):
    """The store lies on a network file system."""


REMOTE: Final = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "9p", "beegfs", "gpfs", "ceph", "afs", "glusterfs", "ocfs2", "gfs2", "orangefs")
)
"""As the kernel calls them; and all of FUSE that reach another machine: `fuse.sshfs` and the like."""
_LOCAL_FUSE: Final = frozenset(("fuse.ext2", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.bindfs"))
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def is_remote(path: Path) -> bool:
    """Whether a store at `path` must do without WAL: on a file system of the network, or where $XRUN_FORCE_NETFS is 1."""
    forced = os.environ.get("XRUN_FORCE_NETFS")
    return forced != "0" if forced else is_network(_kind(path))


def is_network(kind: str) -> bool:
    """Whether a type of file system is one of the network."""
    return kind in REMOTE or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def told(path: Path) -> str:
    """What to say of a store that is remote."""
    return (
        f"{path.parent} lies on a network file system ({_kind(path) or 'unknown'}): commits are slower there, readers may wait for them, "
        "and its locks are as good as its server; --workspace DIR or $XRUN_WORKSPACE choose a local disk"
    )


def _kind(path: Path) -> str:
    try:
        return file_system(path.parent.resolve(), _MOUNTS.read_text(errors="surrogateescape"))
    except OSError:
        return ""


def file_system(folder: Path, mountinfo: str) -> str:
    """The type of the file system that an absolute, resolved folder lies on, by the content of /proc/self/mountinfo; "" if it does not say.

    Of mounts on one place the last one counts: it lies over the others.
    """
    parts = folder.parts
    best: tuple[int, str] = (0, "")
    for line in mountinfo.splitlines():
        left, found, right = line.partition(" - ")
        fields = left.split(" ")
        if not found or len(fields) < 5:
            continue
        place = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])).parts
        if len(place) >= best[0] and parts[: len(place)] == place:
            best = len(place), right.split(" ")[0]
    return best[1]
