"""F3b: runs that want more memory than there is."""

import contextlib
import json
import os
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

GREEDY = """
import time
def step(n):
    if n % 10 == 3:
        hog = [b"x" * 50_000_000 for _ in range(10)]
        time.sleep(60)
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""

GREEDY_SCRIPT = """
import runner, work
run = runner.get_run()
run.fields.update(work.step(run.params.n))
"""


def check(project, bad):
    rows = project.assert_ok()
    assert {n for n, status, _ in rows.values() if status == "CRASHED"} == bad, project.run("ls")[1]
    assert Counter(status for _, status, _ in rows.values()) == {"COMPLETED": len(rows) - len(bad), "CRASHED": len(bad)}
    assert project.query("SELECT DISTINCT json_extract(failure, '$.kind') FROM run WHERE failure IS NOT NULL") == [("oom",)]


@pytest.mark.forms(runs=(60, 200))
def test_runs_that_use_more_than_max_memory_crash_with_that_reason_and_others_complete(project, runs):
    project.module(GREEDY)
    project.experiment("greedy", f'{{n: "range(0,{runs})"}}', steps="[{call: work.step, max_memory: 300 MB}]")
    code, _, err = project.run("+experiment=greedy", timeout=300)
    assert code == 1, err
    check(project, {n for n in range(runs) if n % 10 == 3})
    (message, *_), *_ = project.query("SELECT json_extract(failure, '$.message') FROM run WHERE failure IS NOT NULL")
    assert message.startswith("the step used ")
    assert message.endswith(" MB of memory, of at most 300 MB (`max_memory`)")
    assert "oom" in project.run("ls", "greedy", "--where", "status == 'CRASHED'")[1]


def test_another_limit_makes_no_other_run_and_a_retry_may_name_this_failure(project):
    """What a machine can spare is no part of a run's identity."""
    project.module(
        "from pathlib import Path\nimport time\n"
        "def step(n):\n    once = Path(__file__).with_name(f'once-{n}')\n    if not once.exists():\n        once.touch()\n"
        "        hog = b'x' * 500_000_000\n        time.sleep(60)\n"
        "    return {'value': (n * 2654435761 % 1000003) / 7, 'text': f'run {n}'}\n"
    )
    for limit in ("300 MB", "400 MB"):
        project.experiment("greedy", "{n: [1, 2]}", steps=f"[{{call: work.step, max_memory: {limit}, retries: 1, retry_on: oom}}]")
        code, out, err = project.run("+experiment=greedy", "--json")
        assert code == 0, err
    assert json.loads(out)["cached"] == 2
    assert project.query("SELECT DISTINCT attempt FROM run") == [(2,)]
    project.assert_ok()


def test_where_nobody_watches_the_limits_that_is_told(project):
    project.experiment("here", "{n: [1, 2]}", steps="[{call: work.step, max_memory: 1 GB, timeout: 9}]", executor={"name": "serial"})
    code, _, err = project.run("+experiment=here")
    assert code == 0, err
    for option in ("timeout", "max_memory"):
        assert f"xrun: warning: `{option}` is enforced by the executor `local` alone; here it is not" in err


@pytest.fixture
def limited():
    """A control group of either version that may have 450 MB of memory: made where we may, or $XRUN_TEST_CGROUP, without swap."""
    if "XRUN_TEST_CGROUP" in os.environ:
        yield Path(os.environ["XRUN_TEST_CGROUP"])
        return
    top = Path("/sys/fs/cgroup")
    one = (top / "memory" / "memory.limit_in_bytes").exists()
    group = (top / "memory" if one else top) / f"xrun-test-{os.getpid()}"
    try:
        group.mkdir()
        for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes") if one else ("memory.max", "memory.swap.max"):
            if name == "memory.swap.max" or (group / name).exists():
                (group / name).write_text("0" if name == "memory.swap.max" else str(450 << 20))
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"needs a control group whose memory is limited, and may make none: {error.strerror}")
    yield group
    group.rmdir()


SHELL = f"{{command: [sh, -c, '\"{sys.executable}\" greedy.py; exit $?']}}"  # the shell's own `python` may be any


@pytest.mark.parametrize("step", ["work.step", "{script: greedy.py}", SHELL], ids=["call", "script", "shell"])
def test_what_the_kernel_kills_for_want_of_memory_is_recorded_as_that(project, limited, step):
    project.module(GREEDY.replace("50_000_000", "100_000_000"))
    (project.root / "greedy.py").write_text(GREEDY_SCRIPT)
    project.experiment("greedy", '{n: "range(0,30)"}', steps=f"[{step}]")
    join = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    process = project.start("+experiment=greedy", prefix=("sh", "-c", join, str(limited)))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    check(project, {n for n in range(30) if n % 10 == 3})


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="needs Linux")
def test_the_kernel_takes_a_worker_before_it_takes_xrun(project):
    project.module("import time\ndef step(n):\n    time.sleep(60)\n")
    project.experiment("greedy", "{n: [0, 1]}", executor={"workers": 2})
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    process = project.start("+experiment=greedy")

    def scores():
        return [
            int(Path(f"/proc/{pid}/oom_score_adj").read_text())
            for pid in (process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True)))
        ]

    project.wait_until(lambda: scores().count(500) == 2)
    assert scores()[0] == ours
