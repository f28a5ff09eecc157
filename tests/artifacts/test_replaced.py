"""Folders that are put aside for another attempt: what they are called, whose files lie where, and deciding it, cut off anywhere."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import replaced
from runner.claims import Claims
from runner.succession import Succession, decide_all, leftovers

R = "4c00df0c-0000-8000-8000-000000000001"
OTHER = "4c00df0c-0000-8000-8000-000000000002"


class Said:
    """What a store would say."""

    def __init__(self, owners=None, alive=()):
        self._owners, self._alive = owners or {}, set(alive)

    def owners(self, ids):
        return {id_run: self._owners[id_run] for id_run in ids if id_run in self._owners}

    def over(self, epochs):
        return set(epochs) - self._alive


def attempt(folder, epoch, id_run=R, *, makes=True):
    """An attempt by this invocation, which makes a file that says so, or none."""
    descriptor = replaced.put_aside(folder, id_run, epoch)
    if makes:
        (folder / id_run).mkdir()
        (folder / id_run / "by").write_text(str(epoch))
    if descriptor is not None:
        os.close(descriptor)


def names(folder):
    return sorted(path.name for path in (folder / replaced.PLACE).iterdir()) if (folder / replaced.PLACE).exists() else []


def made_by(place):
    return (place / "by").read_text() if (place / "by").exists() else None


def test_the_first_attempt_puts_nothing_aside_and_makes_no_place(tmp_path):
    assert replaced.put_aside(tmp_path, R, 1) is None
    assert list(tmp_path.iterdir()) == []


def test_without_a_store_what_was_there_goes_as_nobody_could_tell_later(tmp_path):
    attempt(tmp_path, None)
    attempt(tmp_path, None)
    assert [path.name for path in tmp_path.iterdir()] == [R]


def test_what_an_earlier_attempt_of_the_same_invocation_left_goes_and_what_counts_stays_aside(tmp_path):
    for epoch in (1, 2, 2, 2):
        attempt(tmp_path, epoch)
    assert names(tmp_path) == [f"{R}.1.2"]
    assert made_by(tmp_path / replaced.PLACE / f"{R}.1.2") == "1"
    assert made_by(tmp_path / R) == "2"


def test_an_empty_folder_that_lies_aside_is_not_overwritten(tmp_path):
    (tmp_path / R).mkdir()
    attempt(tmp_path, 2)
    attempt(tmp_path, 2)
    decide_all(tmp_path, Said({R: 1}))
    assert list((tmp_path / R).iterdir()) == []


@given(
    epochs=st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.booleans()), min_size=1, max_size=8),
    between=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_the_files_of_the_record_are_found_and_put_back_whoever_executed_it_and_ended_how(epochs, between):
    """Invocations in any order of their numbers, each of which makes files or not, and lands or not; somebody tidies up in between or not.

    Of one that made none it does not matter what lies there: its record names no file.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        owner, before, left = None, None, None
        for (epoch, makes, lands), tidy in zip(epochs, between, strict=False):
            if epoch in (owner, before):
                continue  # an invocation executes a run once, but for retries
            attempt(folder, epoch, makes=makes)
            before = epoch
            if lands:
                owner, left = epoch, str(epoch) if makes else None
            if owner is None:
                continue
            assert left is None or made_by(replaced.Places(folder).of(R, owner)) == left
            if tidy:
                decide_all(folder, Said({R: owner}))
                assert left is None or made_by(folder / R) == left
                assert not (folder / replaced.PLACE).exists()
                before = None
        decide_all(folder, Said({R: owner} if owner is not None else {}))
        assert names(folder) == []
        assert left is None or made_by(folder / R) == left


def test_what_is_made_behind_an_attempt_that_was_killed_before_it_made_a_folder_is_not_taken_for_the_old_files(tmp_path):
    attempt(tmp_path, 1)
    attempt(tmp_path, 2, makes=False)
    attempt(tmp_path, 3)
    assert made_by(replaced.Places(tmp_path).of(R, 3)) == "3"
    assert made_by(replaced.Places(tmp_path).of(R, 1)) == "1"
    decide_all(tmp_path, Said({R: 3}))
    assert made_by(tmp_path / R) == "3"


def test_a_retry_whose_first_attempt_made_no_folder_is_one_that_goes_on(tmp_path):
    attempt(tmp_path, 1)
    attempt(tmp_path, 2, makes=False)
    held = replaced.put_aside(tmp_path, R, 2)
    (stack,) = replaced.asides(tmp_path).values()
    assert [replaced.is_used(aside) for aside in stack] == [True]
    os.close(held)
    assert not replaced.is_used(stack[0])


CUT = """
import sys
from pathlib import Path
from runner import replaced
folder, owner = Path(sys.argv[1]), int(sys.argv[2])
replaced.decide(folder, replaced.stack_of(folder, sys.argv[3]), owner)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("call", ["rename", "unlinkat", "rmdir"])
@pytest.mark.parametrize("owner", [1, 2, 3, 4])
def test_a_kill_before_any_of_its_operations_leaves_what_decides_the_same_way(tmp_path, owner, call):
    """4 is the last that executed it: of 1, 2 and 3 an attempt was committed, and of nobody behind it."""
    for when in range(1, 40):
        folder = tmp_path / str(when)
        folder.mkdir()
        for epoch in (1, 2, 3, 4):
            attempt(folder, epoch)
        (folder / replaced.PLACE / "notes").touch()
        command = [sys.executable, "-B", "-c", CUT, str(folder), str(owner), R]
        inject = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={when}"]
        done = subprocess.run([*inject, *command], check=False)
        assert made_by(replaced.Places(folder).of(R, owner)) == str(owner), f"after {when} calls"
        decide_all(folder, Said({R: owner}))
        assert made_by(folder / R) == str(owner), f"after {when} calls"
        assert names(folder) == ["notes"]
        if done.returncode == 0:
            assert when > 1 or (owner == 4 and call == "rename"), "it was never cut off"
            return
    raise AssertionError("it never came to its end")


def test_what_nobody_has_a_record_of_goes_and_what_damage_hides_stays(tmp_path):
    attempt(tmp_path, 1)
    attempt(tmp_path, 2)
    decide_all(tmp_path, Said({R: None}))
    assert names(tmp_path) == [f"{R}.1.2"]
    assert leftovers(tmp_path, Said({R: None})) == []
    assert leftovers(tmp_path, Said()) == [tmp_path / replaced.PLACE / f"{R}.1.2"]
    decide_all(tmp_path, Said())
    assert made_by(tmp_path / R) == "2"
    assert names(tmp_path) == []


def test_leftovers_are_what_deciding_removes(tmp_path):
    for epoch in (1, 2, 3):
        attempt(tmp_path, epoch)
    place = tmp_path / replaced.PLACE
    assert leftovers(tmp_path, Said({R: 3})) == [place / f"{R}.1.2", place / f"{R}.2.3"]
    assert leftovers(tmp_path, Said({R: 2})) == [place / f"{R}.1.2", tmp_path / R]
    assert leftovers(tmp_path, Said({R: 2}), [R]) == [place / f"{R}.1.2", place / f"{R}.2.3"]


def test_while_an_attempt_goes_on_nobody_puts_back_what_it_has_put_aside(tmp_path):
    """The process of a killed xrun that still writes: it is waited for."""
    attempt(tmp_path, 1)
    writer = """
import sys, time
from pathlib import Path
from runner import replaced
folder = Path(sys.argv[1])
held = replaced.put_aside(folder, sys.argv[2], 2)
(folder / sys.argv[2]).mkdir()
print(flush=True)
sys.stdin.read()
for n in range(50):
    (folder / sys.argv[2] / "by").write_text("2")
    time.sleep(0.01)
"""
    command = [sys.executable, "-c", writer, str(tmp_path), R]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        (stack,) = replaced.asides(tmp_path).values()
        assert replaced.is_used(stack[0])
        process.stdin.close()
        begun = time.monotonic()
        decide_all(tmp_path, Said({R: 1}))
        assert time.monotonic() - begun > 0.3
        process.wait()
    assert made_by(tmp_path / R) == "1"
    assert not replaced.is_used(stack[0])


@pytest.fixture
def succession(tmp_path):
    """succession(store, epoch) for a folder of artifacts."""
    artifacts, locks = tmp_path / "artifacts", tmp_path / "locks"
    artifacts.mkdir()
    locks.mkdir()
    claims = Claims(locks)
    yield lambda store, epoch: (artifacts, Succession(artifacts, store, epoch, claims))
    claims.close()


def test_at_the_beginning_only_what_nobody_goes_on_with_is_decided(succession):
    folder, mine = succession(Said({R: 1}, alive={2, 3}), 3)
    for epoch in (1, 2):
        attempt(folder, epoch)
    mine.begin()
    assert names(folder) == [f"{R}.1.2"]
    folder, mine = succession(Said({R: 1}, alive={3}), 3)
    mine.begin()
    assert made_by(folder / R) == "1"
    assert not (folder / replaced.PLACE).exists()


def test_at_the_end_it_is_decided_for_what_this_invocation_has_put_aside(succession):
    folder, mine = succession(Said({R: 1, OTHER: 1}, alive={2, 3}), 3)
    for id_run, epochs in ((R, (1, 3)), (OTHER, (1, 2))):
        for epoch in epochs:
            attempt(folder, epoch, id_run)
    mine.end()
    assert names(folder) == [f"{OTHER}.1.2"]
    assert made_by(folder / R) == "1"


def test_what_another_process_executes_now_is_left_to_it(succession):
    folder, mine = succession(Said({R: 1}), 3)
    for epoch in (1, 2):
        attempt(folder, epoch)
    source = "import sys; from pathlib import Path; from runner.claims import Claims; c = Claims(Path(sys.argv[1])); print(c.claim(sys.argv[2]), flush=True); sys.stdin.read()"  # fmt: skip # noqa: E501
    command = [sys.executable, "-c", source, str(folder.parent / "locks"), R]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"True\n"
        mine.begin()
        assert names(folder) == [f"{R}.1.2"]
        process.stdin.close()
        process.wait()
    mine.begin()
    assert made_by(folder / R) == "1"


def test_between_runs_only_what_has_landed_goes_and_nothing_is_put_back(succession, monkeypatch):
    monkeypatch.setattr("runner.succession.LOOK_SECONDS", 0.0)
    folder, mine = succession(Said({R: 3, OTHER: 1}, alive={3}), 3)
    for id_run in (R, OTHER):
        for epoch in (1, 3):
            attempt(folder, epoch, id_run)
    mine.look()
    assert names(folder) == [f"{OTHER}.1.3"]
    assert made_by(folder / R) == "3"


def test_a_look_ends_in_time_for_what_executes_and_the_next_one_goes_on(succession, monkeypatch):
    monkeypatch.setattr("runner.succession.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("runner.succession.LONGEST_LOOK", 0.0)
    ids = [f"{R[:-2]}{n:02}" for n in range(3)]
    folder, mine = succession(Said(dict.fromkeys(ids, 3), alive={3}), 3)
    for id_run in ids:
        for epoch in (1, 3):
            attempt(folder, epoch, id_run)
    left = []
    for _ in ids:
        monkeypatch.setattr(mine, "_due", 0.0)
        mine.look()
        left.append(len(names(folder)))
    assert left == [2, 1, 0]


def test_of_many_runs_those_are_decided_that_nobody_else_has_claimed(succession, tmp_path, monkeypatch):
    """They are claimed a few at a time."""
    monkeypatch.setattr("runner.succession.CHUNK", 3)
    ids = [f"{R[:-2]}{n:02}" for n in range(10)]
    folder, mine = succession(Said(dict.fromkeys(ids, 1)), 3)
    for id_run in ids:
        attempt(folder, 1, id_run)
        attempt(folder, 2, id_run)
    claimed = "import sys; from pathlib import Path; from runner.claims import Claims; c = Claims(Path(sys.argv[1])); c.claim(sys.argv[2])"
    command = [sys.executable, "-c", f"{claimed}; print(flush=True); sys.stdin.read()", str(tmp_path / "locks"), ids[4]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        mine.begin()
        assert names(folder) == [f"{ids[4]}.1.2"]
        other.stdin.close()
        other.wait()
    assert [made_by(folder / id_run) for id_run in ids] == ["1"] * 4 + ["2"] + ["1"] * 5
    mine.begin()
    assert names(folder) == []
    assert made_by(folder / ids[4]) == "1"
