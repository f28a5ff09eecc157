"""F28, F28b: what is stored is data. No reading command imports, instantiates or unpickles what a record or a results folder names."""

import base64
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from array import array
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runner import codec, evidence, stores
from runner.logged import Artifact, Output, Points, Prefix, Progress, Rows
from runner.record import Failure, GitState, Provenance, Record, Status, Trail

IDS = [f"{n}{n}000000-0000-8000-8000-000000000000" for n in "abc"]
BOOM = "import os\nopen(os.environ['MARKER'], 'w').close()\n\n\ndef boom(*_, **__):\n    return {}\n"
DRIVER = '''
"""Calls xrun's commands in one process, and tells what was unpickled, executed or imported meanwhile."""
import contextlib, io, json, os, sys

told, root = [], os.getcwd()
from omegaconf import OmegaConf
OmegaConf.register_new_resolver("boom", lambda *_: open(os.environ["MARKER"], "w").close())
from runner.cli import main


def within(*parts):
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.endswith(parts):
            return True
        frame = frame.f_back
    return False


def hook(event, arguments):
    if event == "pickle.find_class" and not within("runner/process.py", "runner/beside.py"):
        told.append([event, *map(str, arguments)])
    elif event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn") and not within("git/cmd.py", "platform.py", "uuid.py"):
        told.append([event, str(arguments)[:200]])
    elif event == "import" and str(arguments[0]).partition(".")[0] == "evil":
        told.append([event, str(arguments[0])])


sys.addaudithook(hook)
ends, showing = {}, sys.warnoptions
for command in json.load(open(sys.argv[1])):
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main(command)
    except SystemExit as end:
        ends[" ".join(command)] = [end.code, out.getvalue()]
    except BaseException as error:
        ends[" ".join(command)] = [repr(error), out.getvalue()]
json.dump({"told": told, "ends": ends}, open(sys.argv[2], "w"))
'''


class Evil:
    """Executes when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, (f"touch {self._marker}",)


def payloads(marker: Path) -> list[Any]:
    touch = f"touch {marker}"
    pickled = pickle.dumps(Evil(marker))
    return [
        {"_target_": "os.system", "command": touch},
        {"_target_": "subprocess.Popen", "_args_": [["touch", str(marker)]]},
        {"_target_": "builtins.eval", "_args_": [f"__import__('os').system('{touch}')"]},
        {"_target_": "evil.boom", "_partial_": True, "_recursive_": True},
        {"_target_": "hydra.utils.call", "config": {"_target_": "os.system", "command": touch}},
        {"_target_": "logging.config.dictConfig", "config": {"version": 1, "handlers": {"x": {"()": "evil.boom"}}}},
        {"()": "evil.boom"},
        {"py/object": "evil.boom", "py/reduce": [{"py/function": "os.system"}, {"py/tuple": [touch]}]},
        {"$bytes": base64.b64encode(pickled).decode()},
        {"$object": "evil.boom", "$type": "evil.boom", "__class__": "evil.boom"},
        f"!!python/object/apply:os.system ['{touch}']",
        f"!!python/object/new:subprocess.Popen [['touch', '{marker}']]",
        "!!python/name:evil.boom",
        "!!python/module:evil",
        "${boom:}",
        "${oc.env:CANARY}",
        "${oc.create:{_target_: evil.boom}}",
        "${hydra:runtime.cwd}${boom:1}",
        f"__import__('os').system('{touch}')",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{% import 'evil' %}",
        f"$({touch})`{touch}`; {touch} | {touch}",
        f"'); SELECT load_extension('evil'); --{touch}",
        "evil:boom",
        "evil.boom",
        pickled.decode("latin-1"),
    ]


def unpickled(marker: Path) -> bytes:
    return pickle.dumps(Evil(marker))


COMMANDS: list[list[str]] = [
    ["ls"],
    ["ls", "e"],
    ["ls", "e", "--json"],
    ["show", IDS[0]],
    ["show", IDS[0], "--json"],
    ["show", IDS[1]],
    ["logs", IDS[0]],
    ["table", "e"],
    ["table", "e", "--all", "--json"],
    ["metrics", "e"],
    ["metrics", "e", "loss"],
    ["rows", "e"],
    ["artifacts", "e"],
    ["why", IDS[0], IDS[2]],
    ["diff", "e", "e"],
    ["diff", "results/e", "results/other", "--json"],
    ["check", "e", "-c", "y.mean > 0"],
    ["check", "e", "--baseline", IDS[0], "-c", "y.mean > 0.5 * baseline"],
    ["query", "SELECT * FROM runs"],
    ["query", "--json", "SELECT * FROM fields"],
    ["export", "csv", "e", "out/e.csv"],
    ["export", "parquet", "e", "out/e.parquet"],
    ["export", "mlflow", "e", "--uri", "sqlite:///out/mlflow.db"],
    ["export", "tensorboard", "e", "out/tb"],
    ["export", "dvc", "e", "out/dvc"],
    ["doctor"],
    ["gc"],
]


def records(found: list[Any]) -> list[Record]:
    texts = [text for text in found if isinstance(text, str)]
    tree = {"y": 1.0, "list": found, **{f"p{n}": value for n, value in enumerate(found)}}
    content = codec.dumps(tree)
    many: dict[str, Any] = {"epoch": 1, "params_json": content, "fields_json": content, "kwargs_json": content, "logged_json": content}
    failure = Failure(kind="evil.boom", message=texts[0], traceback="\n".join(texts), where="evil.py:1", step="evil.boom")
    return [
        Record(id_run=IDS[0], experiment="e", status=Status.COMPLETED, started=1.0, tags_json=codec.dumps(dict(enumerated(texts))), **many),
        Record(id_run=IDS[1], experiment="e", status=Status.FAILED, failure=failure, **many),
        Record(id_run=IDS[2], experiment="e", status=Status.COMPLETED, started=2.0, fields_json='{"y": 2.0}', name="evil.boom"),
    ]


def enumerated(texts: list[str]) -> dict[str, str]:
    return {f"t{n}": text for n, text in enumerate(texts)}


def trails(found: list[Any], pickled: bytes) -> list[Trail]:
    texts = [text for text in found if isinstance(text, str)]
    content = codec.dumps({f"c{n}": [value] for n, value in enumerate(found)})
    entries = [
        Points.of("loss", array("q", [1, 2]), array("d", [1.0, 2.0]), 1.0, 2.0),
        Rows("evil.boom", 1, content),
        Artifact("model.pkl", len(pickled), "0" * 64),
        *(Output("stdout", f"{text}\n") for text in texts),
        Progress(0.5, texts[0]),
        Prefix(1, content, content, json.dumps({"step": None, "next": {}, "params": {}}), "ab" * 32),
    ]
    return [Trail(id_run=IDS[0], experiment="e", epoch=1, attempt=1, entries=tuple(("", entry) for entry in entries))]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "PWNED"


@pytest.fixture
def project(tmp_path: Path, marker: Path) -> Path:
    """A workspace and a results folder that somebody has sent."""
    root = tmp_path / "p"
    (root / "conf/experiment").mkdir(parents=True)
    (root / "evil.py").write_text(BOOM)
    found, pickled = payloads(marker), unpickled(marker)
    store = stores.open(_folder(root) / "xrun.db")
    epoch = store.begin("e", 1.0)
    git = GitState(commit="0" * 40, branch="evil.boom", remote="ext::sh -c touch", patch="\n".join(map(str, found)), dirty=True)
    store.describe(epoch, Provenance(git=git, argv=("evil.boom", *map(str, found)), packages={"evil": "evil.boom"}))
    told = {"call": "evil.boom", "kwargs": {"a": found}, "version": None, "code": "evil"}
    step = evidence.StepEvidence(name="evil.boom", told=told, policy="evil.boom", files={"evil.py": "cd" * 32})
    store.explain(epoch, evidence.Evidence(steps=(step,), default_ids={"a": found}).dumps(), {"cd" * 32: pickled})
    store.append(records(found), trails(found, pickled))
    store.close()
    kept = root / ".xrun/artifacts" / IDS[0]
    kept.mkdir(parents=True)
    (kept / "model.pkl").write_bytes(pickled)
    for name in ("e", "other"):
        _results(root / "results" / name, found)
    return root


def _folder(root: Path) -> Path:
    folder = root / ".xrun"
    folder.mkdir()
    return folder


def _results(folder: Path, found: list[Any]) -> None:
    folder.mkdir(parents=True)
    tree = {"xrun": {"format": 1, "groups": [], "chosen": {}}, "name": "e", "kwargs": {"a": found}, "steps": ["evil.boom"]}
    tree |= {"results": {"schema": "evil.boom"}, "params": {"n": ["${boom:}", 1]}, "replicates": "${boom:}", "checks": ["y.mean > 0"]}
    (folder / "experiment.yaml").write_text(json.dumps(tree, indent=1))
    (folder / "table.csv").write_text(
        "id_run,n,y\n" + "\n".join(f'{IDS[0]},"{str(text)[:40].replace(chr(34), "")}",1' for text in found[10:14])
    )
    manifest = {"format": 1, "experiment": "e", "runs": IDS, "counts": {"COMPLETED": 2, "FAILED": 1}, "steps": [{"call": "evil.boom"}]}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "overrides": [str(text) for text in found], "packages": {"a": "evil"}}))
    (folder / "changes.patch").write_text("\n".join(map(str, found)))


def drive(root: Path, marker: Path, commands: list[list[str]]) -> tuple[list[Any], dict[str, list[Any]]]:
    """What was executed or unpickled, and how each command ended."""
    (root / "out").mkdir(exist_ok=True)
    (root / "commands.json").write_text(json.dumps(commands))
    (root / "drive.py").write_text(DRIVER)
    variables = {**os.environ, "MARKER": str(marker), "CANARY": "c4n4ryenvironment", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "drive.py", "commands.json", "told.json"],
        cwd=root,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((root / "told.json").read_text())
    return told["told"], told["ends"]


def test_no_payload_in_a_store_or_in_results_is_executed_by_any_reading_command(project, marker):
    assert len(payloads(marker)) >= 20
    told, ends = drive(project, marker, COMMANDS)
    assert told == []
    assert not marker.exists()
    assert {name: end for name, end in ends.items() if not isinstance(end[0], int)} == {}
    assert {name for name, (_, said) in ends.items() if "c4n4ryenvironment" in said} == set()
    shown = {name: end[0] for name, end in ends.items() if end[0] not in (0, 1, 3)}
    assert shown == {}, {name: ends[name] for name in shown}


def test_the_hook_sees_what_is_unpickled_and_the_payload_is_live(tmp_path, marker):
    """Else the tests of this file could not fail."""
    (tmp_path / "evil.pickle").write_bytes(unpickled(marker))
    (tmp_path / "runner_spy.py").write_text("import pickle\npickle.load(open('evil.pickle', 'rb'))\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.addaudithook(lambda event, _: event == 'pickle.find_class' and print('SEEN', file=sys.stderr))\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "runner_spy.py"], cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert "SEEN" in done.stderr
    assert marker.exists()


def test_what_is_in_a_store_is_told_from_python_as_it_is(project, marker, monkeypatch):
    import runner

    monkeypatch.chdir(project)
    monkeypatch.setenv("MARKER", str(marker))
    results = runner.load("e")
    assert len(results.runs()) == 3
    assert len(results.rows("evil.boom")) == 1
    assert all(str(text) in results.logs(IDS[0]) for text in payloads(marker)[10:20])
    assert len(results.artifacts()) == 1
    assert not marker.exists()


def columns(store: Path) -> list[tuple[str, str]]:
    """Every column of a store that holds text or bytes."""
    with closing(sqlite3.connect(store)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = [(table, row[1], row[2]) for table in tables for row in db.execute(f"PRAGMA table_info({table})")]
    return [(table, column) for table, column, kind in found if kind in ("TEXT", "BLOB")]


def test_a_pickle_in_any_column_of_the_store_is_never_loaded(project, marker, tmp_path):
    """By every reader and by doctor, which all see damage; one store for each column."""
    whole = project / ".xrun/xrun.db"
    (tmp_path / "columns.json").write_text(json.dumps([str(project), str(marker), columns(whole)]))
    done = subprocess.run(
        [sys.executable, "-c", COLUMNS, str(tmp_path / "columns.json")], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"read": len(columns(whole)), "loaded": []}
    assert len(columns(whole)) > 40
    assert not marker.exists()


COLUMNS = """
import contextlib, json, os, pickle, shutil, sqlite3, sys, warnings
from pathlib import Path
from runner import stores
from runner.errors import XrunError
from runner.upkeep import examine
from runner.workspace import Workspace

root, marker, columns = json.loads(Path(sys.argv[1]).read_text())
warnings.simplefilter("ignore")


class Evil:
    def __reduce__(self):
        return os.system, (f"touch {marker}",)


evil, loaded = pickle.dumps(Evil()), []
sys.addaudithook(lambda event, arguments: event == "pickle.find_class" and loaded.append([str(a) for a in arguments]))
workspace = Workspace(Path(root, ".xrun"), Path(root, "results"))
whole, read = workspace.store.read_bytes(), 0


def look(reader):
    records = list(reader.records(children=True))
    ids = [record.id_run for record in records] or ["aa000000-0000-8000-8000-000000000000"]
    yield lambda: reader.find(ids)
    yield lambda: reader.results(ids)
    yield lambda: [(r.params, r.kwargs, r.fields, r.tags, r.logged) for r in records]
    yield lambda: (reader.evidence(1), reader.provenance(1), reader.source("cd" * 32), list(reader.earlier("e")), reader.doubts())
    yield lambda: (reader.summaries(ids), reader.artifacts(ids), reader.experiments(), reader.unfinished())
    yield lambda: reader.prefixes(["ab" * 32])
    yield lambda: [reader.behind(start) for start in reader.prefixes(["ab" * 32]).values()]
    for id_run in ids:
        yield lambda: list(reader.points(id_run, "loss"))
        yield lambda: reader.tables(id_run)
        yield lambda: list(reader.output(id_run, "stdout"))


for table, column in columns:
    for side in ("-wal", "-shm"):
        Path(f"{workspace.store}{side}").unlink(missing_ok=True)
    workspace.store.write_bytes(whole)
    with contextlib.closing(sqlite3.connect(workspace.store, isolation_level=None)) as db:
        with contextlib.suppress(sqlite3.IntegrityError):
            db.execute(f"UPDATE {table} SET {column} = ?", (evil,))
    try:
        reader = stores.read(workspace.store)
    except XrunError:
        read += 1
        continue
    with contextlib.closing(reader):
        calls = look(reader)
        while True:
            try:
                for call in calls:
                    with contextlib.suppress(XrunError, ValueError, TypeError, sqlite3.Error):
                        call()
                break
            except (XrunError, sqlite3.Error):
                break
    with contextlib.suppress(XrunError):
        examine(workspace)
    read += 1
print(json.dumps({"read": read, "loaded": loaded}))
"""


SPY = """
import os, sys
WHERE = {log!r}


def hook(event, arguments):
    if event != "pickle.find_class":
        return
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.endswith(("runner/process.py", "runner/beside.py")):
            return
        frame = frame.f_back
    with open(WHERE, "a") as file:
        file.write(f"{{os.getpid()}} {{sys.argv}} {{arguments}}\\n")


sys.addaudithook(hook)
"""


def test_a_run_unpickles_nothing_but_what_its_own_processes_send(tmp_path, xrun, written):
    """In the coordinator, the table helper, the zygote and the workers: with metrics, tables, files, resumed steps, a crash and a retry."""
    log = tmp_path / "unpickled.log"
    steps = """
import os


def first(run):
    run.fields.a = 1
    run.log_metric("loss", 1.0)


def second(run):
    (run.dir / "x.txt").write_text("x")
    run.log_artifact(run.dir / "x.txt")
    run.log_row("t", a=1)
    if run.params.n == 3:
        os.kill(os.getpid(), 9)


def third(run):
    run.fields.b = 2
"""
    written(tmp_path, {"steps.py": steps, "spy/sitecustomize.py": SPY.format(log=str(log))})
    written(tmp_path, {"conf/experiment/e.yaml": "params: {n: [1, 2, 3]}\nsteps: [steps.first, steps.second]\n"})
    variables = {"PYTHONPATH": str(tmp_path / "spy")}
    assert "2 completed, 1 crashed" in xrun("+experiment=e", **variables).stderr
    written(tmp_path, {"conf/experiment/e.yaml": "params: {n: [1, 2, 3]}\nsteps: [steps.first, steps.second, steps.third]\n"})
    assert "2 completed, 1 crashed" in xrun("+experiment=e", **variables).stderr
    for command in (["plan", "+experiment=e"], ["ls", "e"], ["table", "e"], ["doctor"]):
        assert xrun(*command, **variables).returncode == 0
    assert not log.exists(), log.read_text()
