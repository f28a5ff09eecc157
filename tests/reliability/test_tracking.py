"""F19: what runs log survives what happens to them: killed workers, a killed xrun, full disks, floods of output."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from runner import reading, stores

PREAMBLE = """
import ctypes, os, signal, sys, time
from pathlib import Path
HERE = Path(__file__).parent
"""


@pytest.fixture
def reader(project):
    """reader() -> a reader of the project's store."""
    made = []

    def build():
        made.append(stores.read(project.store))
        return made[-1]

    yield build
    for one in made:
        one.close()


def values(reader, id_run, name="a"):
    return [value for _, part, _ in reader.points(id_run, name) for value in part]


def steps(reader, id_run, name="a"):
    return [step for part, _, _ in reader.points(id_run, name) for step in part]


def printed(reader, id_run, stream="stdout"):
    return "".join(text for _, _, text in reading.output_of(reader, id_run, stream))


def begin(project, source, params="{n: [0]}", **more):
    project.module(PREAMBLE + source)
    project.experiment("track", params, **more)


def only(reader):
    (record,) = reader.records("track")
    return record


POINTS_100_000 = """
def step(run):
    for k in range(100_000):
        run.log_metric("a", k)
        if k == 60_000:
            (HERE / "ready").write_text(str(os.getpid()))
        if k % 100 == 0:
            time.sleep(0.002)
"""


def test_a_worker_killed_in_a_run_of_100_000_points_keeps_all_but_the_last_moment(project, reader, dice):
    """The kill comes from outside at any point of time; the journal holds what had not been sent."""
    begin(project, POINTS_100_000)
    process = project.start("+experiment=track")
    project.wait_for(project.root / "ready")
    time.sleep(dice.uniform(0, 0.3))
    os.kill(int((project.root / "ready").read_text()), signal.SIGKILL)
    assert process.wait(30) == 1
    record = only(reader())
    found = values(reader(), record.id_run)
    assert (record.status, record.failure.kind) == ("CRASHED", "SIGKILL")
    assert found == list(range(len(found)))
    assert len(found) > 60_000
    assert reader().summaries([record.id_run])[record.id_run]["a"].count == len(found)
    print(f"{len(found):,} points kept")


SLOW = """
def step(run):
    for k in range(4):
        run.log_metric("a", k)
        run.log_metric("b", k)
        if k == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(run.params.pause)
"""


def test_a_slow_logger_that_is_killed_right_after_a_call_loses_nothing(project, reader):
    begin(project, SLOW, params="{pause: [0.7, 1.5]}")
    assert project.run("+experiment=track")[0] == 1
    for record in reader().records("track"):
        assert (values(reader(), record.id_run, "a"), values(reader(), record.id_run, "b")) == ([0, 1, 2, 3], [0, 1, 2, 3])


ENDS = """
def step(run):
    for k in range(20_000):
        run.log_metric("a", k)
    print("printed")
    sys.stderr.write("to stderr")
    os.write(1, b"written")
    match run.params.end:
        case "exit": os._exit(0)
        case "segfault": ctypes.string_at(0)
        case "abort": os.abort()
        case "kill": os.kill(os.getpid(), signal.SIGKILL)
        case "hang": time.sleep(100)
        case "raise": raise ValueError("no")
"""


def test_points_and_output_outlive_every_end_of_a_process(project, reader):
    begin(project, ENDS, params="{end: [exit, segfault, abort, kill, hang, raise]}", steps="[{call: work.step, timeout: 4}]")
    code, _, err = project.run("+experiment=track")
    assert code == 1, err
    records = {record.params["end"]: record for record in reader().records("track")}
    assert {end: record.status.value for end, record in records.items()} == {
        "exit": "CRASHED", "segfault": "CRASHED", "abort": "CRASHED", "kill": "CRASHED", "hang": "TIMED_OUT", "raise": "FAILED",
    }  # fmt: skip
    for record in records.values():
        assert values(reader(), record.id_run) == list(range(20_000))
        assert printed(reader(), record.id_run) == "printed\nwritten"
        assert printed(reader(), record.id_run, "stderr") == "to stderr"


RERUN = """
def step(run):
    first = not (HERE / "again").exists()
    for k in range(300):
        run.log_metric("a", k + (1000 if first else 0))
        run.log_metric(f"only {first}", k)
        if first:
            time.sleep(0.02)
        if k == 100 and first:
            (HERE / "ready").write_text("x")
    print("first" if first else "again")
"""


def test_a_rerun_after_xrun_was_killed_has_nothing_of_the_execution_before(project, reader):
    begin(project, RERUN, params="{n: [0, 1]}")
    process = project.start("+experiment=track")
    project.wait_for(project.root / "ready")
    time.sleep(1.2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    project.assert_none_alive()
    assert list(reader().records("track")) == []
    (project.root / "again").touch()
    assert project.run("+experiment=track")[0] == 0
    for record in reader().records("track"):
        assert values(reader(), record.id_run) == list(range(300))
        assert set(reader().summaries([record.id_run])[record.id_run]) == {"a", "only False"}
        assert printed(reader(), record.id_run) == "again\n"
    assert reader().executing() == []


def test_a_finished_run_keeps_its_metrics_while_it_is_forced_again_and_when_that_is_killed(project, reader):
    begin(project, RERUN)
    (project.root / "again").touch()
    assert project.run("+experiment=track")[0] == 0
    (project.root / "again").unlink()
    process = project.start("+experiment=track", "--force")
    project.wait_for(project.root / "ready")
    time.sleep(1.2)
    id_run = only(reader()).id_run
    assert reader().executing() == [id_run]
    assert values(reader(), id_run) == list(range(300))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert values(reader(), id_run) == list(range(300))
    assert project.run("+experiment=track")[0] == 0  # finds it in the store
    assert values(reader(), id_run) == list(range(300))
    assert printed(reader(), id_run) == "again\n"


def test_an_interrupted_run_keeps_what_it_had_sent(project, reader):
    begin(project, RERUN)
    process = project.start("+experiment=track", "--grace", "0.1")
    project.wait_for(project.root / "ready")
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    record = only(reader())
    assert record.status == "CANCELLED"
    found = values(reader(), record.id_run)
    assert found == [1000 + k for k in range(len(found))]
    assert len(found) > 100


FULL_DISK = """
import resource
def step(run):
    source = HERE / "source"
    source.write_bytes(b"x" * 2_000_000)
    if run.params.how == "limit":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    for k in range(5):
        run.log_metric("a", k)
        run.log_artifact(source, f"{k}.bin")
    (run.dir / "small").write_text("x")
    run.log_artifact(run.dir / "small")
    run.fields.reached = True
"""


@pytest.mark.parametrize("strict", [False, True])
def test_artifacts_on_a_full_disk_do_not_end_the_step_unless_tracking_is_strict(project, reader, strict):
    begin(project, FULL_DISK, params="{how: [limit]}", tracking={"strict": strict})
    code, _, err = project.run("+experiment=track")
    record = only(reader())
    if strict:
        assert (code, record.status) == (1, "FAILED")
        assert "too large" in record.failure.message or "File too large" in record.failure.message
        return
    assert code == 0, err
    assert (record.status, record.troubles, record.fields) == ("COMPLETED", 5, {"reached": True})
    assert values(reader(), record.id_run) == list(range(5))
    assert [a.path for a in reader().artifacts([record.id_run])[record.id_run]] == ["small"]
    assert "5 log calls could not keep what they were given" in err
    assert printed(reader(), record.id_run, "stderr").count("warning") == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB."""
    place = tmp_path / "small-disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_artifacts_on_a_disk_that_is_really_full_are_counted(project, reader, small_disk):
    begin(project, FULL_DISK, params="{how: [disk]}")
    artifacts = project.root / "space" / ".xrun" / "artifacts"
    artifacts.parent.mkdir(parents=True)
    artifacts.symlink_to(small_disk)
    code, _, err = project.run("+experiment=track")
    assert code == 0, err
    record = only(reader())
    assert record.troubles == 5
    assert "No space left" in err
    assert [a.path for a in reader().artifacts([record.id_run])[record.id_run]] == ["small"]
    assert [p.name for p in small_disk.rglob("*") if p.is_file()] == ["small"]


FLOOD = """
def step(run):
    line = "x" * 99 + "\\n"
    print("the beginning")
    for _ in range(3_000):
        sys.stdout.write(line * 1000)
    run.log_metric("a", 1)
    sys.stdout.write("the end")
"""


def test_300_mb_of_output_keep_their_beginning_and_end(project, reader):
    begin(project, FLOOD)
    code, _, err = project.run("+experiment=track", timeout=120)
    assert code == 0, err
    record = only(reader())
    text = printed(reader(), record.id_run)
    assert text.startswith("the beginning\nxxx")
    assert text.endswith("x\nthe end")
    assert "bytes left out" in text
    assert len(text) < 11_000_000
    assert values(reader(), record.id_run) == [1]
    assert project.store.stat().st_size < 40_000_000


PARTIAL = """
def step(run):
    print("begin", end=" ")
    for k in range(3):
        print(k, end=" ", flush=True)
        time.sleep(0.6)
    print("no newline", end="")
    if run.params.n:
        os._exit(1)
"""


def test_output_without_newlines_is_kept(project, reader):
    begin(project, PARTIAL, params="{n: [0, 1]}")
    project.run("+experiment=track")
    for record in reader().records("track"):
        text = printed(reader(), record.id_run)
        assert text.startswith("begin 0 1 2 ")
        assert "no newline" in text or record.params["n"]  # a buffer that a process never wrote is nobody's


NEIGHBOURS = """
def step(run):
    n = run.params.n
    if n % 25 == 18:
        os._exit(1)  # at once: what was finished before it has not been handed in
    for k in range(20):
        run.log_metric("a", k)
    run.log_param("p", n)
    run.child_run("c").log_metric("a", n)
    print(n)
    if n % 25 == 24:
        os._exit(1)
    if n % 25 == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"n": n}
"""


def test_runs_beside_crashing_ones_are_not_doubled_in_the_store(project, reader):
    begin(project, NEIGHBOURS, params='{n: "range(0,300)"}')
    code, _, err = project.run("+experiment=track")
    assert code == 1, err
    records = list(reader().records("track"))
    assert len(records) == 300
    found = reader()
    for record in records:
        n = record.params["n"]
        assert record.status == ("CRASHED" if n % 25 in (12, 18, 24) else "COMPLETED")
        if n % 25 == 18:
            assert values(found, record.id_run) == []
            continue
        assert values(found, record.id_run) == list(range(20))
        assert record.logged == {"p": n}
        assert printed(found, record.id_run) == f"{n}\n"
        (child,) = found.children(record.id_run)
        assert values(found, child.id_run) == [n]


FORKS = """
import multiprocessing
def work(n):
    import runner
    runner.get_run().log_metric("a", -1)
    return n
def step(run):
    for k in range(2000):
        run.log_metric("a", k)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(10))
    for k in range(2000, 4000):
        run.log_metric("a", k)
    if run.params.n:
        if os.fork() == 0:
            for k in range(5000):
                run.log_metric("a", -1)
            os._exit(0)
        os.wait()
        os._exit(1)
"""


def test_a_step_that_forks_corrupts_nothing_and_says_what_is_lost(project, reader):
    begin(project, FORKS, params="{n: [0, 1]}")
    code, _, err = project.run("+experiment=track")
    assert code == 1, err
    records = {record.params["n"]: record for record in reader().records("track")}
    assert {n: record.status.value for n, record in records.items()} == {0: "COMPLETED", 1: "CRASHED"}
    for record in records.values():
        assert values(reader(), record.id_run) == list(range(4000))
        assert steps(reader(), record.id_run) == list(range(4000))
        assert "forked" in printed(reader(), record.id_run, "stderr")
    assert records[0].troubles == 10
    assert "10 log calls could not keep" in err


TORTURE = """
def step(run):
    n = run.params.n
    for k in range(400):
        run.log_metric("a", n * 1000 + k)
        if k % 100 == 50:
            time.sleep(0.001)
    return {"n": n}
"""


def children(pid):
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()


def kill_workers(process, dice, kills):
    """Kill so many of its workers, one now and then, while it lives; how many were killed."""
    killed = 0
    while process.poll() is None and killed < kills:
        time.sleep(dice.uniform(0.01, 0.1))
        workers = [pid for zygote in children(process.pid) for pid in children(zygote)]
        if workers:
            try:
                os.kill(int(dice.choice(workers)), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue
    return killed


@pytest.mark.forms(runs=(1_500, 60_000), kills=(20, 1_000))
def test_points_are_whole_however_often_workers_are_killed(project, reader, dice, runs, kills):
    begin(project, TORTURE, params=f'{{n: "range(0,{runs})"}}')
    process = project.start("+experiment=track")
    killed = kill_workers(process, dice, kills)
    out, err = process.communicate(timeout=600)
    assert process.returncode in (0, 1), (out, err)
    records, found = list(reader().records("track")), reader()
    print(f"{killed} workers killed, {sum(r.status == 'CRASHED' for r in records)} runs crashed")
    assert killed
    assert sorted(record.params["n"] for record in records) == list(range(runs))
    for record in records:
        seen = values(found, record.id_run)
        assert seen == [record.params["n"] * 1000 + k for k in range(len(seen))], record
        assert len(seen) == 400 or record.status != "COMPLETED"
