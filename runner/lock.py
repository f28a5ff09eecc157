"""Who uses a workspace: the right to run an experiment, and the right to have the workspace alone."""

import fcntl
import getpass
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from runner.errors import LockedError, StoreError
from runner.locked import TAKEN
from runner.workspace import Workspace


class Presence:
    """Somebody is at work in a workspace: many that run experiments, or one that removes what nobody needs.

    A `flock`, gone with its last holder, which several of one process may have side by side.
    """

    def __init__(self, workspace: Workspace, *, alone: bool = False) -> None:
        """Come, or have it `alone`. Raises LockedError where the others do not allow that, and StoreError."""
        self._fd = _opened(workspace, "workspace")
        try:
            _enter(self._fd, workspace.folder, alone=alone)
        except BaseException:
            os.close(self._fd)
            raise
        self._alone = alone
        if alone:
            _tell(self._fd, json.dumps(who()))

    def close(self) -> None:
        """Leave."""
        if self._alone:
            _tell(self._fd, "")
        os.close(self._fd)

    def __enter__(self) -> None:
        """Until the end of the block."""

    def __exit__(self, *_: object) -> None:
        self.close()


def _enter(descriptor: int, folder: Path, *, alone: bool) -> None:
    def refusal() -> str:
        if alone:
            return f"somebody uses {folder}; this needs the workspace alone"
        return f"{folder} is being cleaned up by {_holder(descriptor)}; wait for it, or end it"

    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    _patiently(lambda: fcntl.flock(descriptor, kind | fcntl.LOCK_NB), folder, refusal)


class Lock:
    """The right to run one experiment: a kernel record lock, gone with its holder however that dies; there is no unlock command.

    `lockf`, not `flock`: a forked child that outlives the holder would keep a flock. The price is that closing any descriptor of the
    file drops it, so the file is opened once and never touched again.
    """

    def __init__(self, workspace: Workspace, experiment: str) -> None:
        """Take it. Raises LockedError, naming the holder, when another process has it, or has the workspace alone."""
        self._presence = Presence(workspace)
        try:
            self._fd = _opened(workspace, f"{experiment}.lock")
            try:
                _take(self._fd, experiment, workspace.folder)
            except BaseException:
                os.close(self._fd)
                raise
        except BaseException:
            self._presence.close()
            raise
        _tell(self._fd, json.dumps(who()))

    @staticmethod
    def probe(workspace: Workspace, experiment: str) -> None:
        """Raise LockedError when another process holds the lock; take and write nothing. A look before the expensive preparations."""
        try:
            descriptor = os.open(workspace.folder / "locks" / f"{experiment}.lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return  # it has never been taken, or is not for us to take: `Lock` itself will say
        try:
            _take(descriptor, experiment, workspace.folder)
        finally:
            os.close(descriptor)

    @staticmethod
    def held(workspace: Workspace) -> dict[str, str]:
        """The experiments that other processes run now, each with the sentence that names the holder."""
        found = {}
        for file in sorted((workspace.folder / "locks").glob("*.lock")):
            try:
                Lock.probe(workspace, file.stem)
            except LockedError as error:
                found[file.stem] = str(error)
        return found

    def release(self) -> None:
        """Give it up."""
        _tell(self._fd, "")
        os.close(self._fd)
        self._presence.close()


def _opened(workspace: Workspace, name: str) -> int:
    workspace.prepare()
    folder = workspace.folder / "locks"
    try:
        folder.mkdir(exist_ok=True)
        return os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}; --workspace DIR chooses another place") from None


def _tell(descriptor: int, text: str) -> None:
    """Say who holds a lock. For people only, so that a full disk is no obstacle here."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    except OSError:
        pass


def _take(descriptor: int, experiment: str, folder: Path) -> None:
    def refusal() -> str:
        return f"{experiment} is being run by {_holder(descriptor)}; wait for it, or end it"

    _patiently(lambda: fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), folder, refusal)


def _patiently(take: Callable[[], None], folder: Path, refusal: Callable[[], str]) -> None:
    """Take a lock below `folder`. Raises LockedError with what `refusal` says where somebody keeps it, StoreError where there are none."""
    for pause in (0.01, 0.02, 0.04, None):  # others may be looking, which takes them microseconds; the holder may be writing its name
        try:
            take()
            return
        except OSError as error:
            if error.errno not in TAKEN:
                raise StoreError(f"{folder}: {error.strerror}; --workspace DIR chooses another place") from None
            if pause is None:
                raise LockedError(refusal()) from None
            time.sleep(pause)


def who() -> dict[str, object]:
    """What `named` needs to name the process that calls, since now."""
    return {"host": platform.node(), "pid": os.getpid(), "user": _user(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}


def named(told: bytes) -> str:
    """The process that `who` told, as JSON, in words."""
    try:
        known = json.loads(told)
        return f"process {known['pid']} of {known['user']} on {known['host']}, since {known['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _holder(descriptor: int) -> str:
    try:
        return named(os.pread(descriptor, 4096, 0))
    except OSError:
        return "another process"
