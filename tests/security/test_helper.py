"""The process that makes the table may hold a module of the user's: what it sends is read as JSON and held against its question."""

import json
import subprocess
import sys

import pytest

MODEL = """
import os, pickle
import pandera.pandas as pa
from runner import process

open({log!r}, "a").write(f"imported {{os.getpid()}}\\n")


class Evil:
    def __reduce__(self):
        return exec, ("import os; open({log!r}, 'a').write('unpickled')",)


real = process.frame
if {attack}:
    process.frame = lambda payload: real({answer})


class Model(pa.DataFrameModel):
    e: float
"""
ANSWERS = ["pickle.dumps((Evil(), None))", "b'[9'", "b'[1, 2, null]'", "b'[2, 3, null]'", "b'[2, null, [1]]'", "b'\\xff'"]
FILES = {
    "s.py": "def f(v): return {'e': 1.0}\n",
    "conf/experiment/c.yaml": "params: {v: [1, 2]}\nsteps: [s.f]\nresults: {schema: sch.Model}\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_a_schema_of_the_users_sends_is_never_unpickled(answer, tmp_path, xrun, written):
    log = tmp_path / "log"
    written(tmp_path, {**FILES, "sch.py": MODEL.format(log=str(log), attack="True", answer=answer)})
    done = xrun("+experiment=c")
    assert "unpickled" not in log.read_text()
    assert "imported" in log.read_text()
    assert done.returncode == 74, done.stderr
    assert "Traceback" not in done.stderr


def test_a_schema_of_the_users_is_imported_and_holds(tmp_path, xrun, written):
    log = tmp_path / "log"
    written(tmp_path, {**FILES, "sch.py": MODEL.format(log=str(log), attack="False", answer="payload")})
    done = xrun("+experiment=c")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "results/c/manifest.json").read_text())
    assert manifest["table"]["valid"]
    assert manifest["table"]["rows"] == 2


ASKED = """
import json, os, signal, sys
from runner.beside import Helper
from runner.errors import ConfigError, StoreError

sys.modules["asked"] = sys.modules["__main__"]


def refuse(what):
    if what == "config":
        raise ConfigError("no such thing", where="a.yaml", key="b", hint="write c")
    if what == "store":
        raise StoreError("the disk is gone")
    if what == "other":
        raise LookupError("what")


def ready():
    pass


def told(question):
    try:
        return question()
    except Exception as error:
        parts = [error.problem, error.where, error.key, error.hint] if isinstance(error, ConfigError) else []
        return [type(error).__name__, str(error), *parts]


helper = Helper("asked:ready")
assert helper._pid
begin = lambda what: helper.begin(refuse, lambda _: None, what)
"""


def answers(body: str) -> list[object]:
    """The list `answers` that these lines make in a process with a helper, which has to have no other threads."""
    program = f"{ASKED}{body}\nprint(json.dumps(answers))\nhelper.close()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[object] = json.loads(done.stdout)
    return found


def test_errors_are_what_they_were():
    assert answers('answers = [told(begin(what)) for what in ("config", "store", "other")]') == [
        ["ConfigError", "a.yaml: b: no such thing\n  write c", "no such thing", "a.yaml", "b", "write c"],
        ["StoreError", "the disk is gone"],
        ["RuntimeError", "LookupError: what"],
    ]


def test_an_answer_belongs_to_its_question_in_whatever_order_they_are_asked_for():
    begun = """
first = begin("store")
begin("other")  # nobody asks
last = begin("nothing")
answers = [told(last), told(first)]
"""
    assert answers(begun) == [None, ["StoreError", "the disk is gone"]]


def test_a_helper_that_was_killed_is_done_without():
    killed = """
os.kill(helper._pid, signal.SIGKILL)
answers = [told(begin("store")), told(begin("nothing"))]
"""
    assert answers(killed) == [["StoreError", "the disk is gone"], None]


@pytest.mark.parametrize(
    ("module", "code", "told"),
    [
        ("raise SystemExit(3)", 2, "results.schema: sch.Model cannot be used: SystemExit: 3"),
        ("import os; os._exit(4)", 74, "the process that imports `results.schema` and makes the table has ended"),
        ("import os; os.kill(os.getpid(), 9)", 74, "the process that imports `results.schema` and makes the table has ended"),
    ],
)
def test_a_schema_of_the_users_that_ends_its_process_does_not_end_xrun(module, code, told, tmp_path, xrun, written):
    written(tmp_path, {**FILES, "sch.py": f"{module}\n"})
    done = xrun("+experiment=c")
    assert told in done.stderr
    assert done.returncode == code
    assert not (tmp_path / "results").exists()


CHECKED = """
import os
import pandera.pandas as pa

class Model(pa.DataFrameModel):
    e: float

    @pa.check("e")
    def ends(cls, values):
        {end}
"""


def test_a_check_of_the_users_that_ends_its_process_loses_no_run(tmp_path, xrun, written):
    written(tmp_path, {**FILES, "sch.py": CHECKED.format(end="os._exit(4)")})
    done = xrun("+experiment=c")
    assert "what has completed is kept" in done.stderr
    assert done.returncode == 74
    written(tmp_path, {"sch.py": CHECKED.format(end="raise SystemExit(5)")})
    done = xrun("+experiment=c")
    assert "2 cached" in done.stderr
    assert "SystemExit: 5" in done.stderr
    assert done.returncode == 1
    written(tmp_path, {"sch.py": CHECKED.format(end="return values > 0")})
    assert xrun("+experiment=c").returncode == 0
