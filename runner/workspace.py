"""The folders of a project: `.xrun/` (the workspace, which git ignores) and `results/`; and the lock of an experiment."""

import errno
import fcntl
import getpass
import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from runner.errors import LockedError, StoreError


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where records, artifacts, locks and results lie."""

    folder: Path
    """`<root>/.xrun`, or what --workspace or $XRUN_WORKSPACE say."""
    results: Path
    """`<root>/results`; moves along with the workspace."""

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return self.folder / "xrun.db"

    @property
    def artifacts(self) -> Path:
        """Where `run.dir` is made, one folder per run that asks for it."""
        return self.folder / "artifacts"

    @property
    def hashes(self) -> Path:
        """The stat cache of data hashes."""
        return self.folder / "hashes.json"

    def prepare(self) -> None:
        """Make the folder, with a .gitignore of its own. Raises StoreError when that is not possible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not ignore.exists() or not ignore.stat().st_size:  # a kill may have come between the file and its line
                ignore.write_text("*\n")
        except OSError as error:
            raise StoreError(f"{self.folder}: {error.strerror}; --workspace DIR chooses another place") from None


def locate(root: Path, chosen: str | None) -> Workspace:
    """The workspace of a project: `chosen` (--workspace), else $XRUN_WORKSPACE, else the project root holds both folders."""
    named = chosen or os.environ.get("XRUN_WORKSPACE")
    if named:
        home = Path(named).absolute()
        return Workspace(home / ".xrun", home / "results")
    return Workspace(root / ".xrun", root / "results")


class Lock:
    """The right to run one experiment: a kernel record lock, gone with its holder however that dies; there is no unlock command.

    `lockf`, not `flock`: a forked child that outlives the holder would keep a flock. The price is that closing any descriptor of the
    file drops it, so the file is opened once and never touched again.
    """

    def __init__(self, workspace: Workspace, experiment: str) -> None:
        """Take it. Raises LockedError, naming the holder, when another process has it."""
        workspace.prepare()
        folder = workspace.folder / "locks"
        try:
            folder.mkdir(exist_ok=True)
            self._fd = os.open(folder / f"{experiment}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}; --workspace DIR chooses another place") from None
        try:
            _take(self._fd, experiment, folder)
        except BaseException:
            os.close(self._fd)
            raise
        self._tell(json.dumps(who()))

    def _tell(self, text: str) -> None:
        """Say who holds it. For people only, so that a full disk is no obstacle here."""
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, text.encode(), 0)
        except OSError:
            pass

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
        self._tell("")
        os.close(self._fd)


def _take(descriptor: int, experiment: str, folder: Path) -> None:
    for pause in (0.01, 0.02, 0.04, None):  # others may be looking, which takes them microseconds; the holder may be writing its name
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise StoreError(f"{folder}: {error.strerror}; --workspace DIR chooses another place") from None
            if pause is None:
                raise LockedError(f"{experiment} is being run by {_holder(descriptor)}; wait for it, or end it") from None
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
