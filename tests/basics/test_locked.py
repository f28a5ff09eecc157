"""Who holds a lock: another process, nobody, or nobody can say."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.locked import is_locked

HOLDER = """
import fcntl, os, sys
fcntl.{kind}(os.open(sys.argv[1], os.O_RDWR), fcntl.{how})
print("held", flush=True)
sys.stdin.read()
"""
KINDS = {"lockf": fcntl.lockf, "flock": fcntl.flock}


def held(path, kind, how="LOCK_EX"):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(kind=kind, how=how), path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.mark.parametrize("how", ["LOCK_EX", "LOCK_SH"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_is_seen_while_its_holder_lives_and_not_after_a_kill(tmp_path, kind, how):
    path = tmp_path / "lock"
    path.touch()
    assert is_locked(path, KINDS[kind]) is False
    with held(path, kind, how) as holder:
        assert is_locked(path, KINDS[kind]) is True
        holder.kill()
    assert is_locked(path, KINDS[kind]) is False


@pytest.mark.parametrize("kind", KINDS)
def test_looking_takes_nothing_from_anybody(tmp_path, kind):
    path = tmp_path / "lock"
    path.touch()
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(3):
        assert is_locked(path, KINDS[kind]) is False
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    with held(path, kind) as holder:  # which would wait for ever
        assert is_locked(path, KINDS[kind]) is True
        assert is_locked(path, KINDS[kind]) is True
        holder.stdin.close()


def test_the_lock_of_a_folder_is_one(tmp_path):
    assert is_locked(tmp_path, fcntl.flock, os.O_RDONLY | os.O_DIRECTORY) is False
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    assert is_locked(tmp_path, fcntl.flock, os.O_RDONLY | os.O_DIRECTORY) is True  # a flock is the open file's, not the process's
    os.close(descriptor)


def test_a_file_that_is_not_there_is_nobodys_and_of_one_that_cannot_be_opened_nobody_can_say(tmp_path):
    assert is_locked(tmp_path / "none", fcntl.lockf) is False
    assert is_locked(tmp_path, fcntl.lockf) is None
    (tmp_path / "loop").symlink_to("loop")
    assert is_locked(tmp_path / "loop", fcntl.lockf) is None


def test_of_a_file_that_takes_no_locks_nobody_can_say(tmp_path):
    (tmp_path / "read").touch()
    assert is_locked(tmp_path / "read", fcntl.lockf, os.O_RDONLY) is None  # EBADF: lockf wants it to be open for writing
