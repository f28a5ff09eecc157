"""Scripts and commands as processes: what they get, what they leave, how they end."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from runner.scripts import ScriptError

DUMP = """
import json, os, sys
json.dump({"argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ), "path": sys.path, "stdin": sys.stdin.read()}, open(OUT, "w"))
"""


@pytest.fixture
def seen(project):
    """`seen(run, **process)` -> what the script `dump.py` finds around itself."""

    def perform(params=None, kwargs=None, step_kwargs=None, files=None, script="dump.py", **process):
        made = project({script: DUMP.replace("OUT", repr(str(project().root / "seen.json"))), **(files or {})})
        run = made.run(params, kwargs)
        made.perform(run, kwargs=step_kwargs, script=script, **process)
        return json.loads((made.root / "seen.json").read_text())

    return perform


ARGS = [
    ((("--reg_rate", "${params.lr}"),), ["--reg_rate", "0.1"]),
    ((("--verbose", True), ("--quiet", False), ("--none", None), ("--empty", [])), ["--verbose"]),
    ((("--layers", [64, 32]),), ["--layers", "64", "32"]),
    ((("--layers", "${kwargs.layers}"),), ["--layers", "1", "2"]),
    ((("--flag", "${params.on}"),), ["--flag"]),
    ((("--name", "a b ${params.lr}-${kwargs.o.x}"),), ["--name", "a b 0.1-5"]),
    ((("--low", "${params.low}"), ("-l", "${params.low}")), ["--low=-1e-05", "-l", "-1e-05"]),
    ((("lr=", "${params.lr}"),), ["lr=0.1"]),
    ((("--o", "${kwargs.o}"),), ["--o", '{"x": 5}']),
    ((("--seed", "${run.seed}"), ("--id", "${run.id_run}")), ["--seed", "7", "--id", "run-1"]),
    (("predict", "--lr", "${params.lr}"), ["predict", "--lr", "0.1"]),
    ("params", ["--lr", "0.1", "--low=-1e-05", "--on"]),
    ("all", ["--lr", "0.1", "--low=-1e-05", "--on", "--layers", "1", "2", "--o.x", "5", "--text", "a'b $c"]),
]


@pytest.mark.parametrize(("args", "words"), ARGS, ids=[str(args)[:50] for args, _ in ARGS])
def test_arguments(args, words, seen):
    params = {"lr": 0.1, "low": -1e-05, "on": True}
    kwargs = {"layers": [1, 2], "o": {"x": 5}, "text": "a'b $c", "off": False}
    assert seen(params, kwargs, args=args)["argv"] == ["dump.py", *words]


def test_the_run_s_own_folder_can_be_an_argument(seen):
    (folder,) = seen(args=("${run.dir}/model",))["argv"][1:]
    assert folder.endswith(".xrun/artifacts/run-1/model")


def test_the_environment(seen, monkeypatch):
    monkeypatch.setenv("REMOVED", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    found = seen(
        {"lr": 0.1, "optimizer.momentum": 0.9, "on": True},
        {"text": "a b", "o": {"x": None}, "n": 3},
        {"n": 4},
        env=(("REMOVED", None), ("OWN", "rate ${params.lr}"), ("CUDA", "0")),
    )
    env = found["env"]
    expected = {
        "XRUN_ID_RUN": "run-1", "XRUN_SEED": "7", "XRUN_PARAM_lr": "0.1", "XRUN_PARAM_optimizer__momentum": "0.9", "XRUN_PARAM_on": "true",
        "XRUN_PARAM_text": "a b", "XRUN_PARAM_o": '{"x": null}', "XRUN_PARAM_n": "4", "OWN": "rate 0.1", "CUDA": "0",
    }  # fmt: skip
    assert {name: env.get(name) for name in expected} == expected
    assert "REMOVED" not in env
    assert "PYTHONHASHSEED" not in env
    assert env["PYTHONPATH"] == f"{found['cwd']}:/elsewhere"
    assert found["stdin"] == ""


def test_a_value_too_long_for_the_environment_is_left_out(seen):
    env = seen(kwargs={"long": "x" * 200_000, "short": "y"})["env"]
    assert "XRUN_PARAM_long" not in env
    assert env["XRUN_PARAM_short"] == "y"


def test_a_script_works_in_the_project_root_or_its_cwd_and_imports_from_both(seen, project):
    root = project().root
    found = seen(script="scripts/dump.py")
    assert (found["cwd"], found["argv"]) == (str(root), ["scripts/dump.py"])
    assert found["path"][:2] == [str(root / "scripts"), str(root)]
    found = seen(cwd="scripts", script="dump.py", files={"scripts/dump.py": (root / "scripts/dump.py").read_text()})
    assert (found["cwd"], found["argv"]) == (str(root / "scripts"), ["dump.py"])
    assert seen(cwd="${kwargs.where}", kwargs={"where": "scripts"}, script="other.py")["cwd"] == str(root / "scripts")


def test_an_argparse_script_as_it_is(project):
    made = project(
        {
            "train.py": """
            import argparse, pathlib
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float, required=True)
            parser.add_argument("--layers", type=int, nargs="+")
            parser.add_argument("--fast", action="store_true")
            given = parser.parse_args()
            pathlib.Path("outputs").mkdir(exist_ok=True)
            pathlib.Path("outputs/model.txt").write_text(repr(vars(given)))
            """
        }
    )
    run = made.run({"lr": -1e-05, "layers": [3, 4]})
    args = (("--lr", "${params.lr}"), ("--layers", "${params.layers}"), ("--fast", True))
    made.perform(run, script="train.py", args=args, outputs="outputs")
    assert (run.dir / "outputs/model.txt").read_text() == "{'lr': -1e-05, 'layers': [3, 4], 'fast': True}"
    assert not (made.root / "outputs").exists()


NASTY = ["a b", "it's", '"', "$HOME", "`id`", "$(id)", "a\nb", "*", "", "\\", "é😀", "-n", "'\"'", "a;b", "#x"]


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize(
    "text",
    [
        "printf %s ${params.v}",
        'printf %s "${params.v}"',
        "printf %s '${params.v}'",
        """printf %s "$(printf %s "${params.v}"; echo ')' >/dev/null)" # it's "a comment""",
        "(printf %s ${params.v})",
        "# don't\nprintf %s \\\n  ${params.v}",
    ],
)
def test_a_value_in_a_shell_command_stays_what_it_is_wherever_it_stands(value, text, project, capfd):
    made = project()
    made.perform(made.run({"v": value}), command=text)
    assert capfd.readouterr().out == value


def test_commands_as_text_and_as_words(project, capfd):
    made = project()
    run = made.run({"n": 3})
    made.perform(run, command="echo one | tr a-z A-Z; false | echo $XRUN_PARAM_n", args=("$HOME", "${params.n}"))
    made.perform(run, command=("echo", "$HOME", "*", "${params.n}"), args=(("--n", "${params.n}"),))
    assert capfd.readouterr().out == "ONE\n3 $HOME 3\n$HOME * 3 --n 3\n"


def test_another_interpreter(project, tmp_path):
    made = project({"bin/mypython": f'#!/bin/sh\ntouch used\nexec {sys.executable} "$@"\n', "a.py": "pass\n"})
    (tmp_path / "bin/mypython").chmod(0o755)
    made.perform(script="a.py", python="bin/mypython")
    assert (tmp_path / "used").exists()


FAILURES = [
    ("import sys; print('why', file=sys.stderr); sys.exit(3)", "exit 3", "why\nstep `s`, `a.py`, ended with exit 3"),
    ("print('no stderr here'); raise SystemExit(4)", "exit 4", "step `s`, `a.py`, ended with exit 4\nno stderr here"),
    (
        "import os, signal, sys; print('warning', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGSEGV)",
        "SIGSEGV",
        "step `s`, `a.py`, ended with SIGSEGV\nwarning",
    ),
    ("import os, signal; os.kill(os.getpid(), 40)", "signal 40", "step `s`, `a.py`, ended with signal 40"),
    ("for n in range(100): print(n, file=__import__('sys').stderr)\nraise SystemExit(1)", "exit 1", "80\n81"),
    ("raise ValueError('bad')", "exit 1", "ValueError: bad\nstep `s`, `a.py`, ended with exit 1\nTraceback (most recent call last):"),
]


@pytest.mark.parametrize("redirected", [False, True], ids=["pipe", "file"])
@pytest.mark.parametrize(("source", "kind", "says"), FAILURES, ids=[kind for _, kind, _ in FAILURES])
def test_a_script_that_fails(source, kind, says, redirected, project, tmp_path):
    """Told with the last lines of its stderr, whether that is the worker's capture file or something that has to be listened to."""
    made = project({"a.py": source + "\n"})
    with captured(tmp_path / "out") if redirected else nullcontext(), pytest.raises(ScriptError) as caught:
        made.perform(script="a.py", scalars=not redirected)
    assert (caught.value.kind, caught.value.died) == (kind, kind.lower().startswith("sig"))
    assert says in str(caught.value)
    assert str(caught.value).startswith(says) or kind == "exit 1"
    assert len(str(caught.value).splitlines()) <= 22


@pytest.mark.parametrize(
    ("process", "says"),
    [
        ({"command": "cat d-${params.n}.txt; test 1 = ${params.n}"}, "cat: d-2.txt: "),
        ({"command": "cat d-${params.n}.txt; test 1 = ${params.n}"}, "step `s`, `cat d-2.txt; test 1 = 2`, ended with exit 1"),
        ({"command": "true\ntest 1 = ${params.n}"}, r"step `s`, `true\ntest 1 = 2`, ended with exit 1"),
        ({"command": ("test", "a b", "=", "${params.n}")}, "step `s`, `test 'a b' = 2`, ended with exit 1"),
        ({"script": "a.py", "args": ("--n", "${params.n}")}, "step `s`, `a.py --n 2`, ended with exit 7"),
    ],
)
def test_a_failure_names_the_step_and_the_command_with_its_values(process, says, project):
    made = project({"a.py": "raise SystemExit(7)\n"})
    with pytest.raises(ScriptError) as caught:
        made.perform(made.run({"n": 2}), **process)
    assert says in "\n".join(str(caught.value).splitlines()[:2])


def test_a_long_command_is_cut_in_its_error(project):
    with pytest.raises(ScriptError) as caught:
        project().perform(command="exit 3 # " + "x" * 100_000)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("outputs", ["", "outputs"])
def test_the_traceback_of_a_script_names_its_file_in_the_project(outputs, project):
    made = project({"sub/a.py": "import sys\nassert not sys.path[0].endswith('.cwd')\nimport b\n", "sub/b.py": "raise KeyError('k')\n"})
    with pytest.raises(ScriptError) as caught:
        made.perform(script="sub/a.py", outputs=outputs)
    message = str(caught.value)
    assert message.startswith("KeyError: 'k'\n")
    assert ".xrun" not in message
    assert f'File "{made.root}/sub/a.py", line 3' in message
    assert f'File "{made.root}/sub/b.py", line 1' in message


def test_a_script_with_outputs_works_among_them_and_imports_from_its_own_folder(project):
    made = project({"sub/a.py": "import b, sys\nopen('outputs/x', 'w').write(b.NAME + sys.path[0])\n", "sub/b.py": "NAME = 'b'\n"})
    run = made.run()
    made.perform(run, script="sub/a.py", outputs="outputs")
    assert (run.dir / "outputs/x").read_text() == f"b{made.root}/sub"
    assert not (made.root / "outputs").exists()


@pytest.mark.parametrize("command", [False, True], ids=["script", "command"])
def test_the_peak_of_memory_is_that_of_the_process_and_its_children(command, project, python):
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10  # of which Linux makes the least that a child can have
    made = project({"a.py": f"x = bytearray({own + 300_000_000})\n"})
    run = made.run()
    assert run.peak == 0
    process = {"command": f"{python} a.py; true"} if command else {"script": "a.py"}
    made.perform(run, **process)
    assert own + 300_000_000 < run.peak < own + 500_000_000
    small = made.run()
    made.perform(small, command="true")
    assert 0 < small.peak < own + 200_000_000, "an earlier process counts for its own run"


class captured:  # noqa: N801
    """Descriptors 1 and 2 are files that can be read, as in a worker."""

    def __init__(self, path):
        self.paths = (f"{path}1", f"{path}2")

    def __enter__(self):
        self.saved = [os.dup(1), os.dup(2)]
        for number, path in enumerate(self.paths, 1):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            os.write(file, b"loss: 99\n")  # of a run before
            os.dup2(file, number)
            os.close(file)

    def __exit__(self, *_):
        for number, saved in enumerate(self.saved, 1):
            os.dup2(saved, number)
            os.close(saved)


@pytest.mark.parametrize(
    ("process", "says"),
    [
        ({"command": ("no-such-program-here",)}, "no-such-program-here: no such file or directory"),
        ({"command": "true", "cwd": "${params.where}"}, "/nowhere is not a folder"),
        ({"command": ("./a.txt",)}, "./a.txt: permission denied"),
    ],
)
def test_a_process_that_cannot_be_started(process, says, project):
    made = project({"a.txt": "x"})
    with pytest.raises(ScriptError) as caught:
        made.perform(made.run({"where": "nowhere"}), **process)
    assert caught.value.kind == "not started"
    assert says in str(caught.value)


class Abandon(BaseException):
    """As the worker's."""


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
source = "import signal, time; signal.signal(15, signal.SIG_IGN); open('ready', 'w'); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", source])
open("pids", "w").write(f"{child.pid}")
time.sleep(60)
"""


@pytest.mark.parametrize("kind", [Abandon, KeyboardInterrupt])
def test_what_is_raised_into_the_waiting_ends_the_process_and_what_it_started(kind, project, tmp_path, monkeypatch):
    monkeypatch.setattr("runner.scripts.waiting.GRACE_SECONDS", 0.2)
    made = project({"a.py": STUBBORN})

    def interrupt(*_):
        raise kind

    def ask():
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    old = signal.signal(signal.SIGUSR1, interrupt)
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        with pytest.raises(kind):
            made.perform(script="a.py")
    finally:
        asking.join()
        signal.signal(signal.SIGUSR1, old)
    pid = int((tmp_path / "pids").read_text())
    deadline = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(pid)
    assert subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "a.py"], check=False, capture_output=True).stdout == b""


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_process_is_in_our_process_group(project, tmp_path):
    """So that a SIGKILL to the worker's group takes it along."""
    made = project({"a.py": "import os; open('group', 'w').write(str(os.getpgid(0)))\n"})
    made.perform(script="a.py")
    assert (tmp_path / "group").read_text() == str(os.getpgid(0))


def test_what_is_left_running_does_not_hold_the_step(project):
    made = project()
    begun = time.monotonic()
    made.perform(command="sleep 20 & echo loss: 1", scalars=True)
    assert time.monotonic() - begun < 10


def test_parallel_runs_share_nothing_but_what_they_read(project):
    made = project(
        {
            "train.py": """
            import pathlib, sys, time
            pathlib.Path("outputs").mkdir(exist_ok=True)
            pathlib.Path("outputs/model.pkl").write_text(sys.argv[1])
            time.sleep(0.3)
            text = pathlib.Path("outputs/model.pkl").read_text()
            pathlib.Path("metrics.json").write_text('{"read": %s, "data": %s}' % (text, pathlib.Path("data/n.txt").read_text()))
            """,
            "data/n.txt": "5",
        }
    )
    runs = [made.run({"n": n}) for n in range(4)]
    options = {"script": "train.py", "args": ("${params.n}",), "outputs": "outputs", "metrics_file": "metrics.json"}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda run: made.perform(run, **options), runs))
    for n, run in enumerate(runs):
        assert made.points(run) == {"read": [(0, n)], "data": [(0, 5)]}
        assert (run.dir / "outputs/model.pkl").read_text() == str(n)
        assert sorted(path.name for path in run.dir.iterdir()) == ["metrics.json", "outputs"]
    assert sorted(path.name for path in made.root.iterdir()) == [".xrun", "data", "train.py"]


def test_the_log_reaches_the_run_while_the_process_goes_on(project, tmp_path):
    made = project(
        {
            "a.py": """
            import pathlib, time
            print("loss: 1"); print("loss: 2", flush=True)
            pathlib.Path("m.jsonl").write_text('{"step": 4, "acc": 0.5}\\n{"step": 5, "acc"')
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
            with open("m.jsonl", "a") as file:
                file.write(': 0.75}')
            print("loss: 3", end="")
            """
        }
    )
    run, reports = made.run(), []

    def report():
        reports.append(made.points(run, end=False))
        (tmp_path / "go").touch()

    with captured(tmp_path / "out"):
        made.perform(run, script="a.py", scalars=True, metrics_file=str(tmp_path / "m.jsonl"), report=report)
    assert reports[0] == {"loss": [(0, 1.0), (1, 2.0)], "acc": [(4, 0.5)]}
    assert made.points(run) == {"loss": [(0, 1.0), (1, 2.0), (2, 3.0)], "acc": [(4, 0.5), (5, 0.75)]}


def test_get_run_in_the_script_is_the_run(project):
    made = project(
        {
            "a.py": """
            import runner
            run = runner.get_run()
            run.fields["n"] = run.params.N * run.kwargs.k
            run.fields["x"] = float("nan")
            run.tags["kind"] = "script"
            for n in range(3):
                run.log_metric("loss", 1 / (n + 1))
            (run.dir / "kept.txt").write_text(run.meta["experiment"])
            """
        }
    )
    run = made.run({"N": 3}, {"k": 4})
    fields = made.perform(run, script="a.py")
    assert fields["n"] == 12
    assert str(fields["x"]) == "nan"
    assert run.tags == {"kind": "script"}
    assert made.points(run) == {"loss": [(0, 1.0), (1, 0.5), (2, 1 / 3)]}
    assert (run.dir / "kept.txt").read_text() == "x"


def test_a_line_in_the_spool_that_is_none_is_trouble_and_no_end(project):
    from runner.logged import Trouble

    made = project(
        {
            "a.py": """
            import json, os
            spool = json.load(open(os.environ["XRUN_RUN"]))["spool"]
            last = json.dumps({"fields": json.dumps({"a": 1}), "tags": "{}"})
            with open(spool, "a") as file:
                print('[["", "Nonsense"]]', "abc", '{"fields": 3}', '[["", "Progress", 0.5, ""]]', last, sep="\\n", file=file)
            """
        }
    )
    run = made.run()
    assert made.perform(run, script="a.py") == {"a": 1}
    assert sum(entry.count for entry in made.entries(run) if isinstance(entry, Trouble)) == 3


def test_a_script_that_says_nothing_has_no_fields(project):
    assert project({"a.py": "pass\n"}).perform(script="a.py") is None
