"""F10: a full disk is waited for. Real ones: a small tmpfs, and writes that the kernel refuses."""

import shutil
import signal
import subprocess
import time

import pytest

from runner.pending import MAX_HELD, Pending
from runner.record import Record, Status
from runner.stores import FullError

FAT = """
import time

def step(n, wait=0.0):
    time.sleep(wait)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}", "fat": f"{n % 10}" * 20_000}
"""
WAITS = "nothing is started until there is room"
GOES_ON = "there is room on the disk again"


@pytest.fixture
def small_disk(project):
    """The workspace on a disk of 32 MB with a ballast of 28 MB, so that some 100 runs fit."""
    space = project.root / "space"
    space.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=32m", "none", space], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a tmpfs")
    ballast = space / "ballast"
    ballast.write_bytes(b"\0" * (28 << 20))
    yield ballast
    subprocess.run(["umount", "--lazy", space], check=True)


@pytest.fixture
def fat(project):
    project.module(FAT)
    project.experiment("sweep", '{n: "range(0,300)"}', kwargs={"wait": 0.002})
    return project


def lines(process):
    """stderr as it comes, up to the warning that the disk is full."""
    for line in process.stderr:
        yield line
        if WAITS in line:
            return


def values(project):
    return {i: (n, status, {"value": fields["value"], "text": fields["text"]}) for i, (n, status, fields) in project.rows().items()}


def test_a_sweep_waits_for_room_and_goes_on(fat, small_disk):
    process = fat.start("+experiment=sweep")
    assert WAITS in "".join(lines(process))
    held = len(fat.rows())
    assert 0 < held < 300
    time.sleep(6)  # one more attempt in vain
    assert process.poll() is None
    assert len(fat.rows()) == held
    small_disk.unlink()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert WAITS not in err  # once is enough
    assert GOES_ON in err
    assert len(values(fat)) == 300
    assert all(status == "COMPLETED" for _, status, _ in values(fat).values())
    fat.assert_none_alive()


def test_what_waits_for_room_ends_with_its_grace(fat, small_disk):
    process = fat.start("+experiment=sweep", "--grace", "1")
    assert WAITS in "".join(lines(process))
    held = fat.rows()
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - begun < 10
    assert process.returncode == 74, err
    assert "full" in err
    assert "Traceback" not in err
    assert fat.rows() == held
    small_disk.unlink()
    assert fat.run("+experiment=sweep")[0] == 0
    assert len(fat.rows()) == 300


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("when", [20, *(pytest.param(n, marks=pytest.mark.soak) for n in (8, 40, 60))])
def test_a_moment_without_room_costs_nothing(project, when):
    project.module(FAT)
    project.experiment("sweep", '{n: "range(0,900)"}')
    assert project.run("+experiment=sweep", "params.n=0")[0] == 0
    fault = (
        "-P",
        str(project.store.with_name("xrun.db-wal")),
        "-e",
        "trace=pwrite64",
        "-e",
        f"inject=pwrite64:error=ENOSPC:when={when}..{when}",
    )
    process = project.start("+experiment=sweep", prefix=("strace", "-qq", "-o", "/dev/null", *fault))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(values(project)) == 900
    assert (WAITS in err) == (GOES_ON in err)  # neither, where it was not the runs' records that met the fault


class Full:
    """A store without room."""

    def append(self, records, trails):
        raise FullError("database or disk is full")


def test_no_more_is_held_in_memory_than_is_promised():
    pending = Pending(wait_if_full=True)
    pending.begin(0.0)
    pending.records += [Record(id_run=f"{n}", experiment="e", status=Status.COMPLETED, fields_json="x" * (1 << 20)) for n in range(60)]
    records, notice = pending.commit(Full())
    assert (records, bool(notice), pending.full, len(pending.records)) == ([], True, True, 60)
    assert pending.commit(Full()) == ([], None)  # told once
    pending.records += pending.records[:6]
    assert MAX_HELD < 66 << 20
    with pytest.raises(FullError):
        pending.commit(Full())
    assert not pending
