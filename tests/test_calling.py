"""The calls of xrun that other tests make are calls of xrun: what `calling.run` gives is what a process that is really started gives."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests import calling
from tests.calling import DVC, XRUN

STEPS = """
import json, os, sys, tempfile, time

def told(run):
    print("from a step")
    run.fields.update(mark=os.environ.get("MARK", ""))

def here(run):
    mask = os.umask(0)
    os.umask(mask)
    found = [os.getcwd(), sys.argv, sys.path, sys.modules["__main__"].__file__, mask, tempfile.gettempdir(), time.tzname, dict(os.environ)]
    found += [os.readlink("/proc/self/fd/0"), len(os.listdir("/proc/self/fd"))]
    open("found", "w").write(json.dumps([os.getppid(), *found]))

def slow(run):
    open("begun", "w").write(str(os.getpid()))
    time.sleep(60)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "steps.py").write_text(STEPS)
    for name, executor in (("told", "local"), ("here", "serial"), ("slow", "serial")):
        text = f"# @package _global_\nparams: {{x: [1]}}\nexecutor: {{name: {executor}}}\nsteps: [steps.{name}]\n"
        (tmp_path / f"conf/experiment/{name}.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "words", [["--version"], ["ls"], ["+experiment=tolled"], ["sohw"], ["+experiment=told", "-q"], ["plan", "+experiment=told", "--json"]]
)
def test_code_and_both_outputs_are_those_of_a_process_that_is_really_started(project: Path, words: list[str]) -> None:
    forked, started = (calling_([XRUN, *words], cwd=project) for calling_ in (calling.run, calling.real))
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


@pytest.mark.parametrize("words", [["--version"], ["status"], ["init", "--no-scm"], ["unknown"]])
def test_so_are_those_of_dvc(tmp_path: Path, words: list[str]) -> None:
    environment, told = {**os.environ, "DVC_NO_ANALYTICS": "1", "CI": "1"}, []
    for calling_ in (calling.run, calling.real):
        (tmp_path / "here").mkdir()
        done = calling_([DVC, *words], cwd=tmp_path / "here", env=environment)
        told.append((done.returncode, done.stdout, done.stderr))
        (tmp_path / "here").rename(tmp_path / f"done {len(told)}")
    assert told[0] == told[1]


def test_a_call_finds_what_a_process_of_the_script_finds(project: Path) -> None:
    environment = {**os.environ, "TZ": "Asia/Tokyo", "TMPDIR": str(project)}
    found = []
    before = os.umask(0o27)
    try:
        for calling_ in (calling.run, calling.real):
            done = calling_([XRUN, "+experiment=here", "-q", "--force"], cwd=project, env=environment)
            assert done.returncode == 0, done.stderr
            found.append(json.loads((project / "found").read_text())[1:])
    finally:
        os.umask(before)
    assert found[0] == found[1]


def test_nothing_of_a_call_is_there_in_the_next_one(project: Path) -> None:
    for mark in ("1", "2"):
        done = calling.run([XRUN, "+experiment=told", "-q", "--force"], cwd=project, env={**os.environ, "MARK": mark})
        assert done.returncode == 0, done.stderr
        shown = calling.run([XRUN, "query", "SELECT fields ->> 'mark' FROM run", "--json"], cwd=project)
        assert f'"{mark}"' in shown.stdout


def test_what_takes_too_long_is_killed_and_the_next_call_gets_its_own_answer(project: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        calling.run([XRUN, "+experiment=slow", "-q"], cwd=project, timeout=3)
    if (project / "begun").exists():  # under load it may not have come so far
        with pytest.raises(ProcessLookupError):
            os.kill(int((project / "begun").read_text()), 0)
    assert calling.run([XRUN, "--version"], cwd=project).stdout == "xrun 0.1.0\n"


@pytest.mark.parametrize("variables", [{}, {"PYTHONWARNINGS": "error"}, {"PYTHONPATH": "/nowhere"}, {"PATH": "/nowhere"}, {"LC_ALL": "C"}])
def test_only_where_nothing_counts_that_is_read_at_the_start_is_a_call_a_fork(project: Path, variables: dict[str, str]) -> None:
    done = calling.run([XRUN, "+experiment=here", "-q"], cwd=project, env={**calling.BEGINNING, **variables})
    assert done.returncode == 0, done.stderr
    parent = json.loads((project / "found").read_text())[0]
    assert (parent == os.getpid()) == bool(variables)


def test_calls_of_several_threads_do_not_wait_for_each_other(project: Path) -> None:
    found: list[subprocess.CompletedProcess[str]] = []
    words = [XRUN, "+experiment=told", "-q"]
    threads = [
        threading.Thread(target=lambda n: found.append(calling.run([*words, "--workspace", str(project / n)], cwd=project)), args=(str(n),))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(done.returncode, done.stderr) for done in found] == [(0, "")] * 3
