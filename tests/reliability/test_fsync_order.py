"""F2: what is acknowledged survives a power cut, because the disk has been told to keep it before anybody hears of it."""

import re
import shutil

import pytest

LINE = re.compile(r"^(?P<call>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)$")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.forms(runs=(300, 2_000))
def test_every_acknowledgement_comes_after_an_fsync_of_what_was_written_before_it(project, runs):
    """The trace of the coordinator alone: writes and fsyncs of the store's files, and the lines that acknowledge."""
    trace, store = project.root / "trace", project.root / "store"
    prefix = ("strace", "-qq", "-y", "-s", "64", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(trace))
    done = project.drive(store, runs, 0.001, prefix=prefix, timeout=300)
    assert done.returncode == 0, done.stderr
    acked, files = 0, {str(store): 0, f"{store}-wal": 0}
    """Writes to each that no fsync of it has followed."""
    for line in trace.read_text().splitlines():
        if (found := LINE.match(line)) is None:
            continue
        path = found["path"]
        if found["call"] in ("pwrite64", "write") and path in files:
            files[path] += 1
        elif found["call"] in ("fsync", "fdatasync") and path in files and found["rest"].endswith("= 0"):
            files[path] = 0
        elif found["call"] == "write" and found["fd"] == "1":
            assert not any(files.values()), f"acknowledged with writes that no fsync followed: {files}, {line}"
            acked += 1
    assert acked == len(done.stdout.splitlines()) == runs
