"""What is logged and printed arrives equally, whatever executes the runs."""

import math
import os
import subprocess
import sys
import textwrap
import time

import pytest

from runner import codec
from runner.logged import Artifact, Child, Params, Points, Progress, Restart, Rows
from runner.record import Status

EVERYTHING = """
import math, sys
import runner
def step(run):
    n = run.params.n
    print("begin", n)
    run.log_metric("a", n)
    for k in range(5000):
        run.log_metric("loss", k / 3 + n, step=k * 2)
    run.log_list("list", range(1000))
    run.log_metrics({"nan": math.nan, "inf": -math.inf})
    run.log_param("p", {"x": n, "y": "text"})
    run.log_row("t", a=n)
    run.log_table("t", {"a": [1.5], "b": [None]})
    (run.dir / "f").write_text("x" * n)
    run.log_artifact(run.dir / "f")
    run.progress(0.5, "half")
    with run.child_run("c", {"k": 1}) as child:
        child.log_metric("a", 100 + n)
        child.fields.score = n
    run.tags["tag"] = "t"
    sys.stderr.write(f"end {n}\\n")
    run.fields.n = n
"""


def metric(bench, index, name, child=""):
    parts = [e for whose, e in bench.logged[index] if isinstance(e, Points) and e.name == name and whose == child]
    return [pair for part in parts for pair in zip(*part.unpacked(), strict=True)]


def of(bench, index, kind):
    return [entry for _, entry in bench.logged[index] if isinstance(entry, kind)]


def test_all_that_is_logged_and_printed_arrives(bench):
    b = bench(EVERYTHING)
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(6)])
    for n, outcome in enumerate(outcomes):
        assert outcome.failure is None
        assert metric(b, n, "a") == [(0, n)]
        assert metric(b, n, "loss") == [(2 * k, k / 3 + n) for k in range(5000)]
        assert metric(b, n, "list") == [(k, k) for k in range(1000)]
        assert math.isnan(metric(b, n, "nan")[0][1])
        assert metric(b, n, "inf") == [(0, -math.inf)]
        assert codec.loads(of(b, n, Params)[0].content) == {"p.x": n, "p.y": "text"}
        assert [codec.loads(rows.columns) for rows in of(b, n, Rows)] == [{"a": [n]}, {"a": [1.5], "b": [None]}]
        assert [(a.path, a.size) for a in of(b, n, Artifact)] == [("f", n)]
        assert of(b, n, Progress) == [Progress(0.5, "half")]
        begun, ended = of(b, n, Child)
        assert (begun.status, ended.status, codec.loads(ended.fields)) == ("", "COMPLETED", {"score": n})
        assert metric(b, n, "a", ended.id_run) == [(0, 100 + n)]
        assert (b.printed(n, "stdout"), b.printed(n, "stderr")) == (f"begin {n}\n", f"end {n}\n")
        assert outcome.tags == '{"tag":"t"}'


def test_a_run_that_fails_keeps_what_it_logged_and_printed(bench):
    b = bench(
        """
def step(run):
    for n in range(1000):
        run.log_metric("a", n)
    print("so far", end="")
    run.child_run("open").log_metric("a", 1)
    raise ValueError("no")
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 0}])
    assert outcome.status is Status.FAILED
    assert metric(b, 0, "a") == [(n, n) for n in range(1000)]
    assert of(b, 0, Child)[-1].status == "FAILED"
    assert b.printed(0, "stdout") == "so far"


def test_the_current_step_and_the_metrics_go_on_from_step_to_step(bench):
    b = bench(
        """
def first(run):
    run.log_metric("shared", 1)
    run.log_metric("shared", 2)
    run.set_step(40)
    run.log_metric("other", 3)
def second(run):
    run.log_metric("shared", 4)
    run.set_step(None)
    run.log_metric("shared", 5)
    run.log_metric("other", 6)
"""
    )
    b.run(b.step("first"), b.step("second"), points=[{"n": n} for n in range(3)])
    for n in range(3):
        assert metric(b, n, "shared") == [(0, 1), (1, 2), (40, 4), (41, 5)]
        assert metric(b, n, "other") == [(40, 3), (41, 6)]


def test_a_million_points_in_one_go(bench):
    b = bench("def step(run):\n    for k in range(1_000_000):\n        run.log_metric('a', k)\n    run.log_list('b', range(1_000_000))\n")
    (outcome,) = b.run(b.step("step"), points=[{"n": 0}])
    assert outcome.failure is None
    parts = [e for e in of(b, 0, Points) if e.name == "a"]
    assert sum(part.summary.count for part in parts) == 1_000_000
    assert sum(part.summary.total for part in parts) == 999_999 * 500_000
    assert [part.start for part in parts] == sorted(part.start for part in parts)
    assert sum(e.summary.count for e in of(b, 0, Points) if e.name == "b") == 1_000_000


def test_2000_metrics(bench):
    b = bench(
        "def step(run):\n    for k in range(20):\n        for m in range(2000):\n            run.log_metric(f'group/metric {m}', k)\n"
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 0}])
    assert outcome.failure is None
    counts = {}
    for part in of(b, 0, Points):
        counts[part.name] = counts.get(part.name, 0) + part.summary.count
    assert counts == {f"group/metric {m}": 20 for m in range(2000)}


def test_8_threads_of_a_step_lose_nothing(bench):
    b = bench(
        """
import threading
import runner
def step(run):
    def work(k):
        mine = runner.get_run()
        assert mine is run
        for n in range(10_000):
            mine.log_metric("all", k)
        mine.log_metric(f"own{k}", k)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 0}])
    assert outcome.failure is None
    points = metric(b, 0, "all")
    assert sorted(step for step, _ in points) == list(range(80_000))
    assert [sum(1 for _, value in points if value == k) for k in range(8)] == [10_000] * 8
    assert all(metric(b, 0, f"own{k}") == [(0, k)] for k in range(8))


def test_get_run_finds_the_run_deep_inside_a_step(bench):
    b = bench(
        """
import runner
class Model:
    def fit(self, depth):
        if depth:
            return self.fit(depth - 1)
        runner.get_run().log_metric("deep", runner.get_run().params.n)
def step(n):
    Model().fit(50)
    return {"id": runner.get_run().id_run}
"""
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(4)])
    assert [codec.loads(o.fields) for o in outcomes] == [{"id": f"id-{n}"} for n in range(4)]
    assert [metric(b, n, "deep") for n in range(4)] == [[(0, n)] for n in range(4)]


def test_a_thread_that_outlives_its_run_logs_into_no_other_run(bench):
    b = bench(
        """
import threading, time
def step(run):
    n = run.params.n
    def linger():
        time.sleep(0.02)
        for k in range(20_000):
            run.log_metric("late", n)
    if n == 0:
        threading.Thread(target=linger, daemon=True).start()
    else:
        for k in range(300):
            run.log_metric("a", n)
            time.sleep(0.0005)
"""
    )
    b.run(b.step("step"), points=[{"n": n} for n in range(4)])
    for n in range(1, 4):
        assert metric(b, n, "a") == [(k, n) for k in range(300)]
        assert metric(b, n, "late") == []


def test_a_run_that_logs_nothing_has_logged_nothing(bench):
    b = bench("def step(run):\n    run.fields.n = run.params.n\n")
    b.run(b.step("step"), points=[{"n": n} for n in range(4)])
    assert b.logged == {n: [] for n in range(4)}


# -- processes that a step forks ----------------------------------------------------------------------------------------

FORKS = """
import multiprocessing, os, sys
def child_work(run):
    for n in range(10_000):
        run.log_metric("a", -1)
    run.log_param("p", "child's")
    run.log_list("b", [1, 2, 3])
    run.log_row("t", a=1)
    run.progress(0.9)
    return 10_004
def pool_work(n):
    import runner
    runner.get_run().log_metric("a", -1)
    return n * n
def by_fork(run):
    for n in range(100):
        run.log_metric("a", n)
    pid = os.fork()
    if pid == 0:
        child_work(run)
        os._exit(0)
    for n in range(100, 200):
        run.log_metric("a", n)
    _, status = os.waitpid(pid, 0)
    run.log_param("p", "parent's")
    run.fields.status = status
def by_pool(run):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        run.fields.squares = pool.map(pool_work, range(50))
    for n in range(10):
        run.log_metric("a", n)
def by_return(run):
    for n in range(50):
        run.log_metric("a", n)
    pid = os.fork()
    if pid == 0:
        return
    os.waitpid(pid, 0)
    run.log_metric("a", 50)
def in_threads(run):
    import threading
    over = threading.Event()
    def log():
        n = 0
        while not over.is_set():
            run.log_metric("thread", n)
            n += 1
        run.fields.count = n
    thread = threading.Thread(target=log)
    thread.start()
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            run.log_metric("a", -1)
            os._exit(0)
        os.waitpid(pid, 0)
    over.set()
    thread.join()
def folders(run):
    for n in range(3):
        pid = os.fork()
        if pid == 0:
            (run.dir / "outputs").mkdir(exist_ok=True)
            (run.dir / "outputs" / str(n)).write_text("x")
            os._exit(0)
        os.waitpid(pid, 0)
    run.fields.found = sorted(os.listdir(run.dir / "outputs"))
"""


def test_what_a_forked_process_logs_is_lost_counted_and_told_and_harms_nothing(bench, troubles):
    b = bench(FORKS)
    outcomes = b.run(b.step("by_fork"), points=[{"n": n} for n in range(3)])
    for n, outcome in enumerate(outcomes):
        assert outcome.failure is None
        assert codec.loads(outcome.fields) == {"status": 0}
        assert metric(b, n, "a") == [(k, k) for k in range(200)]
        assert [codec.loads(p.content) for p in of(b, n, Params)] == [{"p": "parent's"}]
        assert of(b, n, Rows) == of(b, n, Progress) == []
        assert troubles(b.logged[n]) == 10_004
        assert b.printed(n, "stderr").count("warning") == 1
        assert "forked" in b.printed(n, "stderr")


def test_a_pool_of_forked_processes_works_and_is_told_that_it_cannot_log(bench, troubles):
    b = bench(FORKS)
    (outcome,) = b.run(b.step("by_pool"), points=[{"n": 0}])
    assert outcome.failure is None
    assert codec.loads(outcome.fields) == {"squares": [n * n for n in range(50)]}
    assert metric(b, 0, "a") == [(n, n) for n in range(10)]
    assert troubles(b.logged[0]) == 50
    assert 1 <= b.printed(0, "stderr").count("warning") <= 2


def test_a_step_that_returns_in_both_processes_logs_once(bench):
    b = bench(FORKS)
    outcomes = b.run(b.step("by_return"), points=[{"n": n} for n in range(3)])
    assert {o.status for o in outcomes} == {Status.COMPLETED}
    assert [metric(b, n, "a") for n in range(3)] == [[(k, k) for k in range(51)]] * 3


def test_forking_while_another_thread_logs_neither_hangs_nor_loses(bench, troubles):
    b = bench(FORKS)
    (outcome,) = b.run(b.step("in_threads"), points=[{"n": 0}])
    assert outcome.failure is None
    assert [value for _, value in metric(b, 0, "thread")] == list(range(codec.loads(outcome.fields)["count"]))
    assert troubles(b.logged[0]) == 20


def test_forked_processes_share_the_runs_folder_and_do_not_empty_it(bench):
    b = bench(FORKS)
    (b.root / "artifacts" / "id-0").mkdir(parents=True)
    (b.root / "artifacts" / "id-0" / "of an earlier attempt").touch()
    outcomes = b.run(b.step("folders"), points=[{"n": 0}])
    assert codec.loads(outcomes[0].fields) == {"found": ["0", "1", "2"]}
    assert {a.path for a in of(b, 0, Artifact)} == {"outputs/0", "outputs/1", "outputs/2"}
    assert [p.name for p in (b.root / "artifacts" / "id-0").iterdir()] == ["outputs"]


# -- workers that die ---------------------------------------------------------------------------------------------------

DIES = """
import ctypes, os, signal, time
ENDS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL), "exit": lambda: os._exit(3), "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort, "hang": lambda: time.sleep(60),
}
def step(run):
    run.log_param("p", 1)
    for n in range(run.kwargs.count):
        run.log_metric("a", n)
    run.log_row("t", a=1)
    print("last words", end="")
    run.child_run("c").log_metric("a", 7)
    ENDS[run.kwargs.end]()
"""


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
@pytest.mark.parametrize("end", ["kill", "exit", "segfault", "abort", "hang"])
def test_a_worker_that_dies_loses_nothing_of_what_was_logged_before(local, end, start):
    b = local(DIES, start=start)
    (outcome,) = b.run(b.step("step", timeout=3.0 if end == "hang" else None), points=[{"n": 0}], kwargs={"count": 30_000, "end": end})
    assert outcome.status is (Status.TIMED_OUT if end == "hang" else Status.CRASHED)
    assert metric(b, 0, "a") == [(n, n) for n in range(30_000)]
    assert [codec.loads(p.content) for p in of(b, 0, Params)] == [{"p": 1}]
    assert len(of(b, 0, Rows)) == 1
    (begun,) = of(b, 0, Child)
    assert metric(b, 0, "a", begun.id_run) == [(0, 7)]
    assert b.printed(0, "stdout") == "last words"


def test_what_a_run_logged_is_not_the_next_runs_that_dies(local):
    b = local(
        """
import os
def step(run):
    if run.params.n % 2:
        os._exit(1)
    for k in range(50):
        run.log_metric("a", k)
""",
        workers=1,
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(20)])
    assert [o.status for o in outcomes] == [Status.COMPLETED, Status.CRASHED] * 10
    for n in range(1, 20, 2):
        assert of(b, n, Points) == []


def test_runs_that_execute_once_more_because_a_neighbour_died_take_back_what_they_logged(local):
    """A run's result may die with the worker that goes on to a run which crashes; then it is executed again."""
    b = local(
        """
import os
def step(run):
    n = run.params.n
    if n % 10 == 9:
        os._exit(1)  # at once: a run that logs hands in what was finished before it
    for k in range(30):
        run.log_metric("a", k)
    print(n)
""",
        workers=2,
    )
    outcomes = b.run(b.step("step"), points=[{"n": n} for n in range(200)])
    restarts = 0
    for n, outcome in enumerate(outcomes):
        assert outcome.status is (Status.CRASHED if n % 10 == 9 else Status.COMPLETED)
        entries = [entry for _, entry in b.logged[n]]
        last = max((k for k, entry in enumerate(entries) if isinstance(entry, Restart)), default=-1)
        restarts += last >= 0
        b.logged[n] = b.logged[n][last + 1 :]
        assert metric(b, n, "a") == [(k, k) for k in range(0 if n % 10 == 9 else 30)]
        assert b.printed(n, "stdout") == ("" if n % 10 == 9 else f"{n}\n")
    assert restarts


def test_a_step_that_has_closed_the_workers_socket_is_blamed_and_nothing_is_written_into_its_own(local):
    b = local(
        """
import os, select, socket
def step(run):
    for n in range(100):
        run.log_metric("a", n)
    os.closerange(3, 256)
    mine = [end for _ in range(50) for end in socket.socketpair()]
    for n in range(10_000):
        run.log_metric("a", n)
    if select.select(mine, [], [], 0)[0]:
        open(os.path.join(os.path.dirname(__file__), "garbled"), "x")
"""
    )
    (outcome,) = b.run(b.step("step"), points=[{"n": 0}])
    assert (outcome.status, outcome.failure.kind) == (Status.CRASHED, "Disconnected")
    assert not (b.root / "garbled").exists()


ALARM = """
import array, signal, time
class Late(Exception):
    pass
ARMED = []
def ring(*_):
    if ARMED:
        raise Late
def step(run):
    signal.signal(signal.SIGALRM, ring)
    late, values = 0, array.array("d", [1.0] * 60_000)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            ARMED.append(1)
            signal.setitimer(signal.ITIMER_REAL, 0.02 + late % 20 * 0.001)
            for k in range(1000):
                run.log_list("a", values)
        except Late:
            ARMED.clear()
            late += 1
    ARMED.clear()
    run.fields.late = late
"""


def test_signal_handlers_that_raise_do_not_garble_what_the_worker_reports(local):
    b = local(ALARM, workers=1)
    b.open(b.step("step")).submit([{"n": 0}])
    time.sleep(1)  # nobody reads: the worker waits in the middle of a report
    outcome = b.collect()[0]
    assert outcome.failure is None
    assert codec.loads(outcome.fields)["late"] > 10
    assert {value for _, value in metric(b, 0, "a")} == {1.0}


# -- programs outside ---------------------------------------------------------------------------------------------------


def outside(tmp_path, source, **variables):
    (tmp_path / "program.py").write_text(textwrap.dedent(source))
    environment = {name: value for name, value in os.environ.items() if name != "XRUN_RUN"} | variables
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done


def test_outside_of_xrun_there_is_a_run_that_prints(tmp_path):
    done = outside(
        tmp_path,
        """
        import os, runner
        run = runner.get_run()
        assert run is runner.get_run()
        run.log_metric("loss", 0.5)
        run.log_metrics({"loss": 0.25, "acc": 1}, step=3)
        run.log_list("many", range(100))
        run.log_param("lr", 0.1)
        run.log_row("t", a=1)
        run.progress(0.5, "half")
        run.fields.x = 1
        open("f", "w").write("12345")
        run.log_artifact("f")
        with run.child_run("fold0") as child:
            child.log_metric("loss", 7)
        run.set_step(9)
        run.log_metric("loss", 8)
        if os.fork() == 0:
            run.log_metric("forked", 1)
            os._exit(0)
        os.wait()
        """,
    )
    lines = done.stdout.splitlines()
    for line in (
        "loss[0] = 0.5",
        "loss[3] = 0.25",
        "acc[3] = 1",
        "many[9] = 9",
        "param lr = 0.1",
        "artifact f (5 bytes)",
        "loss[9] = 8",
        "forked[9] = 1",
    ):
        assert lines.count(f"xrun (offline): {line}") == 1
    assert any("90 more points" in line for line in lines)
    assert any("half" in line for line in lines)
    assert done.stderr == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "program.py"]


def test_mistakes_of_a_call_are_mistakes_outside_as_well(tmp_path):
    done = outside(
        tmp_path,
        """
        import runner
        run = runner.get_run()
        for call in (lambda: run.log_metric("a", "x"), lambda: run.log_metric("a", 1, step=1.5), lambda: run.log_metric("../a", 1)):
            try:
                call()
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
        """,
    )
    text, step, name = done.stdout.splitlines()
    assert text.startswith("TypeError: `a`: a metric is a number, not the text 'x'")
    assert step == "TypeError: a step is a whole number, not 1.5"
    assert name.startswith("ValueError: '../a' is no name for a metric")


def test_a_process_ends_though_a_thread_still_logs(tmp_path):
    begun = time.monotonic()
    outside(
        tmp_path,
        """
        import runner, threading, time
        run = runner.get_run()
        def log():
            while True:
                run.log_metric("a", 1)
                time.sleep(0.01)
        threading.Thread(target=log, daemon=True).start()
        time.sleep(0.1)
        """,
    )
    assert time.monotonic() - begun < 20
