"""F2: the power is cut, on a file system that loses what nobody has told it to keep.

That is LazyFS (github: dsrhaslab/lazyfs), which holds every write until an fsync and forgets the others on demand; root and FUSE are
needed. $XRUN_TEST_LAZYFS is its program. `test_fsync_order.py` holds xrun to the same without any of this.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif("XRUN_TEST_LAZYFS" not in os.environ, reason="needs LazyFS: $XRUN_TEST_LAZYFS")

CONFIGURATION = """
[faults]
fifo_path="{folder}/faults"
fifo_path_completed="{folder}/told"
[cache]
apply_eviction=false
[cache.simple]
custom_size="256mb"
blocks_per_page=1
[filesystem]
log_all_operations=false
logfile=""
"""
KEEPS = """
import time
from pathlib import Path

def first(run):
    for k in range(5):
        run.log_metric("loss", run.params.n + k, step=k)
    (run.dir / "outputs").mkdir()
    (run.dir / "outputs" / "model").write_bytes(b"%d " % run.params.n * 5000)
    run.fields.value = (run.params.n * 2654435761 % 1000003) / 7

def second(run):
    time.sleep(0.002)
    run.fields.text = f"run {run.params.n}"
"""


@dataclass
class Disk:
    """`folder/mount`, as long as there is power."""

    folder: Path

    @property
    def mount(self) -> Path:
        return self.folder / "mount"

    def on(self) -> None:
        command = [
            os.environ["XRUN_TEST_LAZYFS"],
            str(self.mount),
            "--config-path",
            "lazyfs.toml",
        ]  # a path with "-o" in it is no path to it
        options = ["-o", "allow_other", "-o", "modules=subdir", "-o", f"subdir={self.folder / 'kept'}", "-f"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command + options, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not os.path.ismount(self.mount):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def cut(self) -> None:
        """What was not synced is gone, from every cache."""
        with (self.folder / "faults").open("w") as faults:
            faults.write("lazyfs::clear-cache\n")
        with (self.folder / "told").open() as told:
            assert "finished::clear-cache" in told.readline()
        self.off()
        self.on()

    def off(self) -> None:
        subprocess.run(["fusermount3", "-u", "-z", str(self.mount)], check=True)
        self.process.wait(20)


@pytest.fixture
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    made = Disk(folder)
    for name in ("mount", "kept"):
        (folder / name).mkdir()
    (folder / "lazyfs.toml").write_text(CONFIGURATION.format(folder=folder))
    made.on()
    yield made
    made.off()


@pytest.fixture
def on_it(project, disk, monkeypatch):
    """The workspace is on that disk; `netfs`, as on one of the network, without WAL."""
    (project.root / "space").symlink_to(disk.mount)
    monkeypatch.setenv("XRUN_FORCE_NETFS", "0")
    return project


def kill(process, project):
    os.killpg(process.pid, 9)
    process.wait()
    project.assert_none_alive()


@pytest.mark.forms(rounds=(3, 20))
@pytest.mark.parametrize("netfs", ["0", "1"])
def test_what_anybody_saw_as_done_is_there_after_the_power_was_cut(on_it, disk, dice, rounds, netfs, monkeypatch):
    monkeypatch.setenv("XRUN_FORCE_NETFS", netfs)
    on_it.module(KEEPS)
    on_it.experiment("cut", '{n: "range(0,400)"}', steps="[work.first, work.second]")
    seen: dict[str, object] = {}
    for _ in range(rounds):
        process = on_it.start("+experiment=cut", "-q")
        on_it.wait_for_rows(min(len(seen) + 1, 400))
        time.sleep(dice.uniform(0.0, 0.3))
        seen |= on_it.rows()
        kill(process, on_it)
        disk.cut()
        on_it.assert_ok(seen)
        assert on_it.run("doctor")[0] == 0
    code, _, err = on_it.run("+experiment=cut", "-q")
    assert code == 0, err
    assert len(on_it.assert_ok(seen)) == 400
    disk.cut()
    for arguments in (("verify", "cut"), ("doctor",)):
        code, out, err = on_it.run(*arguments)
        assert code == 0, out + err
    assert len(on_it.table("cut").splitlines()) == 401
