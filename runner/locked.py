"""Whether somebody holds a kernel lock: a look from outside, which has the lock itself for that moment."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

TAKEN: Final = (errno.EACCES, errno.EAGAIN)
"""What the kernel answers for a lock that another process has."""


def is_locked(path: Path, take: Callable[[int, int], None], flags: int = os.O_RDWR) -> bool | None:
    """Whether another process has this file's lock. False: nobody, or there is no such file; None: nobody can say.

    `take`: of which kind the lock is, `fcntl.lockf` or `fcntl.flock`; `flags`: how the file is opened, which lockf wants to be for writing.
    Not for a file that this process has a lockf on: closing any descriptor of it drops that.
    """
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        take(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in TAKEN else None
    finally:
        os.close(descriptor)
    return False
