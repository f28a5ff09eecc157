"""Network file systems are recognised, and a store on one does without WAL."""

import sqlite3
import warnings
from pathlib import Path

import pytest

from runner import stores
from runner.record import Record, Status
from runner.stores import mounts

INFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /proc rw,nosuid - proc proc rw
41 22 0:40 / /net/nfs rw,relatime shared:5 - nfs server:/a rw,vers=3
42 22 0:41 / /net/nfs4 rw,relatime - nfs4 server:/b rw,vers=4.2
43 22 0:42 / /net/cifs rw - cifs //server/share rw,vers=3.0
44 22 0:43 / /net/smb3 rw - smb3 //server/share rw
45 22 0:44 / /net/lustre rw - lustre 10.0.0.1@tcp:/scratch rw,flock
46 22 0:45 / /net/9p rw - 9p host rw,trans=virtio
47 22 0:46 / /net/fuse.sshfs rw - fuse.sshfs user@server:/home rw
48 22 0:47 / /net/beegfs rw - beegfs beegfs_nodev rw
49 22 0:48 / /net/gpfs rw - gpfs gpfs1 rw
50 22 0:49 / /local/btrfs rw - btrfs /dev/vdb rw
51 22 0:50 / /local/tmpfs rw - tmpfs tmpfs rw
52 22 0:51 / /local/fuse.ntfs rw - fuse.ntfs /dev/sdb1 rw
53 22 0:52 / /local/xfs rw master:7 - xfs /dev/vdc rw
54 41 0:53 / /net/nfs/scratch rw - ext4 /dev/vdd rw
55 22 0:54 / /with\\040a\\040space rw - nfs4 server:/c rw
56 22 0:55 / /over rw - nfs4 server:/d rw
57 56 0:56 / /over rw - ext4 /dev/vde rw
58 22 0:57 / /overlay rw - overlay overlay rw,lowerdir=/a - b
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "lustre", "9p", "fuse.sshfs", "beegfs", "gpfs"])
def test_file_systems_of_the_network_are_recognised(kind):
    assert mounts.file_system(Path(f"/net/{kind}/home/me/.xrun"), INFO) == kind
    assert mounts.is_network(kind)


@pytest.mark.parametrize("kind", ["btrfs", "tmpfs", "fuse.ntfs", "xfs"])
def test_those_of_this_machine_are_not(kind):
    assert mounts.file_system(Path(f"/local/{kind}/x"), INFO) == kind
    assert not mounts.is_network(kind)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/home/me", "ext4"),
        ("/net/nfsx", "ext4"),
        ("/net/nfs/scratch/run", "ext4"),
        ("/net/nfs/scratchy", "nfs"),
        ("/with a space/x", "nfs4"),
        ("/over/x", "ext4"),
        ("/overlay", "overlay"),
    ],
)
def test_the_nearest_and_latest_mount_counts(folder, kind):
    assert mounts.file_system(Path(folder), INFO) == kind


def test_nonsense_is_no_network():
    assert mounts.file_system(Path("/a"), "what\nis - this\n") == ""
    assert not mounts.is_network("")


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A store that is told to lie on a network."""
    monkeypatch.setenv("XRUN_FORCE_NETFS", "1")
    with pytest.warns(mounts.NetworkWarning, match="--workspace"):
        store = stores.open(tmp_path / "store")
    yield store
    store.close()


def record(n):
    return Record(id_run=f"id-{n}", experiment="e", status=Status.COMPLETED)


def test_there_it_has_no_wal_and_commits_are_as_durable(remote, tmp_path):
    remote.append([record(n) for n in range(100)])
    assert remote._db.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    assert remote._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert not (tmp_path / "store-wal").exists()
    assert len(list(remote.records())) == 100


def test_there_a_reader_in_the_middle_of_a_list_does_not_stop_the_writer(remote, tmp_path):
    remote._db.execute("PRAGMA busy_timeout=200")
    remote.append([record(n) for n in range(100)])
    reader = stores.read(tmp_path / "store")
    listed = reader.records()
    next(listed)
    for n in range(20):
        remote.append([record(1000 + n)])
    assert sum(1 for _ in listed) == 99
    reader.close()


def test_a_store_with_a_wal_that_moves_to_a_network_loses_it_and_gets_it_back(tmp_path, monkeypatch):
    path = tmp_path / "store"
    store = stores.open(path)
    store.append([record(1)])
    store.close()
    for forced in ("1", "0", "1"):
        monkeypatch.setenv("XRUN_FORCE_NETFS", forced)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", mounts.NetworkWarning)
            stores.open(path).close()
        db = sqlite3.connect(path)
        assert (db.execute("PRAGMA journal_mode").fetchone() == ("wal",)) == (forced == "0")
        db.close()
        reader = stores.read(path)
        assert [found.id_run for found in reader.records()] == ["id-1"]
        reader.close()
