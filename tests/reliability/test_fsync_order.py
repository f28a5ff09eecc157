"""F2: what is acknowledged survives a power cut, because the disk has been told to keep it before anybody hears of it."""

import re
import shutil

import pytest

LINE = re.compile(r"^(?P<call>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)$")
BEGAN = re.compile(r"^\d+ +(?P<call>\w+)\(\d+<(?P<path>[^>]*)>")
"""Of several processes, whose lines end when something else has begun."""


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


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_files_that_a_run_keeps_are_on_the_disk_before_its_record_is(project):
    project.module(
        "def step(run):\n    (run.dir / 'outputs').mkdir()\n    (run.dir / 'outputs' / 'model').write_bytes(b'x' * 9000)\n"
        "    run.log_artifact(__file__, 'code/')\n    with run.child_run('fold') as child:\n        child.log_artifact(__file__, 'copy')\n"
    )
    project.experiment("keeps", "{n: [1, 2]}")
    trace = project.root / "trace"
    calls = "trace=write,pwrite64,copy_file_range,fsync,fdatasync"
    process = project.start("+experiment=keeps", "-q", prefix=("strace", "-f", "-qq", "-y", "-s", "9", "-e", calls, "-o", str(trace)))
    assert process.wait(120) == 0
    began = [found for line in trace.read_text().splitlines() if (found := BEGAN.match(line))]
    synced = {found["path"]: n for n, found in enumerate(began) if "sync" in found["call"]}
    wrote = {found["path"]: n for n, found in enumerate(began) if "sync" not in found["call"]}
    """Where in the trace that happened last."""
    recorded = synced[f"{project.store}-wal"]
    folders = sorted((project.store.parent / "artifacts").iterdir(), key=lambda folder: (folder / "outputs").exists())
    assert len(folders) == 4
    for folder, paths in zip(folders, [("copy", "")] * 2 + [("outputs/model", "code/work.py", "outputs", "code", "")] * 2, strict=True):
        assert all(synced[str(folder / path).rstrip("/")] < recorded for path in paths)
    for folder in folders[2:]:
        assert wrote[str(folder / "outputs" / "model")] < synced[str(folder / "outputs" / "model")]
