"""`xrun doctor`: sound, not sound, unreadable, repaired."""

import fcntl
import json
import shutil
import sqlite3

import pytest

from runner import stores
from runner.logged import Output
from runner.record import Trail


@pytest.fixture
def made(project, xrun, template):
    """A project with results of two experiments, one run of which logged and kept a file."""
    if template.exists():
        shutil.copytree(template, project, dirs_exist_ok=True)
        return project
    (project / "logs.py").write_text(
        "def step(run, x):\n"
        "    run.log_metric('loss', x)\n"
        "    print('said', x)\n"
        "    (run.dir / 'model.txt').write_text('w' * x)\n"
        "    run.log_artifact(run.dir / 'model.txt')\n"
        "    return {'y': x}\n"
    )
    (project / "conf" / "experiment" / "logs.yaml").write_text("# @package _global_\nparams: {x: [1, 2]}\nsteps: [logs.step]\n")
    for name in ("squares", "logs"):
        done = xrun(f"+experiment={name}")
        assert done.returncode == 0, done.stderr
    shutil.copytree(project, template)
    return project


def store_of(project):
    return project / ".xrun" / "xrun.db"


def spoil(project, statement):
    db = sqlite3.connect(store_of(project))
    assert db.execute(statement).rowcount > 0
    db.commit()
    db.close()


def told(xrun, *arguments):
    done = xrun("doctor", "--json", *arguments)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_sound_workspace_is_exit_0(made, xrun):
    done = xrun("doctor")
    assert done.returncode == 0, done.stdout
    assert "sound (SQLite" in done.stdout
    code, found = told(xrun)
    assert (code, found["sound"], found["findings"], found["repaired"]) == (0, True, [], None)


def test_a_damaged_row_is_named_and_repaired_and_running_again_makes_the_rest(made, xrun):
    id_run = json.loads(xrun("ls", "squares", "--json").stdout.splitlines()[1])["id_run"]
    table = (made / "results/squares/table.csv").read_text()
    spoil(made, f"UPDATE run SET fields = '{{\"y\": 5}}' WHERE id_run = '{id_run}'")
    listed = xrun("ls", "squares", "--json")
    assert len(listed.stdout.splitlines()) == 2
    assert id_run in listed.stderr
    assert "xrun doctor --repair" in listed.stderr
    shown = xrun("show", id_run)
    assert shown.returncode == 74
    assert f"run {id_run}" in shown.stderr
    code, found = told(xrun)
    assert code == 1
    assert [(finding["kind"], id_run in finding["text"]) for finding in found["findings"]] == [("rows", True)]
    code, found = told(xrun, "--repair")
    assert (code, found["sound"], found["repaired"]["lost"]) == (0, True, 1)
    assert (made / ".xrun" / "xrun.db.damaged-1").is_file()
    again = xrun("+experiment=squares", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["cached"] == 2
    assert (made / "results/squares/table.csv").read_text() == table


def test_a_damaged_run_executes_again_without_a_repair(made, xrun):
    table = (made / "results/squares/table.csv").read_text()
    spoil(made, "UPDATE run SET fields = '{\"y\": 5}' WHERE seq = 2")
    again = xrun("+experiment=squares", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["cached"] == 2
    assert (made / "results/squares/table.csv").read_text() == table
    assert xrun("doctor").returncode == 0


def test_damaged_pages_are_refused_by_a_run_and_repaired(made, xrun):
    data = bytearray(store_of(made).read_bytes())
    db = sqlite3.connect(store_of(made))
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'points'").fetchone()
    db.close()
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    store_of(made).write_bytes(data)
    done = xrun("+experiment=squares")
    assert done.returncode == 74
    assert "is damaged" in done.stderr
    assert "xrun doctor --repair" in done.stderr
    assert xrun("doctor").returncode == 1
    code, found = told(xrun, "--repair")
    assert code == 0, found
    assert (made / ".xrun" / "xrun.db.damaged-1").read_bytes() == data
    assert json.loads(xrun("+experiment=squares", "--json").stdout)["cached"] == 3
    assert json.loads(xrun("+experiment=logs", "--json").stdout)["cached"] == 0  # a run without its points is not the run
    assert len(xrun("metrics", "logs", "--json").stdout.splitlines()) == 2


def test_damaged_definitions_are_mended(made, xrun):
    data = store_of(made).read_bytes()
    store_of(made).write_bytes(data.replace(b"BEGIN\n    DELETE", b"BEGAN\n    DELETE"))
    assert xrun("ls").returncode == 74
    assert told(xrun)[0] == 1
    code, found = told(xrun, "--repair")
    assert (code, found["repaired"]["lost"]) == (0, 0)
    assert json.loads(xrun("+experiment=squares", "--json").stdout)["cached"] == 3


def test_what_cannot_be_read_at_all_is_exit_74(made, xrun):
    store_of(made).write_bytes(b"no database" * 1000)
    for arguments in (("doctor",), ("doctor", "--repair")):
        done = xrun(*arguments)
        assert done.returncode == 74
        assert len(done.stderr.splitlines()) == 1
        assert "bring back a copy of it, or `mv " in done.stderr


@pytest.mark.parametrize("place", [0, 15, 16, 60])
def test_a_damaged_header_is_told_by_every_command_and_costs_nothing(made, xrun, place):
    data = bytearray(store_of(made).read_bytes())
    data[place] ^= 0xFF
    store_of(made).write_bytes(data)
    for arguments in (("ls",), ("+experiment=squares",), ("show", "0"), ("table", "squares", "--all")):
        done = xrun(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (74, 1), done.stderr
        assert "`xrun doctor --repair` saves what is intact" in done.stderr
    code, found = told(xrun)
    assert (code, [finding["kind"] for finding in found["findings"]]) == (1, ["structure"])
    code, found = told(xrun, "--repair")
    assert (code, found["repaired"]["lost"]) == (0, 0)
    assert json.loads(xrun("+experiment=squares", "--json").stdout)["cached"] == 3


def test_what_is_not_sound_is_named_and_nothing_else(made, xrun):
    store, kept, results = (str(made / name) for name in (".xrun/xrun.db", ".xrun/artifacts", "results"))
    last = xrun("doctor").stdout.splitlines()[-3:]
    assert [line.partition(": ")[::2] for line in last] == [(store, last[0].partition(": ")[2]), (kept, "sound"), (results, "sound")]
    manifest = made / "results" / "squares" / "manifest.json"
    whole = manifest.read_text()
    manifest.write_text("{")
    done = xrun("doctor")
    assert done.returncode == 1
    assert f"{store}: sound" in done.stdout
    assert done.stdout.splitlines()[-2:] == [f"{kept}: sound", f"{results}: not sound"]
    manifest.write_text(whole)
    spoil(made, "UPDATE run SET fields = '{}' WHERE seq = 2")
    done = xrun("doctor")
    assert f"{store}: not sound" in done.stdout
    assert f"{kept}: not looked at" in done.stdout
    assert f"{results}: sound" in done.stdout


def test_missing_and_changed_files_are_named(made, xrun):
    first, second = sorted((made / ".xrun" / "artifacts").glob("*/model.txt"))
    first.unlink()
    second.write_text("x" * second.stat().st_size)
    code, found = told(xrun)
    assert code == 1
    assert [str(first) in found["findings"][0]["text"], str(second) in found["findings"][1]["text"]] == [True, True]


@pytest.mark.parametrize(("gone", "sound"), [(["parquet"], True), (["csv"], True), (["parquet", "csv"], False)])
def test_one_file_of_a_table_is_enough_for_doctor_and_verify_alike(made, xrun, gone, sound):
    for ending in gone:
        (made / "results" / "squares" / f"table.{ending}").unlink()
    done, verified = xrun("doctor", "--json"), xrun("verify", "squares")
    found = json.loads(done.stdout)
    assert (done.returncode == 0, verified.returncode == 0, found["sound"]) == (sound,) * 3, done.stdout + verified.stdout
    assert [finding["text"] for finding in found["findings"]] == ([] if sound else [f"there is no table in {made / 'results' / 'squares'}"])


def test_a_csv_alone_that_was_edited_is_named_by_doctor_and_verify_alike(made, xrun):
    (made / "results" / "squares" / "table.parquet").unlink()
    file = made / "results" / "squares" / "table.csv"
    file.write_text(file.read_text() + "x,1,1\n")
    assert (xrun("doctor").returncode, xrun("verify", "squares").returncode) == (1, 1)


def test_a_table_that_is_not_its_manifests_is_named(made, xrun):
    file = made / "results" / "squares" / "table.csv"
    file.write_text(file.read_text().replace("4.0", "4.5"))
    code, found = told(xrun)
    assert (code, [finding["kind"] for finding in found["findings"]]) == (1, ["results"])
    assert "squares" in found["findings"][0]["text"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "cannot be read: it is not JSON"),
        (b"[" * 100_000, "cannot be read: it is nested too deeply"),
        (b'{"table": {"digest": 5}}', "cannot be read: `table.digest` is 5, where a text is expected"),
        (b"{}", "tells of no table"),
        (b'{"table": {"digest": "0"}}', "is not the one that its manifest tells of"),
    ],
)
def test_a_manifest_that_is_damaged_is_named_in_one_line_and_others_are_looked_at(made, xrun, content, sentence):
    (made / "results/squares/manifest.json").write_bytes(content)
    for name in ("table.parquet", "table.csv"):
        (made / "results/logs" / name).unlink()
    code, found = told(xrun)
    assert (code, [finding["kind"] for finding in found["findings"]]) == (1, ["results", "results"])
    assert "logs" in found["findings"][0]["text"]
    assert sentence in found["findings"][1]["text"]
    assert "squares" in found["findings"][1]["text"]
    assert "\n" not in found["findings"][1]["text"]
    assert "experiment.yaml` publishes it again" in found["findings"][1]["action"]


def test_leftovers_are_notes_and_a_repair_removes_them(made, xrun):
    (made / ".xrun" / "artifacts" / "nobody").mkdir()
    draft = made / "results" / "squares" / ".xrun-0a1b.part"
    draft.write_text("half")
    store = stores.open(store_of(made))
    store.append([], [Trail(id_run="gone", experiment="logs", epoch=9, attempt=1, entries=(("", Output("stdout", "x")),))])
    store.close()
    code, found = told(xrun)
    assert (code, sorted(finding["kind"] for finding in found["findings"])) == (0, ["attempts", "drafts", "orphans"])
    code, found = told(xrun, "--repair")
    assert (code, [finding["kind"] for finding in found["findings"]]) == (0, ["orphans"])
    assert not draft.exists()


@pytest.mark.parametrize("command", [("doctor", "--repair"), ("gc",), ("gc", "--yes")])
def test_repair_and_gc_are_refused_while_somebody_runs(made, xrun, command):
    lock = (made / ".xrun" / "locks" / "squares.lock").open("r+")
    fcntl.lockf(lock, fcntl.LOCK_EX)
    done = xrun(*command)
    lock.close()
    assert done.returncode == 73
    assert "squares is being run" in done.stderr
    store = stores.open(store_of(made))
    done = xrun(*command)
    store.close()
    assert done.returncode == 73
    assert "the store is open in process" in done.stderr
    assert xrun("doctor").returncode == 0


def test_nothing_to_look_at_is_exit_3(project, xrun):
    assert xrun("doctor").returncode == 3
    assert xrun("gc").returncode == 3
