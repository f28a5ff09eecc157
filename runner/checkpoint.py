"""`run.checkpoint`: folders that outlive attempts at a run. Whose they are, who may use them now, and when they go."""

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import identity
from runner.locked import TAKEN, is_locked
from runner.plan import Plan
from runner.record import Notice, Record, Trail

PAUSE = 0.02
PATIENCE = 2.0
"""Seconds after which somebody who waits for a checkpoint is told for whom; the remains of a killed sweep are gone by then."""
_HELD, _TOLD = (1, 0), (1, 1)
"""Length and start of what is locked of a lock's file: by who has it, and once it has written there who it is."""
LOOK_RECORDS, LOOK_SECONDS = 1024, 1.0


def place(artifacts: Path) -> Path:
    """The folder of all checkpoints, beside that of the artifacts."""
    return artifacts.parent / "checkpoints"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sharing:
    """What names a checkpoint that runs share on purpose: the identity of a run but for some params and kwargs. Plain data."""

    exclude: frozenset[str]
    ignore: frozenset[str]
    default_ids: Mapping[str, Any]
    data: Mapping[str, str]
    packages: Mapping[str, str]
    seed: int
    steps: tuple[bytes, ...]

    @classmethod
    def of(cls, plan: Plan) -> "Sharing | None":
        """None where each run has a checkpoint of its own."""
        experiment = plan.experiment
        if not experiment.checkpoint.exclude:
            return None
        return cls(
            exclude=experiment.checkpoint.exclude,
            ignore=experiment.ignore,
            default_ids=experiment.default_ids,
            data=plan.data,
            packages=plan.packages,
            seed=experiment.seed,
            steps=tuple(identity.encode_step(step, code) for step, code in zip(experiment.steps, plan.code, strict=True)),
        )

    def key(self, kwargs: Mapping[str, Any], params: Mapping[str, Any]) -> str:
        """The name of the folder of a run with these kwargs at this point."""
        known = identity.kept(kwargs, self.ignore, self.default_ids)
        for name in self.exclude:
            known = _less(known, name.split("."))
        unsaid = {identity.encode_item(name, value) for name, value in self.default_ids.items()}
        items = {identity.encode_item(name, value) for name, value in params.items() if not self._excludes(name)}
        hashed = identity.base(known, self.data, self.seed, self.packages)
        hashed.update(b"checkpoint" + b"".join(sorted(items - unsaid)))
        return identity.uuid8(identity.chain(hashed.digest(), self.steps))

    def _excludes(self, name: str) -> bool:
        parts = name.split(".")
        return any(".".join(parts[:n]) in self.exclude for n in range(1, len(parts) + 1))


def _less(tree: Mapping[str, Any], path: list[str]) -> Mapping[str, Any]:
    head, *rest = path
    if rest and isinstance(tree.get(head), Mapping):
        return {**tree, head: _less(tree[head], rest)}
    return tree if rest else {name: value for name, value in tree.items() if name != head}


def hold(folder: Path, holder: str) -> int | None:
    """Make the folder, and wait until no other holder uses it: of a sweep in another terminal, or what is left of a killed one.

    Returns the descriptor that holds it until it is closed, or its process has died; None where another process of the same holder has
    it. Raises OSError when the folder cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    waits = time.monotonic() + PATIENCE
    while True:
        descriptor, other = _try(folder)
        if descriptor is not None:
            return _settle(folder, descriptor, holder)
        if other == holder:
            folder.mkdir(exist_ok=True)
            return None
        if time.monotonic() > waits:
            print(f"xrun: {folder} is used by another run ({other or 'of this moment'}); waiting for it", file=sys.stderr)
            waits = float("inf")
        time.sleep(PAUSE)


def _settle(folder: Path, descriptor: int, holder: str) -> int:
    """Say who has it, and make it: only now, or who had it could remove it."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.lockf(descriptor, fcntl.LOCK_EX, *_TOLD)  # waits for those who look, a moment
        folder.mkdir(exist_ok=True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try(folder: Path) -> tuple[int | None, str]:
    """The descriptor of the folder's lock, or who has it. `lockf`, as in `runner.workspace`: a forked child does not keep it."""
    lock = _lock(folder)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, *_HELD)
        if _is(descriptor, lock):  # else who had it has removed it meanwhile
            return descriptor, ""
        other = ""
    except OSError as error:
        if error.errno not in TAKEN:
            return descriptor, ""  # a file system without locks
        other = os.pread(descriptor, 256, 0).decode(errors="replace") if _is_told(descriptor) else ""
    os.close(descriptor)
    return None, other


def _is_told(descriptor: int) -> bool:
    """Whether what stands there is of the one who has it: in its first moment it is of the one before."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, *_TOLD)
    except OSError:
        return True
    return False


def _is(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def holder(folder: Path) -> str:
    """Who has or had it last, as `hold` was told. Raises OSError where nobody can say."""
    return _lock(folder).read_text(errors="replace")


def in_use(folder: Path) -> bool:
    """Whether somebody uses a checkpoint in this moment; changes nothing."""
    return is_locked(_lock(folder), fcntl.lockf) is True


def remove(folder: Path) -> bool:
    """Remove a checkpoint, unless somebody uses it; whether it is gone."""
    descriptor, _ = _try(folder)
    if descriptor is None:
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
        _lock(folder).unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return not folder.exists()


def cleared(records: Iterable[Record | Trail | Notice], folder: Path) -> Iterator[Record | Trail | Notice]:
    """The records as they come; the checkpoints of runs that are COMPLETED go, now that this is committed.

    Nobody looks at the disk for every run: most have none.
    """
    done: list[str] = []
    looked = time.monotonic()
    try:
        for record in records:
            if isinstance(record, Record) and record.status.ok:
                done.append(record.id_run)
                if len(done) >= LOOK_RECORDS or time.monotonic() - looked > LOOK_SECONDS:
                    _clear(done, folder)
                    looked = time.monotonic()
            yield record
    finally:
        _clear(done, folder)


def _clear(ids: list[str], folder: Path) -> None:
    if folder.is_dir():
        for id_run in ids:
            if _lock(folder / id_run).exists():
                remove(folder / id_run)
    ids.clear()
