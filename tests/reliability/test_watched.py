"""F36: people and programs that read the store while a sweep writes it."""

import sqlite3
import subprocess
import sys

import pytest

from runner import codec

POLLING = """
import sys, time
from pathlib import Path
from runner import stores
path, seen = Path(sys.argv[1]), 0
while sys.stdin.readline():
    reader = stores.read(path)
    values = [record.fields["value"] for record in reader.records("sweep")]
    reader.close()
    assert len(values) >= seen, "what was there is gone"
    seen = len(values)
    print(seen, flush=True)
"""


@pytest.mark.forms(runs=(600, 10_000))
def test_readers_that_poll_and_one_that_stays_disturb_no_sweep_and_see_only_what_is_right(project, runs):
    """Ten that read everything again and again, an `xrun ls`, and a cursor that somebody has left open."""
    project.experiment("sweep", f'{{n: "range(0,{runs})"}}', kwargs={"wait": 0.004})
    process = project.start("+experiment=sweep")
    project.wait_for_rows(1)
    pipe = subprocess.PIPE
    stays = sqlite3.connect(f"{project.store.as_uri()}?mode=ro", uri=True)
    cursor = stays.execute("SELECT id_run, params, fields FROM run")
    first = cursor.fetchone()
    readers = [
        subprocess.Popen([sys.executable, "-c", POLLING, str(project.store)], env=project.environment, stdin=pipe, stdout=pipe, text=True)
        for _ in range(10)
    ]
    looks = 0
    while process.poll() is None or looks < 2:
        for reader in readers:
            reader.stdin.write("look\n")
            reader.stdin.flush()
        assert all(int(reader.stdout.readline()) >= 1 for reader in readers)
        looks += 1
        assert project.run("ls", "sweep", "--json", "--limit", "5")[0] == 0
    for reader in readers:
        reader.stdin.close()
        assert reader.wait(20) == 0
        reader.stdout.close()
    rest = cursor.fetchall()
    stays.close()
    assert all(codec.loads(fields)["text"] == f"run {codec.loads(params)['n']}" for _, params, fields in (first, *rest))
    _, err = process.communicate()
    assert (process.returncode, "error" in err) == (0, False), err
    print(f"{looks} looks by each of ten")
    assert len(project.assert_ok()) == runs
