"""Scripts and commands before anything runs: what is wrong with them, what they take, what their code is."""

import sys

import pytest

from runner.spec import Axis, CodePolicy, Experiment, Grid, Process, Step, Variant
from runner.steps import inspect_steps


@pytest.fixture
def look(tmp_path):
    """`look(files, axes, kwargs, **process)` -> the inspection of one script or command."""

    def inspect(files=None, axes=None, kwargs=None, step_kwargs=None, code="closure", replicates=None, version=None, data=(), **process):
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        step = Step(
            call=process.get("script") or str(process["command"]),
            name="s",
            kwargs=step_kwargs or {},
            code=CodePolicy(code),
            version=version,
            process=Process(**process),
        )
        factors = tuple(Axis(name=name, values=tuple(values)) for name, values in (axes or {}).items())
        variant = Variant(kwargs=kwargs or {}, grids=(Grid(factors=factors),))
        whole = {"name": "x", "steps": (step,), "variants": (variant,), "root": tmp_path, "yaml": ""}
        return inspect_steps(Experiment(**whole, replicates=replicates, data=data))

    inspect.root = tmp_path
    path = list(sys.path)
    yield inspect
    sys.path[:] = path


A = {"a.py": '"""Trains a model.\n\nLong story."""\n'}


def test_what_there_is_to_tell_of_a_script(look):
    found = look(
        A, {"lr": [1]}, {"k": 1}, script="a.py", args=(("--lr", "${params.lr}"), ("--k", "${kwargs.k}")), env=(("K", "${kwargs.k}"),)
    )
    (info,) = found.steps
    assert (found.problems, found.notes) == ((), ())
    assert (info.call, info.doc, info.sees_all, info.takes_run) == ("a.py", "Trains a model.", False, False)
    assert [(p.name, p.doc) for p in info.parameters] == [("lr", "args.--lr"), ("k", "env.K")]


PROBLEMS = [
    ({"script": "b.py"}, "there is no script ROOT/b.py; did you mean `a.py`?"),
    ({"script": "b.py", "cwd": "sub"}, "there is no script ROOT/b.py; did you mean `a.py`?"),
    ({"script": "sub"}, "ROOT/sub is not a file"),
    ({"script": "run.sh"}, "run.sh is not a Python script; write {command: [sh, run.sh]} or the like"),
    ({"script": "a.py", "cwd": "sbu"}, "its cwd ROOT/sbu does not exist; did you mean `sub`?"),
    ({"script": "a.py", "cwd": "a.py"}, "its cwd ROOT/a.py is not a folder; folders: "),
    ({"script": "a.py", "python": "python9.9"}, "there is no interpreter `python9.9`"),
    ({"script": "a.py", "python": "bin/python"}, "there is no interpreter `bin/python`"),
    ({"command": ("no-such-program",)}, "there is no program `no-such-program`"),
    ({"command": ("./run.sh",)}, "there is no program `./run.sh`"),
    (
        {"script": "a.py", "args": (("--m", "${params.momentum}"),)},
        "args.--m: there is no `params.momentum`; did you mean `optimizer.momentum`?",
    ),
    ({"script": "a.py", "args": ("x", "${kwargs.zz}")}, "args[1]: there is no `kwargs.zz`; kwargs has: kay, lr, optimizer.momentum"),
    ({"script": "a.py", "args": (("--a", "${params.kay}"),)}, "args.--a: there is no `params.kay`; params has: lr, optimizer.momentum"),
    ({"script": "a.py", "env": (("A", "${run.dirr}"),)}, "env.A: there is no `run.dirr`; did you mean `dir`?"),
    ({"command": "echo ${kwargs.kay.x.y}"}, "command: there is no `kwargs.kay.x.y`; "),
    ({"command": "echo", "cwd": "${params.no}"}, "cwd: there is no `params.no`; "),
    ({"script": "a.py", "metrics_file": "${run.x}.json"}, "metrics_file: there is no `run.x`; "),
]


@pytest.mark.parametrize(("process", "says"), PROBLEMS, ids=[says[:50] for _, says in PROBLEMS])
def test_problems(process, says, look, tmp_path):
    files = {**A, "sub/c.txt": "", "run.sh": "", "bin/python": ""}
    found = look(files, {"lr": [1], "optimizer.momentum": [2]}, {"kay": {"x": 1}}, **process)
    (problem,) = found.problems
    assert problem.replace(str(tmp_path), "ROOT").startswith(f"step `s` ({process.get('script') or process['command']}): {says}"), problem


FINE = [
    {"script": "a.py", "args": (("--x", "${kwargs.o.x}"), ("--o", "${params.optimizer}"), ("--m", "${params.optimizer.momentum}"))},
    {"script": "a.py", "args": (("--lr", "${kwargs.lr}"), ("--own", "${kwargs.own}"), ("--r", "${params.replicate}"))},
    {"script": "a.py", "args": ("${run.dir}", "${run.seed}", "${run.id_run}")},
    {"script": "c.py", "cwd": "sub"},
    {"script": "a.py", "cwd": "sub"},
    {"script": "a.py", "cwd": "${kwargs.o.x}"},
    {"command": ("ls", "-l")},
    {"command": ("${kwargs.own}", "-l")},
    {"command": "no-such-program; the shell says so itself"},
]


@pytest.mark.parametrize("process", FINE, ids=map(str, FINE))
def test_no_problem(process, look):
    axes, kwargs = {"lr": [1], "optimizer.momentum": [2]}, {"o": {"x": 1}}
    assert look({**A, "sub/c.py": ""}, axes, kwargs, {"own": 1}, replicates=2, **process).problems == ()


NOTES = [
    ({"script": "a.py"}, {}, ["axis `lr`", "kwarg `k`"]),
    ({"script": "a.py", "args": (("--lr", "${params.lr}"),)}, {}, ["kwarg `k`"]),
    ({"script": "a.py", "args": "params"}, {}, ["kwarg `k`"]),
    ({"script": "a.py", "args": "all"}, {}, []),
    ({"script": "a.py"}, {"a.py": "import os\nos.environ['XRUN_PARAM_lr']\n"}, []),
    ({"script": "a.py"}, {"a.py": "import helper\n", "helper.py": "import runner\nrun = runner.get_run()\n"}, []),
    ({"command": "make"}, {}, []),
    ({"command": "make lr=${params.lr}"}, {}, ["kwarg `k`"]),
    ({"command": "make lr=${params.lr} k=$XRUN_PARAM_k"}, {}, []),
    ({"command": "python a.py ${params.lr}"}, {"a.py": "XRUN_PARAM_k\n"}, []),
]


@pytest.mark.parametrize(("process", "files", "unused"), NOTES, ids=[f"{p} {list(f)}" for p, f, _ in NOTES])
def test_what_no_step_takes_is_noted(process, files, unused, look):
    found = look({**A, **files}, {"lr": [1]}, {"k": 1}, **process)
    said = [note.partition(";")[0] for note in found.notes if note.startswith("no step takes the ")]
    assert [note.removeprefix("no step takes the ") for note in said] == unused


TREE = {
    "scripts/train.py": "import helper, lib.tool, json\n",
    "scripts/helper.py": "import deep\n",
    "scripts/deep.py": "",
    "helper.py": "",
    "lib/__init__.py": "",
    "lib/tool.py": "",
    "lib/other.py": "",
    "notes.txt": "",
    "Makefile": "",
    "train.sh": "",
}
SCRIPT = {"script": "scripts/train.py"}
CLOSURE = ["scripts/train.py", "scripts/helper.py", "scripts/deep.py", "lib/__init__.py", "lib/tool.py"]
COUNTS = [
    (SCRIPT, CLOSURE),
    ({"script": "train.py", "cwd": "scripts"}, CLOSURE),
    ({**SCRIPT, "code": "module"}, ["scripts/train.py"]),
    ({**SCRIPT, "code": "off"}, []),
    ({"command": "make -s model"}, []),
    ({"command": "make -f Makefile; cat <notes.txt|sh train.sh"}, ["Makefile", "notes.txt", "train.sh"]),
    ({"command": ("sh", "train.sh", "--notes=notes.txt")}, ["train.sh", "notes.txt"]),
    ({"command": "python -m lib.tool"}, ["lib/__init__.py", "lib/tool.py"]),
    ({"command": "cd scripts && python scripts/train.py 'x"}, CLOSURE),
    ({"command": "python train.py", "cwd": "scripts", "code": "module"}, ["scripts/train.py"]),
    ({"command": "sh train.sh", "code": "off"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("process", "files"), COUNTS, ids=[str(process) for process, _ in COUNTS])
def test_what_counts_as_the_code(process, files, look):
    """An edit of these files, and of no others, changes the digest."""
    before = look(TREE, **process).code
    changing = [name for name in TREE if look({**TREE, name: TREE[name] + "x = 1\n"}, **process).code != before]
    assert changing == [name for name in TREE if name in files]


CALLED = {
    "train.py": "import helper\n",
    "helper.py": "",
    "sub/train.py": "import beside\n",
    "sub/beside.py": "",
    "lib/deep.py": "",
    "more/other.py": "",
    "finds.py": "import deep, other\n",
    "run.sh": "#!/bin/sh\n# python finds.py\ncd sub\npython train.py\n",
    "calls.sh": "set -e\nsh run.sh && echo done\n",
    "tool": "#!/bin/bash\npython train.py\n",
}
TOP, SUB, FINDS = ["train.py", "helper.py"], ["sub/train.py", "sub/beside.py"], ["finds.py", "lib/deep.py"]
FOLLOWED = [
    ({"script": "finds.py"}, ["finds.py"]),
    ({"script": "finds.py", "env": (("PYTHONPATH", "lib"),)}, FINDS),
    ({"script": "finds.py", "env": (("PYTHONPATH", "lib:more"),)}, [*FINDS, "more/other.py"]),
    ({"script": "finds.py", "env": (("PYTHONPATH", "${params.lr}"),)}, ["finds.py"]),
    ({"command": "python finds.py", "env": (("PYTHONPATH", "lib"),)}, FINDS),
    ({"command": "PYTHONPATH=lib:more python finds.py"}, [*FINDS, "more/other.py"]),
    ({"command": "export PYTHONPATH=lib; python finds.py"}, FINDS),
    ({"command": ("env", "PYTHONPATH=lib", "python", "finds.py")}, FINDS),
    ({"command": "(PYTHONPATH=lib python train.py); python finds.py"}, [*TOP, "finds.py"]),
    ({"command": "cd sub && python train.py"}, SUB),
    ({"command": "cd sub; python train.py"}, SUB),
    ({"command": "cd sub\npython train.py\n"}, SUB),
    ({"command": "(cd sub && python train.py)"}, SUB),
    ({"command": "(cd sub && python train.py); python train.py"}, [*SUB, *TOP]),
    ({"command": "cd sub && cd .. && python train.py"}, TOP),
    ({"command": "cd sub && python -m train"}, SUB),
    ({"command": "echo cd sub && python train.py"}, TOP),
    ({"command": "if true; then cd sub; python train.py; fi"}, SUB),
    ({"command": "python -c 'import helper; helper.go()'"}, ["helper.py"]),
    ({"command": "cd sub && python -c 'import beside'"}, ["sub/beside.py"]),
    ({"command": "nice -n 5 python -c 'import helper'"}, ["helper.py"]),
    ({"command": ("python", "-c", "import helper")}, ["helper.py"]),
    ({"command": "bash -c 'cd sub && python train.py'"}, SUB),
    ({"command": ("sh", "-ec", "python train.py")}, TOP),
    ({"command": "sh run.sh"}, ["run.sh", *SUB]),
    ({"command": "./calls.sh x"}, ["calls.sh", "run.sh", *SUB]),
    ({"command": "./tool"}, ["tool", *TOP]),
    ({"command": "sh run.sh; python train.py"}, ["run.sh", *SUB, *TOP]),
    ({"command": "python $PWD/train.py"}, TOP),
    ({"command": "python ${PWD}/train.py"}, TOP),
    ({"command": "python $(pwd)/train.py"}, TOP),
    ({"command": "python `pwd`/train.py"}, TOP),
    ({"command": "grep -c 'import helper' notes.txt"}, []),
]


@pytest.mark.parametrize(("process", "files"), FOLLOWED, ids=[str(process) for process, _ in FOLLOWED])
def test_what_a_shell_would_execute_counts(process, files, look):
    for name in ("tool", "calls.sh"):
        look(CALLED, command="true")
        (look.root / name).chmod(0o755)
    axes = {"lr": [1]}
    before = look(CALLED, axes, **process)
    assert before.problems == ()
    changing = [name for name in CALLED if look({**CALLED, name: CALLED[name] + "# edited\n"}, axes, **process).code != before.code]
    assert changing == [name for name in CALLED if name in files]


def test_shell_scripts_that_call_each_other_are_read_once(look):
    files = {"a.sh": "sh b.sh\n", "b.sh": "sh a.sh; python x.py\n", "x.py": ""}
    before = look(files, command="sh a.sh").code
    assert look({**files, "x.py": "y = 1\n"}, command="sh a.sh").code != before


UNCOUNTED = "no source of the project counts for the command `{}`: name its files in `data` or raise `version`"


@pytest.mark.parametrize("command", ["make", "Rscript model.R", "python $SCRIPT"])
def test_a_command_of_which_nothing_counts_is_told(command, look):
    assert look(command=command).notes == (UNCOUNTED.format(command),)


def test_nothing_is_told_of_a_command_whose_code_is_said_not_to_count(look):
    assert look(command="make", code="off").notes == ()
    assert look(command="make", version=2).notes == ()
    assert look(command="make", data=("model.csv",)).notes == ()
    assert look(A, command="python a.py").notes == ()


def test_the_code_of_a_file_outside_of_the_project_counts_itself_alone(look, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.py"
    outside.write_text("import os\n")
    before = look(script=str(outside)).code
    outside.write_text("import os\nx = 1\n")
    assert look(script=str(outside)).code != before


def test_a_large_file_that_a_command_names_is_data(look, tmp_path):
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(20_000_000)
    assert look(command="cat big.bin").code == look(command="cat nothing").code


def test_functions_and_scripts_go_together(look, tmp_path, package):
    name = package({"mod.py": "def f(lr): ...\n"})
    (tmp_path / "a.py").write_text("")
    steps = (Step(call=f"{name}.mod.f", name="f"), Step(call="a.py", name="a", process=Process(script="a.py")))
    grid = Grid(factors=(Axis(name="lr", values=(1,)),))
    found = inspect_steps(Experiment(name="x", steps=steps, variants=(Variant(grids=(grid,)),), root=tmp_path, yaml=""))
    assert (found.problems, found.notes, len(found.steps), len(set(found.code))) == ((), (), 2, 2)


def test_inspecting_starts_nothing(look, tmp_path):
    look({"a.py": "open('started', 'w')\n"}, script="a.py")
    look(command="touch started")
    assert not (tmp_path / "started").exists()
