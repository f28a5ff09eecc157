"""Whose turn an experiment is: of two invocations that execute it, the earlier one writes no more.

The lock of the experiment keeps a second one away, but where locks do not work or are lost: the first may have been stopped, or its machine
asleep, while somebody thought it dead. On a network file system its turn is a lease as well: it counts `beat` on, with every commit and in
between, and who comes on another machine waits whether that goes on. No clock of one machine is compared with another's: how long it has
stood still is measured by who looks.
"""

import json
import os
import sqlite3
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runner.errors import LockedError, UsageError
from runner.lock import named, who
from runner.stores.mounts import NetworkWarning
from runner.stores.presence import gone, this_process

LEASE_SECONDS: Final = 20.0
"""After so long without a beat an invocation on another machine counts as dead, unless $XRUN_LEASE_SECONDS says otherwise."""
LONGEST_SECONDS: Final = 3600.0
_PARTS: Final = 8
"""Of these seconds, between two beats of one that is idle."""
_HOLDER: Final = """SELECT t.epoch, t.beat, t.seconds, CAST(t.holder AS BLOB), CAST(e.process AS BLOB) FROM turn t
LEFT JOIN epoch e ON e.id = t.epoch WHERE t.experiment = ?"""
_LEASED: Final = "SELECT CAST(experiment AS BLOB) FROM turn WHERE seconds > 0"
_BEAT: Final = "UPDATE turn SET beat = beat + 1 WHERE experiment = ? AND epoch = ?"


@dataclass(frozen=True, slots=True)
class Lease:
    """An invocation that may execute an experiment on another machine, as it was when somebody looked."""

    experiment: str
    epoch: int
    beat: int
    seconds: float
    """How long `beat` may stand still before nobody is there any more, as the invocation has promised."""
    holder: str
    """Who it is, for people."""

    def __str__(self) -> str:
        """The sentence for who comes second."""
        return f"{self.experiment} is being run by {self.holder}; wait for it, or end it"


def lease_of(db: sqlite3.Connection, experiment: str) -> Lease | None:
    """The lease on an experiment, unless it has ended, or its process was one of this machine and is no more. Raises sqlite3.Error."""
    row = db.execute(_HOLDER, (experiment,)).fetchone()
    if row is None:
        return None
    epoch, beat, seconds, told, process = row
    promised = min(float(seconds), LONGEST_SECONDS) if isinstance(seconds, int | float) else LEASE_SECONDS
    text = process.decode(errors="replace") if isinstance(process, bytes) else ""
    if not promised > 0 or text == this_process() or gone(text, remote=True):
        return None
    return Lease(experiment, epoch, beat, promised, named(told if isinstance(told, bytes) else b""))


def leases(db: sqlite3.Connection) -> list[Lease]:
    """All leases. Raises sqlite3.Error."""
    experiments = [name.decode(errors="replace") for (name,) in db.execute(_LEASED).fetchall()]
    return [lease for name in experiments if (lease := lease_of(db, name)) is not None]


def is_kept(db: sqlite3.Connection, lease: Lease) -> bool:
    """Whether the lease goes on: waits until it beats, ends, or has stood still for as long as it may. Raises sqlite3.Error."""
    until = time.monotonic() + lease.seconds
    while (now := lease_of(db, lease.experiment)) == lease:
        if time.monotonic() > until:
            return False
        time.sleep(min(0.5, lease.seconds / 40))
    return now is not None


def lease_seconds() -> float:
    """What $XRUN_LEASE_SECONDS says, or LEASE_SECONDS. Raises UsageError."""
    text = os.environ.get("XRUN_LEASE_SECONDS", "")
    try:
        seconds = float(text) if text else LEASE_SECONDS
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise UsageError(f"$XRUN_LEASE_SECONDS is {text!r}; it must be a number of seconds from 1 to {LONGEST_SECONDS:g}")
    return seconds


class Turn:
    """The turn of the invocation that writes to a store."""

    def __init__(self, db: sqlite3.Connection, path: Path, *, remote: bool) -> None:
        """`remote`: processes on other machines may use the store. Raises UsageError for a wrong $XRUN_LEASE_SECONDS."""
        self._db, self._path = db, path
        self._seconds = lease_seconds() if remote else 0.0
        self._mine: tuple[str, int] | None = None
        """Experiment and epoch of the invocation that executes here."""
        self._pulse: _Pulse | None = None

    def holder(self, experiment: str) -> Lease | None:
        """Who may execute it elsewhere. Raises sqlite3.Error."""
        return lease_of(self._db, experiment)

    def outwait(self, lease: Lease) -> Lease:
        """Wait until a lease has stood still for as long as it may; that lease. Raises LockedError when it goes on, sqlite3.Error."""
        text = f"{lease.experiment} was last run by {lease.holder}, with no end; looking for up to {lease.seconds:g} s whether that goes on"
        warnings.warn(text, NetworkWarning, stacklevel=4)
        if is_kept(self._db, lease):
            raise LockedError(str(lease))
        return lease

    def take(self, experiment: str, epoch: int) -> None:
        """From now on it is this invocation's turn. Inside the transaction that registers it."""
        self._mine = experiment, epoch
        row = (experiment, epoch, 0, self._seconds, json.dumps(who()) if self._seconds else "")
        self._db.execute("INSERT OR REPLACE INTO turn VALUES (?, ?, ?, ?, ?)", row)
        if self._seconds and self._pulse is None:
            self._pulse = _Pulse(self._path, self._mine, self._seconds / _PARTS)
            self._pulse.start()

    def check(self) -> None:
        """Raise LockedError when another invocation executes this one's experiment; else show that this one lives. In a transaction."""
        if self._mine is None:
            return
        if self._pulse is not None:
            mine = self._db.execute(_BEAT, self._mine).rowcount > 0
            self._pulse.felt = time.monotonic()
        else:
            mine = self._db.execute("SELECT 1 FROM turn WHERE experiment = ? AND epoch = ?", self._mine).fetchone() is not None
        if not mine:
            raise LockedError(f"{self._mine[0]} has been taken over by another xrun while this one stood still; nothing more is written")

    def leave(self) -> None:
        """It is over: nobody needs to wait. Never raises; idempotent."""
        if self._pulse is None:
            return
        self._pulse.stop()
        self._pulse = None
        with suppress(sqlite3.Error):  # who comes waits for nothing
            self._db.execute("UPDATE turn SET seconds = 0 WHERE experiment = ? AND epoch = ?", self._mine or ())


class _Pulse(threading.Thread):
    """Beats while no commit does, by a connection of its own: what executes may take hours, also in this process (`executor: serial`)."""

    def __init__(self, path: Path, mine: tuple[str, int], pause: float) -> None:
        super().__init__(name="xrun-lease", daemon=True)
        self._path, self._mine, self._pause = path, mine, pause
        self._over = threading.Event()
        self.felt = time.monotonic()
        """When the last beat was."""

    def run(self) -> None:
        """Until it is over, or another invocation has taken over."""
        while not self._over.wait(self._pause):
            if time.monotonic() - self.felt < self._pause:
                continue
            try:
                if not self._beat():
                    return
            except sqlite3.Error:
                continue  # busy or away for the moment; whether it is so for too long, the next commit will say
            self.felt = time.monotonic()

    def _beat(self) -> bool:
        """Whether the turn is still this invocation's."""
        db: Any = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=2 * self._pause)
        try:
            db.execute("PRAGMA journal_mode=TRUNCATE")
            return bool(db.execute(_BEAT, self._mine).rowcount)
        finally:
            db.close()

    def stop(self) -> None:
        """No more beats once this returns, or a moment later where the disk does not answer."""
        self._over.set()
        self.join(4 * self._pause)
