"""Which runs this process executes, told to other xrun processes of the workspace, so that a run that several want executes once.

Only while there are others: claiming costs two calls of the kernel for each run. Who comes writes a new word at the beginning of the file,
which everybody reads again and again; from then on all of them claim what they execute. A claim is a record lock on one byte of the file,
gone with its holder.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

NOTICE_SECONDS = 0.25
"""Within this time those who execute have read the word."""
_WORD = 8
_PRESENT = _WORD
"""Offset of the byte that everybody who is there has a shared lock on; claims lie behind it."""


class Claims:
    """What is claimed by this process."""

    def __init__(self, folder: Path, *, always: bool = False) -> None:
        """Come to the others, who use the same folder.

        `always`: claim every run, because nobody looks around while one executes. Raises OSError where the file system has no locks.
        """
        self._file = os.open(folder / "runs", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._be_present()
            self._word = os.urandom(_WORD)
            os.pwrite(self._file, self._word, 0)
            others = not self._lock(_PRESENT)
            fcntl.lockf(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _PRESENT)
        except BaseException:
            os.close(self._file)
            raise
        self.company = others or always
        """Whether somebody else is there, or has been."""
        if others:
            time.sleep(NOTICE_SECONDS)

    def _be_present(self) -> None:
        for attempt in range(100):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _PRESENT)
                return
            except OSError:
                if attempt == 99:
                    raise
                time.sleep(0.01)  # somebody looks whether he is alone

    def has_come(self) -> bool:
        """Whether somebody has come just now."""
        if self.company or os.pread(self._file, _WORD, 0) == self._word:
            return False
        self.company = True
        return True

    def claim(self, id_run: str) -> bool:
        """Claim a run, or say that somebody else has; claiming again what is one's own changes nothing."""
        return self._lock(_place(id_run))

    def release(self, ids: Iterable[str]) -> None:
        """These runs are over, and what became of them is committed."""
        if self.company:
            for id_run in ids:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(id_run))

    @contextmanager
    def holding(self, id_run: str) -> Iterator[bool]:
        """Claim a run for a moment, in which it is not executed here either; whether nobody else has it."""
        mine = self._lock(_place(id_run))
        try:
            yield mine
        finally:
            if mine:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(id_run))

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Leave."""
        os.close(self._file)


def _place(id_run: str) -> int:
    """One of 2**60 bytes."""
    return _PRESENT + 1 + int(id_run.replace("-", "")[-15:], 16)
