"""F12, F15: thirty xrun at one moment: on one experiment one runs, on thirty all do; and a store of which a part is lost."""

import json
import os
import signal
import sqlite3
import time

import pytest


def starts(project, names):
    """All of them let go at one moment."""
    gate = project.root / "gate"
    waiting = f'while [ ! -e {gate} ]; do sleep 0.01; done; exec "$@"'
    started = [project.start(f"+experiment={name}", prefix=("sh", "-c", waiting, "sh")) for name in names]
    time.sleep(0.3)
    gate.touch()
    outcomes = [process.communicate(timeout=120)[1] for process in started]
    return [process.returncode for process in started], outcomes


@pytest.mark.forms(count=(8, 30))
def test_on_one_experiment_exactly_one_runs(project, count):
    project.experiment("sweep", '{n: "range(0,1500)"}', kwargs={"wait": 0.003 if count == 8 else 0.02})
    codes, errors = starts(project, ["sweep"] * count)
    assert sorted(codes) == [0] + [73] * (count - 1), errors
    assert len(project.assert_ok()) == 1500


@pytest.mark.forms(count=(5, 30))
def test_different_experiments_in_one_new_store_all_run(project, count):
    names = [f"e{n}" for n in range(count)]
    for n, name in enumerate(names):
        project.experiment(name, '{n: "range(0,40)"}', seed=n)
    codes, errors = starts(project, names)
    assert codes == [0] * count, errors
    assert len(project.assert_ok()) == 40 * count


def test_a_store_that_was_damaged_while_xrun_was_dead_is_mended_and_completed(project):
    project.experiment("sweep", '{n: "range(0,1500)"}', kwargs={"wait": 0.001})
    process = project.start("+experiment=sweep")
    project.wait_for_rows(400)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    db = sqlite3.connect(project.store)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run'").fetchone()
    db.close()
    data = bytearray(project.store.read_bytes())
    leaf = next(n for n in range(page, len(data) // 4096) if data[n * 4096] == 13 and b"sweep" in data[n * 4096 : (n + 1) * 4096])
    data[leaf * 4096 : leaf * 4096 + 100] = bytes(100)
    project.store.write_bytes(data)
    code, _, err = project.run("+experiment=sweep")
    assert (code, "xrun doctor --repair" in err) == (74, True), err
    project.assert_none_alive()
    code, out, err = project.run("doctor", "--repair", "--json")
    assert code == 0, out + err
    assert json.loads(out)["sound"]
    saved = project.assert_ok()
    assert len(saved) > 300
    assert project.run("+experiment=sweep")[0] == 0
    assert sorted(n for n, _, _ in project.assert_ok(saved).values()) == list(range(1500))
