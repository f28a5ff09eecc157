"""F20: a wall clock that jumps while a sweep runs: by an hour back, by a day ahead. Only what is shown as a time may show it."""

import json
import time

CLOCK = """
import os, time
_time, _time_ns, _file = time.time, time.time_ns, os.environ["CLOCK"]
def _offset():
    with open(_file) as file:
        return int(file.read() or 0)
time.time = lambda: _time() + _offset()
time.time_ns = lambda: _time_ns() + _offset() * 10**9
"""
"""For every process of xrun (`sitecustomize`): the wall clock, and what a file says that it is off."""

STEP = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent
def step(n):
    assert abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 3 * 86400
    time.sleep(0.01)
    tried = HERE / f"tried-{n}"
    if n % 20 == 0 and not tried.exists():
        tried.touch()
        raise ConnectionError("once")
    return {"value": (n * 2654435761 % 1000003) / 7, "text": f"run {n}"}
"""
JUMPS = (-3600, 86400, 0, -86400, 3600, 0)


def test_a_clock_that_jumps_makes_no_run_late_no_duration_negative_and_no_result_doubtful(project):
    """One worker, so that the order of the records is that of the plan, but for those that are tried again."""
    clock, here = project.root / "clock", project.root / "site"
    here.mkdir()
    (here / "sitecustomize.py").write_text(CLOCK)
    clock.write_text("0")
    (project.root / "data.txt").write_text("data")
    environment = {"PYTHONPATH": str(here), "CLOCK": str(clock)}
    project.module(STEP)
    step = "[{call: work.step, timeout: 10, retries: 1, backoff: 0.2}]"
    project.experiment("jumps", '{n: "range(0,200)"}', steps=step, executor={"workers": 1}, data=["data.txt"])
    process = project.start("+experiment=jumps", environment=environment)
    for n, jump in enumerate(JUMPS):
        project.wait_for_rows(20 + 25 * n)
        draft = project.root / "draft"
        draft.write_text(str(jump))
        draft.replace(clock)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    rows = project.assert_ok()
    assert {status for _, status, _ in rows.values()} == {"COMPLETED"}
    found = project.query("SELECT json_extract(params, '$.n'), seconds, attempt, started FROM run ORDER BY seq")
    assert all(0.01 <= seconds < 10 for _, seconds, _, _ in found)
    assert {n for n, _, attempt, _ in found if attempt == 2} == set(range(0, 200, 20))
    once = [n for n, _, attempt, _ in found if attempt == 1]
    assert once == sorted(once)
    started = [begun for *_, begun in found]
    assert max(started) - min(started) > 86_400, "the clock did jump"
    for jump in (-7200, 7200):
        clock.write_text(str(jump))
        begun = time.monotonic()
        code, out, err = project.run("+experiment=jumps", "--json", environment=environment)
        assert code == 0, err
        assert json.loads(out)["cached"] == 200
        assert time.monotonic() - begun < 30
    project.assert_tidy()
